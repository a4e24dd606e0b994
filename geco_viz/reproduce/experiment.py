"""What a figure or table of the paper is made of: claims, runs, numbers, pictures, verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geco_viz._checks import choice

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from geco_viz.training import Sweep

__all__ = ["PRESETS", "Experiment", "Grids", "Verdict", "by_preset"]

PRESETS = ("laptop", "overnight", "paper", "paper-ours")

Grids = Sequence[Mapping[str, Any]]  # what `gv.sweep` takes as `over`


@dataclass(frozen=True)
class Verdict:
    """What came of one claim.

    Attributes:
        holds: whether it does; None where the numbers at this size cannot say.
        words: what was measured, and the reason where it does not hold.
    """

    holds: bool | None
    words: str


@dataclass(frozen=True)
class Experiment:
    """One figure or table: a value, its functions pure but for `measure`, which reads the runs.

    Attributes:
        name, title: as on the command line and on the page.
        claims: what the paper says, by a short key.
        measure: the sweep of all runs (None without) and the preset give numbers, plain data.
        judge: the numbers give a verdict for each claim.
        draw: the numbers and a theme give figures by name.
        grids: the runs of a preset; none for what is theory.
        then: more runs, which depend on those of `grids`; none if there is no need.
        note: what a reader must know of the sizes.
    """

    name: str
    title: str
    claims: Mapping[str, str]
    measure: Callable[[Sweep | None, str], dict[str, Any]]
    judge: Callable[[dict[str, Any]], dict[str, Verdict]]
    draw: Callable[[dict[str, Any], str], dict[str, Figure]]
    grids: Callable[[str], Grids] | None = None
    then: Callable[[Sweep, str], Grids] | None = None
    note: str = ""


def by_preset(preset: str, laptop: Any, overnight: Any, paper: Any) -> Any:
    """One of three values, by the name of the preset; "paper-ours" has the paper's.

    Example:
        >>> by_preset("overnight", 1, 2, 3)
        2
    """
    return dict(zip(PRESETS, (laptop, overnight, paper, paper), strict=True))[
        choice("preset", preset, PRESETS)
    ]
