"""Models by name: what each is made of, and how large it is."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from geco_viz import _checks
from geco_viz.models._convdraws import (
    CONVDRAW,
    CONVDRAW_CONDITIONAL,
    convdraw,
    convdraw_conditional,
)
from geco_viz.models._cvaes import CVAE_SIZES, cvae
from geco_viz.models._settings import Sizes, widths
from geco_viz.models._vaes import CONV_VAE_NVP, conv_vae_nvp, vae, vae_nvp

__all__ = ["build", "is_conditional", "names"]


@dataclass(frozen=True)
class _Kind:
    """How a model is made; its sizes, where it comes in several; whether it is told a context."""

    make: Callable[..., Any]
    sizes: Sizes = field(default_factory=dict)
    conditional: bool = False


_KINDS = {
    "vae": _Kind(vae),
    "vae-nvp": _Kind(vae_nvp),
    "conv-vae-nvp": _Kind(conv_vae_nvp, CONV_VAE_NVP),
    "cvae": _Kind(cvae, CVAE_SIZES, conditional=True),
    "convdraw": _Kind(convdraw, CONVDRAW),
    "convdraw-conditional": _Kind(convdraw_conditional, CONVDRAW_CONDITIONAL, conditional=True),
}


def names(conditional: bool | None = None) -> tuple[str, ...]:
    """The names that `build` knows; only those of conditional models, or of others, if asked.

    Example:
        >>> names(conditional=False)
        ('vae', 'vae-nvp', 'conv-vae-nvp', 'convdraw')
        >>> names(conditional=True)
        ('cvae', 'convdraw-conditional')
    """
    return tuple(n for n, kind in _KINDS.items() if conditional in (None, kind.conditional))


def is_conditional(name: str) -> bool:
    """Whether the model of that name must be told a context.

    Raises:
        TypeError, ValueError: an unknown name.
    """
    return _KINDS[_checks.choice("model", name, _KINDS)].conditional


def as_saved(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration as it was saved, in full: what it does not have yet was not there then.

    Example:
        >>> as_saved({"name": "vae-nvp", "couplings": 8})["coupling_bound"] is None
        True
    """
    return {"coupling_bound": None, **config} if "couplings" in config else config


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
            `couplings` 8, `coupling_hidden` 32, `coupling_bound` 4 or None, `decoder`
            (128, 128, 128).
            The others come in three sizes, `size` "tiny" (teaches in minutes on a CPU), "small" and
            "paper" (for a GPU; the paper gives no sizes: ours), each of whose settings may
            be given beside it.
            "conv-vae-nvp" (fully connected NVP encoder, convolutional decoder): `latent_dim`,
            `encoder`, `couplings`, `coupling_hidden`, `coupling_bound`, `channels`, `hidden`.
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
    kind = _KINDS[_checks.choice("model", name, _KINDS)]
    sizes = widths("shape", shape)
    if len(sizes) != 3:
        raise ValueError(f"shape must be (C, H, W), got {tuple(shape)!r}")
    config, named = dict(config), {}
    defaults = {
        key: parameter.default
        for key, parameter in list(inspect.signature(kind.make).parameters.items())[1:]
        if parameter.kind is not parameter.VAR_KEYWORD
    }
    if kind.sizes:
        size = _checks.choice("size", config.pop("size", "tiny"), kind.sizes)
        defaults |= kind.sizes[size]
        named = {"size": size}
    for key in config:
        if key not in defaults:
            known = [*named, *defaults]
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{name!r} has the settings {', '.join(known)}, got {key!r}{hint}")
    settings = defaults | config
    model = kind.make((sizes[0], sizes[1], sizes[2]), **settings)
    plain = {k: list(v) if isinstance(v, (tuple, list)) else v for k, v in settings.items()}
    model.config = {"name": name, "shape": list(sizes), **named, **plain}
    return model
