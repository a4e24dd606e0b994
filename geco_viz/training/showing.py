"""What a run shows: its state in words, pictures, evaluations, the limit, and the live views."""

from __future__ import annotations

import os
import time
from typing import Any

import torch
from torch import Tensor

from geco_viz._checks import integer
from geco_viz.data import Dataset
from geco_viz.training import limits
from geco_viz.training.ghosts import ghost_of
from geco_viz.training.playing import Playing
from geco_viz.training.recipe import SMALL, test_split
from geco_viz.training.records import Ghost, Pictures, Probe, Status
from geco_viz.training.status import phase_of
from geco_viz.training.words import describe

__all__ = ["Showing"]

WORDS = {
    "micro-mnist": "Micro-MNIST",
    "mnist": "MNIST",
    "color-mnist": "Color-MNIST",
    "mnist-triplets": "MNIST-triplets",
    "mnist-sum": "MNIST-sum",
    "mnist-sum-hard": "MNIST-sum-hard",
    "mnist-rotate": "MNIST-rotate",
    "cifar10": "CIFAR-10",
    "celeba": "CelebA",
    "digits": "digits",
    "vae": "VAE",
    "vae-nvp": "VAE+NVP",
    "conv-vae-nvp": "conv VAE+NVP",
    "cvae": "conditional VAE",
    "convdraw": "ConvDRAW",
    "convdraw-conditional": "conditional ConvDRAW",
}
FEWER = 1000  # data on which a costly model is evaluated, and held-out data on which any is


