"""The learning rate's factor: held, lowered over a stretch, or lowered once settled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from geco_viz.constraints import Constraint
from geco_viz.training.history import History

__all__ = ["FINAL", "Schedule", "is_settled", "mean_constraint", "sigma_settled"]

FINAL = 0.003  # of a stretch: lambda's noise at the full rate is 2 % of kappa, and is annealed away
DECAY_SHARE = 0.5
HELD_FINAL = 0.05  # of play, which goes on for ever: slow enough to rest, fast enough to follow
SETTLING_STEPS = 500
WINDOW = 200


def mean_constraint(history: History, constraint: Constraint, rows: int = WINDOW) -> float:
    """The dimensionless constraint c over the last rows, from their batch errors; NaN without rows.

    Args:
        history: of the run; its errors are in the units of kappa.
        constraint: whose present kappa is meant.
        rows: how many to average.
    """
    errors = history[f"err/{constraint.name}"][-rows:].astype(np.float64)
    if not errors.size:
        return math.nan
    mean = float(np.mean(constraint.tolerance(errors)))  # type: ignore[arg-type]  # elementwise
    return mean / constraint.tolerance(constraint.kappa) - 1


def is_settled(history: History, since: int, constraints: Sequence[Constraint]) -> bool:
    """Whether the constraints hold and the KL has stopped falling over the last 200 rows.

    A constraint that is met with room to spare counts only once its multiplier has stopped moving.
    A pure function of the history, so that a replay lowers the learning rate at the same step.

    Args:
        history: of the run.
        since: the row at which kappa was last edited; rows before it do not count.
        constraints: the objective's.
    """
    if len(history) - since < 3 * WINDOW:
        return False
    for constraint in constraints:
        value = mean_constraint(history, constraint)
        if value > 0.05 or (value < -0.05 and _moves(history, f"multiplier/{constraint.name}")):
            return False
    kl = history["kl"][-2 * WINDOW :].astype(np.float64)
    now, before = kl[WINDOW:], kl[:WINDOW]
    noise = math.sqrt((now.var() + before.var()) / WINDOW)
    return bool(before.mean() - now.mean() < max(0.01 * abs(now.mean()), 2 * noise))


def _moves(history: History, column: str) -> bool:
    """Whether a multiplier still moves: at its floor it does not, nor where there is none."""
    if column not in history:
        return False
    recent = history[column][-WINDOW:]
    return bool(recent.max() > 1.01 * recent.min())


def sigma_settled(history: History, floor: float) -> bool:
    """Whether a learned sigma has arrived: beta = sigma^2 is the mean squared error, and at rest.

    The KL alone does not say it: it may rise without end while sigma falls, or rest because a
    sigma far above the error holds it.

    Args:
        history: of the run, its errors in RMS.
        floor: RMS, below which sigma does not fall.
    """
    beta = history["beta"][-2 * WINDOW :].astype(np.float64)
    error = np.square(history["err/re"][-WINDOW:].astype(np.float64)).mean()
    before, now = beta[:WINDOW].mean(), beta[WINDOW:].mean()
    return bool(abs(now / max(error, floor**2) - 1) < 0.1 and abs(now / before - 1) < 0.1)


class Schedule:
    """The factor on the learning rate, step by step.

    `hold()` (play) keeps 1 until the run has settled, then falls to `HELD_FINAL` over 500 steps;
    `stretch(steps)` (train) keeps 1 and falls exponentially to `FINAL` over the last half;
    `disturb()` (a kappa edit) puts a held factor back to 1.

    Example:
        >>> schedule = Schedule()
        >>> schedule.stretch(0, 100)
        >>> [round(schedule.factor(step), 3) for step in (0, 50, 75, 100)]
        [1.0, 1.0, 0.055, 0.003]
    """

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"mode": "hold", "start": 0, "steps": 0, "lowered": None}

    def hold(self, step: int) -> None:
        """Go on as `play` does, from this step."""
        if self.state["mode"] != "hold":
            self.state = {"mode": "hold", "start": step, "steps": 0, "lowered": None}

    def stretch(self, step: int, steps: int) -> None:
        """Train for `steps` from here, lowering over the last part."""
        self.state = {"mode": "stretch", "start": step, "steps": steps, "lowered": None}

    def left(self, step: int) -> int | None:
        """The steps of a stretch that are not made yet, or None where there is no stretch."""
        if self.state["mode"] != "stretch":
            return None
        return max(0, int(self.state["start"] + self.state["steps"] - step))

    def disturb(self, step: int) -> None:
        """kappa, nu, alpha or the objective changed: train at the full rate again."""
        self.state.update(lowered=None)
        if self.state["mode"] == "hold":
            self.state["start"] = step

    def looks(self, step: int) -> bool:
        """Whether `watch` looks at the history after this step: each 50th of a held rate."""
        return self.state["mode"] == "hold" and self.state["lowered"] is None and step % 50 == 0

    def watch(self, step: int, history: History, constraints: Sequence[Constraint]) -> None:
        """Lower a held rate once the run has settled; the history holds all rows to this step."""
        if self.looks(step) and is_settled(history, self.state["start"], constraints):
            self.state["lowered"] = step

    def factor(self, step: int) -> float:
        """The factor for the step about to be made."""
        state = self.state
        if state["mode"] == "stretch":
            tail = max(1.0, DECAY_SHARE * state["steps"])
            done, final = (step - state["start"] - (state["steps"] - tail)) / tail, FINAL
        elif state["lowered"] is None:
            return 1.0
        else:
            done, final = (step - state["lowered"]) / SETTLING_STEPS, HELD_FINAL
        return float(final ** min(max(done, 0.0), 1.0))
