"""The reconstruction fixed points of a high-capacity beta-VAE (Propositions 1, 4 and 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.theory._arguments import positive_values, real_tensor
from geco_viz.theory._modes import log_kernel
from geco_viz.theory._settle import GOAL, MASSLESS, settle
from geco_viz.theory._tiles import Lumps, grid_start, sweep

__all__ = ["FixedPoints", "fixed_points"]

MEMORY = 4  # GiB of the kernel between tiles and data at one beta; a few are held at a time


@dataclass(frozen=True)
class FixedPoints:
    """Where every tile's reconstruction went, at B values of beta; float64 tensors.

    Attributes:
        beta: (B,), as asked, data units squared.
        psi: (B, m, d), the reconstruction g of each of m tiles.
        masses: (B, m), pi_a or, with optimised masses, gamma_a; they sum to 1.
        error: (B,), u = mean_i E_q(z|x_i) |x_i - g(z)|^2, summed over pixels.
        count: (B,), distinct fixed points: tiles within `tolerance` sqrt(beta) are one.
        iterations: (B,), sweeps of eq. (20) made.
        residual: (B,), max_a |F(psi_a) - psi_a| of eq. (20), data units, over tiles with mass.
        trajectory: (B, T, m, d), the states recorded, the start first; T = 0 if none.
        recorded: the number of the sweep after which each of the T states was taken.
    """

    beta: Tensor
    psi: Tensor
    masses: Tensor
    error: Tensor
    count: Tensor
    iterations: Tensor
    residual: Tensor
    trajectory: Tensor
    recorded: tuple[int, ...]

    @property
    def converged(self) -> Tensor:
        """(B,) bool, whether the residual is below 1e-10 sqrt(beta): else `steps` ran out."""
        return self.residual <= GOAL * self.beta.sqrt()


def fixed_points(
    x: Any,
    beta: float | Iterable[float] | Tensor,
    *,
    start: Any = None,
    masses: str = "uniform",
    method: str = "exact",
    side: int = 32,
    noise: float = 0.1,
    seed: int = 0,
    trajectory: int = 0,
    steps: int | None = None,
    tolerance: float = 0.05,
) -> FixedPoints:
    """Iterate eq. (20) for every tile of the latent space until its reconstruction rests.

    m_ia = exp(-|x_i - psi_a|^2 / 2 beta) / c_i with c_i = sum_a pi_a exp(-|x_i - psi_a|^2 / 2 beta)
    is the posterior on tile a (eq. 19), psi_a = sum_i m_ia x_i / sum_i m_ia the best decoder
    (eq. 18). Everything in the log domain, so that no tile dies at small beta.

    Args:
        x: data (n, ...).
        beta: values > 0.
        start: where the tiles start, (m, ...) or (B, m, ...); None for a side x side grid over the
            data's box with uniform noise (appendix A for data that fill [-1/2, 1/2]^2).
        masses: "uniform" tiles (appendix A) or "optimal" ones (Prop. 5).
        method: "exact" sweeps without smoothing, joins tiles that met and ends with Newton steps,
            `converged` below 1e-10 sqrt(beta), which a circle, whose points slide without end,
            may not reach in `steps`; "paper" smooths by .9 and stops when all
            tiles together move less than 1e-3 or after 400 sweeps. The latter stops short of the
            fixed points near a phase transition.
        side, noise, seed: of the grid.
        trajectory: how many states to record after the start, closest at the beginning.
        steps: the most sweeps; None for 400 with "paper", 5000 with "exact".
        tolerance: in units of sqrt(beta), for `count`.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: beta <= 0, data empty or not finite, a start of another shape, unknown names.

    References:
        Propositions 1, 4 and 5, eqs. (18-20), figure 2 and appendix A of the paper.

    Example:
        >>> found = fixed_points([[-1.0], [1.0]], beta=[0.1, 0.9, 1.1], side=4)
        >>> found.count.tolist()        # the pair merges at lambda_max = 1
        [2, 2, 1]
        >>> [round(u, 3) for u in found.error.tolist()]
        [0.0, 0.724, 1.0]
    """
    data = real_tensor("x", x, "shape (n, ...) with n >= 1")
    shape = data.shape[1:]
    data = data.reshape(len(data), -1)
    values = positive_values("beta", beta).to(data)
    _checks.choice("masses", masses, ("uniform", "optimal"))
    _checks.choice("method", method, ("exact", "paper"))
    record = _checks.integer("trajectory", trajectory, low=0)
    limit = 400 if method == "paper" else 5000
    limit = limit if steps is None else _checks.integer("steps", steps, low=1)
    radius = _checks.number("tolerance", tolerance, low=0, open_low=True)
    if start is None:
        side = _checks.integer("side", side, low=1, high=256)
        noise = _checks.number("noise", noise, low=0)
        begin = grid_start(data, side, noise, _checks.integer("seed", seed, low=0))
        begin = begin.expand(len(values), -1, -1)
    else:
        begin = _as_start(start, tuple(shape), len(values)).to(data)
    need = 8 * begin.shape[1] * len(data) / 2**30
    if need > MEMORY:
        raise ValueError(
            f"tiles x data must fit {MEMORY} GiB, got {begin.shape[1]:,} tiles "
            f"and {len(data):,} data, which need {need:.0f} GiB: take fewer of either"
        )
    origin = data.mean(0)
    scale = values.sqrt()[:, None, None]
    z, psi = (data - origin) / scale, (begin - origin) / scale
    optimal = masses == "optimal"
    if method == "paper":
        lumps, sweeps, path = _smoothed(psi, z, scale, optimal, limit, record)
    else:
        lumps, sweeps, path = settle(psi, z, optimal, limit, record)
    error, residual = _measure(lumps, z, optimal)
    m = psi.shape[1]
    share = lumps.log_mass.exp() / _owners(lumps)
    if path:
        states = torch.stack([state for _, state in path], 1) * scale[..., None] + origin
    else:
        states = psi.new_zeros(len(values), 0, m, data.shape[1])
    return FixedPoints(
        beta=values,
        psi=(lumps.tiles() * scale + origin).reshape(len(values), m, *shape),
        masses=share.gather(1, lumps.owner),
        error=error * values,
        count=lumps.count(radius, MASSLESS),
        iterations=sweeps,
        residual=residual * values.sqrt(),
        trajectory=states.reshape(*states.shape[:3], *shape),
        recorded=tuple(step for step, _ in path),
    )


def _as_start(start: Any, shape: tuple[int, ...], batch: int) -> Tensor:
    begin = real_tensor("start", start, "shape (m, ...) or (B, m, ...)")
    if begin.ndim == len(shape) + 1 and begin.shape[1:] == shape:
        begin = begin.expand(batch, *begin.shape)
    elif begin.ndim != len(shape) + 2 or begin.shape[2:] != shape or len(begin) != batch:
        raise ValueError(
            f"start must have shape (m, {', '.join(map(str, shape))}), optionally after one axis "
            f"of {batch} for beta, got {tuple(begin.shape)}"
        )
    return begin.reshape(*begin.shape[:2], -1)


def _owners(lumps: Lumps) -> Tensor:
    """How many tiles each lump holds, at least 1."""
    one = torch.ones_like(lumps.owner, dtype=lumps.psi.dtype)
    return torch.zeros_like(lumps.log_mass).scatter_add(1, lumps.owner, one).clamp_min(1)


def _smoothed(
    psi: Tensor, x: Tensor, scale: Tensor, optimal: bool, limit: int, record: int
) -> tuple[Lumps, Tensor, list[tuple[int, Tensor]]]:
    """Appendix A to the letter: psi <- .9 psi + .1 F(psi), stopped at 1e-3 or the limit."""
    batch, m, _ = psi.shape
    log_mass = psi.new_full((batch, m), -torch.log(torch.tensor(float(m))).item())
    due = _schedule(limit, record)
    path = [(0, psi)] if record else []
    active = torch.arange(batch, device=psi.device)
    sweeps = torch.zeros(batch, dtype=torch.long, device=psi.device)
    psi = psi.clone()
    for step in range(1, limit + 1):
        for rows in active.split(4):  # four at a time stay in the cache
            target, mass = sweep(psi[rows], log_mass[rows], x[rows], optimal)
            moved = 0.1 * (target - psi[rows])
            psi[rows], log_mass[rows] = psi[rows] + moved, mass
            sweeps[rows] = torch.where(
                (moved * scale[rows]).square().sum((1, 2)).sqrt() < 1e-3, -step, step
            )
        if step in due:
            path.append((step, psi.clone()))
        active = active[sweeps[active] > 0]
        if len(active) == 0:
            break
    owner = torch.arange(m, device=psi.device).expand(batch, m)
    return Lumps(psi, log_mass, owner), sweeps.abs(), path


def _schedule(limit: int, record: int) -> set[int]:
    """At most `record` numbers of sweeps, each at first, then ever rarer."""
    if record == 0:
        return set()
    ratio = torch.logspace(0, torch.log10(torch.tensor(float(limit))).item(), 4 * record)
    return set(ratio.round().long().unique()[:record].tolist())


def _measure(lumps: Lumps, x: Tensor, optimal: bool) -> tuple[Tensor, Tensor]:
    """u / beta and the residual of eq. (20) in units of sqrt(beta)."""
    logits = log_kernel(lumps.psi, x).clamp_max(0)
    w = torch.softmax(logits + lumps.log_mass[..., None], 1)
    error = -2 * torch.einsum("bmn,bmn->b", w, logits) / x.shape[1]
    target, _ = sweep(lumps.psi, lumps.log_mass, x, optimal)
    distance = (target - lumps.psi).square().sum(-1).sqrt()
    return error, distance.masked_fill(lumps.log_mass.exp() < MASSLESS, 0.0).amax(1)
