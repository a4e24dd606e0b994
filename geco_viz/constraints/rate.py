"""The rate as a constraint: section 3.2's other half."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from geco_viz.constraints.base import Constraint

__all__ = ["Rate"]


class Rate(Constraint):
    r"""A bound on the rate: the average KL stays below kappa nats.

    .. math:: c = \mathrm{KL} / \kappa - 1

    `RateLimit`, which minimises the error under it, gives it the KL; reconstructions alone do not.

    Args:
        kappa: nats, > 0.

    Source: section 3.2, after Burgess et al. (2018) and Alemi et al. (2018).

    Example:
        >>> Rate(kappa=2.0).describe(2.0)
        'nats · 2.89 bits · tells apart at most 7.39 equally likely images'
    """

    unit = "nats"
    anchor = 1.5

    def __init__(self, kappa: float):
        super().__init__("rate", None, kappa)

    def error(self, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> Tensor:
        raise TypeError("the rate is not an error of reconstructions: use RateLimit(kappa)")

    def describe(self, kappa: float, x: Tensor | None = None) -> str:
        bits = kappa / math.log(2)
        count = f"{math.exp(kappa):.3g}" if kappa < 700 else "any number of"
        return f"nats · {bits:.3g} bits · tells apart at most {count} equally likely images"

    @property
    def spec(self) -> dict[str, Any]:
        return {"name": "rate", "kappa": self.kappa}
