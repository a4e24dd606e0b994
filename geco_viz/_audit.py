"""A look at the first step: what no error is, and yet is hardly ever meant, is said once."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "FORGOTTEN",
    "look_at_call",
    "look_at_kl",
    "look_at_layout",
    "look_at_values",
    "remark",
    "say_forgotten",
]

FORGOTTEN = 100  # calls without a step: more than gradients are accumulated over


def remark(words: str) -> None:
    """Warn, with a place in the caller's caller."""
    warnings.warn(words, stacklevel=3)


def look_at_layout(x: Tensor) -> None:
    """Warn where images have their channels last: patches and blurs would run over channels.

    Example:
        >>> look_at_layout(torch.zeros(2, 1, 8, 8))
    """
    if x.ndim == 4 and x.shape[-1] in (1, 3) and x.shape[1] > 4:
        remark(
            f"x of shape {tuple(x.shape)} looks like images with their channels last; they are "
            "taken as (batch, C, H, W): pass x.movedim(-1, 1)"
        )


def look_at_values(x: Tensor) -> None:
    """Warn where pixels do not lie in [0, 1], which the words about kappa count on.

    Example:
        >>> look_at_values(torch.ones(2, 1, 8, 8))
    """
    if x.dtype == torch.uint8:
        remark("x is uint8; images are taken in [0, 1], and kappa with them: pass x / 255")
    elif x.numel() and not x.is_complex():
        low, high = (float(value) for value in x.detach().aminmax())
        if not (low >= 0 and high <= 1):
            remark(
                f"x has values from {low:.3g} to {high:.3g}; images are taken in [0, 1], and kappa "
                "with them: with other values kappa counts in their units"
            )


def look_at_kl(kl: Tensor, batch: int) -> None:
    """Warn where a KL has a dimension besides samples and batch: its mean would be too small.

    Example:
        >>> look_at_kl(torch.ones(5, 4), batch=4)  # (samples, batch)
    """
    if kl.ndim < 2 or (kl.ndim == 2 and kl.shape[-1] == batch):
        return
    factor = kl.shape[1:].numel() if kl.shape[0] == batch else kl.shape[-1]
    if factor > 1:
        remark(
            f"kl of shape {tuple(kl.shape)} is averaged over all of it, which makes it {factor} "
            "times too small if its last dimension is the latents'; pass it summed over them, of "
            "shape (batch,) or (samples, batch)"
        )


def look_at_call(geco: Any, kl: Tensor, x: Tensor, x_hat: Tensor, errors: Sequence[Tensor]) -> bool:
    """Look at the images and errors of a call; returns whether it was one of training.

    An error that is negative counts as met whatever kappa is. One without a gradient, in a call
    that has one to give, cannot be lowered, and lambda climbs to its cap.
    """
    if not geco.data_checked:
        look_at_layout(x)
        look_at_values(x)
        geco.data_checked = True
    trains = bool(geco.training) and torch.is_grad_enabled()
    wanted = trains and (kl.requires_grad or x_hat.requires_grad)
    for constraint, error in zip(geco.constraints, errors, strict=True):
        if error.detach() < 0:
            remark(
                f"the error of constraint {constraint.name!r} is {error.item():.3g}; an error is "
                ">= 0, and a negative one counts as met whatever kappa is"
            )
        if wanted and not error.requires_grad:
            remark(
                f"the error of constraint {constraint.name!r} has no gradient, so nothing lowers "
                "it and lambda climbs to its cap; it must be a differentiable function of x_hat, "
                "and x_hat not detached"
            )
    return trains


def say_forgotten() -> None:
    """Warn that a loop does not step its multipliers."""
    remark(
        f"geco was called {FORGOTTEN} times in training mode without geco.step(), so lambda does "
        "not move; call geco.step() once after each step of the optimiser"
    )
