"""Many runs over a grid, on one machine or many: stopped anywhere, they go on where they were."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from geco_viz._checks import number
from geco_viz.training import checkpoint, tables
from geco_viz.training.points import Point, address, columns_of, layout
from geco_viz.training.progress import patient
from geco_viz.training.run import Run
from geco_viz.training.task import data_of, read, work

__all__ = ["Sweep", "sweep"]

LOOK = 0.5  # seconds between two looks at how far the workers are
REST = 4  # rests so many times as long as the table took to write, which grows with the grid

Over = Mapping[str, Any] | Sequence[Mapping[str, Any]]


def sweep(
    spec: Mapping[str, Any] | None = None,
    over: Over | None = None,
    *,
    out: str | os.PathLike[str],
    executor: Executor | None = None,
    device: str = "auto",
    progress: bool = True,
    save_every: float = 60.0,
) -> Sweep:
    """Train and evaluate every run of a grid; what has been done before is not done again.

    Args:
        spec: what all runs share: `data`, `model`, `objective`, `constraint`, `kappa`, `nu`,
            `alpha`, `beta`, `sigma`, `seed`, `steps` (2000), and the settings of a run; or a
            `Run.spec`. Plain data; the recipe's values where it says nothing.
        over: lists of values for any of these; the runs are their product. A list of such dicts
            is several grids, one after the other.
        out: folder; each run has its own in `runs/`, named by the content of what was asked, and
            `results.csv` (`results.parquet` with pyarrow) has a row a run.
        executor: any `concurrent.futures.Executor` whose workers see `out`, such as a
            `ProcessPoolExecutor`, `dask.distributed.Client(...).get_executor()` or ipyparallel's
            `client.executor()`; None works here, one run after the other.
        device: as for `Run`.
        progress: show a bar of steps.
        save_every: seconds between checkpoints of a run, which is what a killed worker can lose.

    Returns:
        The `Sweep`, with its table; a failed run is in `sweep.failed` and is tried again, from its
        checkpoint, by the next call.

    Raises:
        TypeError, ValueError: before any work, if the grid is not one.
        OSError: `out` cannot be written.
        KeyboardInterrupt: after the step in hand; the same call goes on from there.

    Example:
        >>> import tempfile
        >>> tiny = {"data": "digits", "model": {"name": "vae", "hidden": [8]}, "steps": 2}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found = sweep(tiny, {"kappa": [0.1, 0.2]}, out=folder, progress=False)
        ...     [(row["kappa"], row["status"]) for row in found.rows()]
        [(0.1, 'finished'), (0.2, 'finished')]
    """
    found = Sweep(spec, over, out=out)
    return found.run(executor, device=device, progress=progress, save_every=save_every)


class Sweep:
    """A grid of runs and what is known of each, read from its folder whenever it is asked.

    Arguments as `sweep`, which makes one and runs it, and `table`. Making one starts nothing, so
    a second process can look on: `Sweep(spec, over, out=...).view()`.

    Attributes:
        points: the runs as plain data.
        out: the folder.
        table: the stem of the table's files; sweeps that share a folder have one each.
    """

    def __init__(
        self,
        spec: Mapping[str, Any] | None = None,
        over: Over | None = None,
        *,
        out: str | os.PathLike[str],
        table: str = "results",
    ):
        if not (isinstance(table, str) and table and Path(table).name == table):
            raise ValueError(f"table must be the name of a file without its ending, got {table!r}")
        self.points = layout(spec, over)
        self.out = checkpoint.prepare(out)
        self.table = table
        self._told: dict[str, dict[str, Any]] = {}  # records whose folder could not keep them
        self._due = 0.0  # when the table may be written again

    def folder(self, point: Point) -> Path:
        """Where a run's checkpoint and result are."""
        return self.out / "runs" / address(point)

    def records(self) -> list[dict[str, Any]]:
        """What is known of each run: its point and status, and what finished runs have found.

        The status is "finished", "failed", "begun" (now, or by a worker that was stopped) or
        "waiting".
        """
        return [self._record(point) for point in self.points]

    def _record(self, point: Point) -> dict[str, Any]:
        folder = self.folder(point)
        done = read(folder / "result.json")
        if done is not None:
            return done
        failed = read(folder / "failed.json") or self._told.get(address(point))
        if failed is not None:
            return failed
        far = read(folder / "progress.json")
        status = "waiting" if far is None else "begun"
        return {"status": status, "point": point} | {
            key: far[key] for key in ("step", "wall_s", "cpu_s") if far and key in far
        }

    def rows(self) -> list[dict[str, Any]]:
        """The tidy table as dicts, a run a row; `training.tables.row` says what is in one."""
        every = patient(self.points, len(self.points), "reading the sweep")
        return [tables.row(address(point), self._record(point)) for point in every]

    def to_frame(self) -> Any:
        """The tidy table as a pandas DataFrame."""
        import pandas

        return pandas.DataFrame(self.rows())

    @property
    def finished(self) -> list[dict[str, Any]]:
        """The records of the runs that have finished."""
        return [record for record in self.records() if record["status"] == "finished"]

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The records of the runs that have failed; `error` says why."""
        return [record for record in self.records() if record["status"] == "failed"]

    def load(self, point: Point, device: str = "auto") -> Run:
        """Open the run of a point, as far as it came; it does not save itself any more.

        Raises:
            CheckpointError: it has not come to its first checkpoint.
        """
        return Run.load(self.folder(point), data=data_of(point), device=device)

    def view(self) -> Any:
        """The information plane of all runs, live while workers report from wherever they are."""
        from geco_viz.live import View
        from geco_viz.training.lookout import Lookout

        return View(Lookout(self), panels=("information-plane", "status"))

    def run(
        self,
        executor: Executor | None = None,
        *,
        device: str = "auto",
        progress: bool = True,
        save_every: float = 60.0,
    ) -> Self:
        """Do what is left to do; arguments as `sweep`."""
        save_every = number("save_every", save_every, low=0)
        self._told.clear()
        left = [p for p in self.points if read(self.folder(p) / "result.json") is None]
        self.tabulate()
        with self._bar(left, progress) as bar:
            if executor is None:
                self._here(left, device, save_every, bar)
            else:
                self._there(executor, left, device, save_every, bar)
        self.tabulate()
        return self

    def _here(self, left: list[Point], device: str, save_every: float, bar: _Bar) -> None:
        for point in left:
            name = address(point)
            bar.doing(point)
            record = work(
                point,
                str(self.folder(point)),
                device,
                save_every,
                lambda step, name=name: bar.at(name, step),  # type: ignore[misc]
            )
            self._take(point, record)
            bar.at(name, point["steps"])

    def _there(
        self, executor: Executor, left: list[Point], device: str, save_every: float, bar: _Bar
    ) -> None:
        waiting: dict[Future[Any], Point] = {}
        lost = 0
        try:
            for point in left:
                folder = str(self.folder(point).resolve())
                future = executor.submit(work, point, folder, device, save_every)
                waiting[future] = point
            while waiting:
                done, _ = wait(waiting, timeout=LOOK, return_when=FIRST_COMPLETED)
                for future in done:
                    point = waiting.pop(future)
                    record = _answer(future, point)
                    if record is None:
                        lost += 1
                        continue
                    self._take(point, record)
                    bar.at(address(point), point["steps"])
                for point in waiting.values():
                    far = read(self.folder(point) / "progress.json")
                    bar.at(address(point), far["step"] if far else 0)
        finally:
            for future in waiting:
                future.cancel()
        if lost:
            warnings.warn(
                f"a worker was lost, and the executor with it: {lost} runs are unfinished; the "
                "same call with a new executor goes on with them",
                stacklevel=4,
            )

    def _take(self, point: Point, record: dict[str, Any]) -> None:
        if record["status"] == "failed":
            self._told[address(point)] = record
            asked = ", ".join(f"{k}={v}" for k, v in columns_of(point).items() if v not in ("", {}))
            warnings.warn(f"a run failed ({asked}): {record['error']}", stacklevel=5)
        if time.monotonic() > self._due:
            self.tabulate()

    def tabulate(self) -> None:
        """Write the table of all runs so far; a full disk is a warning, since the runs are safe."""
        begun = time.monotonic()
        try:
            tables.write(self.out, self.rows(), self.table)
        except OSError as error:
            warnings.warn(f"the table of the sweep could not be written: {error}", stacklevel=4)
        self._due = time.monotonic() + REST * (time.monotonic() - begun)

    @contextmanager
    def _bar(self, left: list[Point], show: bool) -> Iterator[_Bar]:
        if not show:
            yield _Bar(None)
            return
        from tqdm.auto import tqdm

        total = sum(point["steps"] for point in self.points)
        already = total - sum(point["steps"] for point in left)
        with tqdm(total=total, initial=already, unit="step", mininterval=0.2) as drawn:
            yield _Bar(drawn)

    def __repr__(self) -> str:
        states = [record["status"] for record in self.records()]
        counts = {state: states.count(state) for state in dict.fromkeys(states)}
        return f"Sweep({len(self.points)} runs: {json.dumps(counts)[1:-1]})"


class _Bar:
    """Steps of all runs in one bar; a run that starts again is not counted twice."""

    def __init__(self, drawn: Any):
        self._drawn = drawn
        self._at: dict[str, int] = {}

    def at(self, name: str, step: int) -> None:
        more = step - self._at.get(name, 0)
        if more > 0 and self._drawn is not None:
            self._at[name] = step
            self._drawn.update(more)

    def doing(self, point: Point) -> None:
        if self._drawn is not None:
            row = columns_of(point)
            self._drawn.set_description(" ".join(str(row[k]) for k in ("data", "objective")))


def _answer(future: Future[Any], point: Point) -> dict[str, Any] | None:
    """A worker's record; a failed one where it died, None where all the executor's work was lost.

    An executor that breaks does not say with whose run: none of those that it had has failed.
    """
    try:
        record: dict[str, Any] = future.result()
    except BrokenExecutor:
        return None
    except Exception as error:
        words = f"the worker was lost: {type(error).__name__}: {error}"
        return {"status": "failed", "point": point, "error": words}
    return record
