"""Which constraints a run has: a button for each row of Table 1; and the rate as the constraint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np

from geco_viz.constraints import Constraint
from geco_viz.constraints.suggest import kappa_at
from geco_viz.data import Dataset
from geco_viz.rate_limit import RateLimit
from geco_viz.training.recipe import CONSTRAINTS, as_objective, constraint_of

__all__ = ["ConstraintButtons", "at_present", "proposed"]

ROWS = 50  # of the history that are "now"
LEAST = 0.05  # nats: below it there is nothing to keep to

SHARE = 0.4  # of what the mean image gets: an error that a small model reaches and still feels
TITLES = {
    "re": "RE: the pixels, RMS",
    "fre": "FRE: local mean and contrast",
    "cla": "CLA: a classifier still reads the digit (it is trained first, once)",
    "pncc": "pNCC: correlation of whitened patches",
}


def proposed(name: str, data: Dataset) -> Constraint:
    """A constraint by name with a kappa that suits the data.

    RE and CLA stand at the paper's values. FRE and pNCC, whose units depend on what the images are
    like, stand where a share of the mean image's error is left, a row of `suggest_kappa`'s table.

    Raises:
        ValueError: no such constraint.

    Example:
        >>> from geco_viz.data import load
        >>> proposed("re", load("digits")), proposed("fre", load("digits"))
        (RE(kappa=0.05), FRE(kappa=0.0487))
    """
    constraint = constraint_of(name, None, len(data))
    if name in ("fre", "pncc"):
        constraint.kappa = float(f"{kappa_at(SHARE, constraint, data.x):.3g}")
    return constraint


def at_present(run: Any) -> RateLimit:
    """A limit on the rate at the KL that the run has now; the recipe's where it has none yet.

    Args:
        run: a `Run`.
    """
    objective = as_objective("rate-limit", len(run.data))
    assert isinstance(objective, RateLimit)
    recent = run.history["kl"][-ROWS:]
    kl = float(np.nanmean(recent)) if np.isfinite(recent).any() else 0.0
    if kl >= LEAST:
        (rate,) = objective.constraints
        rate.kappa = float(f"{kl:.3g}")
    return objective


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
