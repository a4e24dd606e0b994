"""Steering a run from any thread: edits wait in a queue and are made before the next step."""

from __future__ import annotations

import math
from typing import Any

from geco_viz._checks import choice, number
from geco_viz.geco import GECO
from geco_viz.objectives import Objective
from geco_viz.training.parts import Parts
from geco_viz.training.recipe import as_objective, is_fresh, made_ready

__all__ = ["Kappas", "Steering", "checked"]


class Kappas:
    """`run.kappa` with several constraints: read and set by the constraint's name."""

    def __init__(self, run: Steering):
        self._run = run

    def __getitem__(self, name: str) -> float:
        return self._run.kappa_of(name)

    def __setitem__(self, name: str, value: float) -> None:
        self._run.edit(f"kappa/{name}", value)

    def __repr__(self) -> str:
        return repr({c.name: self[c.name] for c in self._run.constraints})


def checked(objective: Objective, what: str, value: Any, *more: str) -> float:
    """The value of an edit of "kappa/<constraint>", "nu" or "alpha", fit to be set.

    Args:
        more: what else the caller lets edit, for the error.

    Raises:
        TypeError, ValueError: the value is not allowed, or the objective has no such setting.
        KeyError: it has no such constraint.
    """
    settings = [f"kappa/{c.name}" for c in objective.constraints] + ["nu", "alpha"]
    if isinstance(what, str) and what.startswith("kappa/") and what not in settings:
        names = ", ".join(c.name for c in objective.constraints) or "none"
        raise KeyError(f"no constraint {what[6:]!r}; the objective has: {names}")
    choice("what", what, [*settings, *more])
    if what.startswith("kappa/"):
        return objective.constraints[settings.index(what)].check(value)
    if not hasattr(objective, what):
        raise TypeError(f"{what} belongs to GECO; the objective is {objective.name}")
    high: dict[str, Any] = {"high": 1, "open_high": True} if what == "alpha" else {}
    return number(what, value, low=0, **high)


class Steering(Parts):
    """The settings of a run that may be assigned while it trains."""

    assignable = "assign kappa, nu, alpha, objective or speed; other settings go into Run(...)"

    @property
    def objective(self) -> Objective:
        """What is minimised; assign another (or a name) to switch at the next step."""
        return super().objective

    @objective.setter
    def objective(self, value: Any) -> None:
        self.edit("objective", value)

    @property
    def kappa(self) -> float | Kappas:
        """The constraint's kappa, in its units; with several constraints a mapping by name."""
        if len(self.constraints) == 1:
            return self.kappa_of(self.constraints[0].name)
        return Kappas(self)

    @kappa.setter
    def kappa(self, value: float) -> None:
        if len(self.constraints) != 1:
            names = ", ".join(c.name for c in self.constraints) or "none"
            raise TypeError(f"set run.kappa[name]; the objective's constraints are: {names}")
        self.edit(f"kappa/{self.constraints[0].name}", value)

    @property
    def nu(self) -> float:
        """GECO's learning rate of log lambda."""
        return self._setting("nu")

    @nu.setter
    def nu(self, value: float) -> None:
        self.edit("nu", value)

    @property
    def alpha(self) -> float:
        """GECO's moving-average memory."""
        return self._setting("alpha")

    @alpha.setter
    def alpha(self, value: float) -> None:
        self.edit("alpha", value)

    @property
    def speed(self) -> float | None:
        """Steps per second at most while playing, or None; it changes no result."""
        return self._stepper.speed

    @speed.setter
    def speed(self, value: float | None) -> None:
        self._stepper.speed = (
            None if value is None else number("speed", value, low=0, open_low=True)
        )

    def _setting(self, name: str) -> float:
        with self._editing:
            return float(self._newest.get(name, getattr(self.objective, name, math.nan)))

    def edit(self, what: str, value: Any) -> None:
        """Ask for a change before the next step: "kappa/<constraint>", "nu", "alpha", "objective".

        Raises:
            TypeError, ValueError, KeyError: the value is not allowed; nothing changes then.
        """
        with self._editing:
            value = self._checked(what, value)
            if what == "objective":
                self._newest.clear()
            self._newest[what] = value
            self._asked.append((what, value))
        self._changed()

    def _checked(self, what: str, value: Any) -> Any:
        if what == "objective":
            target = as_objective(value, len(self.loop.x), self.model)
            return made_ready(target, self.loop.x, self.loop.y)
        return checked(self.objective, what, value, "objective")

    def _apply(self) -> None:
        """Make the edits that were asked for; by the stepping thread, before a step."""
        if self._asked:
            self.loop.flush()  # so that the history is as long as there were steps
        while self._asked:
            # In one piece, so that a getter sees either what was asked for or what was made of it.
            with self._editing:
                what, value = self._asked.popleft()
                self._since = len(self.history)  # first: rows before it lack a new constraint
                if what == "objective":
                    self._log(what, value.spec if is_fresh(value) else None)
                    self.loop.set_objective(value)
                    self._go_by(self._format)
                else:
                    self._log(what, value)
                    self._set(what, value)
                if self._newest.get(what) is value:
                    del self._newest[what]
            self.loop.schedule.disturb(self.loop.step)

    def _go_by(self, version: int) -> None:
        """Move multipliers as runs of this format did, so that edits mean what they meant."""
        self._format = version
        if version < 2 and isinstance(self.loop.objective, GECO):
            self.loop.objective.plain()

    def _set(self, what: str, value: float) -> None:
        if not what.startswith("kappa/"):
            setattr(self.loop.objective, what, value)
            return
        for constraint in self.loop.objective.constraints:
            if f"kappa/{constraint.name}" == what:
                constraint.kappa = value
