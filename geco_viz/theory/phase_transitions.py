"""Phase transitions: where u(beta) bends, and how fixed points merge and part (figure 2)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.theory._arguments import positive_values, real_tensor
from geco_viz.theory.anchors import last_transition, mean_stability
from geco_viz.theory.fixed_points import fixed_points

__all__ = ["PhaseTransitions", "curvature", "phase_transitions", "sharpest_bends", "temperatures"]


@dataclass(frozen=True)
class PhaseTransitions:
    """u(beta) and its sharpest bends; float64 tensors.

    Attributes:
        beta: (B,), increasing, data units squared.
        error: (B,), u = E |x - g(z)|^2, summed over pixels.
        curvature: (B,), d^2 u / d (ln beta)^2; NaN at the two ends.
        bends: (k,), where u bends most sharply, sharpest first.
        height: (k,), -curvature on the grid at each.
        accuracy: greatest relative width of the brackets around `bends`.
        mean_stability: where the mean loses stability as beta falls.
        last_transition: above it the collapsed state is the best with optimised masses.
    """

    beta: Tensor
    error: Tensor
    curvature: Tensor
    bends: Tensor
    height: Tensor
    accuracy: float
    mean_stability: float
    last_transition: float


def curvature(beta: Any, error: Any) -> Tensor:
    """d^2 u / d (ln beta)^2 by three-point differences on any increasing grid, NaN at the ends.

    In ln beta, not in beta: on beta itself the mergers of single noisy points at small beta tower
    over those of clusters.

    Raises:
        TypeError, ValueError: not two sequences of one length >= 3, beta not positive, increasing.

    Example:
        >>> curvature([1.0, math.e, math.e**2], [0.0, 1.0, 4.0])[1].item()
        2.0
    """
    grid, u = positive_values("beta", beta), real_tensor("error", error, "shape (B,)")
    if u.ndim != 1 or len(u) != len(grid) or len(u) < 3:
        raise ValueError(
            f"error must have shape (B,) like beta, B >= 3, got {tuple(u.shape)} for {len(grid)}"
        )
    step = grid.to(u).log().diff()
    if not bool((step > 0).all()):
        raise ValueError("beta must increase, got a grid that does not")
    slope = u.diff() / step
    inner = 2 * slope.diff() / (step[1:] + step[:-1])
    return torch.nn.functional.pad(inner, (1, 1), value=math.nan)


def temperatures(x: Any) -> Tensor:
    """64 values of beta, even in ln beta, from 1e-3 of the last transition to 1.5 of it.

    Raises:
        TypeError, ValueError: `x` empty, not finite or not numbers; all points equal.

    Example:
        >>> grid = temperatures([[0.0], [1.0]])
        >>> len(grid), round(float(grid[-1]), 6)
        (64, 0.375)
    """
    last = last_transition(x)
    if last == 0:
        raise ValueError("x must hold two different points, got one point")
    return torch.logspace(math.log10(1e-3 * last), math.log10(1.5 * last), 64).double()


def sharpest_bends(beta: Any, error: Any, top: int = 3) -> Tensor:
    """Indices (k,) of the at most `top` highest maxima of -curvature, the highest first.

    Raises:
        TypeError, ValueError: as `curvature`.

    Example:
        >>> sharpest_bends([1.0, 2.0, 4.0, 8.0, 16.0], [0.0, 1.0, 2.0, 2.0, 2.0]).tolist()
        [2]
    """
    u = real_tensor("error", error, "shape (B,)")
    size = (-curvature(beta, u)).clamp_min(0).nan_to_num(nan=0.0)
    # Below rounding of u a bump is no transition.
    floor = 1e-6 * float(u.max() - u.min())
    peak = (size[1:-1] >= size[:-2]) & (size[1:-1] > size[2:]) & (size[1:-1] > floor)
    places = peak.nonzero()[:, 0] + 1
    return places[size[places].argsort(descending=True)][:top]


def phase_transitions(
    x: Any,
    beta: Iterable[float] | Tensor | None = None,
    *,
    top: int = 3,
    accuracy: float | None = None,
    **options: Any,
) -> PhaseTransitions:
    """The `top` sharpest bends of u(beta): the highest spikes of -d^2 u / d (ln beta)^2.

    As fixed points meet the slope of u falls at once: the spike is downward. The smooth upward bend
    that leads to it, as high on a coarse grid, is no transition. `mergers` has the exact critical
    temperatures, of the best points with optimised masses; uniform masses and hysteresis move the
    bends away from them.

    Args:
        x: data (n, ...).
        beta: an increasing grid; None for `temperatures(x)`.
        top: how many to report; fewer if there are fewer maxima.
        accuracy: relative, > 0: each bracket, one grid step to either side, is refined by solving
            anew inside it until it is that narrow; None leaves the grid's.
        options: for `fixed_points`: start, masses, method, side, noise, seed, ...

    Raises:
        TypeError, ValueError: as `fixed_points`; a grid of fewer than 5 values.

    References:
        Section 3.2 and figure 2 of the paper, which takes |d^2 u / d beta^2|.

    Example:
        Two pairs: each merges at its own variance, .01, the two at lambda_max = 1.01.

        >>> pairs, grid = [[-1.1], [-0.9], [0.9], [1.1]], torch.logspace(-2.5, 0.25, 12)
        >>> found = phase_transitions(
        ...     pairs, grid, top=2, accuracy=1e-2, masses="optimal", side=4)
        >>> [round(b, 2) for b in sorted(found.bends.tolist())]
        [0.01, 1.01]
    """
    data = real_tensor("x", x, "shape (n, ...) with n >= 1")
    count = _checks.integer("top", top, low=1)
    if accuracy is not None:
        accuracy = _checks.number("accuracy", accuracy, low=0, open_low=True)
    local, last = mean_stability(data), last_transition(data)
    if local == 0:
        raise ValueError("x must hold two different points, got one point")
    grid = temperatures(data) if beta is None else positive_values("beta", beta)
    if len(grid) < 5:
        raise ValueError(f"beta must hold at least 5 values, got {len(grid)}")
    grid = grid.to(data)
    error = fixed_points(data, grid, **options).error
    bend = curvature(grid, error)
    places = sharpest_bends(grid, error, count)
    bends, width = [], 0.0
    for place in places.tolist():
        low, high = float(grid[place - 1]), float(grid[place + 1])
        centre = float(grid[place])
        while accuracy is not None and high / low - 1 > accuracy:
            low, centre, high = _zoom(data, low, high, options)
        bends.append(centre)
        width = max(width, high / low - 1)
    return PhaseTransitions(
        beta=grid,
        error=error,
        curvature=bend,
        bends=torch.tensor(bends).to(grid),
        height=-bend[places],
        accuracy=width,
        mean_stability=local,
        last_transition=last,
    )


def _zoom(
    x: Tensor, low: float, high: float, options: dict[str, Any]
) -> tuple[float, float, float]:
    """A narrower bracket from nine values between low and high.

    Where fixed points merge, the last of their mergers; else the neighbours of the sharpest bend.
    A bend alone would be misled: as single tiles change sides u makes steps of its own.
    """
    grid = torch.linspace(math.log(low), math.log(high), 9).double().exp()
    found = fixed_points(x, grid, **options)
    if found.count[0] > found.count[-1]:
        place = int((found.count > found.count[-1]).nonzero()[-1])
        low, high = float(grid[place]), float(grid[place + 1])
        return low, math.sqrt(low * high), high
    size = (-curvature(grid, found.error.cpu())).nan_to_num(nan=-math.inf)
    place = int(size.argmax())
    return float(grid[place - 1]), float(grid[place]), float(grid[place + 1])
