"""Models by name: each builder's defaults are the recipe that its experiments use."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from geco_viz import _checks
from geco_viz.models.decoders import ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder, Shape
from geco_viz.models.gaussian import DiagonalGaussian, GaussianHead
from geco_viz.models.nvp import ConditionalNVP, NVPPosterior
from geco_viz.models.vae import VAE, Model, Output, Posterior

__all__ = [
    "VAE",
    "ConditionalNVP",
    "ConvDecoder",
    "ConvEncoder",
    "DiagonalGaussian",
    "GaussianHead",
    "MLPDecoder",
    "MLPEncoder",
    "Model",
    "NVPPosterior",
    "Output",
    "Posterior",
    "build",
    "names",
]

_BUILDERS: dict[str, Callable[..., VAE]] = {}


def _register(name: str) -> Callable[[Callable[..., VAE]], Callable[..., VAE]]:
    def keep(builder: Callable[..., VAE]) -> Callable[..., VAE]:
        _BUILDERS[name] = builder
        return builder

    return keep


def names() -> tuple[str, ...]:
    """The names that `build` knows.

    Example:
        >>> names()
        ('vae', 'vae-nvp')
    """
    return tuple(_BUILDERS)


def build(name: str, shape: Sequence[int], **config: Any) -> VAE:
    """A model for images of one shape, freshly initialised from torch's global generator.

    `model.config` holds every setting, so `build(**model.config)` makes the same model again.

    Args:
        name: one of `names()`.
        shape: (C, H, W) of the images.
        **config: the builder's settings, where they are to differ from the recipe's.
            "vae" (diagonal Gaussian): `latent_dim` 16, `hidden` (200, 200), `net` "mlp" or "conv"
            and `channels` (32, 64) for "conv".
            "vae-nvp" (conditional NVP, Micro-MNIST): `latent_dim` 2, `encoder` (128,),
            `couplings` 8, `coupling_hidden` 32, `decoder` (128, 128, 128).

    Raises:
        TypeError, ValueError: unknown name or setting, or a setting outside its range.

    Example:
        >>> model = build("vae", (1, 28, 28), latent_dim=8)
        >>> model.config["latent_dim"], model.config["hidden"]
        (8, [200, 200])
        >>> build("vae-npv", (1, 28, 28))
        Traceback (most recent call last):
        ...
        ValueError: model must be one of 'vae', 'vae-nvp', got 'vae-npv'; did you mean 'vae-nvp'?
    """
    builder = _BUILDERS[_checks.choice("model", name, _BUILDERS)]
    sizes = _widths("shape", shape)
    if len(sizes) != 3:
        raise ValueError(f"shape must be (C, H, W), got {tuple(shape)!r}")
    defaults = {
        key: parameter.default
        for key, parameter in list(inspect.signature(builder).parameters.items())[1:]
    }
    for key in config:
        if key not in defaults:
            near = difflib.get_close_matches(key, defaults, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{name!r} has the settings {', '.join(defaults)}, got {key!r}{hint}")
    settings = defaults | config
    model = builder((sizes[0], sizes[1], sizes[2]), **settings)
    plain = {k: list(v) if isinstance(v, (tuple, list)) else v for k, v in settings.items()}
    model.config = {"name": name, "shape": list(sizes), **plain}
    return model


@_register("vae")
def _vae(
    shape: Shape,
    latent_dim: int = 16,
    hidden: Sequence[int] = (200, 200),
    net: str = "mlp",
    channels: Sequence[int] = (32, 64),
) -> VAE:
    latent_dim = _checks.integer("latent_dim", latent_dim, low=1)
    widths = _widths("hidden", hidden)
    encoder: nn.Module
    decoder: nn.Module
    if _checks.choice("net", net, ("mlp", "conv")) == "mlp":
        encoder = MLPEncoder(shape, widths)
        decoder = MLPDecoder(latent_dim, shape, widths[::-1])
    else:
        encoder = ConvEncoder(shape, _widths("channels", channels), widths[-1])
        decoder = ConvDecoder(latent_dim, shape, _widths("channels", channels), widths[-1])
    return VAE(encoder, GaussianHead(widths[-1], latent_dim), decoder, latent_dim)


@_register("vae-nvp")
def _vae_nvp(
    shape: Shape,
    latent_dim: int = 2,
    encoder: Sequence[int] = (128,),
    couplings: int = 8,
    coupling_hidden: int = 32,
    decoder: Sequence[int] = (128, 128, 128),
) -> VAE:
    latent_dim = _checks.integer("latent_dim", latent_dim, low=2)
    widths = _widths("encoder", encoder)
    head = ConditionalNVP(
        widths[-1],
        latent_dim,
        _checks.integer("couplings", couplings, low=2),
        _checks.integer("coupling_hidden", coupling_hidden, low=1),
    )
    decode = MLPDecoder(latent_dim, shape, _widths("decoder", decoder))
    return VAE(MLPEncoder(shape, widths), head, decode, latent_dim)


def _widths(name: str, values: Any) -> tuple[int, ...]:
    """A non-empty sequence of whole numbers >= 1, or an error that names the argument."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise TypeError(f"{name} must be a sequence of whole numbers >= 1, got {values!r}")
    return tuple(_checks.integer(name, value, low=1) for value in values)
