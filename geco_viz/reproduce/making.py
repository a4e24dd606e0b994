"""Make a figure or table: its runs by a sweep, its numbers, its pictures, its verdicts."""

from __future__ import annotations

import os
import time
from concurrent.futures import Executor
from typing import Any

from geco_viz._checks import choice, integer
from geco_viz.reproduce import store
from geco_viz.reproduce.experiment import PRESETS, Grids
from geco_viz.reproduce.registry import EXPERIMENTS
from geco_viz.training import Sweep, checkpoint

__all__ = ["reproduce"]

SEVEN = ("micro-mnist", "digits")


def reproduce(
    name: str,
    preset: str = "laptop",
    out: str | os.PathLike[str] = "reproduction",
    *,
    executor: Executor | None = None,
    device: str = "auto",
    steps: int | None = None,
    count: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Make one figure or table of the paper; runs that are there already are not made again.

    Args:
        name: one of `reproduce.NAMES`.
        preset: "laptop" (minutes on a CPU), "overnight" (the whole grid, three seeds), "paper" (the
            paper's settings where it states them and Algorithm 1 to the letter; 2e5 steps is our
            assumption) or "paper-ours" (the same with this package's GECO).
        out: folder of the results; all figures share its runs.
        executor, device, progress: as for `gv.sweep`.
        steps: of every run, instead of the preset's: to try whether it works.
        count: only the first so many of every data set, likewise.

    Returns:
        The record that is stored: claims with verdicts, numbers, runs, seconds.

    Raises:
        TypeError, ValueError: an unknown name or preset; `steps` or `count` is no whole number
            >= 1.
        RuntimeError: no run has finished, so there is nothing to measure.
        OSError: `out` cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     record = reproduce("fig1", out=folder)
        ...     [claim["holds"] for claim in record["claims"]]
        [True, True]
    """
    experiment = EXPERIMENTS[choice("name", name, EXPERIMENTS)]
    choice("preset", preset, PRESETS)
    for what, number in {"steps": steps, "count": count}.items():
        if number is not None:
            integer(what, number, low=1)
    folder = checkpoint.prepare(out)
    sweep: Sweep | None = None
    options: dict[str, Any] = {"executor": executor, "device": device, "progress": progress}
    if experiment.grids is not None:
        grids = _shortened(experiment.grids(preset), steps, count)
        table = store.kept(name, preset)
        sweep = Sweep({}, grids, out=folder, table=table).run(**options)
        if not sweep.finished:
            errors = {record["error"] for record in sweep.failed}
            raise RuntimeError(f"none of the runs of {name} has finished: {'; '.join(errors)}")
        if experiment.then is not None:
            more = _shortened(experiment.then(sweep, preset), steps, count)
            sweep = Sweep({}, [*grids, *more], out=folder, table=table).run(**options)
    wall, cpu = time.monotonic(), time.process_time()
    numbers = experiment.measure(sweep, preset)
    spent = {"wall_s": time.monotonic() - wall, "cpu_s": time.process_time() - cpu}
    return store.save(folder, experiment, preset, sweep, numbers, spent, steps, count)


def _shortened(grids: Grids, steps: int | None, count: int | None) -> Grids:
    if steps is not None:
        grids = [{**grid, "steps": [steps]} for grid in grids]
    if count is not None:
        grids = [{**grid, "data": _parts(grid["data"], count)} for grid in grids]
    return grids


def _parts(given: Any, count: int) -> list[dict[str, Any]]:
    """The first `count` of each data set; those of seven stay whole."""
    sets = given if isinstance(given, list) else [given]
    named = [{"name": one} if isinstance(one, str) else one for one in sets]
    return [one if one["name"] in SEVEN else {**one, "count": count} for one in named]
