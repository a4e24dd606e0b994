"""What an edit of kappa does to its multiplier: it follows the tolerance, and is damped after."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["Edits"]


class Edits:
    r"""Which tolerances the multipliers belong to, and which of these were edited.

    At a fixed multiplier an edit changes the weight of the error, lambda / tolerance, by their
    ratio: with kappa three times as large beta grows ninefold at once, and the KL falls to zero
    before lambda has grown. So at an edit from t to t'

    .. math:: \lambda \leftarrow \lambda\, (t' / t)^{\mathrm{follow}} ,

    half way between the same lambda and the same weight: for seven digits lambda* goes by about
    the power .7. Afterwards lambda answers to the change of c too, without which it runs past
    lambda* while the weights are on their way.

    Args:
        count: of the constraints.
        follow: the power; 0 leaves lambda.
        damping: gain on the change of c from an edit on; 0 for none.

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
        self._edited = [False] * count

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
        ratios = [now / was if begun else 1.0 for now, was, begun in pairs]
        self._edited = [
            edited or ratio != 1 for edited, ratio in zip(self._edited, ratios, strict=True)
        ]
        return self.follow * torch.tensor(ratios).log().to(started.device)

    @property
    def gains(self) -> list[float] | None:
        """The gain on each constraint's change of c, or None where all are 0."""
        if not self.damping or not any(self._edited):
            return None
        return [self.damping * edited for edited in self._edited]

    @property
    def state(self) -> list[float]:
        """All of it as plain numbers, two for each constraint."""
        return [*self._tolerances, *map(float, self._edited)]

    @state.setter
    def state(self, numbers: Sequence[float]) -> None:
        half = len(numbers) // 2
        self._tolerances = list(numbers[:half])
        self._edited = [bool(number) for number in numbers[half:]]
