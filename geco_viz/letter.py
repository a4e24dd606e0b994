"""Algorithm 1 to the letter: multipliers of errors that are summed over pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from geco_viz.constraints import full_precision
from geco_viz.multipliers import Multipliers

__all__ = ["Letter"]


class Letter(Multipliers):
    r"""Algorithm 1 as it is printed; `GECO(..., normalise=False)` makes one.

    With Table 1's :math:`C_l = n_l (\mathrm{error}_l - \mathrm{tolerance}(\kappa_l))`, a sum over
    n_l terms, such as the pixels, the loss of a batch is

    .. math:: \mathrm{KL} + \sum_l \lambda_l \bigl(C_l + \mathrm{stop}(\bar C_l - C_l)\bigr),

    the average in the value and the batch in the gradient, and `step()` moves
    :math:`\log \lambda \leftarrow \log \lambda + \nu \bar C`. Nothing is divided or clipped, a
    faint multiplier has no help and edits leave it: lambda is nats per summed error, a price that
    does not change with kappa. The bounds are numerical only.

    Args, shapes and errors as for `GECO`; alpha = .99 and nu = 1e-3 by default, no clip.

    Source: Algorithm 1, Table 1.

    Example:
        >>> from geco_viz import GECO, RE
        >>> geco = GECO(RE(kappa=0.1), normalise=False)
        >>> x, x_hat = torch.zeros(4, 1, 8, 8), torch.full((4, 1, 8, 8), 0.2)
        >>> round(float(geco(torch.tensor(3.0), x, x_hat)), 4)  # 3 + 1 * 64 (.04 - .01)
        4.92
        >>> geco.step()
        >>> round(geco.multiplier["re"], 6)  # exp(1e-3 * 1.92)
        1.001922
    """

    normalise = False
    _defaults = (1e-3, 0.99)
    _bounds = (1e-10, 1e10)

    def __init__(self, *args: Any, **settings: Any):
        super().__init__(*args, **settings)
        self._sizes: tuple[float, ...] = ()  # known at a call

    def forward(self, kl: Tensor, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> Tensor:
        self._take(kl, x, x_hat, y)
        kl = full_precision(kl).mean()
        target, errors = self._terms(kl, x, x_hat, y)
        self._sizes = tuple([float(c.size(x)) for c in self.constraints])
        multiplier = self.log_multiplier.exp().to(errors.dtype)
        batch, average = self._raw(errors), self._raw(self._averaged(errors.detach()))
        lagrangian = target + multiplier @ (batch + (average - batch).detach())
        self._keep(kl, errors, lagrangian, multiplier, len(x))
        return lagrangian

    @torch.no_grad()
    def step(self, reduce: Callable[[Tensor], Tensor] | None = None) -> None:
        """Move the averages and the multipliers, once; see `GECO.step`."""
        finite = self._move_average(self._batch(reduce))
        self.log_multiplier.add_(self._raw(self.average) * finite, alpha=self.nu)
        self._keep_in_bounds()

    def _raw(self, errors: Tensor) -> Tensor:
        """Table 1's C, summed over pixels: size * (error - tolerance)."""
        return self._constant(self._sizes) * (errors - self._constant(self._tolerances()))

    def _beta_scale(self, kappa: float) -> float:
        return 1.0  # the Lagrangian is KL + lambda SSE (eq. 19, 20)
