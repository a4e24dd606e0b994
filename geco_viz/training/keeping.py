"""Keeping a run: its specification, checkpoints, replay and fork."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import os
import platform
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from geco_viz._files import LOCK, Hold, hold
from geco_viz.training import checkpoint, limits
from geco_viz.training.history import History
from geco_viz.training.playing import Playing
from geco_viz.training.recipe import as_data, as_model, as_objective, device_of
from geco_viz.training.schema import check_given, check_model, check_tensors, saved_data

__all__ = ["Keeping"]


class Keeping(Playing):
    """The side of a run that outlives the process."""

    if TYPE_CHECKING:  # Run's constructor, which this side calls

        def __init__(self, data: Any, model: Any, objective: Any, **settings: Any) -> None: ...

    @property
    def spec(self) -> dict[str, Any]:
        """Plain data that rebuilds the run as it began; None stands for an object of your own."""
        return {
            "data": dict(self.data.info) or None,
            "model": self._initial["model"] or None,
            "objective": self._initial["objective"],
            "settings": {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in dataclasses.asdict(self.settings).items()
            },
            "seed": self.seed,
            "name": self.name,
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a checkpoint folder, between two steps and atomically; returns its path.

        Raises:
            OSError: the folder cannot be written or is another run's `out`; what it held remains.
            ValueError: the run has diverged, and the folder, its `out`, holds an earlier step.
        """
        folder = checkpoint.prepare(path, "path")
        mine = self._held is not None and self._held.folder == folder.resolve()
        if mine and self.loop.diverged and self.loop.saved >= 0:
            raise ValueError(
                f"path must be another folder than out: the run has diverged, and {str(path)!r} "
                f"holds it at step {self.loop.saved}"
            )

        def save() -> None:
            # Nobody has held a folder in which there is no lock.
            free = mine or not (folder / LOCK).exists()
            with contextlib.nullcontext() if free else hold(folder):
                self._save(folder)

        self.between_steps(save)
        return folder

    def _owned(self, held: Hold) -> Hold:
        """Be what ends where another run of this process wants the folder, unless it is shared."""
        if not held.shared:
            held.owner = weakref.ref(self)
        return held

    def autosave(self) -> None:
        """Save to `out`, by the stepping thread; a full disk is told and does not end training.

        Weights that training has spoilt are not written over an earlier checkpoint.
        """
        if self.out is None:
            return
        self._saved, self._saved_step = time.monotonic(), self.loop.step
        if self.loop.saved >= 0 and self.loop.spoilt:
            return
        try:
            self._save(self.out)
        except OSError as error:
            self.save_error = error
        else:
            self.save_error, self.loop.saved = None, self.loop.step

    @functools.cached_property
    def _data_hash(self) -> str:
        # Once: it takes a quarter of a second for MNIST, and autosaves hold up the stepping thread.
        return limits.data_hash(self.data)

    def _save(self, folder: Path) -> None:
        checkpoint.write(folder, *self._state())

    def _state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """All of the run, by the stepping thread or between steps; edits still asked for are in."""
        import geco_viz

        self._apply()
        tensors, loop = self.loop.state()
        columns = list(self.evaluations.columns)  # before the rows, which another thread appends
        rows = np.ascontiguousarray(self.evaluations.rows()[:, : len(columns)])
        tensors["evaluations/rows"] = torch.from_numpy(rows)
        plain = {
            "format": self._format,
            "spec": self.spec,
            "edits": self.edits,
            "objective": self.loop.objective.spec,
            "loop": loop,
            "evaluations": columns,
            "since": self._since,
            "unrepeatable": self._unrepeatable,
            "data_hash": self._data_hash,
            "device": str(self.device),
            "versions": {
                "geco_viz": geco_viz.__version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        }
        return tensors, plain

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        data: Any = None,
        model: Any = None,
        objective: Any = None,
        device: str | torch.device = "auto",
        out: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Open a saved run and go on from there, bit for bit on a CPU.

        Args:
            path: the folder that `save` or `out` wrote.
            data, model, objective: needed where the run was made with objects of your own; data
                also where it came from a `root`, which a folder may not name.
            device, out: as for `Run`; the loaded run saves itself only if `out` is given. With
                the folder it came from it goes on there.

        Raises:
            CheckpointError: the folder holds no run, a damaged one, or one that does not fit the
                objects given.
            TypeError, ValueError: an object is needed, or what was given is wrong.
            OSError: the data set's files are not in the usual places.
        """
        from geco_viz.models.builders import as_saved

        tensors, plain = checkpoint.read(path)
        spec = plain["spec"]
        saved = {**spec, "objective": plain["objective"]}
        check_given(saved, data=data, model=model, objective=objective)
        theirs = data is None
        if theirs:
            with checkpoint.blamed(path):
                data = saved_data(**spec["data"])
        dataset = as_data(data)
        if limits.data_hash(dataset) != plain["data_hash"]:
            wrong = f"data is not what the run in {str(path)!r} was trained on"
            raise checkpoint.CheckpointError(wrong) if theirs else ValueError(wrong)
        # What the caller gave is made first, so that what is wrong with it is said as it is.
        device = device_of(device)
        if objective is not None:
            maker = spec["model"] if model is None else model
            objective = as_objective(objective, len(dataset.x), maker)
        if model is not None:
            model = as_model(model, dataset.x, spec["seed"], device, dataset.context)
        else:
            with checkpoint.blamed(path):
                check_model(as_saved(spec["model"]), tensors, dataset.x, dataset.context)
        with contextlib.ExitStack() as undo:
            folder = None if out is None else checkpoint.prepare(out)
            held = folder and undo.enter_context(hold(folder, ends=True))
            with checkpoint.blamed(path):
                run = cls._rebuild(spec, dataset, model, plain["objective"], objective, device)
            # Again: an earlier run of this cell or folder has ended just now and saved itself.
            tensors, plain = checkpoint.read(path)
            with checkpoint.blamed(path):
                run._restore(tensors, plain)
            if folder and held:
                if folder.resolve() != Path(path).expanduser().resolve():
                    checkpoint.set_aside(folder)
                else:
                    run.loop.saved = run.loop.step
                run.out, run._held = folder, run._owned(held)
            undo.pop_all()
        return run

    @classmethod
    def _rebuild(
        cls,
        spec: dict[str, Any],
        data: Any,
        model: Any,
        saved_objective: Any,
        objective: Any,
        device: str | torch.device,
    ) -> Self:
        from geco_viz.models.builders import as_saved

        run = cls(
            data,
            as_saved(spec["model"]) if model is None else model,
            saved_objective if objective is None else objective,
            seed=spec["seed"],
            device=device,
            name=spec["name"],
            **spec["settings"],
        )
        run._initial = {"objective": spec["objective"], "model": spec["model"]}
        return run

    def _restore(self, tensors: dict[str, torch.Tensor], plain: dict[str, Any]) -> None:
        fresh, _ = self.loop.state()
        slots = [p for group in self.loop.optimizer.param_groups for p in group["params"]]
        check_tensors(tensors, fresh, slots, plain, len(self.loop.x))
        self.loop.restore(tensors, plain["loop"])
        rows = tensors["evaluations/rows"].cpu().numpy()
        self.evaluations = History.from_rows(plain["evaluations"], rows)
        self.edits = [dict(edit) for edit in plain["edits"]]
        self._since, self._unrepeatable = plain["since"], plain["unrepeatable"]
        self._go_by(plain["format"])
        self._observer.refresh(self.average, self.loop.step)

    def __reduce_ex__(self, protocol: Any) -> Any:  # of copy, deepcopy and pickle
        raise TypeError(
            "a run has threads and an open folder and cannot be copied or pickled: "
            "run.fork() makes a second one, run.save(path) keeps it"
        )

    def fork(self) -> Self:
        """A second run that goes on from the present state; the first one is left as it is."""
        tensors, plain, model, objective = self.between_steps(
            lambda: copy.deepcopy((*self._state(), self.model, self.loop.objective))
        )
        # Without the name, under which it would replace the first one.
        other = type(self)(
            self.data,
            model,
            objective,
            seed=self.seed,
            device=self.device,
            **plain["spec"]["settings"],
        )
        other.name, other._initial = self.name, dict(self._initial)
        other._restore(tensors, plain)
        return other

    def replay(self, progress: bool = True) -> Self:
        """Run it again from the seed, with every edit at its step; returns the new run.

        On one CPU the history comes out the same, bit for bit.

        Raises:
            ValueError: an edit or a part was an object of your own or had been used before.
        """
        from geco_viz.training.progress import bar, deferred_interrupt

        spec = self.spec
        target, edits = self.between_steps(lambda: (self.loop.step, copy.deepcopy(self.edits)))
        if self._unrepeatable:
            raise ValueError(f"replay() cannot repeat this run: {self._unrepeatable}")
        if any(edit["what"] == "objective" and edit["value"] is None for edit in edits):
            raise ValueError(
                "replay() cannot repeat a switch to an objective of your own, or to one that had "
                "been used before"
            )
        parts = {**spec, "name": None}  # under its name it would replace this run
        again = self._rebuild(parts, self.data, None, spec["objective"], None, self.device)
        again.name = self.name
        again._go_by(self._format)
        with (
            deferred_interrupt() as interrupted,
            bar(target, again, progress) as advance,
            again._stepper.foreground(),
        ):
            while again.loop.step < target and not interrupted():
                again._repeat(edits)
                advance()
        return again
