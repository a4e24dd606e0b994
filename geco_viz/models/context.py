"""What a conditional model makes of a context: features, once per datum."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from geco_viz.models.decoders import ConvEncoder

__all__ = ["ContextEncoder", "check_context", "no_context", "rows_of"]


class ContextEncoder(nn.Module):
    """Contexts (B, k) or (B, C, H, W) to features (B, hidden).

    Args:
        shape: (k,) or (C, H, W) of one context.
        channels: of the convolutional layers, each of which halves the resolution.
        hidden: width of the features.

    Example:
        >>> import torch
        >>> ContextEncoder((2, 28, 28), [4, 8], 16)(torch.zeros(3, 2, 28, 28)).shape
        torch.Size([3, 16])
    """

    def __init__(self, shape: Sequence[int], channels: Sequence[int], hidden: int) -> None:
        super().__init__()
        self.shape, self.features = tuple(shape), hidden
        self.net: nn.Module
        if len(shape) == 1:
            self.net = nn.Sequential(
                nn.Linear(shape[0], hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU()
            )
        else:
            self.net = ConvEncoder((shape[0], shape[1], shape[2]), channels, hidden)

    def forward(self, context: Tensor) -> Tensor:
        return self.net(context)


def check_context(context: Tensor | None, shape: Sequence[int], count: int | None = None) -> Tensor:
    """Return the context if it fits a conditional model: (B, *shape), B = `count` or 1.

    Raises:
        ValueError: there is none, or it is of another shape.
    """
    wanted = f"(B, {', '.join(str(size) for size in shape)})"
    if context is None:
        raise ValueError(f"context must be {wanted} for this model, which is conditional, got None")
    fits = tuple(context.shape[1:]) == tuple(shape)
    if not fits or (count is not None and len(context) not in (count, 1)):
        among = "" if count is None else f" with B = {count} or 1"
        raise ValueError(f"context must be {wanted}{among}, got {tuple(context.shape)}")
    return context


def no_context(context: Tensor | None) -> None:
    """Raise a `ValueError` if a context is given to a model that is not conditional."""
    if context is not None:
        raise ValueError(
            "context must be None for this model, which is not conditional, "
            f"got a tensor of shape {tuple(context.shape)}"
        )


def rows_of(features: Tensor, z: Tensor) -> Tensor:
    """Features (B, f) beside latents (..., B or 1, d): (..., B, f)."""
    return features.expand(*z.shape[:-2], max(z.shape[-2], len(features)), -1)
