"""Means over data and posterior samples, with standard errors for samples stratified by datum."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["Batches", "Strata", "Tail", "accurate", "passes"]


class Strata:
    """Running moments of K quantities over S samples for each of n data.

    Every datum has the same number of samples, so the error of the mean is the error within the
    data, se^2 = sum_i var_i / S / n^2. A single sample a datum does not show it: then the spread
    over the data, which is larger, stands in.
    """

    def __init__(self) -> None:
        self._sums: list[Tensor] = []
        self._count = 0

    def add(self, values: Tensor, block: int = 0) -> None:
        """More values (K, S, B) for the data of a block; blocks come one after the other."""
        values = values.to(accurate(values.device))
        sums = torch.stack((values.sum(1), values.square().sum(1)))  # (2, K, B)
        if block == len(self._sums):
            self._sums.append(sums)
        else:
            self._sums[block] += sums
        if block == 0:
            self._count += values.shape[1]

    def result(self) -> Tensor:
        """(K, 2): each quantity's mean over the data, and its standard error."""
        mean, square = torch.cat(self._sums, -1) / self._count
        n = mean.shape[1]
        if self._count > 1:
            within = (square - mean.square()).clamp_min(0) / (self._count - 1)
            error = within.sum(1).sqrt() / n
        else:
            error = mean.std(1) / math.sqrt(n)
        return torch.stack((mean.mean(1), error), 1)


class Tail:
    """How much of the variance of all values the one farthest from their mean carries.

    With N values of a light tail about (ln N)^2 / N; near 1 where the sum is a few values' own.
    """

    def __init__(self) -> None:
        self._values: list[Tensor] = []

    def add(self, values: Tensor) -> None:
        """More values, of any shape."""
        values = values.to(accurate(values.device)).flatten()
        low, high = values.aminmax()
        count = torch.tensor(values.numel(), dtype=values.dtype, device=values.device)
        self._values.append(torch.stack((count, values.sum(), values.square().sum(), low, high)))

    def share(self) -> float:
        """Between 0 and 1; 0 for equal values."""
        blocks = torch.stack(self._values)
        count, total, squares = blocks[:, :3].sum(0).tolist()
        mean = total / count
        farthest = max(mean - float(blocks[:, 3].min()), float(blocks[:, 4].max()) - mean)
        spread = squares - count * mean**2
        return min(farthest**2 / spread, 1.0) if spread > 1e-9 * squares else 0.0


class Batches:
    """Running mean of what only comes as means over batches: a constraint's error.

    Batches of one block of data differ in nothing but their posterior samples, so that their
    spread shows the error of the block's mean; the blocks are strata. Where every block is a
    single batch, the spread over the blocks stands in.
    """

    def __init__(self) -> None:
        self._blocks: list[tuple[list[Tensor], list[int]]] = []

    def add(self, means: Tensor, samples: int, data: int, block: int = 0) -> None:
        """The K means (K,) of a batch of so many samples of each of so many data."""
        if block == len(self._blocks):
            self._blocks.append(([], []))
        self._blocks[block][0].append(means.to(accurate(means.device)))
        self._blocks[block][1].append(samples * data)

    def result(self) -> Tensor:
        """(K, 2): mean and standard error."""
        parts = [_weighted(torch.stack(values), sizes) for values, sizes in self._blocks]
        weights = [sum(sizes) for _, sizes in self._blocks]
        mean, across = _weighted(torch.stack([part[0] for part in parts]), weights)
        if len(self._blocks[0][0]) > 1:
            share = [weight / sum(weights) for weight in weights]
            across = sum(
                (part[1] * s**2 for part, s in zip(parts, share, strict=True)),
                torch.zeros_like(mean),
            )
        return torch.stack((mean, across.sqrt()), 1)


def _weighted(values: Tensor, weights: list[int]) -> tuple[Tensor, Tensor]:
    """Weighted mean of the rows (G, K) and the variance of that mean, NaN for a single row."""
    weight = torch.tensor(weights, dtype=values.dtype, device=values.device)[:, None]
    mean = (weight * values).sum(0) / weight.sum()
    spread = (weight * (values - mean).square()).sum(0) / weight.sum()
    return mean, spread / (len(values) - 1 or math.nan)


def passes(total: int, most: int, fewest: int = 1) -> list[int]:
    """Cut a total into nearly equal parts: none above `most`, at least `fewest` where possible."""
    count = min(total, max(fewest, -(-total // max(most, 1))))
    return [total // count + (k < total % count) for k in range(count)]


def accurate(device: torch.device) -> torch.dtype:
    """The type to add up in. Apple's GPUs have no float64."""
    return torch.float32 if device.type == "mps" else torch.float64
