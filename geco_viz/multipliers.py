"""Multipliers of constraints: settings, the moving average, read-outs and state; no rule yet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from geco_viz._audit import FORGOTTEN, look_at_call, look_at_kl, say_forgotten
from geco_viz._checks import number
from geco_viz.constraints import Constraint
from geco_viz.constraints.base import check_tensors
from geco_viz.edits import Edits
from geco_viz.objectives import Objective

__all__ = ["Multipliers"]


class Multipliers(Objective):
    """What every form of Algorithm 1 has: `forward` and `step`, the algorithm, are a subclass's.

    Args and errors are those of `GECO`.
    """

    assignable = "assign nu or alpha"
    name = "geco"
    normalise = True
    _defaults = (0.05, 0.9)  # nu, alpha
    _bounds: tuple[float, float | None] = (1e-4, None)  # of lambda

    def __init__(
        self,
        constraints: Sequence[Constraint],
        nu: float | None,
        alpha: float | None,
        lambda_min: float | None,
        lambda_max: float | None,
        lambda_init: float | None,
        clip: float,
    ):
        super().__init__(constraints)
        if not constraints:
            raise TypeError("GECO needs at least one constraint, for example GECO(RE(kappa=0.1))")
        self._nu: float | None = None
        self._alpha: float | None = None
        self._lambda_init: float | None = None
        self.fill(nu, alpha)
        lambda_min = self._bounds[0] if lambda_min is None else lambda_min
        lambda_max = self._bounds[1] if lambda_max is None else lambda_max
        self._bound(lambda_min, lambda_max, clip)
        high = math.inf if self._lambda_max is None else self._lambda_max
        if lambda_init is not None:
            number("lambda_init", lambda_init, low=self.lambda_min, high=high)
        self._lambda_init = lambda_init
        start = min(max(1.0, self.lambda_min), high) if lambda_init is None else lambda_init

        count = len(constraints)
        self.register_buffer("log_multiplier", torch.full((count,), math.log(start)))
        self.register_buffer("average", torch.zeros(count))
        self.register_buffer("started", torch.zeros(count, dtype=torch.bool))
        self.log_multiplier: Tensor
        self.average: Tensor
        self.started: Tensor
        self._audited = False
        self._calls: list[tuple[Tensor, int]] = []  # errors and batch lengths since the last step
        self._pixels = 0
        self._constants: dict[tuple[float, ...], Tensor] = {}
        self.edits = Edits(count)

    def _bound(self, low: float, cap: float | None, clip: float) -> None:
        self.clip = number("clip", clip, low=0, open_low=True) if self.normalise else math.inf
        self.lambda_min = number("lambda_min", low, low=0, open_low=True)
        self._lambda_max = None if cap is None else number("lambda_max", cap, low=0)
        if self._lambda_max is not None and not self.lambda_min < self._lambda_max:
            raise ValueError(f"lambda_max must be > lambda_min = {low}, got {cap}")

    @property
    def nu(self) -> float:
        """Learning rate of the log multipliers; a new value takes effect at the next `step()`."""
        return self._defaults[0] if self._nu is None else self._nu

    @nu.setter
    def nu(self, value: float) -> None:
        self._nu = number("nu", value, low=0)

    @property
    def alpha(self) -> float:
        """Memory of the moving average; a new value takes effect at the next `step()`."""
        return self._defaults[1] if self._alpha is None else self._alpha

    @alpha.setter
    def alpha(self, value: float) -> None:
        self._alpha = number("alpha", value, low=0, high=1, open_high=True)

    def fill(
        self,
        nu: float | None = None,
        alpha: float | None = None,
        lambda_init: float | None = None,
    ) -> None:
        """Set what is still None, as a `Run` does with its recipe; what was set stays.

        A start outside the bounds of lambda is put onto the nearer one, and none is set once
        `step()` has been called.
        """
        if self._nu is None and nu is not None:
            self.nu = nu
        if self._alpha is None and alpha is not None:
            self.alpha = alpha
        if self._lambda_init is None and lambda_init is not None and not self.started.any():
            high = math.inf if self._lambda_max is None else self._lambda_max
            self._lambda_init = min(max(lambda_init, self.lambda_min), high)
            self.log_multiplier.fill_(math.log(self._lambda_init))

    @property
    def lambda_max(self) -> float:
        """The cap of every multiplier, nats: as given, or d_x / 2 of the data and at least 100."""
        if self._lambda_max is None:
            return max(self._pixels / 2, 100.0)
        return self._lambda_max

    def _take(self, kl: Tensor, x: Tensor, x_hat: Tensor, y: Tensor | None) -> None:
        """Check a call's tensors, go to their device and count the pixels."""
        check_tensors(kl, x, x_hat, y)
        if not self._audited:
            look_at_kl(kl, len(x))
        if self.log_multiplier.device != x_hat.device:
            self.to(x_hat.device)
        if self._pixels != x.shape[1:].numel():
            self._pixels = x.shape[1:].numel()

    def _terms(
        self, kl: Tensor, x: Tensor, x_hat: Tensor, y: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """What is minimised, and the errors that are held, one for each constraint."""
        errors = [self._error_of(c, x, x_hat, y) for c in self.constraints]
        if not self._audited:
            self._audited = look_at_call(self, kl, x, x_hat, errors)
        return kl, torch.stack(errors)

    def _keep(
        self, kl: Tensor, errors: Tensor, lagrangian: Tensor, multiplier: Tensor, length: int
    ) -> None:
        """Keep what a call saw, for `record` and, in training, for the next `step`."""
        errors = errors.detach()
        if self.training and torch.is_grad_enabled():
            self._calls.append((errors, length))
            if len(self._calls) == FORGOTTEN:
                say_forgotten()
        self._note(kl, errors, lagrangian, multiplier)

    def _batch(self, reduce: Callable[[Tensor], Tensor] | None) -> Tensor:
        """The mean error of all calls since the last step, weighted by their batches' lengths."""
        if reduce is not None and not callable(reduce):
            raise TypeError(f"reduce must be a function of the errors or None, got {reduce!r}")
        calls = self._calls
        if not calls:
            raise RuntimeError(
                "geco.step() needs a call of geco(kl, x, x_hat) in training mode since the last one"
            )
        batch = calls[0][0]
        if len(calls) > 1:
            count = sum(length for _, length in calls)
            batch = torch.stack([errors * (length / count) for errors, length in calls]).sum(0)
        calls.clear()
        return batch if reduce is None else reduce(batch)

    def _move_average(self, batch: Tensor) -> Tensor:
        """Take a batch's errors into the average; returns which are finite, and were taken."""
        finite = batch - batch == 0  # isfinite() takes four kernels
        self.average.copy_(torch.where(finite, self._averaged(batch), self.average))
        self.started.logical_or_(finite)
        return finite

    def _averaged(self, batch: Tensor) -> Tensor:
        average = self.average
        if batch.dtype != average.dtype:
            batch = batch.to(average.dtype)
        return torch.where(self.started, torch.lerp(average, batch, 1 - self.alpha), batch)

    def _constant(self, values: Sequence[float]) -> Tensor:
        """A small constant on the errors' device; kept, since making one there costs a transfer."""
        key, device = tuple(values), self.log_multiplier.device
        found = self._constants.get(key)
        if found is None or found.device != device:
            if len(self._constants) > 64:
                self._constants.clear()
            self._constants[key] = found = torch.tensor(key, dtype=torch.float32, device=device)
        return found

    def _tolerances(self) -> list[float]:
        return [c.tolerance(c.kappa) for c in self.constraints]

    def _inverse_tolerance(self) -> Tensor:
        return self._constant([1 / tolerance for tolerance in self._tolerances()])

    def _keep_in_bounds(self) -> None:
        self.log_multiplier.clamp_(math.log(self.lambda_min), math.log(self.lambda_max))

    @property
    def multiplier(self) -> dict[str, float]:
        """Each constraint's lambda, nats (nats per summed error with normalise=False)."""
        return self._named(self.log_multiplier.exp())

    @property
    def error(self) -> dict[str, float]:
        """The moving average of each constraint's error, in the units of its kappa."""
        raw = self._named(self.average)
        return {c.name: float(c.as_kappa(raw[c.name])) for c in self.constraints}

    @property
    def constraint(self) -> dict[str, float]:
        """Each dimensionless c = average error / tolerance - 1: <= 0 where it is met."""
        return self._named(self.average * self._inverse_tolerance() - 1)

    @property
    def beta(self) -> float | None:
        r"""The equivalent Gaussian decoder's variance, d_x kappa^2 / (2 lambda), data units^2.

        None without an RE constraint or before the first call. With normalise=False the Lagrangian
        is KL + lambda SSE, so beta = 1 / (2 lambda) (eq. 19, 20).
        """
        value = self._row(self.log_multiplier.exp()).get("beta")
        return None if value is None else float(value)

    def record(self) -> dict[str, Tensor | float]:
        return super().record() | self._row(self._last[3])

    def _row(self, multipliers: Tensor) -> dict[str, Tensor | float]:
        row: dict[str, Tensor | float] = {}
        for constraint, multiplier in zip(self.constraints, multipliers.unbind(), strict=True):
            row[f"kappa/{constraint.name}"] = constraint.kappa
            row[f"multiplier/{constraint.name}"] = multiplier
            if constraint.name == "re" and self._pixels:
                row["beta"] = 0.5 * self._beta_scale(constraint.kappa) / multiplier
        return row

    def _beta_scale(self, kappa: float) -> float:
        """2 beta lambda."""
        return self._pixels * kappa**2

    @property
    def spec(self) -> dict[str, Any] | None:
        parts = [c.spec for c in self.constraints]
        if any(part is None for part in parts):
            return None
        return {
            "name": self.name,
            "constraints": parts,
            "nu": self._nu,
            "alpha": self._alpha,
            "lambda_min": self.lambda_min,
            "lambda_max": self._lambda_max,
            "lambda_init": self._lambda_init,
            "normalise": self.normalise,
            "clip": self.clip if self.normalise else 1.0,
        }

    # nu and alpha may have been moved live, and the default cap waits for data: all resume exactly.
    def get_extra_state(self) -> Tensor:
        open_ = [self._nu, self._alpha, self._lambda_max]
        nu, alpha, cap = (math.nan if value is None else value for value in open_)
        settings = [nu, alpha, self.lambda_min, cap, self.clip, float(self._pixels)]
        return torch.tensor([*settings, *self.edits.state], dtype=torch.float64)

    def set_extra_state(self, state: Tensor) -> None:
        lengths = 6, 6 + 2 * len(self.constraints)  # 0.1 had no edits
        if state.ndim != 1 or len(state) not in lengths:
            raise ValueError(f"GECO's state must be {lengths} numbers, got {tuple(state.shape)}")
        nu, alpha, low, cap, clip, pixels, *edits = state.tolist()
        self._bound(low, None if math.isnan(cap) else cap, clip)
        self._nu = self._alpha = None
        self.fill(*(None if math.isnan(value) else value for value in (nu, alpha)))
        self._pixels = int(number("pixels", pixels, low=0))
        if edits:
            self.edits.state = edits

    def extra_repr(self) -> str:
        return f"nu={self.nu:g}, alpha={self.alpha:g}, normalise={self.normalise}"
