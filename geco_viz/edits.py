"""What an edit of kappa does to its multiplier: it follows the tolerance, and is damped after."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from geco_viz._checks import number

__all__ = ["Edits"]

FADE = 0.99


class Edits:
    r"""Which tolerances the multipliers belong to, and which of these were edited.

    At a fixed multiplier an edit changes the weight of the error, lambda / tolerance, by their
    ratio: with kappa three times as large beta grows ninefold at once, and the KL falls to zero
    before lambda has grown. So at an edit from t to t'

    .. math:: \lambda \leftarrow \lambda\, (t' / t)^{\mathrm{follow}} ,

    half way between the same lambda and the same weight: for seven digits lambda* goes by about
    the power .7. After an edit that loosens, log lambda moves by the change of c too, without which
    it runs past lambda* while the weights are on their way; this gain fades by 1 % a step, since at
    rest it would follow noise, and slow down an edit that tightens.

    Args:
        count: of the constraints.
        follow: the power; 0 leaves lambda.
        damping: gain on the change of c right after a loosening edit; 0 for none.

    Example:
        >>> edits, price = Edits(1), torch.zeros(1)
        >>> for tolerance in (0.01, 0.04):
        ...     price += edits.shift([tolerance], started=torch.tensor([True]))
        >>> round(float(price.exp()), 4)  # the tolerance grew fourfold
        2.0
    """

    def __init__(self, count: int, follow: float = 0.5, damping: float = 1.0):
        self.follow, self.damping = follow, damping
        self._tolerances = [math.nan] * count  # none yet
        self._gains: Tensor | None = None  # no edit yet

    def shift(self, tolerances: Sequence[float], started: Tensor) -> Tensor | float:
        """What the log multipliers move by since the last call, 0 without an edit.

        Args:
            tolerances: of the constraints now.
            started: (constraints,) whether each multiplier has moved; until then it is a setting.
        """
        before, self._tolerances = self._tolerances, list(tolerances)
        if self._tolerances == before or math.isnan(before[0]):
            return 0.0
        pairs = zip(tolerances, before, started.tolist(), strict=True)
        shift = torch.tensor([math.log(now / was) if begun else 0.0 for now, was, begun in pairs])
        shift = shift.to(started.device)
        gains = torch.zeros_like(shift) if self._gains is None else self._gains.to(shift.device)
        self._gains = torch.where(shift == 0, gains, self.damping * (shift > 0))
        return self.follow * shift

    def gains(self) -> Tensor | None:
        """The gain on each constraint's change of c in this step, or None before any edit."""
        now = self._gains
        if now is not None:
            self._gains = FADE * now
        return now

    @property
    def state(self) -> list[float]:
        """All of it as plain numbers, two for each constraint."""
        count = len(self._tolerances)
        return [
            *self._tolerances,
            *(count * [0.0] if self._gains is None else self._gains.tolist()),
        ]

    @state.setter
    def state(self, numbers: Sequence[float]) -> None:
        half = len(numbers) // 2
        tolerances, gains = list(numbers[:half]), numbers[half:]
        if not all(map(math.isnan, tolerances)):  # some were seen
            tolerances = [number("tolerance", t, low=0, open_low=True) for t in tolerances]
        self._tolerances, gains = tolerances, [number("gain", g, low=0) for g in gains]
        self._gains = torch.tensor(gains) if any(gains) else None
