"""Reading a history: any mapping of column names to arrays, thinned without losing its extremes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DRAWN", "Columns", "constraint_names", "newest", "note", "read", "spread", "thin"]

Columns = dict[str, NDArray[np.float64]]

# Browsers slow down visibly above about this many SVG markers in one panel.
DRAWN = 1000


def read(history: Any, names: Sequence[str] = ()) -> Columns:
    """Return the columns of `history` as float64 copies of one length.

    A live history may gain rows between two reads, so every column is cut to the shortest.

    Raises:
        TypeError: `history` is neither a mapping nor has `columns`.
        ValueError: one of the required `names` is missing.
    """
    if isinstance(history, Mapping):
        present = tuple(history)
    elif hasattr(history, "columns") and hasattr(history, "__getitem__"):
        present = tuple(history.columns)
    else:
        raise TypeError(
            f"history must be a History or a mapping of columns to arrays, got {history!r}"
        )
    missing = [name for name in names if name not in present]
    if missing:
        wanted = ", ".join(map(repr, missing))
        raise ValueError(f"history must have the column {wanted}, got {', '.join(present)}")
    columns = {name: np.array(history[name], dtype=np.float64).reshape(-1) for name in present}
    rows = min((len(column) for column in columns.values()), default=0)
    return {name: column[:rows] for name, column in columns.items()}


def constraint_names(columns: Mapping[str, Any]) -> list[str]:
    """Return the names after `err/`, in order."""
    return [name[4:] for name in columns if name.startswith("err/")]


def thin(values: Sequence[NDArray[np.float64]], points: int = DRAWN) -> NDArray[np.intp]:
    """Return at most `points` row indices: the extremes of every array's buckets, and both ends."""
    rows = len(values[0])
    if rows <= points:
        return np.arange(rows)
    buckets = max(1, (points - 2) // (2 * len(values)))
    edges = np.linspace(0, rows, buckets + 1).astype(int)
    keep = [0, rows - 1]
    for value in values:
        low = np.where(np.isfinite(value), value, np.inf)
        high = np.where(np.isfinite(value), value, -np.inf)
        for start, end in pairwise(edges):
            keep += [start + int(low[start:end].argmin()), start + int(high[start:end].argmax())]
    return np.unique(keep)


def newest(columns: Columns, name: str) -> float | None:
    """Return the newest finite value of a column, None where there is none."""
    column = columns.get(name, np.empty(0))
    finite = column[np.isfinite(column)]
    return float(finite[-1]) if len(finite) else None


def note(drawn: int, rows: int) -> str:
    """Return the words that own up to a thinned picture, empty where every row is drawn."""
    if drawn == rows:
        return ""
    return f"{drawn:,} of {rows:,} steps, extremes kept"


def spread(*values: NDArray[np.float64], log: bool = False, pad: float = 0.06) -> list[float]:
    """Return an axis range around the finite values, in log10 where `log`."""
    pool = np.concatenate([np.ravel(value) for value in values])
    pool = pool[np.isfinite(pool) & ((pool > 0) | (not log))]
    if not len(pool):
        return [-1.0, 1.0]
    pool = np.log10(pool) if log else pool
    low, high = float(pool.min()), float(pool.max())
    margin = max(pad * (high - low), 0.05 if log else 1e-3 * max(abs(high), 1e-9))
    return [low - margin, high + margin]
