"""Arguments that most of the theory takes, checked with one wording."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from geco_viz import _checks

__all__ = ["positive_values", "real_tensor"]


def real_tensor(name: str, value: Any, shape: str) -> Tensor:
    """`value` as a float64 tensor without gradient, at least one entry, every entry finite.

    Raises:
        TypeError: `value` cannot become a tensor of real numbers.
        ValueError: it is empty or holds NaN or infinity.

    Example:
        >>> real_tensor("x", [1, 2], "shape (n,)").tolist()
        [1.0, 2.0]
    """
    allowed = f"{name} must hold finite real numbers, {shape}"
    try:
        # A list of Python numbers would become float32.
        listed = isinstance(value, (list, tuple, int, float))
        result = torch.as_tensor(value, dtype=torch.float64 if listed else None)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{allowed}, got {type(value).__name__}") from error
    if result.is_complex():
        raise TypeError(f"{allowed}, got complex numbers")
    if result.ndim == 0 or result.numel() == 0:
        raise ValueError(f"{allowed}, got shape {tuple(result.shape)}")
    result = result.detach().to(torch.float64)
    bad = int((~result.isfinite()).sum())
    if bad:
        raise ValueError(f"{allowed}, got {bad} values that are NaN or infinite")
    return result


def positive_values(name: str, value: Any, high: float = math.inf) -> Tensor:
    """A number or a sequence of numbers in (0, high] as a float64 tensor (m,).

    Raises:
        TypeError: an entry is not a number.
        ValueError: an entry is outside the interval, or there is none.

    Example:
        >>> positive_values("beta", 0.5).tolist()
        [0.5]
    """
    if isinstance(value, (str, bytes, bool)) or value is None:
        raise TypeError(f"{name} must be a number > 0 or a sequence of them, got {value!r}")
    listed = value.tolist() if hasattr(value, "tolist") else value
    values = list(listed) if isinstance(listed, Iterable) else [listed]
    if not values:
        raise ValueError(f"{name} must be a number > 0 or a sequence of them, got none")
    checked = [_checks.number(name, entry, low=0, high=high, open_low=True) for entry in values]
    return torch.tensor(checked, dtype=torch.float64)
