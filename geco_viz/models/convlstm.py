"""The convolutional LSTM: a recurrent cell whose state is a stack of maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ConvLSTM"]


class ConvLSTM(nn.Module):
    r"""One step of an LSTM whose matrix products are convolutions over input and hidden state.

    .. math::
        (i, f, o, g) = W * [u, h] + b, \qquad
        c' = \sigma(f + 1)\, c + \sigma(i) \tanh g, \qquad
        h' = \sigma(o) \tanh c'

    Args:
        inputs: channels of u.
        hidden: channels of h and c.
        kernel: width of the convolution, odd.
        context: width of features that are added to all places of the gates, or 0.

    Source: Shi et al. (2015), without peepholes; the 1 in the forget gate lets it remember at
    first.

    Example:
        >>> cell = ConvLSTM(inputs=3, hidden=4)
        >>> h, c = cell(torch.zeros(2, 3, 7, 7), (torch.zeros(2, 4, 7, 7),) * 2)
        >>> h.shape
        torch.Size([2, 4, 7, 7])
    """

    def __init__(self, inputs: int, hidden: int, kernel: int = 3, context: int = 0) -> None:
        super().__init__()
        self.gates = nn.Conv2d(inputs + hidden, 4 * hidden, kernel, padding=kernel // 2)
        self.context = nn.Linear(context, 4 * hidden) if context else None

    def told(self, features: Tensor | None) -> Tensor | None:
        """What a context adds to the gates, (B, 4 hidden, 1, 1): once for all steps."""
        if self.context is None or features is None:
            return None
        return self.context(features)[..., None, None]

    def forward(
        self, u: Tensor, state: tuple[Tensor, Tensor], told: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The next (h, c), each (B, hidden, H, W), from u (B, inputs, H, W) and the last."""
        h, c = state
        gates = self.gates(torch.cat((u, h), 1))
        if told is not None:
            gates = gates + told
        i, f, o, g = gates.chunk(4, 1)
        c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
