"""Points in the plane to try the theory on, in the paper's square [-1/2, 1/2]^2."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from geco_viz import _checks

__all__ = ["EXAMPLES", "example"]

EXAMPLES = ("clusters", "lines", "circles", "unequal pair", "ring")


def example(name: str, n: int = 50, seed: int = 0) -> Tensor:
    """Draw n points of a plane data set, (n, 2) float64.

    "clusters": seven of them at several distances, for figure 2. "lines" and "circles": mixtures of
    three segments and of two circles with a little noise, for figure 7. "unequal pair": two tight
    clusters at 9:1, whose transition is of first order. "ring": points evenly on a circle.

    Raises:
        TypeError, ValueError: an unknown name; `n` or `seed` not a whole number, n < 2.

    Example:
        >>> example("circles", 8).shape, bool((example("lines") == example("lines")).all())
        (torch.Size([8, 2]), True)
    """
    _checks.choice("name", name, EXAMPLES)
    _checks.integer("n", n, low=2)
    generator = torch.Generator().manual_seed(_checks.integer("seed", seed, low=0))

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    def noise(scale: float) -> Tensor:
        return scale * torch.randn(n, 2, generator=generator, dtype=torch.float64)

    at = torch.arange(n)
    if name == "clusters":
        # Three pairs of clusters at growing distances and a seventh alone: mergers at every scale.
        centres = [[-0.4, -0.34], [-0.27, -0.38], [-0.36, 0.28], [-0.16, 0.37]]
        centres += [[0.2, 0.12], [0.38, -0.14], [0.12, -0.36]]
        return torch.tensor(centres, dtype=torch.float64)[at % 7] + noise(0.025)
    if name == "lines":
        ends = [[-0.42, -0.32, 0.05, 0.02], [-0.38, 0.4, 0.4, 0.34], [0.08, -0.42, 0.44, 0.12]]
        start, stop = torch.tensor(ends, dtype=torch.float64)[at % 3].chunk(2, 1)
        return start + (stop - start) * uniform(n, 1) + noise(0.008)
    if name == "circles":
        turn = 2 * math.pi * uniform(n, 1)
        around = torch.cat([turn.cos(), turn.sin()], 1)
        centre = torch.tensor([[-0.2, 0.16], [0.24, -0.2]], dtype=torch.float64)[at % 2]
        radius = torch.tensor([0.25, 0.17], dtype=torch.float64)[at % 2]
        return centre + radius[:, None] * around + noise(0.008)
    if name == "unequal pair":
        side = torch.where(at % 10 == 9, 0.35, -0.35)
        return torch.stack([side, torch.zeros(n)], 1).double() + noise(0.02)
    turn = 2 * math.pi * (at / n).double()
    return 0.4 * torch.stack([turn.cos(), turn.sin()], 1)
