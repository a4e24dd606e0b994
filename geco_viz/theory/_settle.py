"""Fixed points to rounding error: sweeps, joining what met, and Newton steps to end with."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from geco_viz.theory._modes import climb_each, log_kernel
from geco_viz.theory._polish import polish
from geco_viz.theory._support import exchange_all
from geco_viz.theory._tiles import Lumps, attracting, parted, sweep

__all__ = ["GOAL", "MASSLESS", "settle"]

MASSLESS = 1e-9  # an optimal mass below it is rounding of 0
_THEN = 30  # sweeps after the first ten, before Newton's method
GOAL = 1e-10  # residual of eq. (20), in units of sqrt(beta)
# In units of sqrt(beta): tiles this near after ten sweeps, or after Newton could act, have met. At
# 1 % from a transition two fixed points are still .17 apart.
_MET, _JOINED = 1e-3, 2e-2


def settle(
    psi: Tensor, x: Tensor, optimal: bool, limit: int, record: int
) -> tuple[Lumps, Tensor, list[tuple[int, Tensor]]]:
    """Sweep psi (B, m, d) over x (B, n, d) until eq. (20) holds to 1e-10 or the limit.

    A thousand tiles end at a few places. After ten sweeps most have met, and lumps are cheap; a
    few dozen sweeps later Newton's method, which near a transition replaces thousands of sweeps,
    takes the lumps to their fixed points. Newton steps count as no sweeps.

    Returns:
        the lumps, the sweeps made (B,), and the recorded (sweep, tiles) pairs.
    """
    # Four at a time stay in a processor's cache; an accelerator has work for all at once.
    room = max(1, 2**28 // (psi.shape[1] * x.shape[1] * 8))
    size = min(4, room) if psi.device.type == "cpu" else room
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
    if optimal:
        for _ in range(_THEN):
            lumps.psi, lumps.log_mass = sweep(lumps.psi, lumps.log_mass, x, masses=True)
        return _weighed(_met(lumps, x, _JOINED), x), sweeps + _THEN, states
    todo, stretch, done = torch.arange(batch, device=psi.device), _THEN, []
    while len(todo):
        here = x[todo]
        stretch = min(stretch, limit - int(sweeps[todo[0]]))
        for _ in range(stretch):
            lumps.psi, _ = sweep(lumps.psi, lumps.log_mass, here, masses=False)
        sweeps[todo] += stretch
        lumps = _finish(_met(lumps, here, _JOINED), here)
        over = (_residual(lumps, here) < GOAL) | (sweeps[todo] >= limit)
        done.append((todo[over], lumps.part(over)))
        lumps, todo, stretch = lumps.part(~over), todo[~over], 2 * stretch
    order = torch.cat([places for places, _ in done]).argsort()
    return Lumps.stack([part for _, part in done]).part(order), sweeps, states


def _met(lumps: Lumps, x: Tensor, radius: float) -> Lumps:
    return lumps.join(radius, attracting(lumps.psi, lumps.log_mass, x))


def _finish(lumps: Lumps, x: Tensor) -> Lumps:
    """Newton steps on lumps of fixed masses, where they are few enough for it."""
    _, m, d = lumps.psi.shape
    if m * (d + 1) > 500:
        return lumps
    p, gamma = x.new_full((x.shape[1],), 1 / x.shape[1]), lumps.log_mass.exp()
    newton, _ = polish(lumps.psi, gamma, x, p, steps=12, move_masses=False)
    # Newton also finds saddles, which no sweep would stay at: take those only where the sweeps
    # themselves had come to rest.
    stays = attracting(newton, lumps.log_mass, x) | (gamma == 0)
    take = (_residual(lumps, x) < 1e-9) | stays.all(1)
    psi = torch.where(take[:, None, None], newton, lumps.psi)
    return Lumps(psi, lumps.log_mass, lumps.owner).join(1e-9)


def _weighed(lumps: Lumps, x: Tensor) -> Lumps:
    """The best masses on places that the lumps climb to, and every tile at the place it reaches.

    The exchange method of the limit, climbing from the lumps alone: unlike there no place is
    found that the tiles did not lead to, so a collapsed state stays where it is stable.
    """
    p = x.new_full((x.shape[1],), 1 / x.shape[1])
    held = lumps.log_mass.isfinite()
    # Padding climbs from where the first lump does.
    lump = torch.where(held[..., None], lumps.psi, lumps.psi[:, :1])
    psi, log_mass = lump, lumps.log_mass
    for _ in range(5):
        # An unstable atom is a maximum of nothing, but G around it is too flat to tell.
        starts = torch.cat([lump, parted(psi, log_mass, x)], 1)
        psi, gamma, _ = exchange_all(starts, starts, x, p, accuracy=1e-10, rounds=40)
        log_mass = gamma.log()
        if (attracting(psi, log_mass, x) | (gamma == 0)).all():
            break
    log_z = torch.logsumexp(log_kernel(psi, x) + gamma.log()[..., None], 1)
    reached = climb_each(lump, x, p.log() - log_z)
    apart = torch.cdist(reached, psi).masked_fill((gamma == 0)[:, None], torch.inf)
    near, atom = apart.min(2)
    m = psi.shape[1]
    own = m + torch.arange(lump.shape[1], device=x.device).expand_as(atom)
    goes = torch.where(near < _JOINED, atom, own)
    # Every atom keeps a tile to carry its mass: the nearest.
    closest = apart.argmin(1)
    empty = (goes[:, :, None] == torch.arange(m, device=x.device)).sum(1) == 0
    for row, place in (empty & (gamma > 0)).nonzero().tolist():
        goes[row, closest[row, place]] = place
    used = torch.zeros(len(psi), m + lump.shape[1], dtype=torch.bool, device=x.device)
    used.scatter_(1, goes, value=True)
    mass = torch.cat([gamma, torch.zeros_like(reached[..., 0])], 1)
    log_mass = mass.log().clamp_min(-600).masked_fill(~used, -torch.inf)
    return Lumps(torch.cat([psi, reached], 1), log_mass, goes.gather(1, lumps.owner))


def _residual(lumps: Lumps, x: Tensor) -> Tensor:
    target, _ = sweep(lumps.psi, lumps.log_mass, x, masses=False)
    distance = (target - lumps.psi).square().sum(-1).sqrt()
    return distance.masked_fill(lumps.log_mass < math.log(MASSLESS), 0.0).amax(1)
