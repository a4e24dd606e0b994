"""The optimal support of a thousand points: the exchange method, its climbs in float32."""

from __future__ import annotations

import torch
from torch import Tensor

from geco_viz.theory._modes import log_g, log_kernel
from geco_viz.theory._weights import best_weights

__all__ = ["climb", "exchange"]

# Candidates closer than this, in units of sqrt(beta), count as one.
_NEAR = 0.05
# Sweeps of EM between exchanges: six cost a third of an exchange and save half of them.
_SWEEPS = 6


def exchange(
    psi: Tensor, gamma: Tensor, x: Tensor, p: Tensor, extra: Tensor, accuracy: float, rounds: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Improve psi (m, r), gamma (m,) at one beta until G <= 1 + accuracy wherever it was climbed.

    A few sweeps of EM (eq. 20 with Prop. 5's gamma) move atoms together with their masses; then G
    is climbed from every atom and from where the last climbs ended, and the best masses of old
    atoms and new maxima follow exactly. Once these climbs find no more, one from every datum and
    extra start as well decides. Positions are found in float32, which costs a third; F, D, G and
    the certificate are then evaluated at these positions in float64.

    Args:
        psi: where to start, in units of sqrt(beta) as all lengths here.
        gamma: masses, sum 1.
        x, p: the data (n, r) and their masses.
        extra: further starts (k, r).
        accuracy: nats.
        rounds: the most exchanges to make.

    Returns:
        psi, gamma and ln max G, a 0-d tensor.
    """
    everywhere = torch.cat([x, extra])
    found, thorough = x[:0], False
    for turn in range(rounds):
        psi, gamma = _em(psi, gamma, x, p)
        psi, gamma = _joined(psi, gamma)
        log_z = torch.logsumexp(log_kernel(psi[None], x[None])[0] + gamma.log()[:, None], 0)
        log_a = p.log() - log_z
        last = turn == rounds - 1
        starts = everywhere if last else found
        found, value = _maxima(torch.cat([psi, _apart(starts, psi)]), x, log_a)
        if value[0] <= accuracy and not thorough and not last:
            found, value = _maxima(torch.cat([found, _apart(everywhere, found)]), x, log_a)
            thorough = True
        certificate = value[0].clamp_min(0)
        if last or (thorough and certificate <= accuracy):
            break
        thorough = False
        candidates = torch.cat([found[value > accuracy / 4], psi])
        weights, _ = best_weights(
            log_kernel(candidates[None], x[None]), p, gap=1e-2 * accuracy / len(candidates)
        )
        kept = weights[0] > 1e-4 / len(candidates)
        psi, gamma = candidates[kept], weights[0, kept]
    return psi, gamma, certificate


def climb(starts: Tensor, x: Tensor, log_a: Tensor, shifts: int = 30) -> Tensor:
    """Mean shifts of `starts` (q, r) towards maxima of G, each until it moves less than 3e-3.

    Where climbers met only the first goes on, so some end short of the maximum of another.
    """
    places, data = starts.float(), x.float()
    bias = (log_a - 0.5 * x.square().sum(1)).float()
    active = torch.arange(len(places), device=places.device)
    for shift in range(shifts):
        here = places[active]
        there = torch.softmax(torch.addmm(bias, here, data.T), -1) @ data
        places[active] = there
        active = active[(there - here).square().sum(1) > 1e-5]
        if shift in (3, 8, 15):
            active = active[~_repeated(places[active], 2 * _NEAR)]
        if len(active) == 0:
            break
    return places.to(x)


def _maxima(starts: Tensor, x: Tensor, log_a: Tensor) -> tuple[Tensor, Tensor]:
    """Where climbs from `starts` end, each place once, and ln G there, the highest first."""
    found = climb(starts, x, log_a)
    return _distinct(found, log_g(found[None], x[None], log_a[None])[0])


def _em(psi: Tensor, gamma: Tensor, x: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """Sweeps of eq. (20) with Prop. 5's gamma; atoms that lose their mass go."""
    places, masses, data = psi.float(), gamma.float(), x.float()
    for _ in range(_SWEEPS):
        bias = masses.log() - 0.5 * places.square().sum(1)
        # |x_i|^2 is the same for all atoms: the softmax over them does without it.
        w = torch.softmax(torch.addmm(bias, data, places.T), 1) * p.to(data)[:, None]
        masses = w.sum(0)
        keep = masses > 1e-6 / len(p)
        masses = masses[keep]
        places = w[:, keep].T @ data / masses[:, None]
    masses = masses.to(gamma)
    return places.to(x), masses / masses.sum()


def _joined(psi: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor]:
    """Join atoms near a heavier one to it, at their centre of mass."""
    order = gamma.argsort(descending=True)
    psi, gamma = psi[order], gamma[order]
    near = torch.cdist(psi.float(), psi.float()) < _NEAR
    leader = near.fill_diagonal_(True).to(torch.uint8).argmax(1)
    mass = torch.zeros_like(gamma).index_add(0, leader, gamma)
    centre = torch.zeros_like(psi).index_add(0, leader, psi * gamma[:, None])
    kept = mass > 0
    return centre[kept] / mass[kept, None], mass[kept] / mass.sum()


def _distinct(y: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    order = value.argsort(descending=True)
    order = order[~_repeated(y[order].float(), _NEAR)]
    return y[order], value[order]


def _apart(y: Tensor, places: Tensor) -> Tensor:
    """Those of y (q, r) that are not near one of `places`, whose climb would be theirs."""
    if len(y) == 0:
        return y
    return y[torch.cdist(y.float(), places.float()).amin(1) > 2 * _NEAR]


def _repeated(y: Tensor, radius: float) -> Tensor:
    return (torch.cdist(y, y) < radius).tril(-1).any(1)
