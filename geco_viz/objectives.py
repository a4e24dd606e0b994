"""Objectives behind one protocol: ELBO, beta-VAE, hand-annealed beta; GECO is in geco.py."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from geco_viz._audit import remark
from geco_viz._checks import choice, integer, number
from geco_viz.constraints import RE, Constraint, full_precision
from geco_viz.constraints.base import ClosedModule, check_tensors

__all__ = ["ELBO", "Annealed", "BetaVAE", "Objective"]


class Objective(ClosedModule):
    """What a training loop minimises: `loss = objective(kl, x, x_hat, y)`, then `objective.step()`.

    Every objective measures the reconstruction error, constrained or not, so that runs under
    different objectives lie in one information plane. Subclasses give `forward`, which ends in
    `_note`, and whatever of `step`, `record` and `beta` differs.

    Attributes:
        pace: a loop's factor on its learning rate, 1 at the full rate; `step` may go by it.
        data_checked: whether the images need no look at the first call, as a `Run`'s do not.

    Source: eq. 1, eq. 2.
    """

    assignable = "give settings when it is made"
    name = "objective"
    pace = 1.0
    data_checked = False

    def __init__(self, constraints: Sequence[Constraint] = ()):
        super().__init__()
        for constraint in constraints:
            if not isinstance(constraint, Constraint):
                raise TypeError(
                    f"constraints must be of type Constraint, for example RE(kappa=0.1); "
                    f"got {constraint!r}"
                )
            if constraint.name == "re" and not isinstance(constraint, RE):
                remark(
                    "a constraint named 're' is taken for RE, its error for a squared RMS pixel, "
                    f"and beta follows from it; give {type(constraint).__name__} another name"
                )
        names = [constraint.name for constraint in constraints]
        if len(set(names)) < len(names):
            raise ValueError(f"constraints must have different names, got {names}")
        self._given = tuple(constraints)
        # Registered for their state; the tuple keeps their type.
        self._constraints = nn.ModuleList(constraints)
        nan = torch.tensor(math.nan)
        # One tuple, since a module takes a microsecond for each attribute that is set.
        self._last: tuple[Tensor, ...] = (nan, nan.expand(len(names)), nan, nan.expand(len(names)))

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """The constraints, in the order they were given."""
        return self._given

    @property
    def kappa(self) -> dict[str, float]:
        """Each constraint's kappa, in its units, to read; a constraint's own may be assigned."""
        return {constraint.name: constraint.kappa for constraint in self.constraints}

    @kappa.setter
    def kappa(self, value: Any) -> None:
        raise AttributeError("kappa belongs to a constraint: set geco.constraints[0].kappa")

    @property
    def lagrangian(self) -> float:
        """The undivided value of the last call, nats: KL + sum of lambda c, or -ELBO."""
        return float(self._last[2])

    @property
    def beta(self) -> float | None:
        """The variance of the equivalent Gaussian decoder, data units squared, or None."""
        return None

    def step(self) -> None:
        """Move what the objective itself adapts. Call after the optimiser's step."""

    def record(self) -> dict[str, Tensor | float]:
        """One row for the history, raw errors, still on their device."""
        kl, errors, *_ = self._last
        row: dict[str, Tensor | float] = {"kl": kl}
        # Not strict: an unconstrained objective has an error without a constraint.
        for constraint, error in zip(self.constraints, errors.unbind(), strict=False):
            row[f"err/{constraint.name}"] = error
        return row

    @property
    def spec(self) -> dict[str, Any] | None:
        """Plain data that rebuilds the objective in its initial state, or None where it cannot."""
        return None

    def _note(self, *values: Tensor) -> None:
        """Keep the KL, the errors, the Lagrangian and, with GECO, the multipliers of this call."""
        self._last = tuple([v.detach() if v.requires_grad else v for v in values])

    @staticmethod
    def _error_of(constraint: Constraint, x: Tensor, x_hat: Tensor, y: Tensor | None) -> Tensor:
        error = constraint.error(x, x_hat, y)
        if not isinstance(error, Tensor) or error.ndim:
            shape = tuple(error.shape) if isinstance(error, Tensor) else type(error).__name__
            raise ValueError(
                f"the error of constraint {constraint.name!r} must be a 0-d tensor, the mean over "
                f"the batch, got {shape}"
            )
        return full_precision(error)

    def _named(self, values: Tensor) -> dict[str, float]:
        return dict(zip((c.name for c in self.constraints), values.tolist(), strict=True))


