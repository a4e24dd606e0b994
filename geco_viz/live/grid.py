"""Sliders over a grid of values, which the page can send back only as they are.

A float slider on the page rounds what it is given to its own steps and reports the rounded value
as if a person had moved it, sometimes long after, when the value has changed again. A slider over
the indices of a grid has nothing to round.
"""

from __future__ import annotations

from collections.abc import Iterable

import ipywidgets as widgets
import numpy as np

from geco_viz.constraints import Constraint, Similarity

__all__ = ["ExactBox", "GridSlider", "kappa_grid", "log_grid"]


def log_grid(anchor: float, low: float, high: float) -> list[float]:
    """anchor * 10^(k / 100) for all k / 100 in [low, high]: hundredths of a decade.

    Where a number of two digits is nearer than half a step it stands instead, so that 0.1 can be
    had from 0.05 and not only 0.0998.

    Example:
        >>> [round(value, 4) for value in log_grid(0.05, -0.01, 0.01)]
        [0.049, 0.05, 0.051]
        >>> 0.1 in log_grid(0.05, -1, 1)
        True
    """
    steps = range(round(100 * low), round(100 * high) + 1)
    return [_plain(anchor * 10 ** (step / 100)) if step else anchor for step in steps]


def _plain(value: float) -> float:
    """The nearest number of two digits if it is within half a hundredth of a decade."""
    short = float(f"{value:.2g}")
    return short if abs(short / value - 1) < 0.011 else value


def kappa_grid(constraint: Constraint) -> list[float]:
    """What a slider of kappa offers: hundredths of a decade of the tolerance.

    A probability or a correlation is spread by what it lacks of 1, from .9 to .001.

    Example:
        >>> from geco_viz import CLA, RE
        >>> grid = kappa_grid(CLA(kappa=0.9))
        >>> round(grid[0], 3), round(grid[-1], 3), 0.9 in grid
        (0.11, 0.999, True)
        >>> len(kappa_grid(RE(kappa=0.05)))
        216
    """
    if isinstance(constraint, Similarity):
        return [round(1 - lacking, 6) for lacking in reversed(log_grid(0.1, -2, 0.95))]
    if constraint.name == "re":
        return log_grid(0.05, -1.3, 0.85)  # below a grey level; above, a blank image meets it
    return log_grid(constraint.kappa, -1.3, 1.3)


class GridSlider(widgets.SelectionSlider):
    """A slider over increasing values; `put` moves it to the nearest one.

    Args:
        label: before the slider.
        values: increasing.
        value: where it stands at first.
        tip: on hover.
        readout: whether the value stands beside it.

    Example:
        >>> slider = GridSlider("kappa", log_grid(0.05, -1, 1), 0.05, "RMS pixel")
        >>> slider.put(0.1)
        >>> round(slider.value, 3), slider.holds(0.1), slider.holds(0.2)
        (0.1, True, False)
    """

    def __init__(
        self, label: str, values: Iterable[float], value: float, tip: str, readout: bool = True
    ):
        self._grid = np.array(list(values))
        super().__init__(
            options=[(f"{option:.3g}", option) for option in self._grid.tolist()],
            value=self._nearest(value),
            description=label,
            tooltip=tip,
            readout=readout,
            layout={"width": "100%", "flex": "1 1 0", "min_width": "0"},
            style={"description_width": "44px" if len(label) < 6 else "54px"},
        )

    def _nearest(self, value: float) -> float:
        return float(self._grid[np.abs(self._grid - value).argmin()])

    def put(self, value: float) -> None:
        """Move to the value nearest to `value`."""
        self.value = self._nearest(value)

    def holds(self, value: float) -> bool:
        """Whether the slider stands where `put(value)` would put it."""
        return bool(self.value == self._nearest(value))


class ExactBox(widgets.FloatText):
    """A number beside a slider, to be read and to be typed: any value, not only the grid's.

    Example:
        >>> box = ExactBox(0.0501187, "RMS pixel")
        >>> box.value, box.holds(0.0501), box.holds(0.0502)
        (0.0501, True, False)
    """

    def __init__(self, value: float, tip: str):
        layout = {"width": "64px", "min_width": "64px"}
        super().__init__(value=_three(value), tooltip=tip, step=None, layout=layout)
        self.add_class("geco-viz-exact")

    def put(self, value: float) -> None:
        """Show three digits of `value`."""
        self.value = _three(value)

    def holds(self, value: float) -> bool:
        """Whether the box shows what `put(value)` would show."""
        return bool(_three(self.value) == _three(value))


def _three(value: float) -> float:
    return float(f"{value:.3g}")
