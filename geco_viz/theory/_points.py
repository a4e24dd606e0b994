"""The data as distinct points with masses, in as few coordinates as they span."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from geco_viz.theory._arguments import real_tensor

__all__ = ["Points", "as_points"]


@dataclass(frozen=True)
class Points:
    """Distinct points `y` (n, r) with masses `p` (n,) that sum to 1, centred at their mean.

    A rotation keeps squared distances, and n points span at most n - 1 dimensions, so nothing in
    rate-distortion theory changes when 784 pixels become r = n - 1 principal coordinates.
    `pixels` is the number of coordinates before, `data(y)` leads back to them; `duplicates` counts
    the data that were merged.
    """

    y: Tensor
    p: Tensor
    pixels: int
    mean: Tensor
    axes: Tensor
    shape: tuple[int, ...]
    duplicates: int

    @property
    def variance(self) -> float:
        """Mean squared distance to the mean: the distortion at which the rate is 0."""
        return float((self.p[:, None] * self.y.square()).sum())

    @property
    def entropy(self) -> float:
        """Entropy of the masses in nats: ln n without duplicates, the rate at distortion 0."""
        return float(-(self.p * self.p.log()).sum())

    def data(self, y: Tensor) -> Tensor:
        """Lead coordinates (..., r) back to the shape of the data, (..., *shape)."""
        return (y @ self.axes + self.mean).reshape(*y.shape[:-1], *self.shape)


def as_points(x: Any) -> Points:
    """Check `x` (n, ...) and reduce it to distinct points in principal coordinates, in float64.

    Raises:
        TypeError: `x` cannot become a tensor of real numbers.
        ValueError: `x` is empty, has no data axis to count or holds a value that is not finite.

    Example:
        >>> points = as_points([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [0.0, 0.0]])
        >>> points.y.shape, sorted(points.p.tolist()), round(points.variance, 4)
        (torch.Size([2, 1]), [0.25, 0.75], 4.6875)
    """
    values = real_tensor("x", x, "shape (n, ...) with n >= 1")
    flat = values.reshape(len(values), -1)
    distinct, count = torch.unique(flat, dim=0, return_counts=True)
    p = count.to(flat) / len(flat)
    mean = p @ distinct
    centred = distinct - mean
    _, scale, axes = torch.linalg.svd(centred, full_matrices=False)
    # What lies below is rounding error: the SVD is accurate to about eps sqrt(n d) scale[0].
    spanned = scale > scale[0] * 1e-15 * math.sqrt(centred.numel())
    spanned[0] = True
    axes = axes[spanned]
    return Points(
        y=centred @ axes.T,
        p=p,
        pixels=flat.shape[1],
        mean=mean,
        axes=axes,
        shape=tuple(values.shape[1:]),
        duplicates=len(flat) - len(distinct),
    )
