"""Models by name: what each is made of, and how large it is."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from geco_viz import _checks
from geco_viz.models.context import ContextEncoder
from geco_viz.models.convdraw import ConvDRAW
from geco_viz.models.cvae import CVAE
from geco_viz.models.decoders import ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder, Shape
from geco_viz.models.gaussian import GaussianHead
from geco_viz.models.nvp import ConditionalNVP
from geco_viz.models.vae import VAE

__all__ = ["build", "is_conditional", "names"]

_BUILDERS: dict[str, Callable[..., Any]] = {}
_SIZES: dict[str, dict[str, dict[str, Any]]] = {}  # of the models that come in several
_CONDITIONAL: set[str] = set()


def _register(
    name: str, sizes: dict[str, dict[str, Any]] | None = None, conditional: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def keep(builder: Callable[..., Any]) -> Callable[..., Any]:
        _BUILDERS[name] = builder
        if sizes is not None:
            _SIZES[name] = sizes
        if conditional:
            _CONDITIONAL.add(name)
        return builder

    return keep


def names(conditional: bool | None = None) -> tuple[str, ...]:
    """The names that `build` knows; only those of conditional models, or of others, if asked.

    Example:
        >>> names(conditional=False)
        ('vae', 'vae-nvp', 'conv-vae-nvp', 'convdraw')
        >>> names(conditional=True)
        ('cvae', 'convdraw-conditional')
    """
    return tuple(n for n in _BUILDERS if conditional is None or (n in _CONDITIONAL) == conditional)


def is_conditional(name: str) -> bool:
    """Whether the model of that name must be told a context.

    Raises:
        TypeError, ValueError: an unknown name.
    """
    return _checks.choice("model", name, _BUILDERS) in _CONDITIONAL


def build(name: str, shape: Sequence[int], **config: Any) -> Any:
    """A model for images of one shape, freshly initialised from torch's global generator.

    `model.config` holds every setting, so `build(**model.config)` makes the same model again.

    Args:
        name: one of `names()`.
        shape: (C, H, W) of the images.
        **config: settings, where they are to differ from the recipe's.
            "vae" (diagonal Gaussian): `latent_dim` 16, `hidden` (200, 200), `net` "mlp" or "conv"
            and `channels` (32, 64) for "conv".
            "vae-nvp" (conditional NVP, Micro-MNIST): `latent_dim` 2, `encoder` (128,),
            `couplings` 8, `coupling_hidden` 32, `decoder` (128, 128, 128).
            The others come in three sizes, `size` "tiny" (teaches in minutes on a CPU), "small" and
            "paper" (for a GPU; the paper gives no sizes: ours), each of whose settings may
            be given beside it.
            "conv-vae-nvp" (fully connected NVP encoder, convolutional decoder): `latent_dim`,
            `encoder`, `couplings`, `coupling_hidden`, `channels`, `hidden`.
            "cvae": `context_shape` (k,) or (C, H, W), `latent_dim`, `hidden`, `channels`,
            `context_channels`, `context_hidden`, `net` of images, "mlp" or "conv".
            "convdraw": `steps`, `hidden`, `latents` (channels), `block`, `kernel`.
            "convdraw-conditional": these, `context_shape`, `context_channels`, `context_hidden`.

    Raises:
        TypeError, ValueError: unknown name, size or setting, or a setting outside its range.

    Example:
        >>> model = build("vae", (1, 28, 28), latent_dim=8)
        >>> model.config["latent_dim"], model.config["hidden"]
        (8, [200, 200])
        >>> build("convdraw", (1, 28, 28), steps=2).config["hidden"]
        24
        >>> build("vae-npv", (1, 28, 28))
        Traceback (most recent call last):
        ...
        ValueError: model must be one of 'vae', ... got 'vae-npv'; did you mean 'vae-nvp'?
    """
    builder = _BUILDERS[_checks.choice("model", name, _BUILDERS)]
    sizes = _widths("shape", shape)
    if len(sizes) != 3:
        raise ValueError(f"shape must be (C, H, W), got {tuple(shape)!r}")
    config = dict(config)
    defaults = {
        key: parameter.default
        for key, parameter in list(inspect.signature(builder).parameters.items())[1:]
    }
    if name in _SIZES:
        size = _checks.choice("size", config.pop("size", "tiny"), _SIZES[name])
        defaults |= _SIZES[name][size]
        named = {"size": size}
    else:
        named = {}
    for key in config:
        if key not in defaults:
            known = [*named, *defaults]
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{name!r} has the settings {', '.join(known)}, got {key!r}{hint}")
    settings = defaults | config
    model = builder((sizes[0], sizes[1], sizes[2]), **settings)
    plain = {k: list(v) if isinstance(v, (tuple, list)) else v for k, v in settings.items()}
    model.config = {"name": name, "shape": list(sizes), **named, **plain}
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
    head = _nvp(widths[-1], latent_dim, couplings, coupling_hidden)
    decode = MLPDecoder(latent_dim, shape, _widths("decoder", decoder))
    return VAE(MLPEncoder(shape, widths), head, decode, latent_dim)


@_register(
    "conv-vae-nvp",
    {
        "tiny": {
            "latent_dim": 16,
            "encoder": (200, 200),
            "couplings": 6,
            "coupling_hidden": 64,
            "channels": (16, 32),
            "hidden": 128,
        },
        "small": {
            "latent_dim": 32,
            "encoder": (500, 500),
            "couplings": 8,
            "coupling_hidden": 128,
            "channels": (32, 64),
            "hidden": 256,
        },
        "paper": {
            "latent_dim": 128,
            "encoder": (1000, 1000),
            "couplings": 12,
            "coupling_hidden": 256,
            "channels": (64, 128, 256),
            "hidden": 1024,
        },
    },
)
def _conv_vae_nvp(
    shape: Shape,
    latent_dim: int,
    encoder: Sequence[int],
    couplings: int,
    coupling_hidden: int,
    channels: Sequence[int],
    hidden: int,
) -> VAE:
    latent_dim = _checks.integer("latent_dim", latent_dim, low=2)
    widths = _widths("encoder", encoder)
    decoder = ConvDecoder(
        latent_dim,
        shape,
        _widths("channels", channels),
        _checks.integer("hidden", hidden, low=1),
    )
    head = _nvp(widths[-1], latent_dim, couplings, coupling_hidden)
    return VAE(MLPEncoder(shape, widths), head, decoder, latent_dim)


@_register(
    "cvae",
    {
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
    },
    conditional=True,
)
def _cvae(
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
    told = _context(context_shape, context_channels, context_hidden)
    widths, layers = _widths("hidden", hidden), _widths("channels", channels)
    encoder: nn.Module
    decoder: nn.Module
    if _checks.choice("net", net, ("mlp", "conv")) == "mlp":
        encoder = MLPEncoder(shape, widths)
        decoder = MLPDecoder(latent_dim + told.features, shape, widths[::-1])
    else:
        encoder = ConvEncoder(shape, layers, widths[-1])
        decoder = ConvDecoder(latent_dim + told.features, shape, layers, widths[-1])
    return CVAE(encoder, told, decoder, latent_dim, widths[-1])


_DRAWING: dict[str, dict[str, Any]] = {
    "tiny": {"steps": 4, "hidden": 24, "latents": 4, "block": 4, "kernel": 3},
    "small": {"steps": 8, "hidden": 64, "latents": 4, "block": 4, "kernel": 5},
    "paper": {"steps": 16, "hidden": 160, "latents": 12, "block": 4, "kernel": 5},
}


@_register("convdraw", _DRAWING)
def _convdraw(
    shape: Shape, steps: int, hidden: int, latents: int, block: int, kernel: int
) -> ConvDRAW:
    return ConvDRAW(shape, *_drawing(steps, hidden, latents, block, kernel))


@_register(
    "convdraw-conditional",
    {
        "tiny": {**_DRAWING["tiny"], "context_channels": (16, 32), "context_hidden": 64},
        "small": {**_DRAWING["small"], "context_channels": (32, 64), "context_hidden": 128},
        "paper": {**_DRAWING["paper"], "context_channels": (64, 128), "context_hidden": 512},
    },
    conditional=True,
)
def _convdraw_conditional(
    shape: Shape,
    context_shape: Sequence[int] | None = None,
    *,
    steps: int,
    hidden: int,
    latents: int,
    block: int,
    kernel: int,
    context_channels: Sequence[int],
    context_hidden: int,
) -> ConvDRAW:
    told = _context(context_shape, context_channels, context_hidden)
    return ConvDRAW(shape, *_drawing(steps, hidden, latents, block, kernel), told)


def _nvp(features: int, latent_dim: int, couplings: int, hidden: int) -> ConditionalNVP:
    return ConditionalNVP(
        features,
        latent_dim,
        _checks.integer("couplings", couplings, low=2),
        _checks.integer("coupling_hidden", hidden, low=1),
    )


def _drawing(
    steps: int, hidden: int, latents: int, block: int, kernel: int
) -> tuple[int, int, int, int, int]:
    if not _checks.integer("kernel", kernel, low=1) % 2:
        raise ValueError(f"kernel must be an odd number, got {kernel}")
    return (
        _checks.integer("steps", steps, low=1),
        _checks.integer("hidden", hidden, low=1),
        _checks.integer("latents", latents, low=1),
        _checks.integer("block", block, low=1),
        kernel,
    )


def _context(shape: Sequence[int] | None, channels: Sequence[int], hidden: int) -> ContextEncoder:
    if shape is None:
        raise TypeError(
            "context_shape must be given for a conditional model: (k,) or (C, H, W) of one context"
        )
    sizes = _widths("context_shape", shape)
    if len(sizes) not in (1, 3):
        raise ValueError(f"context_shape must be (k,) or (C, H, W), got {tuple(shape)!r}")
    return ContextEncoder(
        sizes,
        _widths("context_channels", channels),
        _checks.integer("context_hidden", hidden, low=1),
    )


def _widths(name: str, values: Any) -> tuple[int, ...]:
    """A non-empty sequence of whole numbers >= 1, or an error that names the argument."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise TypeError(f"{name} must be a sequence of whole numbers >= 1, got {values!r}")
    return tuple(_checks.integer(name, value, low=1) for value in values)
