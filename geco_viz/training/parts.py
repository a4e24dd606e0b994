"""What the four sides of a `Run` share: its parts, declared once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from geco_viz._checks import Closed
from geco_viz._files import Hold
from geco_viz.constraints import Constraint
from geco_viz.data import Dataset
from geco_viz.objectives import Objective
from geco_viz.training import checkpoint
from geco_viz.training.evaluator import Evaluator
from geco_viz.training.history import History
from geco_viz.training.listeners import Listeners
from geco_viz.training.loop import Loop
from geco_viz.training.observer import Observer
from geco_viz.training.records import Ghost
from geco_viz.training.settings import Settings
from geco_viz.training.stepper import Stepper

__all__ = ["Parts"]


class Parts(Closed):
    """The attributes of a run, and what can be read off them."""

    seed: int
    device: torch.device
    data: Dataset
    settings: Settings
    loop: Loop
    name: str | None
    out: Path | None
    edits: list[dict[str, Any]]
    evaluations: History
    ghosts: tuple[Ghost, ...]
    version: int
    closers: list[Callable[[], None]]
    listeners: Listeners
    _observer: Observer
    _judge: Observer
    _held: Hold | None
    _stepper: Stepper
    _evaluator: Evaluator
    _editing: AbstractContextManager[Any]  # a lock around the next two
    _asked: deque[tuple[str, Any]]
    _newest: dict[str, Any]
    _initial: dict[str, Any]
    _unrepeatable: str
    _since: int
    _limit_came: threading.Event  # the limit is known, or it is known that there is none
    _saved: float
    _saved_step: int
    _format: int = checkpoint.FORMAT  # of the folder it came from: its edits mean what they meant
    save_error: OSError | None = None  # why the last autosave failed

    @property
    def model(self) -> nn.Module:
        """The module that trains. Read it between steps."""
        return self.loop.model

    @property
    def average(self) -> nn.Module:
        """The exponential average of its weights, on which evaluations and pictures run."""
        return self.loop.average.model

    @property
    def history(self) -> History:
        """One row per step: step, loss, kl, err/*, kappa/*, multiplier/*, beta, lr."""
        return self.loop.history

    @property
    def objective(self) -> Objective:
        """What is minimised, or will be from the next step on."""
        found: Objective = self._newest.get("objective", self.loop.objective)
        return found

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The objective's constraints; empty under ELBO and beta."""
        return self.objective.constraints

    @property
    def lock(self) -> Any:
        """Held for the length of a step."""
        return self._stepper.lock

    @property
    def error(self) -> BaseException | None:
        """What ended the background thread, or None."""
        return self._stepper.error

    @property
    def edited(self) -> int:
        """The row of the history from which on the present settings hold."""
        return self._since

    def kappa_of(self, name: str) -> float:
        """A constraint's kappa as it was last asked for."""
        with self._editing:
            for constraint in self.constraints:
                if constraint.name == name:
                    return float(self._newest.get(f"kappa/{name}", constraint.kappa))
        names = ", ".join(c.name for c in self.constraints) or "none"
        raise KeyError(f"no constraint {name!r}; the objective has: {names}")

    def _changed(self) -> None:
        """Something other than the history changed: views look again, listeners are called."""
        self.version += 1
        self.listeners.tell()

    def _log(self, what: str, value: Any) -> None:
        self.edits.append({"step": self.loop.step, "what": what, "value": value})
