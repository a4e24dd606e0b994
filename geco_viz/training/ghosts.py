"""The trajectory that a run leaves: smoothed, thinned by its length, and what it was a run of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from geco_viz.training.history import History
from geco_viz.training.moment import ROWS
from geco_viz.training.records import Ghost

__all__ = ["data_of", "ghost_of", "parts_of", "trail"]

POINTS = 200  # of a trail at most
NEAREST = 0.02  # between its points, of the plane's width and height
LOOKED = 2000  # rows that are looked at, evenly spread
COLUMNS = ("step", "err/re", "kl")


def ghost_of(source: Any, name: str | None = None) -> Ghost:
    """The trajectory of a `Run` or a `Watch` so far, to be kept beside a later run."""
    parts = parts_of(source)
    return Ghost(
        name or " · ".join(parts), trail(source.history), data=data_of(source), parts=parts
    )


def data_of(source: Any) -> str:
    """A key of a source's data: equal for a set that was loaded twice; empty without data."""
    data = getattr(source, "data", None)
    if data is None:
        return ""
    return str(sorted(data.info.items())) if data.info else str(id(data))


def parts_of(source: Any) -> tuple[str, ...]:
    """What tells a run from another: its title's parts, each kappa, the seed."""
    constraints = source.constraints
    label = "κ" if len(constraints) == 1 else "κ {}"
    bounds = [
        f"{'C' if c.name == 'rate' else label.format(c.label)} = {source.kappa_of(c.name):.3g}"
        for c in constraints
    ]
    seed = getattr(source, "seed", None)
    return (*source.title.split(" · "), *bounds, *([] if seed is None else [f"seed {seed}"]))


def trail(history: History) -> NDArray[np.float32]:
    """Step, err/re and KL (k, 3) along the path of the mean batch, k <= 200.

    A row is the mean of the last half of the way, of 50 rows at most. One stays where it is a
    fiftieth of the plane away from the last that stayed, or more where they would be too many,
    so that a run that rests leaves few points however long it did.
    """
    rows = np.stack([history[name] for name in COLUMNS], 1).astype(np.float64)
    picked = np.unique(np.linspace(0, max(len(rows) - 1, 0), LOOKED).astype(int))[: len(rows)]
    points = np.column_stack([rows[picked, 0], _smoothed(rows[:, 1:], picked)])
    points = points[np.isfinite(points).all(1)]
    if len(points) <= POINTS:
        return points.astype(np.float32)
    # The first steps' KL can be a thousand times what it settles to: that must not set the scale.
    scale = np.maximum(np.quantile(points[:, 1:], 0.9, axis=0), 1e-9)
    apart = NEAREST
    while len(kept := _spaced(points[:, 1:] / scale, apart)) > POINTS:
        apart *= 1.5
    return points[kept].astype(np.float32)


def _smoothed(values: NDArray[np.float64], at: NDArray[np.int_]) -> NDArray[np.float64]:
    width = np.clip((at + 1) // 2, 1, ROWS)[:, None]
    known = np.isfinite(values)
    sums, counts = (
        np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(part, axis=0)])
        for part in (np.where(known, values, 0), known)
    )
    low = at - width[:, 0] + 1
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums[at + 1] - sums[low]) / (counts[at + 1] - counts[low])


def _spaced(points: NDArray[np.float64], apart: float) -> list[int]:
    """Indices of the first point, of each that is so far from the last one kept, and the newest."""
    kept, (x, y) = [0], points[0]
    for i, (u, v) in enumerate(points.tolist()):
        if (u - x) ** 2 + (v - y) ** 2 >= apart**2:
            kept.append(i)
            x, y = u, v
    return kept if kept[-1] == len(points) - 1 else [*kept, len(points) - 1]
