"""GECO, Algorithm 1: the KL under constraints, with multipliers that set themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from geco_viz._audit import FORGOTTEN, look_at_call, look_at_kl, say_forgotten
from geco_viz._checks import number
from geco_viz.constraints import Constraint, full_precision
from geco_viz.constraints.base import check_tensors
from geco_viz.edits import Edits
from geco_viz.objectives import Objective

__all__ = ["GECO"]

FAINT = 0.1  # nats: below it lambda moves by up to LIFT times as much, or it would not come back
LIFT = 10.0


class GECO(Objective):
    r"""Minimise the KL subject to constraints on the reconstructions.

    With :math:`c_l = \mathrm{error}_l / \mathrm{tolerance}(\kappa_l) - 1` the loss of a batch is

    .. math:: \frac{\mathrm{KL} + \sum_l \lambda_l c_l}{1 + \sum_l \lambda_l},

    which has the minimiser of the Lagrangian (eq. 2) at fixed multipliers and gradients of one
    size. `step()` then moves the average of the error and the multipliers, once,

    .. math:: \bar e \leftarrow \alpha \bar e + (1 - \alpha) \hat e, \qquad
        \log \lambda \leftarrow \log \lambda + \nu \min(\bar c, \mathrm{clip}) .

    The average is that of the *error*, so a new kappa takes effect at once: at the next call its
    lambda is multiplied by the square root of the ratio of tolerances (by kappa'/kappa for RE),
    within its bounds, and after an edit that loosens log lambda moves by the change of its c too,
    ever less, which damps what follows; `Edits` says why. Other constraints' lambdas stay. Below
    .1 nats lambda moves up to ten times as fast, so that a constraint that was slack is felt soon
    after it is violated.
    None of this with normalise=False, whose lambda is a price of the raw error.

    Args:
        constraints: one or more `Constraint`, with different names.
        nu: learning rate of log lambda, .05 where None. Keep nu * s / (1 - alpha) below about 1,
            with s = d ln D / d ln beta, 1 for Gaussian data and 4 to 7 for MNIST; above it lambda
            swings. A loop that lowers the weights' learning rate sets `pace` to that factor, and
            nu falls with its square root for constraints that say `settles`.
        alpha: the moving average's memory, in [0, 1); .9 where None.
        lambda_min, lambda_max: bounds of every multiplier, nats. lambda_max is d_x / 2 by default,
            which bounds lambda* for Gaussian data of d_x pixels.
        lambda_init: where every multiplier starts, nats; 1 where None. From there the KL may fall
            to zero before lambda has grown, and a deep model takes hundreds of steps to come back.
            A `Run` fills nu, alpha and lambda_init from its recipe where they are None.
        normalise: False is Algorithm 1 to the letter: C summed over pixels (Table 1), the average
            in the value and the batch in the gradient, no division, no clip, and only a numerical
            cap. Its defaults are alpha = .99 and nu = 1e-3.
        clip: largest c that the update sees; it limits wind-up before the constraint is met.

    Shapes: kl 0-d, (batch,) or (samples, batch), nats; x (batch, ...); x_hat like x or
    (samples, batch, ...); y (batch,) labels where a constraint needs them. Returns a 0-d loss.

    Raises:
        TypeError, ValueError: no constraint, two of one name, a setting out of its range.
        RuntimeError: `step()` without a call since the last.

    Source: Algorithm 1, eq. 2, section 3.4.

    Example:
        >>> import geco_viz as gv
        >>> geco = gv.GECO(gv.RE(kappa=0.1))
        >>> x, x_hat = torch.zeros(4, 1, 8, 8), torch.full((4, 1, 8, 8), 0.2)
        >>> round(float(geco(torch.tensor(3.0), x, x_hat)), 4)  # (3 + 1 * 3) / (1 + 1)
        3.0
        >>> geco.step()
        >>> round(geco.multiplier["re"], 4)  # the error is too large, so the multiplier grows
        1.0513
    """

    assignable = "assign nu or alpha"
    name = "geco"

    def __init__(
        self,
        *constraints: Constraint,
        nu: float | None = None,
        alpha: float | None = None,
        lambda_min: float | None = None,
        lambda_max: float | None = None,
        lambda_init: float | None = None,
        normalise: bool = True,
        clip: float = 1.0,
    ):
        super().__init__(constraints)
        if not constraints:
            raise TypeError("GECO needs at least one constraint, for example GECO(RE(kappa=0.1))")
        if not isinstance(normalise, bool):
            raise TypeError(f"normalise must be True or False, got {normalise!r}")
        self.normalise = normalise
        self._nu: float | None = None
        self._alpha: float | None = None
        self._lambda_init: float | None = None
        self.fill(nu, alpha)
        if lambda_min is None:
            lambda_min = 1e-4 if normalise else 1e-10
        if lambda_max is None and not normalise:
            lambda_max = 1e10
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
        self._sizes = [1.0] * count
        self._constants: dict[tuple[float, ...], Tensor] = {}
        self.edits = Edits(count)
        self.faint = FAINT

    def _bound(self, low: float, cap: float | None, clip: float) -> None:
        self.clip = number("clip", clip, low=0, open_low=True) if self.normalise else math.inf
        self.lambda_min = number("lambda_min", low, low=0, open_low=True)
        self._lambda_max = None if cap is None else number("lambda_max", cap, low=0)
        if self._lambda_max is not None and not self.lambda_min < self._lambda_max:
            raise ValueError(f"lambda_max must be > lambda_min = {low}, got {cap}")

    @property
    def nu(self) -> float:
        """Learning rate of the log multipliers; a new value takes effect at the next `step()`."""
        return (0.05 if self.normalise else 1e-3) if self._nu is None else self._nu

    @nu.setter
    def nu(self, value: float) -> None:
        self._nu = number("nu", value, low=0)

    @property
    def alpha(self) -> float:
        """Memory of the moving average; a new value takes effect at the next `step()`."""
        return (0.9 if self.normalise else 0.99) if self._alpha is None else self._alpha

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

    def plain(self) -> None:
        """Move lambda by nu c alone, as 0.1 did: edits leave it, and it creeps from its floor."""
        self.edits.follow = self.edits.damping = self.faint = 0.0

    def forward(self, kl: Tensor, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> Tensor:
        check_tensors(kl, x, x_hat, y)
        if not self._audited:
            look_at_kl(kl, len(x))
        if self.log_multiplier.device != x_hat.device:
            self.to(x_hat.device)
        if self._pixels != x.shape[1:].numel():
            self._pixels = x.shape[1:].numel()
        self._follow_edits()
        kl = full_precision(kl).mean()
        target, errors = self._terms(kl, x, x_hat, y)
        known = errors.detach()
        multiplier = self.log_multiplier.exp()
        total = multiplier.sum()
        if multiplier.dtype != errors.dtype:
            multiplier = multiplier.to(errors.dtype)
        if self.normalise:
            value = errors * self._inverse_tolerance() - 1
        else:
            self._sizes = [float(c.size(x)) for c in self.constraints]
            value = self._raw(errors)
            value = value + (self._raw(self._averaged(known)) - value).detach()
        lagrangian = target + multiplier @ value
        if self.training and torch.is_grad_enabled():
            self._calls.append((known, len(x)))
            if len(self._calls) == FORGOTTEN:
                say_forgotten()
        self._note(kl, known, lagrangian, multiplier)
        return lagrangian / (1 + total) if self.normalise else lagrangian

    def _terms(
        self, kl: Tensor, x: Tensor, x_hat: Tensor, y: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """What is minimised, and the errors that are held, one for each constraint."""
        errors = [self._error_of(c, x, x_hat, y) for c in self.constraints]
        if not self._audited:
            self._audited = look_at_call(self, kl, x, x_hat, errors)
        return kl, torch.stack(errors)

    @torch.no_grad()
    def step(self, reduce: Callable[[Tensor], Tensor] | None = None) -> None:
        """Move the averages and the multipliers, once, by all calls since the last step.

        Calls in evaluation mode or without gradients do not count. A batch whose error is not
        finite (an overflow that a gradient scaler skips) leaves average and multiplier as they are.

        Args:
            reduce: applied to the errors (constraints,) of the batch first. With data split over
                processes the mean over them, so that every process has the same multipliers.
        """
        if reduce is not None and not callable(reduce):
            raise TypeError(f"reduce must be a function of the errors or None, got {reduce!r}")
        batch = self._batch()
        if reduce is not None:
            batch = reduce(batch)
        self._follow_edits()
        average, finite = self.average, batch - batch == 0  # isfinite() takes four kernels
        gains = self.edits.gains() if self.normalise else None
        before = average if gains is None else self._bounded(average)
        average.copy_(torch.where(finite, self._averaged(batch), average))
        self.started.logical_or_(finite)
        move = constraint = self._bounded(average)
        if self.normalise:
            slow = [c.settles for c in self.constraints]
            if self.pace < 1 and any(slow):
                share = self._constant(slow)
                move = torch.addcmul(move, share, move, value=math.sqrt(self.pace) - 1)
            if self.faint:
                move = move * (self.faint * (-self.log_multiplier).exp()).clamp_(1, LIFT)
        self.log_multiplier.add_(move * finite, alpha=self.nu)
        if gains is not None:
            self.log_multiplier.addcmul_(gains.to(before.device), constraint - before)
        self._keep_in_bounds()

    def _bounded(self, errors: Tensor) -> Tensor:
        """The constraints as the update sees them."""
        if not self.normalise:
            return self._raw(errors)
        return (errors * self._inverse_tolerance()).sub_(1).clamp_(max=self.clip)

    @torch.no_grad()
    def _follow_edits(self) -> None:
        shift = self.edits.shift(self._tolerances(), self.started)
        if isinstance(shift, Tensor) and self.normalise:
            self.log_multiplier.add_(shift)
            self._keep_in_bounds()

    def _keep_in_bounds(self) -> None:
        self.log_multiplier.clamp_(math.log(self.lambda_min), math.log(self.lambda_max))

    def _batch(self) -> Tensor:
        """The mean error of all calls since the last step, weighted by their batches' lengths."""
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
        return batch

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

    def _raw(self, errors: Tensor) -> Tensor:
        """Table 1's C, summed over pixels: size * (error - tolerance)."""
        return self._constant(self._sizes) * (errors - self._constant(self._tolerances()))

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
                scale = self._pixels * constraint.kappa**2 if self.normalise else 1.0
                row["beta"] = 0.5 * scale / multiplier
        return row

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
