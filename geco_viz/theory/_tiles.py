"""The latent space as tiles: their grid, the sweep of eqs. (18-20), tiles that met."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from geco_viz.theory._modes import log_kernel

__all__ = ["Lumps", "attracting", "grid_start", "parted", "sweep"]


def sweep(psi: Tensor, log_mass: Tensor, x: Tensor, masses: bool) -> tuple[Tensor, Tensor]:
    """One sweep of eq. (20): psi_a <- sum_i x_i m_ia / sum_j m_ja, m_ia = k_ia / c_i.

    In the log domain throughout: a tile that no datum wants still goes to the data that refuse it
    least, where the plain form gives 0 / 0.

    Args:
        psi: (B, m, d) in units of sqrt(beta), like x (B, n, d).
        log_mass: ln pi_a (B, m), -inf for places that hold no tile.
        masses: also apply Prop. 5's step gamma_a <- sum_i w_ia / n.
    """
    logits = log_kernel(psi, x)
    log_c = torch.logsumexp(logits + log_mass[..., None], 1)
    logits = logits - log_c[:, None]
    if masses:
        log_mass = log_mass + torch.logsumexp(logits, -1) - torch.tensor(x.shape[1]).to(x).log()
    return torch.softmax(logits, -1) @ x, log_mass


@dataclass
class Lumps:
    """Tiles that are at one place, as one: psi (B, M, d), log_mass (B, M), owner (B, m) -> M.

    The sweep treats tiles at one place alike, so a fixed point of the lumps with their summed
    masses is a fixed point of the tiles.
    """

    psi: Tensor
    log_mass: Tensor
    owner: Tensor

    def tiles(self) -> Tensor:
        """Every tile's psi, (B, m, d)."""
        return self.psi.gather(1, self.owner[..., None].expand(-1, -1, self.psi.shape[-1]))

    def join(self, radius: float, only: Tensor | None = None) -> Lumps:
        """Join what lies within `radius` of a heavier lump, at the centre of mass.

        `only` (B, M) names the lumps that may: tiles about to part must not be joined.
        """
        order = self.log_mass.argsort(dim=1, descending=True)
        psi = self.psi.gather(1, order[..., None].expand_as(self.psi))
        mass = self.log_mass.gather(1, order).exp()
        # The fast form rounds small distances away, but it alone is fast for images.
        mode = "donot_use_mm_for_euclid_dist" if psi.shape[-1] <= 8 else "use_mm_for_euclid_dist"
        near = torch.cdist(psi, psi, compute_mode=mode) < radius
        near.diagonal(dim1=1, dim2=2).fill_(True)
        leader = near.to(torch.uint8).argmax(-1)
        # A place without a tile stays alone: it must not lend its position to anyone.
        alone = mass == 0
        if only is not None:
            alone = alone | ~only.gather(1, order) | ~only.gather(1, order).gather(1, leader)
        leader = torch.where(alone, torch.arange(mass.shape[1], device=mass.device), leader)
        total = torch.zeros_like(mass).scatter_add(1, leader, mass)
        centre = torch.zeros_like(psi).scatter_add(
            1, leader[..., None].expand_as(psi), psi * mass[..., None]
        )
        kept = total > 0
        wide = int(kept.sum(1).amax())
        place = (kept.cumsum(1) - 1).clamp_min(0)
        front = kept.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :wide]
        total, holds = total.gather(1, front), kept.gather(1, front)
        centre = centre.gather(1, front[..., None].expand(-1, -1, psi.shape[-1]))
        centre = centre / total.masked_fill(~holds, 1.0)[..., None]
        new_place = torch.empty_like(order).scatter_(1, order, place.gather(1, leader))
        log_mass = total.masked_fill(~holds, 0.0).log()
        return Lumps(centre, log_mass, new_place.gather(1, self.owner))

    def count(self, radius: float, least: float) -> Tensor:
        """Places with more mass than `least`, those within `radius` counted as one: (B,)."""
        return (self.join(radius).log_mass.exp() > least).sum(1)

    @staticmethod
    def stack(parts: list[Lumps]) -> Lumps:
        """One batch from several, padded to the widest."""
        wide = max(part.psi.shape[1] for part in parts)
        pad = torch.nn.functional.pad
        psi = [pad(q.psi, (0, 0, 0, wide - q.psi.shape[1])) for q in parts]
        log_mass = [pad(q.log_mass, (0, wide - q.psi.shape[1]), value=-torch.inf) for q in parts]
        return Lumps(torch.cat(psi), torch.cat(log_mass), torch.cat([q.owner for q in parts]))

    def part(self, chosen: Tensor) -> Lumps:
        """The lumps of some of the batch, by index or mask."""
        return Lumps(self.psi[chosen], self.log_mass[chosen], self.owner[chosen])


def attracting(psi: Tensor, log_mass: Tensor, x: Tensor) -> Tensor:
    """Whether one tile at each place would be drawn together with its neighbours, (B, M).

    The derivative of a tile's own sweep is the covariance of its weights w: below 1 in every
    direction it contracts. Beyond 32 coordinates, where eigenvalues cost too much, always True.
    """
    if x.shape[-1] > 32:
        return torch.ones_like(log_mass, dtype=torch.bool)
    return torch.linalg.eigvalsh(_spread(psi, log_mass, x))[..., -1] < 1


def parted(psi: Tensor, log_mass: Tensor, x: Tensor) -> Tensor:
    """Both sides of every place that does not attract, .3 away; (B, 2 M, d)."""
    if x.shape[-1] > 32:
        return psi
    growth, axes = torch.linalg.eigh(_spread(psi, log_mass, x))
    step = torch.where(growth[..., -1:] >= 1, 0.3 * axes[..., -1], 0.0)
    return torch.cat([psi + step, psi - step], 1)


def _spread(psi: Tensor, log_mass: Tensor, x: Tensor) -> Tensor:
    logits = log_kernel(psi, x)
    log_c = torch.logsumexp(logits + log_mass[..., None], 1)
    w = torch.softmax(logits - log_c[:, None], -1)
    mean = w @ x
    return torch.einsum("bmn,bnd,bne->bmde", w, x, x) - mean[..., None] * mean[..., None, :]


def grid_start(x: Tensor, side: int, noise: float, seed: int) -> Tensor:
    """Centres of side x side tiles over the data's bounding box, jittered: (side**2, d).

    Noise is uniform within +-noise of the box's widths, so that data filling [-1/2, 1/2]^2 start
    as in appendix A. One coordinate gets side**2 tiles in a row; beyond two the grid lies in the
    plane of the first two principal axes.
    """
    d = x.shape[1]
    mean = x.mean(0)
    axes = torch.eye(d).to(x) if d <= 2 else torch.linalg.svd(x - mean, full_matrices=False)[2][:2]
    flat = (x - mean) @ axes.T
    low, wide = flat.amin(0), flat.amax(0) - flat.amin(0)
    if len(axes) == 1:
        unit = ((torch.arange(side * side) + 0.5) / (side * side))[:, None]
    else:
        line = (torch.arange(side) + 0.5) / side
        unit = torch.cartesian_prod(line, line)
    generator = torch.Generator().manual_seed(seed)
    jitter = noise * (2 * torch.rand(unit.shape, generator=generator, dtype=torch.float64) - 1)
    return (low + (unit + jitter).to(x) * wide) @ axes + mean
