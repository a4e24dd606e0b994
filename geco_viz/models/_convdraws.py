"""ConvDRAW by its settings, conditional or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geco_viz import _checks
from geco_viz.models._settings import Sizes, told
from geco_viz.models.convdraw import ConvDRAW
from geco_viz.models.decoders import Shape

__all__ = ["CONVDRAW", "CONVDRAW_CONDITIONAL", "convdraw", "convdraw_conditional"]

CONVDRAW: Sizes = {
    "tiny": {"steps": 4, "hidden": 24, "latents": 4, "block": 4, "kernel": 3},
    "small": {"steps": 8, "hidden": 64, "latents": 4, "block": 4, "kernel": 5},
    "paper": {"steps": 16, "hidden": 160, "latents": 12, "block": 4, "kernel": 5},
}
CONVDRAW_CONDITIONAL: Sizes = {
    "tiny": {**CONVDRAW["tiny"], "context_channels": (16, 32), "context_hidden": 64},
    "small": {**CONVDRAW["small"], "context_channels": (32, 64), "context_hidden": 128},
    "paper": {**CONVDRAW["paper"], "context_channels": (64, 128), "context_hidden": 512},
}


def convdraw(shape: Shape, **drawing: Any) -> ConvDRAW:
    return ConvDRAW(shape, *_drawing(**drawing))


def convdraw_conditional(
    shape: Shape,
    context_shape: Sequence[int] | None = None,
    *,
    context_channels: Sequence[int],
    context_hidden: int,
    **drawing: Any,
) -> ConvDRAW:
    context = told(context_shape, context_channels, context_hidden)
    return ConvDRAW(shape, *_drawing(**drawing), context)


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
