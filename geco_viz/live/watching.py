"""`watch`: the dashboard of a training loop that the user owns."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from geco_viz import data as datasets
from geco_viz._checks import Closed
from geco_viz.constraints import Constraint
from geco_viz.constraints.base import check_tensors
from geco_viz.objectives import Objective
from geco_viz.training import History, limits
from geco_viz.training.ghosts import ghost_of
from geco_viz.training.hearing import hear
from geco_viz.training.listeners import Listeners
from geco_viz.training.observer import Observer
from geco_viz.training.records import Ghost, Pictures, Probe, Status
from geco_viz.training.status import phase_of
from geco_viz.training.steering import checked
from geco_viz.training.words import describe

__all__ = ["Watch", "watch"]

NEEDED = ("sample", "decode", "latent_dim")  # by the observer; without `encode` there are no tiles


class Watch(Closed):
    """What `watch` returns: it records a loop of your own, shows it, and steers its GECO.

    Call `step(kl, x, x_hat)` once per training step, after `geco.step()`. Slider moves wait until
    then, so that they take effect between two steps of your loop.
    """

    assignable = "steer by edit('kappa/<name>', value), edit('nu', value) or edit('alpha', value)"
    can_switch = False
    can_play = False
    playing = False
    speed: float | None = None

    def __init__(self, geco: Objective, model: nn.Module | None, x: Tensor | None, title: str):
        if not isinstance(geco, Objective):
            raise TypeError(f"geco must be a GECO or another objective, got {geco!r}")
        if not isinstance(title, str):
            raise TypeError(f"title must be a string, got {title!r}")
        if (model is None) != (x is None):
            raise TypeError("model and x must be given together: pictures need both")
        if x is not None and not isinstance(x, Tensor):
            raise TypeError(f"x must be a tensor of images (n, C, H, W), got {type(x).__name__}")
        lacking = [] if model is None else [name for name in NEEDED if not hasattr(model, name)]
        if lacking:
            raise TypeError(
                f"model must have {', '.join(NEEDED)} and be called as models.VAE is, for pictures;"
                f" {type(model).__name__} lacks {', '.join(lacking)}: leave model and x out"
            )
        self.objective = geco
        self.title = title
        self.data = None if x is None else datasets.from_tensors(x.detach().cpu())
        self.history = History(["step", "loss", "kl", "err/re", "beta", "lr"])
        self.evaluations = History(["step"])
        self.ghosts: tuple[Ghost, ...] = ()
        self.version = 0
        self.listeners = Listeners()
        self.closers: list[Callable[[], None]] = []
        self.edits: list[dict[str, Any]] = []
        self.error: BaseException | None = None
        self._asked: deque[tuple[str, Any]] = deque()
        self._newest: dict[str, Any] = {}
        self._since = 0
        self._limit: Any = None
        self._clock = (time.monotonic(), 0, 0.0)
        self._last_step = -math.inf
        self._model = model
        self._wanted = threading.Event()
        self._observer = None if model is None or x is None else _observer(model, x)
        self._dashboard: Any = None
        if x is not None:
            self._limit = limits.request(x, self._take_limit)
        self._closed = True

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The objective's constraints."""
        return self.objective.constraints

    @property
    def limit(self) -> Any:
        """R(D) of `x`, or None."""
        return self._limit

    @property
    def nu(self) -> float:
        """GECO's learning rate of log lambda."""
        return float(self._newest.get("nu", getattr(self.objective, "nu", math.nan)))

    @property
    def alpha(self) -> float:
        """GECO's moving-average memory."""
        return float(self._newest.get("alpha", getattr(self.objective, "alpha", math.nan)))

    def kappa_of(self, name: str) -> float:
        """A constraint's kappa as it was last asked for."""
        for constraint in self.constraints:
            if constraint.name == name:
                return float(self._newest.get(f"kappa/{name}", constraint.kappa))
        names = ", ".join(c.name for c in self.constraints) or "none"
        raise KeyError(f"no constraint {name!r}; the objective has: {names}")

    def edit(self, what: str, value: Any) -> None:
        """Ask for a change of "kappa/<constraint>", "nu" or "alpha" at the next `step`.

        Raises:
            TypeError, ValueError, KeyError: the value is not allowed; nothing changes then.
        """
        value = checked(self.objective, what, value)
        self._newest[what] = value
        self._asked.append((what, value))
        self._changed()

    @torch.no_grad()
    def step(self, kl: Tensor, x: Tensor, x_hat: Tensor, loss: Tensor | None = None) -> None:
        """Record one step of your loop and make the edits that were asked for.

        Args:
            kl: 0-d or per datum, nats.
            x, x_hat: the batch and its reconstructions, as given to the objective.
            loss: for the record; may be left out.

        Raises:
            TypeError: kl, x or x_hat is no tensor.
            RuntimeError: the objective has not been called yet.
        """
        check_tensors(kl, x, x_hat)
        row = {name: float(value) for name, value in self.objective.record().items()}
        if math.isnan(row["kl"]) and kl.isfinite().all():
            raise RuntimeError("watch.step(kl, x, x_hat) needs a call of geco(kl, x, x_hat) first")
        row["kl"] = float(kl.detach().float().mean())
        row["loss"] = math.nan if loss is None else float(torch.as_tensor(loss).detach())
        for constraint in self.constraints:
            name = f"err/{constraint.name}"
            row[name] = float(constraint.as_kappa(row[name]))
        if "err/re" not in {f"err/{c.name}" for c in self.constraints}:
            row["err/re"] = float((x_hat - x).square().mean().sqrt())
        self.history.append({"step": len(self.history) + 1, **row})
        self._last_step = time.monotonic()
        while self._asked:
            self._apply(*self._asked.popleft())
        if self._wanted.is_set() and self._observer is not None and self._model is not None:
            self._wanted.clear()
            self._observer.refresh(self._model, len(self.history))
        hear()

    def _apply(self, what: str, value: Any) -> None:
        if what.startswith("kappa/"):
            {c.name: c for c in self.constraints}[what[6:]].kappa = value
        else:
            setattr(self.objective, what, value)
        if self._newest.get(what) is value:
            del self._newest[what]
        self._since = len(self.history)
        self.edits.append({"step": len(self.history), "what": what, "value": value})

    def status(self) -> Status:
        """The phase of your loop, in words."""
        since, limit = self._since, self._limit
        phase = phase_of(self.objective, self.history, since, limit)
        words, hint = describe(
            self.objective, self.history, self.evaluations, phase, limit, since, tuple(self.edits)
        )
        if time.monotonic() - self._last_step > 5:
            phase, hint = "paused", "Waiting for watch.step()."
        return Status(phase, words, hint, len(self.history), self._speed(), "your loop")

    def _speed(self) -> float:
        then, step, rate = self._clock
        now = time.monotonic()
        if now - then > 0.5:
            rate = (len(self.history) - step) / (now - then)
            self._clock = (now, len(self.history), rate)
        return rate

    def pictures(self) -> Pictures | None:
        """Pictures of your model, if it was given and has the interface of `models.VAE`."""
        if self._observer is None:
            return None
        if time.monotonic() - self._last_step > 1 and self._model is not None:
            self._observer.refresh(self._model, len(self.history))  # your loop rests
        else:
            # The weights are copied inside your next step; these are of the copy before.
            self._wanted.set()
        return self._observer.pictures()

    def probe(self, z: Any) -> Probe:
        """g(z) and the weights at one latent point of your model."""
        if self._observer is None:
            raise ValueError(
                "watch(geco, model=..., x=...) is needed to look into the latent space"
            )
        return self._observer.probe(z)

    def ghost(self, name: str | None = None) -> Ghost:
        """The trajectory so far, thinned."""
        return ghost_of(self, name)

    def stop(self) -> None:
        """Nothing to stop: the loop is yours."""

    def close(self) -> None:
        """Close the dashboard; the record stays."""
        for closer in list(self.closers):
            closer()

    def dashboard(self) -> Any:
        """Controls and panels for this loop."""
        from geco_viz.live.dashboard import Dashboard

        if self._dashboard is None:
            self._dashboard = Dashboard(self)
        return self._dashboard

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.dashboard()._repr_mimebundle_(**kwargs)

    def _changed(self) -> None:
        self.version += 1
        self.listeners.tell()

    def _take_limit(self, limit: Any) -> None:
        self._limit = limit
        self._changed()

    def __repr__(self) -> str:
        return f"Watch({self.title})"


