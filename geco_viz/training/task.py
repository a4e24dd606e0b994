"""One run of a sweep, wherever it is worked on: begin it or go on with it, and leave its result."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from geco_viz import data as datasets
from geco_viz._files import hold, write_whole
from geco_viz.data import Dataset
from geco_viz.training import checkpoint
from geco_viz.training.points import Point, objective_of
from geco_viz.training.progress import deferred_interrupt
from geco_viz.training.run import Run
from geco_viz.training.status import phase_of

__all__ = ["data_of", "read", "work"]

TOLD = 1.0  # seconds between two words about how far a run is
TRAIL = 150  # points of its trajectory that it tells
RECENT = 50  # rows whose mean is a multiplier's value at the end


def work(
    point: Point,
    folder: str,
    device: str = "auto",
    save_every: float = 60.0,
    tell: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Do one run in its folder, or what is left of it; returns its record, finished or failed.

    `result.json` is there once the run has finished, and is then what is returned; `failed.json`
    says what ended it; `progress.json` how far it is. Each is written whole or not at all. Who
    comes second to a folder waits for the first.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    with hold(path, wait=True):
        done = read(path / "result.json")
        if done is not None:
            return done
        clock = _Clock(path)
        try:
            run = _opened(point, path, device)
            try:
                _train(run, point["steps"], clock, save_every, tell)
                record = _result(run, point, clock)
            finally:
                run.close()
            _put(path / "result.json", record)
            (path / "failed.json").unlink(missing_ok=True)
        except Exception as error:
            record = {"status": "failed", "point": point, **clock.spent()}
            record["error"] = f"{type(error).__name__}: {error}"
            # A full disk may be why; whoever waits for the record has it all the same.
            with contextlib.suppress(OSError):
                _put(path / "failed.json", record)
    return record


def read(path: Path) -> dict[str, Any] | None:
    """What a file of a run's folder says; None where there is none, or half of one."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _put(path: Path, record: dict[str, Any]) -> None:
    write_whole(path, json.dumps(record, indent=1).encode())


def data_of(point: Point) -> Dataset:
    """The data set of a point; the last two are kept, and those of one sweep are few."""
    return _data(json.dumps(point["data"], sort_keys=True))


@functools.lru_cache(maxsize=2)
def _data(info: str) -> Dataset:
    return datasets.load(**json.loads(info))


def _opened(point: Point, path: Path, device: str) -> Run:
    data = data_of(point)
    objective = objective_of(point["objective"], len(data), point["model"])
    if (path / "run.json").exists():
        # A damaged one is moved aside by `Run`, which begins again.
        with contextlib.suppress(checkpoint.CheckpointError):
            return Run.load(path, data=data, device=device, out=path)
    return Run(
        data,
        dict(point["model"]),
        objective.spec,
        seed=point["seed"],
        device=device,
        out=path,
        **point["settings"],
    )


def _train(
    run: Run,
    steps: int,
    clock: _Clock,
    save_every: float,
    tell: Callable[[int], None] | None,
) -> None:
    begun = run.loop.step > 0
    saved = told = time.monotonic()
    clock.note(run)
    with (
        deferred_interrupt() as interrupted,
        contextlib.closing(run.steps() if begun else run.steps(steps)) as made,
    ):
        for _ in made:
            now = time.monotonic()
            if tell is not None:
                tell(run.loop.step)
            if now - told > TOLD:
                told = now
                clock.note(run)
            if now - saved > save_every:
                saved = now
                run.autosave()
            if interrupted():
                break
    clock.note(run)
    if run.save_error is not None:
        raise run.save_error


class _Clock:
    """Wall and processor seconds spent on a run, by this process and those before it."""

    def __init__(self, path: Path):
        self._path = path / "progress.json"
        before = read(self._path) or {}
        self._wall, self._cpu = before.get("wall_s", 0.0), before.get("cpu_s", 0.0)
        self._since = time.monotonic(), time.process_time()

    def spent(self) -> dict[str, float]:
        wall, cpu = self._since
        return {
            "wall_s": round(self._wall + time.monotonic() - wall, 3),
            "cpu_s": round(self._cpu + time.process_time() - cpu, 3),
        }

    def note(self, run: Run) -> None:
        """Tell how far the run is; a full disk does not end training."""
        trail = run.ghost().rows
        kept = np.unique(np.linspace(0, max(len(trail) - 1, 0), TRAIL).astype(int))
        rows = [[_rounded(v) for v in row] for row in trail[kept].tolist()] if len(trail) else []
        told = {"step": run.loop.step, "at": time.time(), **self.spent(), "trail": rows}
        with contextlib.suppress(OSError):
            _put(self._path, told)


def _rounded(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None


def _result(run: Run, point: Point, clock: _Clock) -> dict[str, Any]:
    import torch

    import geco_viz

    found = run.evaluate()
    values = {name: [_rounded(v), _rounded(se)] for name, (v, se) in found.items()}
    history, objective = run.history, run.objective
    late: dict[str, float | None] = {}
    for name in history.columns:
        if name == "beta" or name.startswith("multiplier/"):
            recent = history[name][-RECENT:].astype(np.float64)
            late[name] = _rounded(float(recent.mean()))
    cap = getattr(objective, "lambda_max", math.inf)
    prices = [value for name, value in late.items() if name != "beta" and value is not None]
    return {
        "status": "finished",
        "point": point,
        "run": run.spec,
        "step": run.loop.step,
        "values": values,
        "late": late,
        "phase": phase_of(objective, history, 0),
        "at_cap": any(price > 0.99 * cap for price in prices),
        "note": run.data.note,
        **clock.spent(),
        "device": str(run.device),
        "machine": f"{platform.system()} {platform.machine()}",
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "versions": {
            "geco_viz": geco_viz.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }
