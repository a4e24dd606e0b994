"""The optimal reconstruction points of a data set at given beta, with a certificate."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from geco_viz.theory._large import exchange
from geco_viz.theory._modes import log_kernel, modes, random_starts
from geco_viz.theory._points import Points
from geco_viz.theory._polish import polish
from geco_viz.theory._tiles import Lumps
from geco_viz.theory._weights import best_weights

__all__ = ["Support", "exchange_all", "optimal_support"]


@dataclass(frozen=True)
class Support:
    """Atoms psi (B, m, r) of mass gamma (B, m) at beta (B,); unused places have mass 0.

    `free_energy` F = -sum_i p_i ln Z_i and `rate` in nats, `distortion` as summed squared error,
    `certificate` = ln max G in nats: F is at most that far above the least value possible.
    """

    beta: Tensor
    psi: Tensor
    gamma: Tensor
    free_energy: Tensor
    distortion: Tensor
    rate: Tensor
    certificate: Tensor

    def count(self, radius: float = 0.05, least: float = 1e-6) -> Tensor:
        """Places that carry mass, (B,): atoms within `radius` sqrt(beta) share one.

        The best masses of two atoms at one place are any two with the right sum, and both may stay.
        """
        psi = self.psi / self.beta.sqrt()[:, None, None]
        owner = torch.arange(psi.shape[1], device=psi.device).expand(psi.shape[:2])
        return Lumps(psi, self.gamma.log(), owner).count(radius, least)


def optimal_support(points: Points, beta: Tensor, accuracy: float, rounds: int = 40) -> Support:
    """Minimise F(psi, gamma) = -sum_i p_i ln sum_a gamma_a exp(-|x_i - psi_a|^2 / 2 beta).

    F is convex in the distribution over reconstruction points, though not in their positions. An
    exchange method uses that: find the best masses of the present candidates exactly, climb to
    all maxima of G (from every datum, every atom and 100 random points), take these as further
    candidates, until G <= 1 + accuracy everywhere it was climbed. EM (eq. 20) shares its fixed
    points but can neither create atoms nor get past a phase transition in reasonable time.

    Args:
        points: the data.
        beta: (B,), > 0, in data units squared.
        accuracy: certificate in nats at which to stop; after `rounds` rounds what there is.

    Example:
        >>> from geco_viz.theory._points import as_points
        >>> found = optimal_support(as_points([0.0, 2.0]), torch.tensor([2.0]).double(), 1e-9)
        >>> round(float(found.rate), 6), round(float(found.distortion), 6)   # above lambda_max = 1
        (0.0, 1.0)
    """
    n = len(points.p)
    if n > 100 and accuracy >= 5e-4:
        return _one_by_one(points, beta, accuracy, rounds)
    chunk = max(1, int(3e6 / (3 * n + 100) / n))
    if len(beta) > chunk:
        parts = [optimal_support(points, b, accuracy, rounds) for b in beta.split(chunk)]
        return _concatenate(parts)
    x = points.y / beta.sqrt()[:, None, None]
    extra = random_starts(points.y, 100) / beta.sqrt()[:, None, None]
    psi = torch.cat([x, torch.zeros_like(x[:, :1])], 1)
    psi, gamma, certificate = exchange_all(
        psi, torch.cat([x, extra], 1), x, points.p, accuracy, rounds
    )
    log_z = torch.logsumexp(log_kernel(psi, x) + gamma.log()[..., None], 1)
    free_energy, ratio, rate = _rate(psi, gamma, log_z, x, points.p)
    psi = psi * beta.sqrt()[:, None, None]
    return Support(beta, psi, gamma, free_energy, ratio * beta, rate, certificate)


def exchange_all(
    psi: Tensor, starts: Tensor, x: Tensor, p: Tensor, accuracy: float, rounds: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The exchange method for a batch, each member until it is done.

    Args:
        psi: first candidates (B, m, r), in units of sqrt(beta) as all lengths here.
        starts: from where G is climbed each time, besides the atoms, (B, k, r).
        x, p: data (B, n, r) and masses (n,).

    Returns:
        psi (B, m, r), gamma (B, m) with 0 for unused places, and ln max G (B,).
    """
    n = len(p)
    alive = torch.ones_like(psi[..., 0], dtype=torch.bool)
    todo, finished = torch.arange(len(x), device=x.device), []
    for turn in range(rounds):
        gamma, _ = _weigh(psi, alive, x, p)
        psi, alive = _merge(psi, gamma, 2 * n)
        gamma, log_z = _weigh(psi, alive, x, p)
        if psi.shape[1] * (psi.shape[2] + 1) <= 500:
            psi, gamma = polish(psi, gamma.where(gamma > 1e-9, 0), x, p)
            log_z = torch.logsumexp(log_kernel(psi, x) + gamma.log()[..., None], 1)
        found, value = modes(torch.cat([psi, starts], 1), x, p.log() - log_z, keep=n + 1)
        certificate = value.amax(1).clamp_min(0)
        ready = (certificate <= accuracy) | (turn == rounds - 1)
        finished.append((todo[ready], psi[ready], gamma[ready], certificate[ready]))
        left = ~ready
        if not left.any():
            break
        todo, x, starts = todo[left], x[left], starts[left]
        psi = torch.cat([found[left], psi[left]], 1)
        alive = torch.cat([value[left].isfinite(), alive[left]], 1)
    wide = max(part[1].shape[1] for part in finished)
    back = torch.cat([part[0] for part in finished]).argsort()
    psi, gamma, certificate = (
        torch.cat([_widen(part[k], wide) for part in finished])[back] for k in (1, 2, 3)
    )
    return psi, gamma, certificate