class _Gaussian(Objective):
    """Objectives with a Gaussian decoder of variance beta; they measure the RE, unconstrained."""

    def __init__(self) -> None:
        super().__init__()
        self._re = RE(kappa=1.0)

    def _beta(self) -> Tensor | float:
        raise TypeError(f"{type(self).__name__} must say its beta")

    @property
    def beta(self) -> float | None:
        value = float(self._beta())
        return None if math.isnan(value) else value

    def record(self) -> dict[str, Tensor | float]:
        return {**super().record(), "err/re": self._last[1][0], "beta": self._beta()}


class ELBO(_Gaussian):
    r"""The negative ELBO with a Gaussian decoder of one global standard deviation.

    .. math:: -\mathcal F = \mathrm{KL} + \frac{\lVert x - g(z)\rVert^2}{2\sigma^2}
        + \frac{d_x}{2} \ln(2 \pi \sigma^2)

    At fixed weights the best variance is the mean squared error. A learned sigma is set to it,
    with a moving average over batches, and is a constant to the gradient:

    .. math:: \sigma^2 = \max\bigl(\mathrm{floor}^2,\ \alpha \sigma^2 + (1 - \alpha)
        \mathrm{MSE}\bigr), \qquad \beta = \sigma^2 = \mathrm{MSE}.

    Args:
        sigma: RMS pixel, > 0, fixed; None learns it.
        kind: how it is learned, "mse" as above, or "adam", a parameter log sigma in the optimiser.
            Adam moves log sigma by at most its learning rate a step, so it lags far behind the
            error; it is kept for the folders that were trained so.
        floor: RMS pixel, the least sigma of "mse". The default is the rounding error of 8-bit
            pixels; a few images are reconstructed exactly, and their density has no bound.
        sigma_init: RMS pixel, where "adam" starts; 0.3 by default.

    Shapes as in `GECO`. Returns nats. Source: eq. 1; section 3.1 on the learned sigma; the closed
    form after Rybkin, Daniilidis and Levine (2021).

    Example:
        >>> elbo = ELBO(sigma=1.0)
        >>> x = torch.zeros(2, 1, 2, 2)
        >>> round(float(elbo(torch.tensor(1.0), x, x + 1)), 4)  # 1 + 4/2 + 2 ln(2 pi)
        6.6758
        >>> elbo = ELBO()
        >>> loss = elbo(torch.tensor(1.0), x, x + 0.1)
        >>> elbo.step()
        >>> round(elbo.beta, 6)  # the mean squared error
        0.01
    """

    name = "elbo"
    memory = 0.5  # alpha: the error falls by 5 % a step at first, and sigma must not lag

    def __init__(
        self,
        sigma: float | None = None,
        kind: str = "mse",
        floor: float = 1 / (255 * math.sqrt(12)),
        sigma_init: float | None = None,
    ):
        super().__init__()
        self.sigma = None if sigma is None else number("sigma", sigma, low=0, open_low=True)
        self.kind = choice("kind", kind, ("mse", "adam"))
        self.floor = number("floor", floor, low=0, open_low=True)
        if sigma_init is not None and kind == "mse":
            raise ValueError(f"sigma_init must be None unless kind is 'adam', got {sigma_init!r}")
        start = 0.3 if sigma_init is None else sigma_init
        self.sigma_init = number("sigma_init", start, low=0, open_low=True)
        if kind == "adam":
            log_sigma = torch.tensor(math.log(self.sigma or self.sigma_init))
            self.log_sigma = nn.Parameter(log_sigma, requires_grad=sigma is None)
        else:  # not a number until the first batch has been seen
            self.register_buffer("variance", torch.tensor(sigma**2 if sigma else math.nan))
        self.variance: Tensor
        self._seen: Tensor | None = None

    def forward(self, kl: Tensor, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> Tensor:
        check_tensors(kl, x, x_hat, y)
        state = self.log_sigma if self.kind == "adam" else self.variance
        if state.device != x_hat.device:
            raise ValueError(
                f"move the objective to the model's device, {x_hat.device}: objective.to(...)"
            )
        kl, error = full_precision(kl).mean(), self._error_of(self._re, x, x_hat, y)
        if self.kind == "adam":
            variance = torch.exp(2 * self.log_sigma)
        else:
            variance = self._after(error.detach())
        nll = 0.5 * x.shape[1:].numel() * (error / variance + torch.log(2 * math.pi * variance))
        self._note(kl, error[None], kl + nll)
        return kl + nll

    def _after(self, error: Tensor) -> Tensor:
        """The variance that a batch is seen with: in training its own error counts already."""
        if self.sigma is not None:
            return self.variance
        kept = self.variance.to(error.dtype)
        moved = torch.lerp(kept, error, 1 - self.memory) if self.training else kept
        mean = torch.where(kept.isnan(), error, moved).clamp(min=self.floor**2)
        if self.training and torch.is_grad_enabled():
            self._seen = mean
        return mean

    def step(self) -> None:
        if self._seen is not None:
            self.variance.copy_(self._seen)
            self._seen = None

    def _beta(self) -> Tensor:
        if self.kind == "adam":
            return torch.exp(2 * self.log_sigma.detach())
        return self.variance if self._seen is None else self._seen

    @property
    def spec(self) -> dict[str, Any]:
        spec = {"name": self.name, "sigma": self.sigma, "kind": self.kind, "floor": self.floor}
        return spec | ({"sigma_init": self.sigma_init} if self.kind == "adam" else {})


class BetaVAE(_Gaussian):
    r"""The beta-VAE: beta KL + NLL of a unit-variance Gaussian, divided by beta.

    .. math:: \mathrm{KL} + \frac{\lVert x - g(z)\rVert^2}{2 \beta}

    Args:
        beta: data units squared, > 0; it is the variance of the equivalent Gaussian decoder.

    Shapes as in `GECO`. Returns nats. Source: section 3.2, eq. 19.

    Example:
        >>> x = torch.zeros(2, 1, 2, 2)
        >>> float(BetaVAE(beta=0.5)(torch.tensor(1.0), x, x + 1))
        5.0
    """

    name = "beta"

    def __init__(self, beta: float):
        super().__init__()
        self._fixed = number("beta", beta, low=0, open_low=True)

    def forward(self, kl: Tensor, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> Tensor:
        check_tensors(kl, x, x_hat, y)
        kl, error = full_precision(kl).mean(), self._error_of(self._re, x, x_hat, y)
        loss = kl + error * (0.5 * x.shape[1:].numel() / float(self._beta()))
        self._note(kl, error[None], loss)
        return loss

    def _beta(self) -> float:
        return self._fixed

    @property
    def spec(self) -> dict[str, Any]:
        return {"name": self.name, "beta": self._fixed}


class Annealed(BetaVAE):
    r"""The hand-annealed baseline: sigma falls in a straight line, beta = sigma^2.

    .. math:: \sigma_t = \sigma_0 + \min(t / T, 1)\, (\sigma_T - \sigma_0)

    Args:
        start, end: RMS pixel, > 0.
        steps: T, after which sigma stays.

    Source: the schedule of Eslami et al., sigma from 2.0 to 0.7 over 2e5 steps, which section 4.1
    and figures 4, 9 to 11 call the annealing of beta in [2.0, 0.7].

    Example:
        >>> Annealed(start=2.0, end=0.7, steps=10).beta
        4.0
    """

    name = "annealed"

    def __init__(self, start: float = 2.0, end: float = 0.7, steps: int = 200_000):
        super().__init__(beta=number("start", start, low=0, open_low=True) ** 2)
        self.start, self.end = float(start), number("end", end, low=0, open_low=True)
        self.steps = integer("steps", steps, low=1)
        self._now = 0

    def step(self) -> None:
        self._now += 1

    def _beta(self) -> float:
        return (self.start + min(self._now / self.steps, 1) * (self.end - self.start)) ** 2

    @property
    def spec(self) -> dict[str, Any]:
        return {"name": self.name, "start": self.start, "end": self.end, "steps": self.steps}

    def get_extra_state(self) -> Tensor:
        return torch.tensor(self._now)

    def set_extra_state(self, state: Tensor) -> None:
        self._now = integer("step", int(state), low=0)
