"""The tables of a report: settings, evaluations with their standard errors, edits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from geco_viz.plots._columns import read

__all__ = ["edits_table", "evaluations_table", "settings_table", "with_error"]

ROWS = 60

MEASURES = {
    "kl": ("average KL", "nats"),
    "kl_tail": ("KL's largest sample", "share of the variance"),
    "overlap": ("overlap", "nats"),
    "marginal_kl": ("marginal KL", "nats"),
    "mutual_information": ("mutual information", "nats"),
    "holes": ("hole mass", "share of the prior"),
    "tile_mass": ("tile deviation", "max |n·mass − 1|"),
}


def with_error(value: float, error: float | None = None) -> str:
    """Return a value and its standard error, rounded to two digits of the error.

    Example:
        >>> with_error(1.81234, 0.0123)
        '1.812 ± 0.012'
        >>> with_error(math.nan)
        '–'
    """
    if not math.isfinite(value):
        return "–"
    if error is None or not math.isfinite(error) or error <= 0:
        return f"{value:.4g}"
    digits = min(max(1 - math.floor(math.log10(error)), 0), 10)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def evaluations_table(evaluations: Any, units: Mapping[str, str]) -> str:
    """Return the evaluations as an HTML table, empty where there are none."""
    columns = read(evaluations) if evaluations is not None else {}
    if not len(columns.get("step", ())):
        return ""
    names = [name for name in columns if name != "step" and not name.endswith("/se")]
    heads = ["step"]
    for name in names:
        measure = name.removeprefix("held_out/")
        kind, _, constraint = measure.partition("/")
        label, unit = MEASURES.get(measure, (measure, ""))
        if kind == "kappa_hat":
            label, unit = f"κ̂ {constraint.upper()}", units.get(constraint, "")
        if kind == "kl" and constraint:
            label, unit = f"KL {constraint}", "nats"
        if measure != name:
            label = f"{label}, held out"
        heads.append(f"{label} ({unit})" if unit else label)
    rows = []
    for i in range(len(columns["step"])):
        cells = [f"{columns['step'][i]:,.0f}"]
        for name in names:
            errors = columns.get(f"{name}/se")
            cells.append(with_error(columns[name][i], None if errors is None else errors[i]))
        rows.append(cells)
    return _table(heads, rows, "evaluations")


def settings_table(spec: Any) -> str:
    """Return the plain data that rebuilds a run as an HTML table, one row per leaf."""
    rows = _leaves("", spec) if isinstance(spec, Mapping) else []
    return _table(["setting", "value"], rows, "settings", len(rows)) if rows else ""


def edits_table(edits: Sequence[Mapping[str, Any]]) -> str:
    """Return the log of edits, each a step, what was edited and its new value, as an HTML table."""
    rows = []
    for edit in edits:
        value = _plain(edit.get("value")) if edit.get("value") is not None else ""
        rows.append([f"{edit['step']:,}", str(edit["what"]), value])
    return _table(["before step", "edit", "value"], rows, "edits") if rows else ""


def _leaves(prefix: str, value: Any) -> list[list[str]]:
    if isinstance(value, Mapping) and value:
        return [row for key in value for row in _leaves(f"{prefix}.{key}".strip("."), value[key])]
    if isinstance(value, (list, tuple)) and any(isinstance(each, Mapping) for each in value):
        return [row for i, each in enumerate(value) for row in _leaves(f"{prefix}[{i}]", each)]
    return [[prefix, _plain(value)]]


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(each) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_plain(each)}" for key, each in value.items())
    return "–" if value is None else str(value)


def _table(heads: list[str], rows: list[list[str]], name: str, most: int = ROWS) -> str:
    """Return an HTML table of the newest `most` rows, with a caption where some are left out."""
    shown = rows[-most:]
    caption = ""
    if len(shown) < len(rows):
        caption = f"<caption>The newest {len(shown)} of {len(rows):,} rows.</caption>"
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in shown
    )
    return (
        f'<div class="scroll"><table class="{name}">{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
