"""Keeping a run: its specification, checkpoints, replay and fork."""

from __future__ import annotations

import dataclasses
import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from geco_viz.training import checkpoint, limits
from geco_viz.training.history import History
from geco_viz.training.playing import Playing
from geco_viz.training.recipe import as_objective

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
            OSError: the folder cannot be written; what it held remains.
        """
        folder = checkpoint.prepare(path)
        self.between_steps(lambda: self._save(folder))
        return folder

    def autosave(self) -> None:
        if self.out is not None:
            self._save(self.out)
            self._saved, self._saved_step = time.monotonic(), self.loop.step

    def _save(self, folder: Path) -> None:
        checkpoint.write(folder, *self._state())

    def _state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        import geco_viz

        tensors, loop = self.loop.state()
        tensors["evaluations/rows"] = torch.from_numpy(self.evaluations.rows())
        plain = {
            "spec": self.spec,
            "edits": self.edits,
            "objective": self.loop.objective.spec,
            "loop": loop,
            "evaluations": list(self.evaluations.columns),
            "since": self._since,
            "data_hash": limits.content_hash(self.data.x),
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
            data, model, objective: needed where the run was made with objects of your own.
            device, out: as for `Run`; the loaded run saves itself only if `out` is given.

        Raises:
            CheckpointError: the folder holds no run, or a damaged one.
            ValueError: an object is needed, or the data is not what the run was trained on.
        """
        tensors, plain = checkpoint.read(path)
        run = cls._rebuild(plain["spec"], data, model, plain["objective"], objective, device, out)
        if limits.content_hash(run.data.x) != plain["data_hash"]:
            raise ValueError(f"data is not what the run in {str(path)!r} was trained on")
        run._restore(tensors, plain)
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
        out: str | os.PathLike[str] | None,
    ) -> Self:
        from geco_viz import data as datasets

        for name, given, kept in (
            ("data", data, spec["data"]),
            ("model", model, spec["model"]),
            ("objective", objective, saved_objective),
        ):
            if given is None and kept is None:
                raise ValueError(
                    f"{name} must be given: the run was made with a {name} of your own, "
                    f"which a checkpoint cannot rebuild"
                )
        run = cls(
            datasets.load(**spec["data"]) if data is None else data,
            spec["model"] if model is None else model,
            saved_objective if objective is None else objective,
            seed=spec["seed"],
            device=device,
            out=out,
            name=spec["name"],
            **spec["settings"],
        )
        run._initial = {"objective": spec["objective"], "model": spec["model"]}
        return run

    def _restore(self, tensors: dict[str, torch.Tensor], plain: dict[str, Any]) -> None:
        self.loop.restore(tensors, plain["loop"])
        rows = tensors["evaluations/rows"].cpu().numpy()
        self.evaluations = History.from_rows(plain["evaluations"], rows)
        self.edits = [dict(edit) for edit in plain["edits"]]
        self._since = plain["since"]
        self._observer.refresh(self.average, self.loop.step)

    def fork(self) -> Self:
        """A second run that goes on from the present state; the first one is left as it is."""
        tensors, plain = self.between_steps(self._state)
        tensors = {name: value.clone() for name, value in tensors.items()}
        spec = plain["spec"]
        if spec["model"] is None or plain["objective"] is None:
            raise ValueError("fork() needs a model and an objective that can be rebuilt by name")
        other = type(self)(
            self.data,
            spec["model"],
            plain["objective"],
            seed=self.seed,
            device=self.device,
            name=self.name,
            **spec["settings"],
        )
        other._initial = dict(self._initial)
        other._restore(tensors, plain)
        return other

    def replay(self, progress: bool = True) -> Self:
        """Run it again from the seed, with every edit at its step; returns the new run.

        On one CPU the history comes out the same, bit for bit.

        Raises:
            ValueError: an edit or a part was an object of your own, which cannot be replayed.
        """
        from geco_viz.training.progress import bar, deferred_interrupt

        spec, target = self.spec, self.between_steps(lambda: self.loop.step)
        edits = [dict(edit) for edit in self.edits]
        if any(edit["what"] == "objective" and edit["value"] is None for edit in edits):
            raise ValueError("replay() cannot repeat a switch to an objective of your own")
        again = self._rebuild(spec, self.data, None, spec["objective"], None, self.device, None)
        with (
            deferred_interrupt() as interrupted,
            bar(target, again, progress) as advance,
            again._stepper.foreground(),
        ):
            while again.loop.step < target and not interrupted():
                again._repeat(edits)
                advance()
        return again

    def _repeat(self, edits: list[dict[str, Any]]) -> None:
        """One step, after the edits that were logged at this step."""
        what = "both"
        while edits and edits[0]["step"] <= self.loop.step:
            edit = edits.pop(0)
            if edit["what"] == "train":
                self._log("train", edit["value"])
                self.loop.schedule.stretch(self.loop.step, edit["value"])
            elif edit["what"] == "play":
                self._log("play", None)
                self.loop.schedule.hold(self.loop.step)
            elif edit["what"] == "step":
                self._log("step", edit["value"])
                what = edit["value"]
                break
            elif edit["what"] == "objective":
                self.edit("objective", as_objective(edit["value"], len(self.loop.x)))
                self._apply()
            else:
                self.edit(edit["what"], edit["value"])
                self._apply()
        with self.lock:
            self._one_step(what)
