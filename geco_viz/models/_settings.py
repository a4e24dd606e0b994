"""Checks of settings that several models share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from geco_viz import _checks
from geco_viz.models.context import ContextEncoder
from geco_viz.models.decoders import ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder, Shape

__all__ = ["Sizes", "coders", "told", "widths"]

Sizes = dict[str, dict[str, Any]]  # settings by the name of a size


def widths(name: str, values: Any) -> tuple[int, ...]:
    """A non-empty sequence of whole numbers >= 1, or an error that names the argument."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise TypeError(f"{name} must be a sequence of whole numbers >= 1, got {values!r}")
    return tuple(_checks.integer(name, value, low=1) for value in values)


def told(shape: Sequence[int] | None, channels: Sequence[int], hidden: int) -> ContextEncoder:
    if shape is None:
        raise TypeError(
            "context_shape must be given for a conditional model: (k,) or (C, H, W) of one context"
        )
    sizes = widths("context_shape", shape)
    if len(sizes) not in (1, 3):
        raise ValueError(f"context_shape must be (k,) or (C, H, W), got {tuple(shape)!r}")
    return ContextEncoder(
        sizes,
        widths("context_channels", channels),
        _checks.integer("context_hidden", hidden, low=1),
    )


def coders(
    net: str, shape: Shape, inputs: int, hidden: tuple[int, ...], channels: tuple[int, ...]
) -> tuple[nn.Module, nn.Module]:
    """An encoder of images to `hidden[-1]` features, and a decoder of `inputs` numbers to images.

    Args:
        net: "mlp", of the widths `hidden`, or "conv", of `channels`.
        shape: (C, H, W) of an image.
        inputs: latents, and features of a context where there is one.
    """
    if _checks.choice("net", net, ("mlp", "conv")) == "mlp":
        return MLPEncoder(shape, hidden), MLPDecoder(inputs, shape, hidden[::-1])
    encoder = ConvEncoder(shape, channels, hidden[-1])
    return encoder, ConvDecoder(inputs, shape, channels, hidden[-1])
