"""GECO, Algorithm 1: the KL under constraints, with multipliers that set themselves."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from geco_viz.constraints import Constraint, full_precision
from geco_viz.letter import Letter
from geco_viz.multipliers import Multipliers

__all__ = ["GECO"]

FAINT = 0.1  # nats: below it lambda moves by up to LIFT times as much, or it would not come back
LIFT = 10.0


class GECO(Multipliers):
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
        if not isinstance(normalise, bool):
            raise TypeError(f"normalise must be True or False, got {normalise!r}")
        if normalise != self.normalise:
            raise ValueError(f"normalise must be {self.normalise} for {type(self).__name__}")
        super().__init__(constraints, nu, alpha, lambda_min, lambda_max, lambda_init, clip)
        self.faint = FAINT

    @functools.wraps(__init__)  # type: ignore[misc]  # whose signature a notebook shows
    def __new__(cls, *constraints: Constraint, normalise: bool = True, **settings: Any) -> Any:
        return super().__new__(ToTheLetter if cls is GECO and normalise is False else cls)

    def forward(self, kl: Tensor, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> Tensor:
        self._take(kl, x, x_hat, y)
        self._follow_edits()
        kl = full_precision(kl).mean()
        target, errors = self._terms(kl, x, x_hat, y)
        multiplier = self.log_multiplier.exp()
        total = multiplier.sum()
        multiplier = multiplier.to(errors.dtype)
        lagrangian = target + multiplier @ (errors * self._inverse_tolerance() - 1)
        self._keep(kl, errors, lagrangian, multiplier, len(x))
        return lagrangian / (1 + total)

    @torch.no_grad()
    def step(self, reduce: Callable[[Tensor], Tensor] | None = None) -> None:
        """Move the averages and the multipliers, once, by all calls since the last step.

        Calls in evaluation mode or without gradients do not count. A batch whose error is not
        finite (an overflow that a gradient scaler skips) leaves average and multiplier as they are.

        Args:
            reduce: applied to the errors (constraints,) of the batch first. With data split over
                processes the mean over them, so that every process has the same multipliers.
        """
        batch = self._batch(reduce)
        self._follow_edits()
        gains = self.edits.gains()
        before = None if gains is None else self._clipped()
        finite = self._move_average(batch)
        move = c = self._clipped()
        slow = [constraint.settles for constraint in self.constraints]
        if self.pace < 1 and any(slow):
            share = self._constant(slow)
            move = torch.addcmul(move, share, move, value=math.sqrt(self.pace) - 1)
        if self.faint:
            move = move * (self.faint * (-self.log_multiplier).exp()).clamp_(1, LIFT)
        self.log_multiplier.add_(move * finite, alpha=self.nu)
        if gains is not None and before is not None:
            self.log_multiplier.addcmul_(gains.to(c.device), c - before)
        self._keep_in_bounds()

    def _clipped(self) -> Tensor:
        """The average constraints c as the update sees them."""
        return (self.average * self._inverse_tolerance()).sub_(1).clamp_(max=self.clip)

    @torch.no_grad()
    def _follow_edits(self) -> None:
        shift = self.edits.shift(self._tolerances(), self.started)
        if isinstance(shift, Tensor):
            self.log_multiplier.add_(shift)
            self._keep_in_bounds()

    def plain(self) -> None:
        """Move lambda by nu c alone, as 0.1 did: edits leave it, and it creeps from its floor."""
        self.edits.follow = self.edits.damping = self.faint = 0.0


class ToTheLetter(Letter, GECO):
    """What `GECO(..., normalise=False)` makes: see `Letter`."""
