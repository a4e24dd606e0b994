"""The limit in closed form for the classification constraint CLA."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from geco_viz.theory._arguments import positive_values, real_tensor

__all__ = ["ClassificationLimit", "classification_limit"]


@dataclass(frozen=True)
class ClassificationLimit:
    """Least KL at m values of kappa, the mean probability of the true class; tensors (m,).

    `rate` and `multiplier` (lambda* = -dR / d ln tol, tol = 1 - kappa) in nats; `classes` counts
    those that the optimal code tells apart.
    """

    kappa: Tensor
    rate: Tensor
    multiplier: Tensor
    classes: Tensor


def classification_limit(y: Any, kappa: float | Iterable[float] | Tensor) -> ClassificationLimit:
    """The least average KL at which a perfect classifier still gives the true label kappa.

    With D = 1 - kappa, M classes present and h the binary entropy,
    R = H(L) - h(D) - D ln(M - 1) for D <= (M - 1) p_min; beyond that the rarest classes are given
    up one by one: k classes kept, theta = (D - P_dropped) / (k - 1) between the masses of the
    first dropped and the last kept, R = H(L) + (1 - D) ln(1 - D) + (k - 1) theta ln theta
    + sum_dropped p ln p, and lambda* = D ln((1 - D) / theta). Soft class probabilities do no
    better than hard ones, since the Hamming distortion is linear in them.

    Args:
        y: labels (n,), whole numbers; classes that do not occur do not count.
        kappa: values in (0, 1].

    Raises:
        TypeError: `y` or `kappa` is not made of real numbers.
        ValueError: `y` is empty, not one-dimensional or not whole; `kappa` outside (0, 1].

    References:
        Table 1 (CLA) and figure 8 of the paper; the solution is Erokhin's (1958) for an error
        probability.

    Example:
        >>> limit = classification_limit([8, 7, 1, 7, 1, 2, 1], kappa=0.9)
        >>> round(limit.rate.item(), 3), round(limit.multiplier.item(), 3)
        (0.842, 0.33)
    """
    labels = real_tensor("y", y, "labels of shape (n,)")
    if labels.ndim != 1:
        raise ValueError(f"y must hold labels of shape (n,), got shape {tuple(labels.shape)}")
    if (labels != labels.round()).any():
        raise ValueError("y must hold whole numbers, got fractions")
    count = labels.unique(return_counts=True)[1]
    p = (count.to(labels) / len(labels)).sort(descending=True).values
    asked = positive_values("kappa", kappa, high=1.0).to(p)
    d = (1 - asked)[:, None]
    kept = torch.arange(1, len(p) + 1).to(p)
    dropped = (1 - p.cumsum(0)).clamp_min(0)
    theta = ((d - dropped) / (kept - 1).clamp_min(1)).clamp_min(0)
    # The right k is the largest whose level stays below its rarest class; k = 1 is R = 0.
    k = ((theta <= p) & (d >= dropped) & (kept > 1)).to(p).mul(kept).amax(1).long()
    place = (k - 1).clamp_min(0)[:, None]
    level = theta.gather(1, place)[:, 0]
    surprise = torch.special.xlogy(p, p)
    entropy = -surprise.sum()
    lost = (surprise.sum() - surprise.cumsum(0))[place[:, 0]]
    hit, miss = 1 - d[:, 0], (k - 1) * level
    rate = entropy + torch.special.xlogy(hit, hit) + torch.special.xlogy(miss, level) + lost
    multiplier = d[:, 0] * hit.clamp_min(1e-300).log() - torch.special.xlogy(d[:, 0], level)
    none = (k <= 1) | (d[:, 0] >= 1 - p[0])
    return ClassificationLimit(
        kappa=asked,
        rate=rate.masked_fill(none, 0.0).clamp_min(0),
        multiplier=multiplier.masked_fill(none, 0.0).clamp_min(0),
        classes=k.clamp_min(1),
    )
