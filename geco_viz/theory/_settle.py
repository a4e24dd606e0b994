"""Fixed points to rounding error: sweeps, joining what met, and Newton steps to end with."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from geco_viz.theory._modes import log_kernel
from geco_viz.theory._polish import polish
from geco_viz.theory._tiles import Lumps, attracting, sweep
from geco_viz.theory._weights import best_weights

__all__ = ["MASSLESS", "settle"]

MASSLESS = 1e-6  # an optimal mass below it is on its way to 0
_GOAL = 1e-10  # residual of eq. (20), in units of sqrt(beta)
# In units of sqrt(beta): tiles this near after ten sweeps, or after Newton could act, have met. At
# 1 % from a transition two fixed points are still .17 apart.
_MET, _JOINED = 1e-3, 2e-2


def settle(
    psi: Tensor, x: Tensor, optimal: bool, limit: int, record: int
) -> tuple[Lumps, Tensor, list[tuple[int, Tensor]]]:
    """Sweep psi (B, m, d) over x (B, n, d) until eq. (20) holds to 1e-10.

    A thousand tiles end at a few places. After ten sweeps most have met, and lumps are cheap; a
    few dozen sweeps later Newton's method, which near a transition replaces thousands of sweeps,
    takes the lumps to their fixed points. Newton steps count as no sweeps.

    Returns:
        the lumps, the sweeps made (B,), and the recorded (sweep, tiles) pairs.
    """
    # Four at a time stay in a processor's cache; an accelerator has work for all at once.
    size = 4 if psi.device.type == "cpu" else max(1, 2**28 // (psi.shape[1] * x.shape[1] * 8))
    first = min(max(10, record), limit)
    parts, counts, early = [], [], []
    for rows in torch.arange(len(psi), device=psi.device).split(size):
        part, count, states = _settle_chunk(psi[rows], x[rows], optimal, limit, first)
        parts.append(part)
        counts.append(count)
        early.append(states[:record])
    final, sweeps = Lumps.stack(parts), torch.cat(counts)
    if record == 0:
        return final, sweeps, []
    path = [(k, torch.cat(states)) for k, states in enumerate(zip(*early, strict=True), start=1)]
    return final, sweeps, [(0, psi), *path, (int(sweeps.amax()), final.tiles())]


def _settle_chunk(
    psi: Tensor, x: Tensor, optimal: bool, limit: int, first: int
) -> tuple[Lumps, Tensor, list[Tensor]]:
    batch, m, _ = psi.shape
    log_mass, states = psi.new_full((batch, m), -math.log(m)), []
    for _ in range(first):
        psi, log_mass = sweep(psi, log_mass, x, optimal)
        states.append(psi)
    owner = torch.arange(m, device=psi.device).expand(batch, m)
    lumps = _met(Lumps(psi, log_mass, owner), x, _MET)
    sweeps = torch.full((batch,), first, device=psi.device)
    todo, stretch, done = torch.arange(batch, device=psi.device), 30, []
    while len(todo):
        here = x[todo]
        stretch = min(stretch, limit - int(sweeps[todo[0]]))
        for _ in range(stretch):
            lumps.psi, lumps.log_mass = sweep(lumps.psi, lumps.log_mass, here, optimal)
        sweeps[todo] += stretch
        lumps = _finish(_met(lumps, here, _JOINED), here, optimal)
        over = (_residual(lumps, here) < _GOAL) | (sweeps[todo] >= limit)
        done.append((todo[over], lumps.part(over)))
        lumps, todo, stretch = lumps.part(~over), todo[~over], 2 * stretch
    order = torch.cat([places for places, _ in done]).argsort()
    return Lumps.stack([part for _, part in done]).part(order), sweeps, states


def _met(lumps: Lumps, x: Tensor, radius: float) -> Lumps:
    return lumps.join(radius, attracting(lumps.psi, lumps.log_mass, x))


def _finish(lumps: Lumps, x: Tensor, optimal: bool) -> Lumps:
    """Best masses where they are free, then Newton on what is small enough for it."""
    _, m, d = lumps.psi.shape
    p = x.new_full((x.shape[1],), 1 / x.shape[1])
    held = lumps.log_mass.isfinite()
    gamma = lumps.log_mass.exp()
    if optimal:
        kernel = log_kernel(lumps.psi, x).masked_fill(~held[..., None], -torch.inf)
        gamma, _ = best_weights(kernel, p)
        gamma = gamma.where((gamma > MASSLESS) & held, 0.0)
    psi, fine = lumps.psi, _residual(lumps, x) < 1e-9
    if m * (d + 1) <= 500:
        newton, mass = polish(psi, gamma, x, p, steps=12, move_masses=optimal)
        # Newton also finds saddles, which no sweep would stay at: take those only where the
        # sweeps themselves had come to rest.
        stays = attracting(newton, mass.log(), x) | (mass == 0)
        take = fine | stays.all(1)
        psi = torch.where(take[:, None, None], newton, psi)
        gamma = torch.where(take[:, None], mass, gamma)
    # A tile without mass is still there: it climbs to a maximum of G and may gain mass again.
    log_mass = gamma.log().clamp_min(-600).masked_fill(~held, -torch.inf)
    return Lumps(psi, log_mass, lumps.owner).join(1e-9)


def _residual(lumps: Lumps, x: Tensor) -> Tensor:
    target, _ = sweep(lumps.psi, lumps.log_mass, x, masses=False)
    distance = (target - lumps.psi).square().sum(-1).sqrt()
    return distance.masked_fill(lumps.log_mass < math.log(MASSLESS), 0.0).amax(1)
