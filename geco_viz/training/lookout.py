"""What a live view reads of a sweep: every run's trail, from the folders of whoever works on it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from geco_viz.training.history import History
from geco_viz.training.points import columns_of
from geco_viz.training.records import Ghost, Probe, Status
from geco_viz.training.task import read

if TYPE_CHECKING:
    from geco_viz.training.sweep import Sweep

__all__ = ["Lookout"]

EVERY = 1.0  # seconds between two looks into the folders


class Lookout:
    """A `live.Source`: finished and running runs as trails, what the finished reached as rings."""

    constraints = ()
    limit = None

    def __init__(self, sweep: Sweep):
        self._sweep = sweep
        self._gate = threading.Lock()
        self._looked = -math.inf
        self._seen: Any = None
        self._version = 0
        self._states: list[str] = []
        self._steps = self._rate = 0.0
        self.title = f"Sweep of {len(sweep.points)} runs"
        self.history = History(["step", "loss", "kl", "err/re", "beta", "lr"])
        self.evaluations = History(["step", "kappa_hat/re", "kl"])
        self.ghosts: tuple[Ghost, ...] = ()
        self.listeners: list[Callable[[], None]] = []

    @property
    def version(self) -> int:
        """Moves when a run has come on; looks into the folders once a second at most."""
        with self._gate:
            if time.monotonic() - self._looked > EVERY:
                self._look()
                self._looked = time.monotonic()
            return self._version

    def _look(self) -> None:
        ghosts, rows, states, steps = [], [], [], 0
        for point, record in zip(self._sweep.points, self._sweep.records(), strict=True):
            states.append(record["status"])
            far = read(self._sweep.folder(point) / "progress.json") or {}
            steps += int(far.get("step", 0))
            trail = np.array(far.get("trail") or [], dtype=np.float32).reshape(-1, 3)
            if len(trail):
                ghosts.append(Ghost(_name(columns_of(point)), trail))
            values = record.get("values", {})
            if "kappa_hat/re" in values and "kl" in values:
                rows.append([point["steps"], values["kappa_hat/re"][0], values["kl"][0]])
        seen = (states, steps)
        if seen == self._seen:
            return
        if self._seen is not None and math.isfinite(self._looked):
            self._rate = max(0, steps - self._steps) / (time.monotonic() - self._looked)
        self._seen, self._states, self._steps = seen, states, steps
        self.ghosts = tuple(ghosts)
        if len(rows) != len(self.evaluations):
            columns = ["step", "kappa_hat/re", "kl"]
            self.evaluations = History.from_rows(columns, np.array(rows, np.float32))
        self._version += 1

    def kappa_of(self, name: str) -> float:
        """A sweep has no one kappa."""
        raise KeyError(f"no constraint {name!r}: a sweep has many runs")

    def status(self) -> Status:
        """How many runs have finished, failed, begun, and the steps a second of all together."""
        counts = {state: self._states.count(state) for state in self._states}
        total, done = len(self._sweep.points), counts.get("finished", 0)
        words = f"{done} of {total} runs finished."
        if failed := counts.get("failed"):
            words += f" {failed} failed: sweep.failed says why."
        phase = "settled" if done == total else "training" if "begun" in counts else "starting"
        return Status(phase, words, "", int(self._steps), self._rate, f"{total} runs")

    def pictures(self) -> None:
        """None: the runs are elsewhere."""

    def probe(self, z: Any) -> Probe:
        """A sweep has no one latent space."""
        raise ValueError("a sweep has many latent spaces: open one of its runs by sweep.load(...)")


def _name(row: dict[str, Any]) -> str:
    words = [row["data"], row["model"], row["objective"]]
    words += [f"κ {row['kappa']}"] if row.get("kappa") is not None else []
    return " ".join([*map(str, words), f"seed {row['seed']}"])
