"""An exponential average of a model's weights, on which evaluation and pictures run."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from geco_viz._checks import number

__all__ = ["WeightAverage"]


class WeightAverage:
    """Keep theta_bar <- decay * theta_bar + (1 - decay) * theta beside a model.

    The last raw weights of a constrained run swing about the constraint; their average stays
    within 2 % of kappa. Early on the decay is (1 + t) / (10 + t), so that the initial weights
    are forgotten.

    Args:
        model: the module that trains; its buffers are copied, not averaged.
        decay: in [0, 1).

    Example:
        >>> model = nn.Linear(1, 1, bias=False)
        >>> average = WeightAverage(model, decay=0.5)
        >>> _ = nn.init.constant_(model.weight, 1.0)
        >>> average.update()
        >>> average.steps
        1
    """

    def __init__(self, model: nn.Module, decay: float = 0.99):
        self.decay = number("decay", decay, low=0, high=1, open_high=True)
        self.steps = 0
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self._source = model
        # To walk through a module's parts at every step costs as much as the average itself:
        # weights are listed once, and buffers, which a module may replace, looked for if any.
        self._buffered = next(model.buffers(), None) is not None
        self._pairs: tuple[list[Tensor], list[Tensor]] = (
            [p.data for p in self.model.parameters()],
            [p.data for p in model.parameters()],
        )

    @torch.no_grad()
    def update(self) -> None:
        """Fold the model's present weights in."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        mine, theirs = self._pairs
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        if self._buffered:
            for kept, new in zip(self.model.buffers(), self._source.buffers(), strict=True):
                kept.copy_(new)
