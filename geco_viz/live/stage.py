"""The stage: a dashboard's source, where one run at a time plays and earlier ones leave ghosts."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geco_viz.live.source import Ghost, Pictures, Probe, Source, Status, check_source
from geco_viz.training.ghosts import data_of, parts_of
from geco_viz.training.listeners import Listeners

__all__ = ["GHOSTS", "Stage"]

GHOSTS = 4  # earlier runs kept in the information plane


class Stage:
    """A `Source` that passes on what the present run shows, so that views outlive a change of run.

    Args:
        run: a `Run`, a `Watch` or another source.

    Raises:
        TypeError: `run` is no source.

    Attributes:
        notice: a sentence that the status line shows instead of the hint, or empty.
    """

    def __init__(self, run: Any):
        check_source("run", run)
        self.notice = ""
        self.listeners = Listeners()
        self._bumps = 0
        self._gate = threading.Lock()
        self._earlier: tuple[Ghost, ...] = ()
        self.run = run
        self._follow(run)

    def show(self, run: Any, until: float = math.inf) -> None:
        """Bring another run on; the present one is stopped and leaves its trajectory.

        Args:
            run: the other one.
            until: the step at which that trajectory ends: where a fork begins.
        """
        old = self.run
        if old is run:
            return
        old.stop()
        self._unfollow(old)
        if len(old.history):
            ghost = old.ghost()
            ghost = dataclasses.replace(ghost, rows=ghost.rows[ghost.rows[:, 0] <= until])
            self._earlier = (*self._earlier, ghost)[-GHOSTS:]
        self.run = run
        self._follow(run)
        self.notice = ""
        self.changed()

    def say(self, notice: str) -> None:
        """Show a sentence on the status line until the next change of run or notice."""
        self.notice = notice
        self.changed()

    def changed(self) -> None:
        """Tell the views and the controls to look again."""
        with self._gate:
            self._bumps += 1
        self.listeners.tell()

    def leave(self) -> None:
        """Stop following the run."""
        self._unfollow(self.run)
        self.listeners.clear()

    def _follow(self, run: Any) -> None:
        if hasattr(run, "listeners"):
            run.listeners.append(self.changed)

    def _unfollow(self, run: Any) -> None:
        if self.changed in getattr(run, "listeners", ()):
            run.listeners.remove(self.changed)

    # The source's side

    @property
    def title(self) -> str:
        return str(self.run.title)

    @property
    def history(self) -> Any:
        return self.run.history

    @property
    def evaluations(self) -> Any:
        return self.run.evaluations

    @property
    def constraints(self) -> Sequence[Any]:
        return tuple(self.run.constraints)

    @property
    def limit(self) -> Any:
        return self.run.limit

    @property
    def ghosts(self) -> Sequence[Ghost]:
        """Earlier runs on the same data, each named by what is not so of the present one."""
        if not self._earlier:
            return tuple(self.run.ghosts)
        present, data = set(parts_of(self.run)), data_of(self.run)
        earlier = [
            dataclasses.replace(ghost, name=_differing(ghost, present))
            for ghost in self._earlier
            if ghost.data == data and len(ghost.rows)
        ]
        return (*earlier, *self.run.ghosts)

    @property
    def version(self) -> int:
        return int(self._bumps)

    def kappa_of(self, name: str) -> float:
        return float(self.run.kappa_of(name))

    def status(self) -> Status:
        status: Status = self.run.status()
        hint = self.notice or status.hint
        if self.run.can_play and status.phase in ("paused", "stopped") and not self.notice:
            hint = f"Press play{' to go on' if status.step else ''}. {hint}".strip()
        return dataclasses.replace(status, hint=hint)

    def pictures(self) -> Pictures | None:
        found: Pictures | None = self.run.pictures()
        return found

    def probe(self, z: NDArray[np.float32]) -> Probe:
        found: Probe = self.run.probe(z)
        return found


def _differing(ghost: Ghost, present: set[str]) -> str:
    if not ghost.parts:
        return ghost.name
    return (
        " · ".join(part for part in ghost.parts if part not in present)
        or f"earlier, to step {int(ghost.rows[-1, 0]):,}"
    )


def _is_source(stage: Stage) -> Source:
    """mypy's proof that a stage meets the protocol."""
    return stage