def _one_by_one(points: Points, beta: Tensor, accuracy: float, rounds: int) -> Support:
    """Large data: one beta after the other, upwards, each from the atoms of the last."""
    p, order = points.p, beta.argsort()
    psi, gamma, parts = points.y, points.p, []
    for b in beta[order]:
        x, extra = points.y / b.sqrt(), random_starts(points.y, 100) / b.sqrt()
        psi, gamma, certificate = exchange(psi / b.sqrt(), gamma, x, p, extra, accuracy, rounds)
        log_z = torch.logsumexp(log_kernel(psi[None], x[None]) + gamma.log()[None, :, None], 1)
        free_energy, ratio, rate = _rate(psi[None], gamma[None], log_z, x[None], p)
        psi = psi * b.sqrt()
        parts.append(
            Support(
                b[None], psi[None], gamma[None], free_energy, ratio * b, rate, certificate[None]
            )
        )
    return _concatenate(parts, order.argsort())


def _concatenate(parts: list[Support], order: Tensor | None = None) -> Support:
    wide = max(part.psi.shape[1] for part in parts)
    fields = []
    for name in Support.__dataclass_fields__:
        columns = torch.cat([_widen(getattr(part, name), wide) for part in parts])
        fields.append(columns if order is None else columns[order])
    return Support(*fields)


def _widen(field: Tensor, wide: int) -> Tensor:
    """Pad the axis of atoms with zeros, where a field has one."""
    if field.ndim == 1:
        return field
    return torch.nn.functional.pad(field, (0, 0) * (field.ndim - 2) + (0, wide - field.shape[1]))


def _weigh(psi: Tensor, alive: Tensor, x: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    gamma, log_z = best_weights(log_kernel(psi, x).masked_fill(~alive[..., None], -torch.inf), p)
    return gamma * alive, log_z


def _merge(psi: Tensor, gamma: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    """Drop atoms without mass, join those closer than .01 sqrt(beta) at their centre of mass.

    Joining changes G by the fourth power of the distance: 1e-8, and a search that disagrees
    splits the atom again.
    """
    psi, gamma = _heaviest(psi, gamma, keep)
    near = torch.cdist(psi, psi) < 1e-2
    near.diagonal(dim1=1, dim2=2).fill_(True)
    # The first True of row a is the heaviest atom near a: the one that a joins.
    leader = torch.nn.functional.one_hot(near.to(torch.uint8).argmax(-1), psi.shape[1]).to(gamma)
    joined = torch.einsum("ba,bac->bc", gamma, leader)
    psi = torch.einsum("ba,bac,bar->bcr", gamma, leader, psi) / joined.clamp_min(1e-300)[..., None]
    alive = joined > 1e-9
    psi, joined = _heaviest(psi, joined * alive, int(alive.sum(1).amax()))
    return psi, joined > 0


def _heaviest(psi: Tensor, gamma: Tensor, keep: int) -> tuple[Tensor, Tensor]:
    order = gamma.argsort(dim=-1, descending=True)[:, :keep]
    return psi.gather(1, order[..., None].expand(-1, -1, psi.shape[-1])), gamma.gather(1, order)


def _rate(psi: Tensor, gamma: Tensor, log_z: Tensor, x: Tensor, p: Tensor) -> tuple[Tensor, ...]:
    """F, D / beta and the rate that the posterior w_ia = gamma_a k_ia / Z_i attains under gamma."""
    kernel = log_kernel(psi, x).clamp_max(0)
    w = gamma[..., None] * (kernel - log_z[:, None]).exp()
    energy = torch.einsum("bmn,bmn,n->b", w, -kernel, p)
    free_energy = -(log_z @ p)
    return free_energy, 2 * energy, (free_energy - energy).clamp_min(0)
