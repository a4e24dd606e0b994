"""Steering a run from any thread: edits wait in a queue and are made before the next step."""

from __future__ import annotations

import math
from typing import Any

from geco_viz._checks import number
from geco_viz.objectives import Objective
from geco_viz.training.parts import Parts
from geco_viz.training.recipe import as_objective

__all__ = ["Kappas", "Steering"]


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


class Steering(Parts):
    """The settings of a run that may be assigned while it trains."""

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
        return float(self._newest.get("nu", getattr(self.objective, "nu", math.nan)))

    @nu.setter
    def nu(self, value: float) -> None:
        self.edit("nu", value)

    @property
    def alpha(self) -> float:
        """GECO's moving-average memory."""
        return float(self._newest.get("alpha", getattr(self.objective, "alpha", math.nan)))

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

    def edit(self, what: str, value: Any) -> None:
        """Ask for a change before the next step: "kappa/<constraint>", "nu", "alpha", "objective".

        Raises:
            TypeError, ValueError, KeyError: the value is not allowed; nothing changes then.
        """
        if what.startswith("kappa/"):
            name = what.removeprefix("kappa/")
            self.kappa_of(name)
            value = {c.name: c for c in self.constraints}[name].check(value)
        elif what == "objective":
            value = as_objective(value, len(self.loop.x))
        elif what in ("nu", "alpha"):
            if not hasattr(self.objective, what):
                raise TypeError(f"{what} belongs to GECO; the objective is {self.objective.name}")
            bounds: dict[str, Any] = {"high": 1, "open_high": True} if what == "alpha" else {}
            value = number(what, value, low=0, **bounds)
        else:
            raise ValueError(f"what must be kappa/<name>, nu, alpha or objective, got {what!r}")
        if what == "objective":
            self._newest = {}
        self._newest[what] = value
        self._asked.append((what, value))
        self._changed()

    def _apply(self) -> None:
        """Make the edits that were asked for; by the stepping thread, before a step."""
        while self._asked:
            what, value = self._asked.popleft()
            if what.startswith("kappa/"):
                for constraint in self.loop.objective.constraints:
                    if f"kappa/{constraint.name}" == what:
                        constraint.kappa = value
            elif what == "objective":
                self.loop.set_objective(value)
            else:
                setattr(self.loop.objective, what, value)
            if self._newest.get(what) is value:
                del self._newest[what]
            self._since = len(self.history)
            self.loop.schedule.disturb(self.loop.step)
            self._log(what, value.spec if what == "objective" else value)
