"""Fixed points under a Lipschitz constraint on the decoder (Proposition 6, appendix B)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.theory._arguments import real_tensor
from geco_viz.theory._tiles import grid_start

__all__ = ["LipschitzPoints", "lipschitz_fixed_points", "lipschitz_step", "tile_separation"]


@dataclass(frozen=True)
class LipschitzPoints:
    """Tiles at rest under eq. (20) followed by the projection; float64 tensors.

    Attributes:
        psi: (m, ...), m = side**2, row by row of the latent square.
        multipliers: (m, m), W = Omega C of eq. (8), symmetric, 0 outside the radius.
        slope: the largest |psi_a - psi_b| / sqrt(mean |z - z'|^2) over constrained pairs, data
            units per unit of latent space; eq. (8) asks for at most the bound.
        violation: greatest relative excess of |psi_a - psi_b|^2 over eq. (8)'s bound, 0 if none;
            NaN where no bound was given.
        error: u = E |x - g(z)|^2, summed over pixels.
        iterations: sweeps made.
        moved: the largest change of a tile in the last sweep, data units.
        trajectory: (T, m, ...), states recorded, the start first.
    """

    psi: Tensor
    multipliers: Tensor
    slope: float
    violation: float
    error: float
    iterations: int
    moved: float
    trajectory: Tensor


def tile_separation(side: int) -> Tensor:
    """Mean of |z - z'|^2 over z in tile a, z' in tile b of the unit square: (m, m), m = side**2.

    |Delta|^2 + h^2 / 3 for square tiles of side h = 1 / side at distance Delta; K_ab of eq. (8) is
    h^4 times that.

    Raises:
        TypeError, ValueError: `side` is not a whole number from 1 to 64.

    Example:
        >>> tile_separation(1).tolist() == [[1 / 3]]
        True
    """
    _checks.integer("side", side, low=1, high=64)
    line = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    centres = torch.cartesian_prod(line, line)
    difference = centres[:, None] - centres
    return difference.square().sum(-1) + 1 / (3 * side**2)


def lipschitz_step(log_q: Tensor, x: Tensor, weights: Tensor, beta: float) -> Tensor:
    """The decoder that minimises eq. (23) for given posteriors and multipliers: (m, d).

    (diag(pi N) + 2 beta Lap) psi = diag(pi) m^T X with Lap = diag(W 1) - W and N_a = sum_i m_ia.
    This is eq. (25) with its sign, its n and a factor 2 put right. The matrix is symmetric and
    positive definite; (...)^-1 diag(pi N) is nonnegative with unit row sums, so that psi stays in
    the convex hull of the data.

    Args:
        log_q: ln(pi_a m_ia), the posterior masses (n, m); rows sum to 1.
        x: (n, d).
        weights: W (m, m), symmetric, >= 0.
        beta: > 0, sigma^2 of eq. (23).

    Example:
        Two tiles, a datum each, tied ever more firmly:

        >>> log_q = torch.tensor([[0.0, -50.0], [-50.0, 0.0]]).double()
        >>> x, tie = torch.tensor([[-1.0], [1.0]]).double(), torch.ones(2, 2).double()
        >>> [round(lipschitz_step(log_q, x, w * tie, 1.0)[1].item(), 3) for w in (0.0, 0.25, 10.0)]
        [1.0, 0.5, 0.024]
    """
    q = log_q.exp()
    ties = weights - torch.diag(weights.diagonal())
    system = -2 * beta * ties
    # A tile that no datum uses has no pull of its own; the ties alone then place it.
    pull = q.sum(0).clamp_min(1e-12 / len(weights))
    system.diagonal().add_(pull + 2 * beta * ties.sum(1))
    target = torch.softmax(log_q, 0).T @ x * pull[:, None]
    return torch.cholesky_solve(target, torch.linalg.cholesky(system))


def lipschitz_fixed_points(
    x: Any,
    beta: float,
    *,
    bound: float | None = None,
    radius: float | None = None,
    multiplier: float | None = None,
    weighting: str = "even",
    side: int = 32,
    noise: float = 0.1,
    seed: int = 0,
    steps: int = 500,
    tolerance: float = 1e-3,
    trajectory: int = 0,
) -> LipschitzPoints:
    """Iterate eq. (20) with the projection of Prop. 6, locally within a radius or globally.

    With `bound` = L the multipliers follow by dual ascent until every constrained pair has
    |psi_a - psi_b|^2 <= 1.01 L^2 (|Delta|^2 + h^2 / 3), which is what eq. (8) says. With
    `multiplier` = Omega they stay: "even" at W_ab = Omega pi_a pi_b, a constant Omega(z, z') of
    eq. (7); "distance" at W_ab = Omega pi_a pi_b / mean |z - z'|^2, a constant Omega~ of eq. (8)
    with its C_ab. A bound within a radius of the square chains into one for all pairs, so that
    local and global differ by fixed multipliers, hardly by bounds.

    Args:
        x: data (n, ...).
        beta: > 0, data units squared.
        bound: L > 0, data units per unit of latent space; give this or `multiplier`.
        radius: r > 0: only tiles whose centres are nearer are tied; None ties all (global).
        multiplier: Omega >= 0, within the radius.
        weighting: "even" or "distance", of a multiplier.
        side, noise, seed: the tiles and their start, as for `fixed_points`.
        steps: the most sweeps.
        tolerance: stop when no tile moves by more than this many sqrt(beta).
        trajectory: record at most this many states after the start.

    Raises:
        TypeError, ValueError: neither or both of `bound` and `multiplier`, or one out of range.

    References:
        Appendix B, Proposition 6, eqs. (7), (8), (21-25) and figure 7 of the paper.

    Example:
        >>> found = lipschitz_fixed_points([[-1.0, 0], [1.0, 0]], 0.1, bound=0.5, side=4)
        >>> found.slope <= 0.5 * 1.005, float(found.psi[:, 0].amax()) < 0.5
        (True, True)
    """
    data = real_tensor("x", x, "shape (n, ...) with n >= 1")
    shape = data.shape[1:]
    data = data.reshape(len(data), -1)
    beta = _checks.number("beta", beta, low=0, open_low=True)
    if (bound is None) == (multiplier is None):
        given = "both" if bound is not None else "neither"
        raise TypeError(f"exactly one of bound and multiplier must be given, got {given}")
    if bound is not None:
        bound = _checks.number("bound", bound, low=0, open_low=True)
    if multiplier is not None:
        multiplier = _checks.number("multiplier", multiplier, low=0)
    if radius is not None:
        radius = _checks.number("radius", radius, low=0, open_low=True)
    _checks.choice("weighting", weighting, ("even", "distance"))
    record = _checks.integer("trajectory", trajectory, low=0)
    _checks.integer("steps", steps, low=1)
    tolerance = _checks.number("tolerance", tolerance, low=0, open_low=True) * math.sqrt(beta)
    separation = tile_separation(side).to(data)
    m = side * side
    tied = torch.ones_like(separation, dtype=torch.bool)
    if radius is not None:
        tied = separation - 1 / (3 * side**2) < radius**2
    tied = tied.fill_diagonal_(False)
    fixed = tied.to(data) * ((multiplier or 0.0) / m**2)
    if weighting == "distance":
        fixed = fixed / separation
    pairs = None if bound is None else _Pairs(tied, bound * separation.sqrt(), len(data) / beta)
    psi = grid_start(data, side, noise, _checks.integer("seed", seed, low=0))
    states, moved, sweeps, excess = [psi], math.inf, 0, 0.0
    while sweeps < steps and (moved > tolerance or excess > 0.01):
        before, log_q = psi, _log_q(data, psi, beta)
        if pairs is None:
            psi = lipschitz_step(log_q, data, fixed, beta)
        else:
            psi = pairs.ascend(psi, log_q, data, beta)
            excess = pairs.excess(psi)
        sweeps += 1
        moved = float((psi - before).square().sum(1).sqrt().amax())
        if sweeps <= record:
            states.append(psi)
    if pairs is not None and excess > 0.01:
        # The posterior held, the projection is a convex problem and the ascent must arrive.
        log_q = _log_q(data, psi, beta)
        for _ in range(steps):
            psi = pairs.ascend(psi, log_q, data, beta, turns=10)
            excess = pairs.excess(psi)
            if excess <= 0.01:
                break
    log_q = _log_q(data, psi, beta)
    distance = torch.cdist(data, psi).square()
    slopes = torch.cdist(psi, psi) / separation.sqrt() * tied
    return LipschitzPoints(
        psi=psi.reshape(m, *shape),
        multipliers=fixed if pairs is None else pairs.weights(psi),
        slope=float(slopes.amax()),
        violation=math.nan if bound is None else max(excess, 0.0),
        error=float((log_q.exp() * distance).sum(1).mean()),
        iterations=sweeps,
        moved=moved,
        trajectory=torch.stack(states).reshape(len(states), m, *shape),
    )


class _Pairs:
    """Eq. (8) for every tied pair, by the alternating direction method of multipliers.

    Each pair keeps a difference y that obeys its bound and a scaled multiplier u; psi is drawn to
    y - u with a penalty rho. Plain ascent on the multipliers with the posterior in the loop rings
    without end; the penalty damps it.
    """

    def __init__(self, tied: Tensor, bound: Tensor, curvature: float) -> None:
        self.a, self.b = torch.triu(tied).nonzero().T
        # A little inside, since what ends within tolerance ends on both sides.
        self.limit = 0.998 * bound[self.a, self.b]
        self.true = bound[self.a, self.b]
        degree = tied.sum(1).to(bound)
        self.laplacian = torch.diag(degree) - tied.to(bound)
        # All data's pull together, shared by a tile's ties. Served r = .2 and global, L from .3 to
        # 1.2, 12 and 32 tiles a side; a hundredth is slow to meet the bound, ten times to move.
        self.most = 7 * curvature / float(degree.mean().clamp_min(1))
        # A slack bound must not slow the tiles: the penalty starts small and grows where it is met.
        self.rho = 1e-3 * self.most
        self.u: Tensor | None = None

    def ascend(self, psi: Tensor, log_q: Tensor, x: Tensor, beta: float, turns: int = 3) -> Tensor:
        """A few turns for the present posterior."""
        pull = log_q.exp().sum(0).clamp_min(1e-12 / len(psi)) / beta
        target = torch.softmax(log_q, 0).T @ x * pull[:, None]
        factor = torch.linalg.cholesky(self.rho * self.laplacian + torch.diag(pull))
        u = psi.new_zeros(len(self.a), psi.shape[1]) if self.u is None else self.u
        for _ in range(turns):
            wish = psi[self.a] - psi[self.b] + u
            size = wish.norm(dim=1).clamp_min(1e-300)
            y = wish * (self.limit / size).clamp(max=1)[:, None]
            u = wish - y
            drawn = torch.zeros_like(psi).index_add(0, self.a, y - u).index_add(0, self.b, u - y)
            psi = torch.cholesky_solve(target + self.rho * drawn, factor)
        self.u = u
        self._balance()
        return psi

    def _balance(self) -> None:
        """A tenth more penalty while a bound acts, a tenth less while none does."""
        acts = self.u is not None and bool((self.u != 0).any())
        rho = min(max(self.rho * (1.1 if acts else 1 / 1.1), 1e-4 * self.most), self.most)
        if self.u is not None:
            self.u = self.u * (self.rho / rho)  # rho u, the multiplier, stays
        self.rho = rho

    def excess(self, psi: Tensor) -> float:
        """Greatest of |psi_a - psi_b|^2 over its bound, less 1."""
        if len(self.a) == 0:
            return 0.0
        return float(((psi[self.a] - psi[self.b]).norm(dim=1) / self.true).square().amax()) - 1

    def weights(self, psi: Tensor) -> Tensor:
        """The multipliers W (m, m) of eq. (23): rho |u| / 2 |psi_a - psi_b|."""
        full = torch.zeros_like(self.laplacian)
        if self.u is not None:
            size = (psi[self.a] - psi[self.b]).norm(dim=1).clamp_min(1e-300)
            full[self.a, self.b] = self.rho * self.u.norm(dim=1) / (2 * size)
        return full + full.T


def _log_q(x: Tensor, psi: Tensor, beta: float) -> Tensor:
    """ln of the posterior masses on equally probable tiles, eq. (19): (n, m)."""
    return torch.log_softmax(-torch.cdist(x, psi).square() / (2 * beta), 1)