class Showing(Playing):
    """The side of a run that live views, reports and people read."""

    can_switch = True  # objectives may be exchanged
    can_play = True  # there is a thread to play and pause
    _held_out: Dataset | None = None
    _held_out_asked = False
    _limit: Any = None
    _limit_asked = False
    _clock: tuple[float, int, float] = (0.0, 0, 0.0)
    evaluation_error: Exception | None = None

    @property
    def title(self) -> str:
        """Data, model and objective, for a heading."""
        if self.name:
            return self.name
        config = getattr(self.model, "config", None) or {}
        model = config.get("name", type(self.model).__name__)
        objective = self.objective.name.upper() if self.objective.name != "beta" else "β-VAE"
        if self.objective.name != "rate-limit":  # whose name says it
            objective = "+".join([objective, *(c.label for c in self.constraints)])
        data = WORDS.get(self.data.name, self.data.name)
        return " · ".join([data, WORDS.get(model, model), objective])

    def __repr__(self) -> str:
        return f"Run({self.title}, {self.loop.step} steps)"

    @property
    def playing(self) -> bool:
        """Whether the run is stepping in the background."""
        return self._stepper.playing

    def status(self) -> Status:
        """The phase, a sentence with the figures, a hint, steps made and steps per second."""
        objective, history = self.loop.objective, self.history
        since, limit = self._since, self._limit
        phase = phase_of(objective, history, since, limit)
        words, hint = describe(
            objective, history, self.evaluations, phase, limit, since, tuple(self.edits)
        )
        if self.error is not None:
            phase, words, hint = (
                "failed",
                f"{str(self.error) or type(self.error).__name__}.",
                f"The history up to here is kept. {words}",
            )
        elif not self._stepper.moving:
            phase, hint = ("paused" if self._stepper.alive else "stopped"), ""
        for trouble, problem in (
            ("The run could not be saved", self.save_error),
            ("Evaluations have stopped", self.evaluation_error),
        ):
            if problem is not None:
                hint = f"{trouble}: {problem}. {hint}".strip()
        if self.data.note:
            hint = f"{hint} {self.data.note}".strip()
        return Status(phase, words, hint, self.loop.step, self._speed(), str(self.device))

    def _speed(self) -> float:
        if not self._stepper.moving:
            self._clock = (time.monotonic(), self.loop.step, 0.0)
            return 0.0
        then, step, rate = self._clock
        now = time.monotonic()
        if now - then > 0.5:
            rate = (self.loop.step - step) / (now - then) if now - then < 10 else 0.0
            self._clock = (now, self.loop.step, rate)
        return rate

    def _snapshot(self) -> tuple[dict[str, Tensor], int]:
        """The averaged weights and their step, copied between two steps.

        Copied only: the stepping thread must never wait for who looks at them.
        """

        def copy() -> tuple[dict[str, Tensor], int]:
            state = self.average.state_dict()
            kept = {name: value.clone() for name, value in state.items() if torch.is_tensor(value)}
            return kept, self.loop.step

        return self.between_steps(copy)

    def pictures(self) -> Pictures:
        """Data, reconstructions, samples and posterior tiles of the averaged weights."""
        self._observer.refresh(*self._snapshot())
        return self._observer.pictures()

    def probe(self, z: Any) -> Probe:
        """g(z), the weights w_i(z) of eq. 4, and whether z lies in a hole."""
        return self._observer.probe(z)

    def evaluate(
        self, samples: int | None = None, data: int | None = None
    ) -> dict[str, tuple[float, float]]:
        """Evaluate the averaged weights, append the row to `evaluations`, and return it.

        Args:
            samples: posterior samples per datum; by default 1000 for small sets and 1 for others,
                with convolutions 10 times fewer for small sets.
            data: on how many data, evenly spread over the training set; by default all of them,
                with convolutions at most 1000.

        Returns:
            kappa_hat/<constraint>, kl, overlap, marginal_kl, holes, tile_mass, ...: each a value
            and its standard error, in the units of `evaluation.evaluate`; where the KL is a sum,
            kl/1, kl/2, ...: each step's or latent's; and held_out/kappa_hat/<constraint> and
            held_out/kl where there are data kept from training.
        """
        costly = self._judge.costly
        if samples is None:
            samples = (100 if costly else 1000) if len(self.data) <= SMALL else 1
        if data is None and costly:
            data = FEWER
        integer("samples", samples, low=1)
        if data is not None:
            integer("data", data, low=1)
        weights, step = self._snapshot()
        with self._judge.lock:  # one evaluation at a time: the history has one writer
            self._judge.refresh(weights, step)
            found = self._judge.evaluate(self._measured(), samples, data)
            if (other := self.held_out) is not None:
                seen = self._judge.evaluate(self._measured(), 1, FEWER, other)
                found |= {f"held_out/{k}": v for k, v in seen.items() if _is_shown(k)}
            row: dict[str, float] = {"step": step}
            for name, (value, error) in found.items():
                row |= {name: value, f"{name}/se": error}
            self.evaluations.append(row)
        self.evaluation_error = None
        self._changed()
        return found

    @property
    def held_out(self) -> Dataset | None:
        """Data kept from training; evaluations look at up to 1000 of them too.

        By default the test split of a set that has one; None where there is none. Assign a
        `Dataset` of your own, or None to look at the training set alone.
        """
        if not self._held_out_asked:
            self._held_out_asked = True
            self._held_out = test_split(self.data)
        return self._held_out

    @held_out.setter
    def held_out(self, value: Dataset | None) -> None:
        if value is not None:
            if not isinstance(value, Dataset):
                raise TypeError(f"held_out must be a Dataset or None, got {type(value).__name__}")
            told = [None if d.context is None else d.context.shape[1:] for d in (value, self.data)]
            if value.shape != self.data.shape or told[0] != told[1]:
                raise ValueError(
                    f"held_out must have images of shape {self.data.shape} and contexts like the "
                    f"training set's, got {value}"
                )
        self._held_out, self._held_out_asked = value, True

    def _measured(self) -> list[Any]:
        """The objective's constraints, and the reconstruction error under every objective."""
        from geco_viz.constraints import RE

        constraints = list(self.constraints)
        if "re" not in {constraint.name for constraint in constraints}:
            constraints.append(RE(kappa=1.0))
        return constraints

    @property
    def limit(self) -> Any:
        """R(D) of the training data, of 1000 of them if there are more; None until it is computed.

        None for good for conditional data: their context is side information, which R(D) ignores.
        """
        if not self._limit_asked:
            self._limit_asked = True
            if self.data.context is None:
                known = limits.request(self.data.x, self._take_limit)
                if known is not None:
                    self._limit = known
                    self._limit_came.set()
            else:
                self._limit_came.set()
        return self._limit

    def wait_for_limit(self) -> Any:
        """`limit`, waited for: a second for up to 64 data, a minute or more for 1000."""
        if self.limit is None:
            self._limit_came.wait()
        return self._limit

    def _take_limit(self, limit: Any) -> None:
        self._limit = limit
        self._limit_came.set()
        self._changed()

    def ghost(self, name: str | None = None) -> Ghost:
        """The trajectory so far, thinned, to be kept beside a later run."""
        return ghost_of(self, name)

    def close(self) -> None:
        """Stop the threads and close the views; history, weights and settings stay."""
        self.stop()
        for closer in list(self.closers):
            closer()

    def dashboard(self) -> Any:
        """The live dashboard of this run: controls, panels and the status line."""
        from geco_viz.live import Dashboard

        return Dashboard(self)

    def controls(self) -> Any:
        """The ipywidgets that steer this run, for a layout of your own."""
        from geco_viz.live import Controls

        return Controls(self)

    def view(self, *panels: str) -> Any:
        """Live panels of this run, for example `run.view("information-plane", "tiling")`."""
        from geco_viz.live import View

        return View(self, panels=panels) if panels else View(self)

    def report(self, path: str | os.PathLike[str]) -> Any:
        """Write one HTML file with figures, settings, evaluations and edits; it opens offline.

        Waits for the limit R(D), where it is not known yet.
        """
        from geco_viz.plots import report

        return report(self, path)


def _is_shown(name: str) -> bool:
    """What is told of held-out data: the error reached and the KL."""
    return name == "kl" or name.startswith("kappa_hat/")
