"""The tree of fixed points over beta, followed upwards and downwards: mergers and hysteresis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.theory._arguments import positive_values, real_tensor
from geco_viz.theory._tiles import Lumps
from geco_viz.theory.fixed_points import fixed_points

__all__ = ["Branch", "MergingTree", "merging_tree"]


@dataclass(frozen=True)
class Branch:
    """The states along one direction, in the order in which they were followed.

    Attributes:
        beta: (B,).
        error: (B,), u at each.
        count: (B,), distinct fixed points.
        places: B tensors (M_k, ...), the distinct fixed points.
        masses: B tensors (M_k,), the mass of the tiles at each.
        label: (B, m) int64, which of the places each tile is at: tiles of one label at one beta
            and two at the next tell that a place has parted, and the other way round.
    """

    beta: Tensor
    error: Tensor
    count: Tensor
    places: tuple[Tensor, ...]
    masses: tuple[Tensor, ...]
    label: Tensor


@dataclass(frozen=True)
class MergingTree:
    """`up`: beta rising from the tiles' start; `down`: beta falling from the collapsed state.

    Where the two differ in u or count, both states are stable: a first-order transition.
    """

    up: Branch
    down: Branch


def merging_tree(
    x: Any,
    beta: Iterable[float] | Tensor,
    *,
    nudge: float = 1e-3,
    tolerance: float = 0.05,
    seed: int = 0,
    **options: Any,
) -> MergingTree:
    """Follow the fixed points of eq. (20) over beta in both directions, each from the last.

    Args:
        x: data (n, ...).
        beta: values > 0; sorted here.
        nudge: before each step down every tile is moved at random by up to this many sqrt(beta),
            so that a place that has become unstable parts. Going up nothing moves tiles that met.
        tolerance: tiles within this many sqrt(beta) are at one place.
        seed: of the nudges.
        options: for `fixed_points`: start (of the upward branch), masses, side, noise, ...

    Raises:
        TypeError, ValueError: as `fixed_points`; nudge or tolerance not > 0.

    References:
        Section 3.2 and figure 2 of the paper: merging points, transitions of first order.

    Example:
        >>> tree = merging_tree([[-1.0], [1.0]], [0.5, 0.9, 1.1], side=4)
        >>> tree.up.count.tolist(), tree.down.count.tolist()
        ([2, 2, 1], [1, 2, 2])
    """
    data = real_tensor("x", x, "shape (n, ...) with n >= 1")
    values = positive_values("beta", beta).sort().values
    nudge = _checks.number("nudge", nudge, low=0, open_low=True)
    tolerance = _checks.number("tolerance", tolerance, low=0, open_low=True)
    generator = torch.Generator().manual_seed(_checks.integer("seed", seed, low=0))
    follow = (data, tolerance, generator)
    start = options.pop("start", None)
    up = _follow(*follow, 0.0, values, start, options)
    tiles = up.label.shape[1]
    collapsed = data.mean(0).expand(tiles, *data.shape[1:])
    return MergingTree(up, _follow(*follow, nudge, values.flip(0), collapsed, options))


def _follow(
    x: Tensor,
    tolerance: float,
    generator: torch.Generator,
    nudge: float,
    beta: Tensor,
    start: Any,
    options: dict[str, Any],
) -> Branch:
    errors, counts, places, masses, labels = [], [], [], [], []
    for b in beta.tolist():
        if start is not None:
            jitter = torch.rand(start.shape, generator=generator, dtype=torch.float64).to(x)
            start = start + nudge * b**0.5 * (2 * jitter - 1)
        found = fixed_points(x, b, start=start, tolerance=tolerance, **options)
        start = found.psi[0]
        flat = start.reshape(1, len(start), -1) / b**0.5
        tiles = torch.arange(len(start), device=x.device)[None]
        lumps = Lumps(flat, found.masses.clamp_min(1e-250).log(), tiles).join(tolerance)
        errors.append(found.error)
        counts.append(found.count)
        places.append((lumps.psi[0] * b**0.5).reshape(-1, *x.shape[1:]))
        masses.append(lumps.log_mass[0].exp())
        labels.append(lumps.owner[0])
    return Branch(
        beta=beta,
        error=torch.cat(errors),
        count=torch.cat(counts),
        places=tuple(places),
        masses=tuple(masses),
        label=torch.stack(labels),
    )
