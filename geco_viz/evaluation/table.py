"""The table of figures that `gv.evaluate` returns: as text, HTML and a data frame."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from geco_viz._checks import choice

__all__ = ["Evaluation", "Row"]


@dataclass(frozen=True)
class Row:
    """One figure: its value on the training data and on held-out data, each with its error."""

    name: str
    unit: str
    value: float
    se: float
    held_out: float = math.nan
    held_out_se: float = math.nan


@dataclass(frozen=True)
class Evaluation:
    """What `gv.evaluate` returns: rows, and notes on what could not be had and why.

    `table["kl"]` is a row by its name; iteration goes over the rows.
    """

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, name: str) -> Row:
        found = {row.name: row for row in self.rows}
        return found[choice("name", name, found)]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, name: object) -> bool:
        return any(row.name == name for row in self.rows)

    @property
    def _cells(self) -> list[list[str]]:
        head = ["", "value", "held out", "unit"]
        body = [
            [r.name, _shown(r.value, r.se), _shown(r.held_out, r.held_out_se), r.unit]
            for r in self.rows
        ]
        if all(math.isnan(row.held_out) for row in self.rows):
            return [[cells[0], cells[1], cells[3]] for cells in [head, *body]]
        return [head, *body]

    def __str__(self) -> str:
        cells = self._cells
        widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([self.title, *(line.rstrip() for line in lines), *self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *body = [[html.escape(cell) for cell in row] for row in self._cells]
        rows = "".join("<tr><td>" + "</td><td>".join(row) + "</td></tr>" for row in body)
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return (
            f"<table><caption>{html.escape(self.title)}</caption><thead><tr><th>"
            f"{'</th><th>'.join(head)}</th></tr></thead><tbody>{rows}</tbody></table>{notes}"
        )

    def to_frame(self) -> Any:
        """A pandas DataFrame: name (index), value, se, unit, held_out, held_out_se."""
        import pandas as pd

        columns = ("value", "se", "unit", "held_out", "held_out_se")
        return pd.DataFrame(
            {name: [getattr(row, name) for row in self.rows] for name in columns},
            index=pd.Index([row.name for row in self.rows], name="name"),
        )


def _shown(value: float, se: float) -> str:
    if math.isnan(value):
        return ""
    if not se > 0:
        return f"{value:.4g}"
    # Two digits of the error, and the value to the same place.
    places = min(max(1 - math.floor(math.log10(se)), 0), 8)
    return f"{value:.{places}f} ± {se:.{places}f}"