def watch(
    geco: Objective,
    model: nn.Module | None = None,
    x: Tensor | None = None,
    title: str = "your loop",
) -> Watch:
    """Watch and steer a training loop of your own.

    Args:
        geco: the objective that the loop uses; sliders edit it between two steps.
        model: with the interface of `models.VAE`, for pictures and tiles; needs `x`.
        x: data to show, (n, C, H, W) in [0, 1]; a few dozen at most are worth showing.
        title: for the heading.

    Returns:
        A `Watch`: display it for the dashboard, call its `step(kl, x, x_hat)` in the loop.

    Raises:
        TypeError, ValueError: not an objective; model without x, or without what pictures need;
            x that is no batch of images.

    Example:
        >>> import geco_viz as gv
        >>> geco = gv.GECO(gv.RE(kappa=0.1))
        >>> live = gv.watch(geco)
        >>> x, x_hat = torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.2)
        >>> _ = geco(torch.tensor(1.0), x, x_hat); geco.step()
        >>> live.step(torch.tensor(1.0), x, x_hat)
        >>> round(float(live.history["err/re"][-1]), 3)
        0.2
    """
    return Watch(geco, model, x, title)


def _observer(model: nn.Module, x: Tensor) -> Observer:
    import copy

    return Observer(copy.deepcopy(model).requires_grad_(False), x.detach(), None, None, seed=0)
