"""Fixed points of the Lagrangian for any reconstruction constraint (eqs. 5 and 6)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.func import vmap

from geco_viz import _checks
from geco_viz.theory._arguments import real_tensor

__all__ = ["LagrangianPoints", "lagrangian_fixed_points"]

Function = Callable[[Tensor, Tensor], Tensor]


class Constraint(Protocol):
    """What is used of `geco_viz.constraints.Constraint`."""

    kappa: float

    def error(self, x: Tensor, x_hat: Tensor, /) -> Tensor: ...

    def tolerance(self, kappa: float, /) -> float: ...


@dataclass(frozen=True)
class LagrangianPoints:
    """Tiles at rest under eqs. (5) and (6); float64 tensors.

    Attributes:
        psi: (m, ...), the reconstruction of each tile.
        posterior: (n, m), q(tile | datum).
        constraints: (L,), E C_l(x, g(z)).
        kl: average KL to the prior in nats, 0-d.
        lagrangian: kl + lambda^T E C, 0-d.
        iterations: sweeps made.
        residual: greatest change of psi in the last sweep, data units.
    """

    psi: Tensor
    posterior: Tensor
    constraints: Tensor
    kl: Tensor
    lagrangian: Tensor
    iterations: int
    residual: float


def lagrangian_fixed_points(
    x: Any,
    constraint: Function | Constraint | Sequence[Constraint],
    multiplier: Any,
    *,
    start: Any,
    steps: int = 2000,
    tolerance: float = 1e-10,
    newton: int = 2,
) -> LagrangianPoints:
    """Alternate eqs. (5) and (6) on equally probable tiles, whatever the constraint.

    q(a | x_i) ~ exp(-lambda^T C(x_i, psi_a)); then psi_a solves
    sum_i q(a | x_i) lambda^T dC(x_i, psi_a) / dpsi = 0 by Newton's method with halved steps, a
    minimum of that sum for fixed q, so that the Lagrangian never rises. With
    C = |x - g|^2 - kappa^2 and lambda = 1 / 2 beta the sweep is eq. (20).

    Args:
        x: data (n, ...).
        constraint: C(x, g) -> (L,) or a 0-d tensor, for one datum and one reconstruction of its
            shape; twice differentiable in g by torch operations. Or `RE`, `FRE`, `PNCC`, another of
            the package's constraints, or several of them: C is then GECO's error / tolerance - 1,
            so that lambda is a run's own multiplier, and RE has beta = kappa^2 d_x / 2 lambda.
        multiplier: lambda, (L,) or a number; >= 0.
        start: the tiles' first reconstructions, (m, ...).
        steps: the most sweeps.
        tolerance: the change of psi, in data units, at which to stop.
        newton: Newton steps in one sweep; more cost more and help little, as q moves too.

    Raises:
        TypeError, ValueError: an argument of the wrong kind, shape or range; a constraint that
            returns another number of values than there are multipliers, or no finite ones.

    References:
        Proposition 1, eqs. (5) and (6), appendix C.1 of the paper.

    Example:
        >>> found = lagrangian_fixed_points(
        ...     [[-1.0], [1.0]], lambda x, g: (x - g).square().sum() - 0.25, 2.0,
        ...     start=[[-0.4], [0.5]])
        >>> [round(v, 4) for v in found.psi[:, 0].tolist()]  # tanh(4 psi) = psi
        [-0.9993, 0.9993]
    """
    data = real_tensor("x", x, "shape (n, ...) with n >= 1")
    psi = real_tensor("start", start, "shape (m, ...)").to(data)
    if psi.shape[1:] != data.shape[1:]:
        raise ValueError(
            f"start must have the data's shape {tuple(data.shape[1:])} after its first axis, "
            f"got {tuple(psi.shape)}"
        )
    weights = torch.as_tensor(multiplier, dtype=torch.float64, device=data.device).reshape(-1)
    if len(weights) == 0 or not bool((weights.isfinite() & (weights >= 0)).all()):
        raise ValueError(f"multiplier must hold finite numbers >= 0, got {multiplier!r}")
    _checks.integer("steps", steps, low=1)
    _checks.integer("newton", newton, low=1)
    _checks.number("tolerance", tolerance, low=0, open_low=True)
    shape, function = tuple(data.shape[1:]), _function(constraint)
    points, psi = data.reshape(len(data), -1), psi.reshape(len(psi), -1)

    def values(datum: Tensor, place: Tensor) -> Tensor:
        return function(datum.reshape(shape), place.reshape(shape)).reshape(-1)

    first = values(points[0], psi[0])
    if len(first) != len(weights) or not bool(first.isfinite().all()):
        raise ValueError(
            f"constraint must return {len(weights)} finite values, one for each multiplier, "
            f"got {first.tolist()}"
        )

    def energy(datum: Tensor, place: Tensor) -> Tensor:
        return weights @ values(datum, place)

    def table(function: Function) -> Function:
        both = vmap(vmap(function))  # mse_loss must not have one side batched alone

        def every(data: Tensor, place: Tensor) -> Tensor:  # (m, n, ...)
            size = (len(place), *data.shape)
            return both(data.expand(size), place[:, None].expand(size))

        return every

    pairs = table(energy)

    moved, sweeps = math.inf, 0
    while moved > tolerance and sweeps < steps:
        before = psi
        # Weights of one tile may be tiny; only their ratios matter to where it goes.
        log_q = torch.log_softmax(-pairs(points, psi), 0)
        share = torch.softmax(log_q, 1)
        for _ in range(newton):
            psi, step = _newton(psi, share, lambda place: pairs(points, place))
            if step <= 0.1 * tolerance:
                break
        moved = float((psi - before).square().sum(1).sqrt().amax())
        sweeps += 1
    log_q = torch.log_softmax(-pairs(points, psi), 0)
    q = log_q.exp()
    met = table(values)(points, psi)
    constraints = torch.einsum("mn,mnl->l", q, met) / len(points)
    kl = torch.special.xlogy(q, q * len(psi)).sum() / len(points)
    return LagrangianPoints(
        psi=psi.reshape(len(psi), *shape),
        posterior=q.T,
        constraints=constraints,
        kl=kl,
        lagrangian=kl + weights @ constraints,
        iterations=sweeps,
        residual=moved,
    )


def _function(constraint: Any) -> Function:
    """C(x, g) -> (L,) or 0-d of a function, of a constraint or of several."""
    several = isinstance(constraint, Sequence)
    given = list(constraint) if several else [constraint]
    if given and all(hasattr(one, "error") and hasattr(one, "tolerance") for one in given):
        return lambda x, g: torch.stack(
            [one.error(x[None], g[None]) / one.tolerance(one.kappa) - 1 for one in given]
        )
    if several or not callable(constraint):
        raise TypeError(
            "constraint must be a function C(x, g), a constraint as RE(kappa=0.1), or a sequence "
            f"of constraints, got {constraint!r}"
        )
    function: Function = constraint
    return function


def _newton(
    psi: Tensor, share: Tensor, energies: Callable[[Tensor], Tensor]
) -> tuple[Tensor, float]:
    """One step downhill for every tile: Newton's where the cost is convex, else the gradient's."""

    def costs(place: Tensor) -> Tensor:
        return (share * energies(place)).sum(1)

    old, g, h = _derivatives(psi, costs)
    factor, failed = torch.linalg.cholesky_ex(h)
    direction = -torch.cholesky_solve(g[..., None], factor)[..., 0]
    # The row sums bound the curvature; where there is none the step has unit length.
    size = h.abs().sum(-1).amax(-1).maximum(g.norm(dim=1)).clamp_min(1e-300)
    plain = (failed != 0) | ~direction.isfinite().all(1)
    direction = torch.where(plain[:, None], -g / size[:, None], direction)
    scale = torch.ones_like(g[:, :1])
    for _ in range(40):
        worse = ~(costs(psi + scale * direction) <= old + 1e-15 * old.abs())
        if not worse.any():
            break
        scale = torch.where(worse[:, None], scale / 2, scale)
    step = torch.where(worse[:, None], torch.zeros_like(direction), scale * direction)
    return psi + step, float(step.square().sum(1).sqrt().amax())


def _derivatives(psi: Tensor, costs: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Costs (m,), gradients (m, d) and Hessians (m, d, d); a tile's cost depends on it alone."""
    d = psi.shape[1]
    with torch.enable_grad():
        place = psi.detach().requires_grad_(True)
        value = costs(place)
        (g,) = torch.autograd.grad(value.sum(), place, create_graph=True)
        rows = [
            torch.autograd.grad(g[:, k].sum(), place, retain_graph=True, allow_unused=True)[0]
            if g.requires_grad
            else None
            for k in range(d)
        ]
    zero = torch.zeros_like(psi)
    h = torch.stack([zero if row is None else row for row in rows], 1)
    return value.detach(), g.detach(), h
