"""The critical temperatures of a data set: where its best reconstruction points merge."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.theory._points import Points, as_points
from geco_viz.theory._support import optimal_support
from geco_viz.theory.anchors import last_transition

__all__ = ["Mergers", "mergers"]

LARGEST = 100  # distinct data; beyond it the support is not solved to where atoms can be counted


@dataclass(frozen=True)
class Mergers:
    """Where the number of reconstruction points changes as beta rises; tensors (k,).

    Attributes:
        beta: float64, increasing, data units squared.
        before, after: int64, the number of points just below and just above.
        accuracy: relative width of the brackets around `beta`.
        unique: False where the number rises somewhere: on a circle a support turned about the
            centre is as good, the solver's numbers mean nothing, and no merger is given.
    """

    beta: Tensor
    before: Tensor
    after: Tensor
    accuracy: float
    unique: bool = True


def mergers(x: Any, *, accuracy: float = 1e-3, points: int = 48) -> Mergers:
    """All critical temperatures of the optimal support, the one behind the rate-distortion curve.

    With the masses of Prop. 5 and places free, the minimiser of -mean_i ln Z_i has n points as
    beta -> 0 and one from `last_transition` on. In between they merge, several at once where data
    are alike. `phase_transitions` gives the bends of u(beta) under eq. (20) with uniform masses
    instead: near them, not equal, since masses are not optimised there and hysteresis may hold a
    state beyond the best one's end.

    Args:
        x: data (n, ...), at most 100 of them different.
        accuracy: relative, > 0, of each beta.
        points: values of beta in the first sweep; a merger undone inside one step is missed.

    Raises:
        TypeError, ValueError: `x` empty, not finite, too many; accuracy not > 0.

    References:
        Section 3.2, Proposition 5 and figure 2 of the paper.

    Example:
        Two pairs: each merges at its own variance, .01, and the two at lambda_max = 1.01.

        >>> found = mergers([[-1.1], [-0.9], [0.9], [1.1]])
        >>> [round(b, 2) for b in found.beta.tolist()], found.before.tolist(), found.after.tolist()
        ([0.01, 1.01], [4, 2], [2, 1])
    """
    data = as_points(x)
    _checks.number("accuracy", accuracy, low=0, open_low=True)
    _checks.integer("points", points, low=4)
    n = len(data.p)
    if n > LARGEST:
        raise ValueError(f"x must hold at most {LARGEST} different data, got {n}")
    count = torch.zeros(0, dtype=torch.long)
    none = Mergers(torch.zeros(0, dtype=torch.float64), count, count, accuracy)
    if n == 1:
        return none
    high = 1.02 * last_transition(x)
    # Two points at distance d merge at d^2 / 4 at the earliest when they are alone.
    nearest = torch.pdist(data.y).amin().square()
    low = max(0.2 * float(nearest) / 4, 1e-6 * high)
    grid = torch.logspace(math.log10(low), math.log10(high), points).to(data.y)
    count = _count(data, grid)
    change = (count.diff() != 0).nonzero()[:, 0]
    a, b, left, right = grid[change], grid[change + 1], count[change], count[change + 1]
    while len(a) and float((b / a).amax()) > 1 + accuracy:
        if bool((right > left).any()):
            break
        middle = (a * b).sqrt()
        here = _count(data, middle)
        # A step may hide several mergers: each half that holds one goes on.
        lower, upper = here != left, here != right
        a, b, left, right = (
            torch.cat([low[lower], high[upper]])
            for low, high in ((a, middle), (middle, b), (left, here), (here, right))
        )
        order = a.argsort()
        a, b, left, right = (field[order] for field in (a, b, left, right))
    if bool((right > left).any()):
        return replace(none, unique=False)
    return Mergers((a * b).sqrt(), left, right, accuracy)


def _count(data: Points, beta: Tensor) -> Tensor:
    return optimal_support(data, beta, 1e-9).count()
