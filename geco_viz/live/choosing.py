"""Which constraints a run has: a button for each row of Table 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from geco_viz.constraints import Constraint
from geco_viz.training.recipe import CONSTRAINTS

__all__ = ["ConstraintButtons", "proposed"]

SHARE = 0.4  # of what the mean image gets: an error that a small model reaches and still feels
TITLES = {
    "re": "RE: the pixels, RMS",
    "fre": "FRE: local mean and contrast",
    "cla": "CLA: a classifier still reads the digit (it is trained first, once)",
    "pncc": "pNCC: correlation of whitened patches",
}


def proposed(name: str, run: Any) -> Constraint:
    """A constraint with a kappa that suits the data: a fixed share of the mean image's error."""
    if name == "re":
        return CONSTRAINTS[name](kappa=0.05 if len(run.data) <= 64 else 0.1)
    if name == "cla":
        return CONSTRAINTS[name](kappa=0.9)
    constraint = CONSTRAINTS[name](kappa=0.5)
    x = run.data.x[:256]
    error = constraint.error(x, x.mean(0).expand_as(x))
    # tolerance(kappa) = SHARE^2 * error for squares, SHARE * error for 1 - correlation.
    share = SHARE**2 if name == "fre" else SHARE
    constraint.kappa = float(f"{float(constraint.as_kappa(share * error)):.3g}")
    return constraint


class ConstraintButtons(widgets.HBox):
    """Toggle buttons; at least one stays pressed.

    Args:
        choose: called with the names that are to be active, after a person changed them.
    """

    def __init__(self, choose: Callable[[tuple[str, ...]], None]):
        self._choose = choose
        self._showing = False
        self.buttons = {
            name: widgets.ToggleButton(
                description=name.upper() if name != "pncc" else "pNCC",
                tooltip=TITLES.get(name, name),
                layout=widgets.Layout(width="auto", flex="1 1 auto"),
            )
            for name in CONSTRAINTS
        }
        super().__init__(list(self.buttons.values()))
        self.add_class("geco-viz-constraints")
        for button in self.buttons.values():
            button.observe(self._changed, "value")

    @property
    def value(self) -> tuple[str, ...]:
        """The names that are pressed, in Table 1's order."""
        return tuple(name for name, button in self.buttons.items() if button.value)

    def show(self, names: Sequence[str]) -> None:
        """Press these; no edit follows."""
        self._showing = True
        try:
            for name, button in self.buttons.items():
                button.value = name in names
        finally:
            self._showing = False

    def _changed(self, change: dict[str, Any]) -> None:
        if self._showing:
            return
        if self.value:
            self._choose(self.value)
        else:
            change["owner"].value = True

    def close(self) -> None:
        for button in self.buttons.values():
            button.close()
        super().close()
