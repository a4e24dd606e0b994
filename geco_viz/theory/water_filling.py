"""The limit in closed form for Gaussian data under squared error: reverse water-filling."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from geco_viz.theory._arguments import positive_values, real_tensor

__all__ = ["WaterFilling", "water_filling"]


@dataclass(frozen=True)
class WaterFilling:
    """R(D) of a Gaussian at m values of kappa (RMS pixel); every field a float64 tensor (m,).

    `rate` and `multiplier` (lambda* = -dR / d ln tol) in nats, `beta` the water level in data units
    squared: directions of variance above it are coded with error beta, the others dropped.
    """

    kappa: Tensor
    rate: Tensor
    multiplier: Tensor
    beta: Tensor


def water_filling(
    kappa: float | Iterable[float] | Tensor, *, covariance: Any = None, x: Any = None
) -> WaterFilling:
    """Reverse water-filling: the rate-distortion limit of Gaussian data under squared error.

    sum_i min(s_i, beta) = pixels kappa**2, R = 1/2 sum_i max(0, ln s_i / beta), with s_i the
    eigenvalues of the covariance; lambda* = pixels kappa**2 / 2 beta. No data of that covariance
    has a higher R(D).

    Args:
        kappa: values > 0.
        covariance: (d, d), symmetric, positive semidefinite; d counts the pixels.
        x: or a sample (n, ...), whose covariance (with 1/n) is taken; give one of the two.

    Raises:
        TypeError: an argument is not made of real numbers, or not exactly one of `covariance` and
            `x` is given.
        ValueError: `kappa` <= 0 or not finite; `covariance` not square, symmetric or positive
            semidefinite; a value not finite.

    References:
        Section 4 of the paper compares runs at equal error; the closed form is Cover and Thomas,
        Elements of Information Theory, theorem 10.3.3.

    Example:
        >>> limit = water_filling([0.5, 1.0], covariance=[[1.0]])
        >>> [round(r, 4) for r in limit.rate.tolist()]      # ln(sigma / kappa)
        [0.6931, 0.0]
    """
    if (covariance is None) == (x is None):
        given = "both" if x is not None else "neither"
        raise TypeError(f"exactly one of covariance and x must be given, got {given}")
    if x is not None:
        sample = real_tensor("x", x, "shape (n, ...) with n >= 1")
        flat = sample.reshape(len(sample), -1)
        pixels = flat.shape[1]
        spectrum = torch.linalg.svdvals(flat - flat.mean(0)).square() / len(flat)
    else:
        matrix = real_tensor("covariance", covariance, "shape (d, d)")
        pixels = matrix.shape[0]
        spectrum = _spectrum(matrix)
    asked = positive_values("kappa", kappa).to(spectrum)
    target = pixels * asked.square()
    s = spectrum[spectrum > 0].sort(descending=True).values
    total = s.sum()
    # With the k widest directions above water the level is (D - rest) / k; the right k is the
    # largest that leaves the level below all of them.
    rest = total - s.cumsum(0)
    level = (target[:, None] - rest) / torch.arange(1, len(s) + 1).to(s)
    k = ((level > 0) & (level < s)).to(s).mul(torch.arange(1, len(s) + 1).to(s)).amax(1)
    chosen = level.gather(1, (k.long() - 1).clamp_min(0)[:, None])
    rate = 0.5 * (s / chosen.clamp_min(1e-300)).log().clamp_min(0).sum(1)
    none = target >= total
    beta = chosen[:, 0].masked_fill(none, math.inf)
    return WaterFilling(
        kappa=asked,
        rate=rate.masked_fill(none, 0.0),
        multiplier=(target / (2 * beta)).masked_fill(none, 0.0),
        beta=beta,
    )


def _spectrum(matrix: Tensor) -> Tensor:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"covariance must have shape (d, d), got {tuple(matrix.shape)}")
    scale = matrix.abs().max()
    if (matrix - matrix.T).abs().max() > 1e-6 * scale:
        raise ValueError("covariance must be symmetric, got one that is not")
    values = torch.linalg.eigvalsh(matrix)
    if values[0] < -1e-6 * scale:
        raise ValueError(f"covariance must be positive semidefinite, got eigenvalue {values[0]:g}")
    return values.clamp_min(0)
