"""VAEs by their settings: diagonal Gaussian, conditional NVP, NVP with a convolutional decoder."""

from __future__ import annotations

from collections.abc import Sequence

from geco_viz import _checks
from geco_viz.models._settings import Sizes, coders, widths
from geco_viz.models.decoders import ConvDecoder, MLPDecoder, MLPEncoder, Shape
from geco_viz.models.gaussian import GaussianHead
from geco_viz.models.nvp import BOUND, ConditionalNVP
from geco_viz.models.vae import VAE

__all__ = ["CONV_VAE_NVP", "conv_vae_nvp", "vae", "vae_nvp"]

CONV_VAE_NVP: Sizes = {
    "tiny": {
        "latent_dim": 32,
        "encoder": (200, 200),
        "couplings": 6,
        "coupling_hidden": 64,
        "channels": (16, 32),
        "hidden": 256,
    },
    "small": {
        "latent_dim": 64,
        "encoder": (500, 500),
        "couplings": 8,
        "coupling_hidden": 128,
        "channels": (32, 64),
        "hidden": 512,
    },
    "paper": {
        "latent_dim": 128,
        "encoder": (1000, 1000),
        "couplings": 12,
        "coupling_hidden": 256,
        "channels": (64, 128, 256),
        "hidden": 1024,
    },
}


def vae(
    shape: Shape,
    latent_dim: int = 16,
    hidden: Sequence[int] = (200, 200),
    net: str = "mlp",
    channels: Sequence[int] = (32, 64),
) -> VAE:
    latent_dim = _checks.integer("latent_dim", latent_dim, low=1)
    layers = widths("hidden", hidden)
    encoder, decoder = coders(net, shape, latent_dim, layers, widths("channels", channels))
    return VAE(encoder, GaussianHead(layers[-1], latent_dim), decoder, latent_dim)


def vae_nvp(
    shape: Shape,
    latent_dim: int = 2,
    encoder: Sequence[int] = (128,),
    couplings: int = 8,
    coupling_hidden: int = 32,
    coupling_bound: float | None = BOUND,
    decoder: Sequence[int] = (128, 128, 128),
) -> VAE:
    latent_dim = _checks.integer("latent_dim", latent_dim, low=2)
    layers = widths("encoder", encoder)
    head = _nvp(layers[-1], latent_dim, couplings, coupling_hidden, coupling_bound)
    decode = MLPDecoder(latent_dim, shape, widths("decoder", decoder))
    return VAE(MLPEncoder(shape, layers), head, decode, latent_dim)


def conv_vae_nvp(
    shape: Shape,
    latent_dim: int,
    encoder: Sequence[int],
    couplings: int,
    coupling_hidden: int,
    channels: Sequence[int],
    hidden: int,
    coupling_bound: float | None = BOUND,
) -> VAE:
    latent_dim = _checks.integer("latent_dim", latent_dim, low=2)
    layers = widths("encoder", encoder)
    decoder = ConvDecoder(
        latent_dim,
        shape,
        widths("channels", channels),
        _checks.integer("hidden", hidden, low=1),
    )
    head = _nvp(layers[-1], latent_dim, couplings, coupling_hidden, coupling_bound)
    return VAE(MLPEncoder(shape, layers), head, decoder, latent_dim)


def _nvp(
    features: int, latent_dim: int, couplings: int, hidden: int, bound: float | None
) -> ConditionalNVP:
    return ConditionalNVP(
        features,
        latent_dim,
        _checks.integer("couplings", couplings, low=2),
        _checks.integer("coupling_hidden", hidden, low=1),
        None if bound is None else _checks.number("coupling_bound", bound, low=0, open_low=True),
    )
