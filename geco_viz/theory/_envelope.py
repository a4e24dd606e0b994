"""R(D) at a given D, enclosed by tangents from below and chords from above."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from geco_viz.theory._points import Points
from geco_viz.theory._support import optimal_support

__all__ = ["Envelope"]


class Envelope:
    """Solved supports of one data set, refined until they enclose R(D) where it is asked for.

    A support at beta gives a point (D, R) that is attained and a tangent below the whole curve,
    R(D') >= F - certificate - D' / 2 beta. Chords join attained points, by time sharing. Where D
    jumps in beta, a first-order transition, chord and tangent coincide.

    Args:
        points: the data.
        accuracy: nats, the greatest distance between chord and tangent to leave.
    """

    def __init__(self, points: Points, accuracy: float) -> None:
        self.points = points
        self.accuracy = accuracy
        ends = torch.tensor(
            [[0.0, math.inf], [0.0, points.variance], [points.entropy, 0.0]], dtype=torch.float64
        )
        self.beta, self.distortion, self.rate = ends.to(points.y)
        # Tangents of the ends: R >= 0 is all they say.
        self.free_energy = torch.zeros_like(self.beta)
        self.atoms = torch.tensor([len(points.p), 1], device=self.beta.device)

    def sweep(self, count: int, share: float = 0.4) -> None:
        """Solve `count` values of beta that cover the curve evenly in ln beta, then in kappa.

        Args:
            count: values of beta.
            share: of the accuracy, for the certificates; 1 where only attained points matter.
        """
        low = 0.1 * self.points.variance / self.points.entropy
        # No direction is sub-Gaussian with more than its half range squared (Hoeffding's lemma).
        high = float(self.points.y.square().sum(1).amax())
        grid = torch.linspace(math.log(low), math.log(high), (count + 1) // 2)
        self._solve(grid.to(self.beta).exp(), share)
        # Data with structure at several scales: go on down until the curve's left end is in sight.
        while (
            self.rate[1] < 0.99 * self.rate[0] and self.distortion[1] > 4e-4 * self.distortion[-1]
        ):
            low /= 4
            self._solve(self.beta.new_tensor([low, 2 * low]), share)
        even = torch.arange(1, count // 2 + 1).to(self.beta) / (count // 2 + 1)
        target = self.points.variance * even.square()
        self._solve(self._propose(target, *self._bracket(target), secant=True).unique(), share)

    def curve(self) -> Tensor:
        """The distortions (k,) attained so far, increasing, the variance (where R = 0) last."""
        end = self.points.variance
        inside = self.distortion[(self.distortion > 0) & (self.distortion < end * (1 - 1e-9))]
        return torch.cat([inside.unique(), inside.new_tensor([end])])

    def at(self, distortion: Tensor, rounds: int = 60) -> tuple[Tensor, ...]:
        """Rate, certificate (nats), beta and number of atoms at `distortion` (m,), summed error."""
        target = distortion.clamp(max=self.points.variance)
        for turn in range(rounds):
            low, high = self._bracket(target)
            upper, lower = self._chord(target, low, high), self._tangent(target)
            open_ = upper - lower > self.accuracy + 1e-12
            if not open_.any():
                break
            self._solve(self._propose(target, low, high, secant=turn % 2 == 1)[open_].unique())
        beta = self._interpolate(target, low, high)
        nearer = (target - self.distortion[low]) < (self.distortion[high] - target)
        return upper, upper - lower, beta, self.atoms[torch.where(nearer, low, high)]

    def _solve(self, beta: Tensor, share: float = 0.4) -> None:
        """Solve at `beta` to a share of the accuracy; what is left is for chords and tangents."""
        found = optimal_support(self.points, beta, share * self.accuracy)
        self.beta = torch.cat([self.beta, beta])
        self.distortion = torch.cat([self.distortion, found.distortion])
        self.rate = torch.cat([self.rate, found.rate])
        self.free_energy = torch.cat([self.free_energy, found.free_energy - found.certificate])
        self.atoms = torch.cat([self.atoms, found.count()])
        order = self.distortion.argsort(stable=True)
        for name in ("beta", "distortion", "rate", "free_energy", "atoms"):
            setattr(self, name, getattr(self, name)[order])

    def _bracket(self, target: Tensor) -> tuple[Tensor, Tensor]:
        high = torch.searchsorted(self.distortion, target).clamp(1, len(self.distortion) - 1)
        return high - 1, high

    def _chord(self, target: Tensor, low: Tensor, high: Tensor) -> Tensor:
        wide = (self.distortion[high] - self.distortion[low]).clamp_min(1e-300)
        t = ((target - self.distortion[low]) / wide).clamp(0, 1)
        return self.rate[low] + t * (self.rate[high] - self.rate[low])

    def _tangent(self, target: Tensor) -> Tensor:
        lines = self.free_energy - target[:, None] / (2 * self.beta)
        return lines.nan_to_num(nan=0.0, neginf=0.0).amax(1).clamp_min(0)

    def _slope(self, low: Tensor, high: Tensor) -> Tensor:
        fall = (self.rate[low] - self.rate[high]).clamp_min(1e-300)
        return (self.distortion[high] - self.distortion[low]) / (2 * fall)

    def _propose(self, target: Tensor, low: Tensor, high: Tensor, secant: bool) -> Tensor:
        """The chord's own beta, which settles jumps, or by turns the secant, which is faster."""
        a, b = self.beta[low], self.beta[high]
        slope = self._slope(low, high)
        inner = (a > 0) & b.isfinite() & (self.distortion[low] > 0)
        t = self._fraction(target, low, high).clamp(0.02, 0.98)
        log = (1 - t) * a.clamp_min(1e-300).log() + t * b.clamp_max(1e300).log()
        middle = 0.5 * (a.clamp_min(1e-300).log() + b.clamp_max(1e300).log())
        chord = torch.where((slope > a) & (slope < b), slope, middle.exp())
        return torch.where(inner & secant, log.exp(), chord)

    def _fraction(self, target: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Where ln target lies between the logarithms of the two distortions, in [0, 1]."""
        a, b = (self.distortion[i].clamp_min(1e-300).log() for i in (low, high))
        return ((target.clamp_min(1e-300).log() - a) / (b - a).clamp_min(1e-12)).clamp(0, 1)

    def _interpolate(self, target: Tensor, low: Tensor, high: Tensor) -> Tensor:
        a, b = self.beta[low], self.beta[high]
        t = self._fraction(target, low, high)
        log = (1 - t) * a.clamp_min(1e-300).log() + t * b.clamp_max(1e300).log()
        inside = (a > 0) & b.isfinite()
        return torch.where(inside, log.exp(), self._slope(low, high))
