"""A stored record as a notebook shows it: its figures, and its claims as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from geco_viz._checks import choice
from geco_viz.reproduce.registry import EXPERIMENTS

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["SAYS", "cell", "claims", "figures"]

SAYS = {True: "**yes**", False: "**no**", None: "open"}


def figures(record: Mapping[str, Any], theme: str = "light") -> dict[str, Figure]:
    """The figures of a record that `reproduce` returned or stored, drawn anew, by name.

    Args:
        record: as `reproduce` returns it, or the content of a `<name>-<preset>.json`.
        theme: "light" or "dark".

    Raises:
        ValueError: the record is of no experiment that is known, or an unknown theme.

    Example:
        >>> import tempfile
        >>> from geco_viz.reproduce import reproduce
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     list(figures(reproduce("fig1", out=folder)))
        ['fig1']
    """
    name = choice("record['name']", record.get("name"), EXPERIMENTS)
    choice("theme", theme, ("light", "dark"))
    drawn = EXPERIMENTS[name].draw(record["numbers"], theme)
    return {key or name: figure for key, figure in drawn.items()}


def claims(record: Mapping[str, Any]) -> str:
    """What the paper says, what was measured and whether it holds: a table in Markdown.

    Example:
        >>> held = {"claim": "A = B.", "measured": "A - B = 0", "holds": True}
        >>> print(claims({"claims": [held]}))
        | the paper says | measured | holds |
        | --- | --- | --- |
        | A = B. | A - B = 0 | **yes** |
    """
    lines = ["| the paper says | measured | holds |", "| --- | --- | --- |"]
    lines += [
        f"| {cell(one['claim'])} | {cell(one['measured'])} | {SAYS[one['holds']]} |"
        for one in record["claims"]
    ]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Words that a table in Markdown can hold.

    Example:
        >>> print(cell("one | two"))
        one \\| two
    """
    return " ".join(text.replace("|", "\\|").split())
