"""The record of a run: columns of float32 that only grow, one writer and any number of readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["History"]


class History:
    """Equal-length float32 columns by name; `history["kl"]` is a read-only numpy view.

    Rows are appended by the one thread that steps; readers need no lock, since a row counts only
    once it is complete, and a table that had to grow leaves the old one to whoever reads it.
    As with a pandas frame, `len` counts rows and iteration gives the columns' names.

    Args:
        columns: names to begin with; a new name in an appended row adds a column, NaN above it.

    Example:
        >>> history = History(["step", "kl"])
        >>> history.append({"step": 1, "kl": 2.5})
        >>> history.append({"step": 2, "kl": 2.0, "beta": 0.1})
        >>> history["kl"].tolist(), len(history), history.columns
        ([2.5, 2.0], 2, ('step', 'kl', 'beta'))
    """

    def __init__(self, columns: Sequence[str] = ()):
        self._columns = tuple(columns)
        self._known = frozenset(columns)
        self._table = np.full((1024, len(self._columns)), np.nan, dtype=np.float32)
        self._written = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names, in the order of `rows`."""
        return self._columns

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row of floats; columns that it lacks become NaN."""
        if not row.keys() <= self._known:
            self._widen([name for name in row if name not in self._known])
        if self._written == len(self._table):
            self._grow()
        get = row.get
        self._table[self._written] = [get(name, np.nan) for name in self._columns]
        self._written += 1

    def _widen(self, names: Sequence[str]) -> None:
        extra = np.full((len(self._table), len(names)), np.nan, dtype=np.float32)
        # The table first: a reader that sees the old names indexes the new table correctly.
        self._table = np.concatenate([self._table, extra], axis=1)
        self._columns = (*self._columns, *names)
        self._known = frozenset(self._columns)

    def _grow(self) -> None:
        extra = np.full((max(1024, len(self._table)), self._table.shape[1]), np.nan, np.float32)
        self._table = np.concatenate([self._table, extra], axis=0)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._columns:
            listed = ", ".join(self._columns)
            raise KeyError(f"history has no column {name!r}; it has {listed}")
        written, columns = self._written, self._columns
        view = self._table[:written, columns.index(name)]
        view.flags.writeable = False
        return view

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return self._written

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def keys(self) -> tuple[str, ...]:
        """The columns' names, so that `dict(history)` works."""
        return self._columns

    def rows(self, low: int = 0, high: int | None = None) -> np.ndarray:
        """Rows low to high as a copy, float32 (rows, columns)."""
        written = self._written
        high = written if high is None else min(high, written)
        return self._table[low:high].copy()

    def decimate(self, points: int, low: int = 0) -> np.ndarray:
        """Indices of at most `points` rows that keep the picture of every column.

        The rows from `low` on are cut into buckets; each keeps the rows where some column is
        smallest and largest, so one bucket, the least, may keep twice as many as there are
        columns. The newest row is always kept.
        """
        # Read once each: the writer may add rows and columns meanwhile.
        written, table = self._written, self._table
        width = table.shape[1]
        if written - low <= points:
            return np.arange(low, written)
        count = max(1, (points - 1) // (2 * width))
        size = -(-(written - low) // count)
        padded = np.full((count * size, width), np.nan, dtype=np.float32)
        padded[: written - low] = table[low:written]
        buckets = padded.reshape(count, size, width)
        offset = low + size * np.arange(count)[:, None]
        smallest = np.where(np.isnan(buckets), np.inf, buckets).argmin(axis=1) + offset
        largest = np.where(np.isnan(buckets), -np.inf, buckets).argmax(axis=1) + offset
        kept = np.unique(np.concatenate([smallest.ravel(), largest.ravel(), [written - 1]]))
        return kept[kept < written]

    def to_frame(self) -> Any:
        """A pandas DataFrame of the columns; raises ImportError where pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("history.to_frame() needs pandas: pip install pandas") from error
        columns = self._columns  # before the rows, which may be wider by then
        return pandas.DataFrame(self.rows()[:, : len(columns)], columns=list(columns))

    @classmethod
    def from_rows(cls, columns: Sequence[str], rows: np.ndarray) -> History:
        """The history that holds these rows, float32 (rows, columns)."""
        history = cls(columns)
        history._table = np.array(rows, dtype=np.float32).reshape(-1, len(columns))
        history._written = len(history._table)
        history._grow()
        return history

    def __repr__(self) -> str:
        return f"History({self._written} rows: {', '.join(self._columns)})"
