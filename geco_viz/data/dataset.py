"""What every loader returns: images in [0, 1] and what goes with them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from geco_viz._audit import look_at_layout
from geco_viz._checks import integer

__all__ = ["Dataset", "count_info", "first", "from_tensors"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images, checked once, so that no later step meets a shape or a range that it cannot use.

    Attributes:
        x: (n, C, H, W) float32 in [0, 1].
        y: (n,) int64 labels, or None.
        context: (n, k) or (n, C, H, W) float32, what a conditional model is told, or None.
        name: what the data set is called.
        note: empty, or what a person must know about it.
        info: plain data; `load(**info)` loads the set again. Empty where that cannot be.
        factors: what else is known of each datum, by name: tensors (n, ...), such as `angle`.

    Raises:
        TypeError: a field is not a tensor of the kind above.
        ValueError: wrong number of dimensions, no images, NaN, or values outside [0, 1].

    Example:
        >>> import torch
        >>> Dataset(torch.zeros(7, 1, 28, 28), name="black")
        Dataset('black', n=7, shape=(1, 28, 28))
    """

    x: Tensor
    y: Tensor | None = None
    context: Tensor | None = None
    name: str = "tensors"
    note: str = ""
    info: dict[str, Any] = field(default_factory=dict)
    factors: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_images(self.x)
        for name, values in (("y", self.y), ("context", self.context), *self.factors.items()):
            if values is None:
                continue
            if not isinstance(values, Tensor):
                raise TypeError(f"{name} must be a tensor or None, got {type(values).__name__}")
            if values.ndim == 0 or len(values) != len(self.x):
                raise ValueError(
                    f"{name} must have one entry for each of the {len(self.x)} images, "
                    f"got shape {tuple(values.shape)}"
                )
        if self.context is not None:
            if self.context.ndim not in (2, 4) or self.context.dtype != torch.float32:
                raise ValueError(
                    "context must be float32 of shape (n, k) or (n, C, H, W), got "
                    f"{self.context.dtype} of shape {tuple(self.context.shape)}"
                )
            if not self.context.isfinite().all():
                raise ValueError("context must hold finite numbers")
        if self.y is not None and (self.y.ndim != 1 or self.y.dtype != torch.int64):
            raise ValueError(
                f"y must be int64 of shape (n,), got {self.y.dtype} of shape {tuple(self.y.shape)}"
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.x.shape[1:]
        return channels, height, width

    def without_context(self) -> Dataset:
        """The same images for a model that is told nothing; it cannot be loaded by `info`."""
        return replace(self, context=None, info={})

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        note = f", note={self.note!r}" if self.note else ""
        return f"Dataset({self.name!r}, n={len(self)}, shape={self.shape}{note})"


def from_tensors(
    x: Any, y: Any = None, *, context: Any = None, name: str = "tensors", note: str = ""
) -> Dataset:
    """Make a `Dataset` of images of your own.

    Args:
        x: (n, C, H, W) tensor or array, floating point in [0, 1].
        y: (n,) whole-number labels, or None.
        context: (n, k) or (n, C, H, W), what a conditional model is told, or None.
        name, note: what the data set is called, and what a person must know about it.

    Raises:
        TypeError, ValueError: as `Dataset`; the message says how to get images into range.

    Example:
        >>> import numpy as np
        >>> from_tensors(np.full((3, 1, 8, 8), 0.5), [0, 1, 2], name="grey")
        Dataset('grey', n=3, shape=(1, 8, 8))
    """
    images = _as_tensor("x", x)
    if images.dtype == torch.uint8:
        raise TypeError("x must be floating point in [0, 1], got uint8; divide it by 255")
    labels = None if y is None else _as_tensor("y", y)
    if labels is not None:
        if labels.is_floating_point() or labels.is_complex():
            raise TypeError(f"y must hold whole numbers, got {labels.dtype}")
        labels = labels.long()
    told = None if context is None else _as_tensor("context", context).float()
    images = images.float() if not images.is_complex() else images
    return Dataset(images, labels, told, name=name, note=note)


def first(count: int | None, total: int) -> tuple[int, str]:
    """How many of `total` data a loader's `count` asks for, and the note that says so.

    Raises:
        TypeError, ValueError: `count` is no whole number >= 1.

    Example:
        >>> first(100, 60000), first(None, 60000)
        ((100, 'the first 100 of 60000 images'), (60000, ''))
    """
    kept = total if count is None else min(integer("count", count, low=1), total)
    return kept, f"the first {kept} of {total} images" if kept < total else ""


def count_info(count: int | None) -> dict[str, int]:
    """What `Dataset.info` says of it."""
    return {} if count is None else {"count": count}


def _as_tensor(name: str, values: Any) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach()
    try:
        return torch.as_tensor(np.asarray(values))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be a tensor or an array of numbers, got {type(values).__name__}"
        ) from error


def _check_images(x: Tensor) -> None:
    if not isinstance(x, Tensor) or x.dtype != torch.float32:
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"x must be a float32 tensor of images, got {kind}; see from_tensors")
    if x.ndim != 4:
        hint = "; for grey images use x[:, None]" if x.ndim == 3 else ""
        raise ValueError(f"x must have shape (n, C, H, W), got {tuple(x.shape)}{hint}")
    if x.numel() == 0:
        raise ValueError(f"x must hold at least one image, got shape {tuple(x.shape)}")
    look_at_layout(x)
    low, high = (float(value) for value in torch.aminmax(x))
    if not (low >= 0 and high <= 1):  # also catches NaN, which aminmax passes on
        if low != low:
            raise ValueError("x must hold finite numbers in [0, 1], got NaN")
        hint = "; divide it by 255" if low >= 0 and 1 < high <= 255 else ""
        raise ValueError(f"x must lie in [0, 1], got values from {low:g} to {high:g}{hint}")
