"""A run: data, model and objective that train, in the foreground or behind a live view."""

from __future__ import annotations

import copy
import os
import threading
import time
import weakref
from collections import deque
from typing import Any

import torch
from torch import nn

from geco_viz._checks import integer
from geco_viz._files import hold
from geco_viz.objectives import Objective
from geco_viz.training import checkpoint, registry
from geco_viz.training.evaluator import Evaluator
from geco_viz.training.history import History
from geco_viz.training.keeping import Keeping
from geco_viz.training.listeners import Listeners
from geco_viz.training.loop import Loop
from geco_viz.training.observer import Observer
from geco_viz.training.recipe import (
    as_data,
    as_model,
    as_objective,
    device_of,
    is_fresh,
    made_ready,
    settings_for,
)
from geco_viz.training.showing import Showing
from geco_viz.training.stepper import Stepper

__all__ = ["Run"]


class Run(Keeping, Showing):
    """Train a VAE under an objective, watch it and steer it while it trains.

    Args:
        data: a name (`data.names()`), a `data.Dataset`, or a tensor (n, C, H, W) in [0, 1].
        model: a name (`models.names()`), a configuration for `models.build`, or a module with the
            interface of `models.VAE`. Data with a context want a conditional model, others do not.
        objective: `GECO(...)`, `ELBO(...)`, `BetaVAE(...)`, `Annealed(...)`, a constraint, a name,
            or None for GECO on the reconstruction error.
        seed: of the weights, the batches and the posterior samples.
        device: "auto" (CUDA, then MPS, then the CPU) or a torch device.
        out: folder for checkpoints: saved every minute, at each pause and at the end. An earlier
            run that it holds is moved to `earlier/` inside it. The folder is held until `close()`.
            What a run leaves that has diverged is not written over its last good step.
        name: for the title; also the key under which a later run replaces this one.
        lr, betas, clip, batch, samples, decay, threads, noise, bits: see `training.Settings`;
            where None the recipe's.

    Threads: one thread at a time steps. Settings may be assigned from any thread and take effect
    at the next step; `history` may be read by any thread at any time.

    Raises:
        TypeError, ValueError: an argument is not allowed; nothing has been started then.
        OSError: `out` cannot be written, or another process has a run that is saved there.

    Source: Algorithm 1; sections 3.4 and 4.

    Example:
        >>> run = Run("digits", "vae-nvp", seed=0)
        >>> run.train(steps=3, progress=False).history["step"].tolist()
        [1.0, 2.0, 3.0]
        >>> run.kappa = 0.1
        >>> [f"{kappa:.2f}" for kappa in run.step("lambda").history["kappa/re"]]
        ['0.05', '0.05', '0.05', '0.10']
    """

    def __init__(
        self,
        data: Any = "micro-mnist",
        model: Any = "vae-nvp",
        objective: Any = None,
        *,
        seed: int = 0,
        device: str | torch.device = "auto",
        out: str | os.PathLike[str] | None = None,
        name: str | None = None,
        **settings: Any,
    ):
        self.seed = integer("seed", seed, low=0, high=2**63 - 1)
        self.device = device_of(device)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a string or None, got {name!r}")
        self.data = as_data(data)
        x = self.data.x.to(self.device)
        y = None if self.data.y is None else self.data.y.to(self.device)
        context = None if self.data.context is None else self.data.context.to(self.device)
        target = as_objective(objective, len(x), model)
        names = [constraint.name for constraint in target.constraints]
        self.settings = settings_for(len(x), model, names, **settings)
        target = made_ready(target, x, y)
        module = as_model(model, x, self.seed, self.device, context)
        self.loop = Loop(module, target, x, y, context, self.settings, self.seed)
        # One for pictures and one for evaluations, which would keep pictures waiting.
        self._observer, self._judge = (
            Observer(copy.deepcopy(self.average), x, y, context, seed=self.seed ^ salt)
            for salt in (0x5EED, 0xE7A1)
        )
        self.out = None if out is None else checkpoint.prepare(out)

        self.name = name
        self.edits = []
        self.evaluations = History(["step"])
        self.ghosts = ()
        self.version = 0
        self._editing = threading.RLock()
        self._asked = deque()
        self._newest = {}
        self.closers = []
        self.listeners = Listeners()
        self._initial = {"objective": target.spec, "model": getattr(module, "config", None)}
        self._unrepeatable = _unrepeatable(model, target)
        self._since = 0
        self._limit_came = threading.Event()
        self._saved, self._saved_step = time.monotonic(), -1
        self._stepper = Stepper(self._one_step, self._at_rest, self.settings.threads)
        self._evaluator = Evaluator(weakref.ref(self))
        # Earlier runs of this folder and of this cell end, and are saved, before files are moved.
        self._held = None if self.out is None else self._owned(hold(self.out, ends=True))
        registry.register(self, name)
        if self.out is not None:
            checkpoint.set_aside(self.out)
        self._closed = True

    def close(self) -> None:
        """Stop the threads, save a last time to `out` and let go of it, and close the views.

        History, weights and settings stay; a run that goes on afterwards no longer saves itself.
        """
        super().close()
        held, self._held = self._held, None
        if held is not None:
            if self.loop.step:
                self.between_steps(self._at_rest)
            self.out = None
            held.release()


def _unrepeatable(model: Any, objective: Objective) -> str:
    """Why `replay` cannot make the same run again, or an empty string."""
    if isinstance(model, nn.Module):
        return "model was a module, whose first weights the seed does not give; give a name"
    if not is_fresh(objective):
        return "objective was one of your own, or had been used before this run"
    return ""
