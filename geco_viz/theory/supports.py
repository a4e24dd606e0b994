"""The best reconstruction points at one beta: what ideal tiles hold, and how large they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.theory._points import as_points
from geco_viz.theory._support import optimal_support
from geco_viz.theory._tiles import Lumps

__all__ = ["BestSupport", "best_support"]

LARGEST = 100  # distinct data


@dataclass(frozen=True)
class BestSupport:
    """The optimal decoder of beta-VAEs with unlimited capacity, as m places; float64 tensors.

    Attributes:
        beta: data units squared.
        psi: (m, ...), the reconstructions, the largest tile first.
        masses: (m,), gamma_a, the prior mass of each tile; sum 1.
        posterior: (n, m), q(tile a | datum i); rows sum to 1.
        kappa: the RMS error per pixel reached.
        rate: nats.
        certificate: nats; no decoder has R + D / 2 beta lower by more than this.
    """

    beta: float
    psi: Tensor
    masses: Tensor
    posterior: Tensor
    kappa: float
    rate: float
    certificate: float


def best_support(x: Any, beta: float) -> BestSupport:
    """Minimise KL + E |x - g(z)|^2 / 2 beta over all encoders and decoders.

    The masses are those of Prop. 5, the places solve eq. (20), and no other place would help.
    Where data are tiled apart each has a tile of mass 1 / n (Prop. 2); as beta rises they merge.

    Args:
        x: data (n, ...), at most 100 of them different.
        beta: > 0; `rate_distortion(x, kappa).beta` is the one that belongs to a kappa.

    Raises:
        TypeError, ValueError: `x` empty, not finite, too many; beta not > 0.

    References:
        Propositions 1, 2, 4 and 5, eqs. (18-20) of the paper.

    Example:
        >>> found = best_support([[-1.0], [0.9], [1.1]], beta=0.1)
        >>> [round(v, 3) for v in found.psi[:, 0].tolist()], found.posterior.argmax(1).tolist()
        ([1.0, -1.0], [1, 0, 0])
    """
    points = as_points(x)
    beta = _checks.number("beta", beta, low=0, open_low=True)
    if len(points.p) > LARGEST:
        raise ValueError(f"x must hold at most {LARGEST} different data, got {len(points.p)}")
    found = optimal_support(points, torch.tensor([beta]).to(points.y), 1e-9)
    scale = beta**0.5
    owner = torch.arange(found.psi.shape[1], device=found.psi.device)[None]
    lumps = Lumps(found.psi / scale, found.gamma.log(), owner).join(0.05)
    masses = lumps.log_mass[0].exp()
    order = masses.argsort(descending=True)
    order = order[masses[order] > 1e-6]
    masses, psi = masses[order] / masses[order].sum(), lumps.psi[0, order] * scale
    data = torch.as_tensor(x).detach().to(points.y).reshape(-1, points.pixels)
    flat = points.data(psi).reshape(len(psi), -1)
    distance = torch.cdist(data, flat, compute_mode="donot_use_mm_for_euclid_dist").square()
    return BestSupport(
        beta=beta,
        psi=points.data(psi),
        masses=masses,
        posterior=torch.softmax(masses.log() - distance / (2 * beta), 1),
        kappa=float((found.distortion / points.pixels).sqrt()),
        rate=float(found.rate),
        certificate=float(found.certificate),
    )
