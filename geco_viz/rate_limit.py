"""The roles exchanged: the least error under a limit on the rate, to compare with GECO."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from geco_viz.constraints import RE
from geco_viz.constraints.rate import Rate
from geco_viz.geco import GECO

__all__ = ["RateLimit"]


class RateLimit(GECO):
    r"""Minimise the reconstruction error subject to KL <= kappa.

    With D the mean squared error per pixel and D_0 that of the mean image, all without dimension,

    .. math:: \frac{D / D_0 + \lambda\, (\mathrm{KL} / \kappa - 1)}{1 + \lambda},

    and lambda moves as in `GECO`, its c being KL / kappa - 1. The trade-off is the same curve, met
    from the other side: here one says how many nats and finds out the error. A number of nats is
    harder to choose than an error that one can look at, which is section 2's point.

    Args:
        kappa: the most nats, > 0.
        nu, alpha, lambda_min, lambda_max, lambda_init, clip: as for `GECO`.

    Shapes as in `GECO`; x_hat may have leading sample dimensions. Raises TypeError, ValueError for
    a setting out of its range.

    Source: section 3.2, where a beta-VAE's beta is the price of either constraint.

    Example:
        >>> limit = RateLimit(kappa=2.0)
        >>> x = torch.stack((torch.zeros(1, 2, 2), torch.ones(1, 2, 2)))  # D_0 = .25
        >>> round(float(limit(torch.tensor(3.0), x, 0.5 + 0 * x)), 4)  # (1 + 1 * (3/2 - 1)) / 2
        0.75
        >>> limit.step()
        >>> round(limit.multiplier["rate"], 4)  # three nats are too many, so their price rises
        1.0253
    """

    name = "rate-limit"

    def __init__(self, kappa: float, **settings: Any):
        if not settings.get("normalise", True):
            raise ValueError("normalise must be True: the error and the rate have no common unit")
        super().__init__(Rate(kappa), **settings)
        self._measure = RE(kappa=1.0)
        self.register_buffer("reference", torch.tensor(0.0))
        self.reference: Tensor
        self._error = torch.tensor(0.0)

    def _terms(
        self, kl: Tensor, x: Tensor, x_hat: Tensor, y: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        error = self._error_of(self._measure, x, x_hat, y)
        self._error = error.detach()
        # Of the first batch, and kept: a scale that moved would move the trade-off with it. A
        # batch without any spread has no scale.
        spread = x.detach().float().var(0, correction=0).mean().clamp_min(1e-6)
        self.reference.copy_(torch.where(self.reference > 0, self.reference, spread))
        return error / self.reference, kl[None]

    def record(self) -> dict[str, Tensor | float]:
        row = super().record()
        row["kl"], row["err/re"] = row["err/rate"], self._error
        return row

    def _row(self, multipliers: Tensor) -> dict[str, Tensor | float]:
        # D / D_0 + (lambda / kappa) KL has the minimiser of KL + SSE / (2 beta).
        scale = 0.5 * self._pixels / self.constraints[0].kappa
        return super()._row(multipliers) | {"beta": scale * self.reference * multipliers[0]}

    @property
    def spec(self) -> dict[str, Any] | None:
        found = super().spec or {}
        (rate,) = found.pop("constraints")
        found.pop("normalise")
        return {**found, "kappa": rate["kappa"]}
