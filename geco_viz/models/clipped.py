"""Images from a canvas without bounds: clipped, with a gradient that leads back in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

__all__ = ["clipped"]


class _Clipped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, r: Tensor) -> Tensor:
        ctx.save_for_backward(r)
        return r.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (r,), (gradient,) = ctx.saved_tensors, gradients
        # A descent step goes against the gradient: what would leave the range further is dropped.
        outwards = ((r < 0) & (gradient > 0)) | ((r > 1) & (gradient < 0))
        return gradient.masked_fill(outwards, 0)


def clipped(r: Tensor) -> Tensor:
    r"""Values held in [0, 1], whose gradient vanishes only where it points out of the range.

    .. math:: \hat x = \min(\max(r, 0), 1)

    with the derivative 1 inside, and outside for gradients that lead back in. A sigmoid's vanishes
    at black and white: a canvas that several steps write to goes black within twenty training
    steps, and needs hundreds to come back.

    Shapes: any, unchanged.

    Example:
        >>> r = torch.tensor([-1.0, 0.5, 2.0], requires_grad=True)
        >>> ((clipped(r) - 0.7) ** 2).sum().backward()  # towards .7
        >>> r.grad
        tensor([-1.4000, -0.4000,  0.6000])
        >>> r.grad = None
        >>> clipped(r).sum().backward()  # downwards: -1 is there already
        >>> r.grad
        tensor([0., 1., 1.])
    """
    out: Tensor = _Clipped.apply(r)
    return out
