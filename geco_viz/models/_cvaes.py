"""The conditional VAE by its settings."""

from __future__ import annotations

from collections.abc import Sequence

from geco_viz import _checks
from geco_viz.models._settings import Sizes, coders, told, widths
from geco_viz.models.cvae import CVAE
from geco_viz.models.decoders import Shape

__all__ = ["CVAE_SIZES", "cvae"]

CVAE_SIZES: Sizes = {
    "tiny": {
        "latent_dim": 16,
        "hidden": (200,),
        "channels": (32, 64),
        "context_channels": (16, 32),
        "context_hidden": 64,
        "net": "mlp",
    },
    "small": {
        "latent_dim": 32,
        "hidden": (256,),
        "channels": (32, 64),
        "context_channels": (32, 64),
        "context_hidden": 128,
        "net": "conv",
    },
    "paper": {
        "latent_dim": 128,
        "hidden": (1024,),
        "channels": (64, 128, 256),
        "context_channels": (64, 128, 256),
        "context_hidden": 512,
        "net": "conv",
    },
}


def cvae(
    shape: Shape,
    context_shape: Sequence[int] | None = None,
    *,
    latent_dim: int,
    hidden: Sequence[int],
    channels: Sequence[int],
    context_channels: Sequence[int],
    context_hidden: int,
    net: str,
) -> CVAE:
    latent_dim = _checks.integer("latent_dim", latent_dim, low=1)
    context = told(context_shape, context_channels, context_hidden)
    flat, layers = widths("hidden", hidden), widths("channels", channels)
    encoder, decoder = coders(net, shape, latent_dim + context.features, flat, layers)
    return CVAE(encoder, context, decoder, latent_dim, flat[-1])
