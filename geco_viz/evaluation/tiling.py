"""How the posteriors share the prior: tile masses and holes."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.evaluation._strata import accurate
from geco_viz.evaluation.aggregate import PAIRS, aggregate, responsibilities
from geco_viz.models import Model, Posterior

__all__ = ["HOLE", "Tiles", "hole_mass", "tile_masses", "tiles"]

HOLE = 0.1  # z lies in a hole where q(z) is below this fraction of the prior's density
_REPLICATES = 8  # lattices: enough to show the error, few enough to keep each one fine


class Tiles(NamedTuple):
    """`masses` (n,): prior mass of tile i, where q(z|x_i) is largest; `holes`: prior mass where
    q(z) / prior(z) < 0.1; each with a standard error."""

    masses: Tensor
    masses_se: Tensor
    holes: float
    holes_se: float

    @property
    def deviation(self) -> tuple[float, float]:
        """max_i |n mass_i - 1|, 0 for equiprobable tiles, and the error of the worst tile's."""
        n = len(self.masses)
        relative = (n * self.masses - 1).abs()
        worst = relative.argmax()
        return float(relative[worst]), float(n * self.masses_se[worst])


@torch.no_grad()
def tiles(
    model: Model,
    x: Tensor,
    *,
    points: int = 8192,
    chunk: int = 1024,
    generator: torch.Generator | None = None,
) -> Tiles:
    """Tile masses and hole mass under the standard normal prior.

    The prior is covered by eight randomly shifted lattices (Kronecker sequences through the
    normal's quantiles). Each gives an unbiased answer and their spread the error, which in two
    dimensions is several times smaller than that of as many independent points.

    Args:
        model: one whose posterior has `log_prob`.
        x: images (n, C, H, W).
        points: latents in all, rounded up to a multiple of eight.
        chunk: an eighth of the number of densities held at a time (n, if that is more).
        generator: of the lattices' shifts.

    Raises:
        TypeError: the aggregate cannot be had: a conditional model, or no `log_prob`.
        TypeError, ValueError: `x` is empty; `points` or `chunk` is not a whole number >= 1.

    Source: section 4.2 (holes); Prop. 2 (tiles, equiprobable as kappa goes to 0).

    Example:
        >>> from geco_viz import models
        >>> found = tiles(models.build("vae-nvp", (1, 8, 8)), torch.rand(5, 1, 8, 8), points=800)
        >>> round(float(found.masses.sum()), 4), 0 <= found.holes <= 1
        (1.0, True)
    """
    points = _checks.integer("points", points, low=1)
    chunk = _checks.integer("chunk", chunk, low=1)
    return share_prior(aggregate(model, x), model.latent_dim, x, points, chunk, generator)


def tile_masses(
    model: Model,
    x: Tensor,
    *,
    points: int = 8192,
    chunk: int = 1024,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Prior mass where q(z|x_i) is largest, (n,), and standard errors (n,); see `tiles`.

    Example:
        >>> from geco_viz import models
        >>> tile_masses(models.build("vae", (1, 8, 8)), torch.rand(1, 1, 8, 8))[0]
        tensor([1.], dtype=torch.float64)
    """
    found = tiles(model, x, points=points, chunk=chunk, generator=generator)
    return found.masses, found.masses_se


def hole_mass(
    model: Model,
    x: Tensor,
    *,
    points: int = 8192,
    chunk: int = 1024,
    generator: torch.Generator | None = None,
) -> tuple[float, float]:
    """Prior mass where q(z) / prior(z) < 0.1, and its standard error; see `tiles`.

    Example:
        >>> from geco_viz import models
        >>> value, error = hole_mass(models.build("vae", (1, 8, 8)), torch.rand(5, 1, 8, 8))
        >>> 0 <= value <= 1
        True
    """
    found = tiles(model, x, points=points, chunk=chunk, generator=generator)
    return found.holes, found.holes_se


def share_prior(
    posterior: Posterior,
    latent_dim: int,
    x: Tensor,
    points: int,
    chunk: int,
    generator: torch.Generator | None,
) -> Tiles:
    """`tiles`, from posteriors that are there already."""
    n, each = len(x), -(-points // _REPLICATES)
    z = _lattices(each, latent_dim, x.device, generator).to(x.dtype)
    owner, hole = [], []
    for part in z.flatten(0, 1).split(max(PAIRS * chunk // n, 1)):
        log_w, log_ratio = responsibilities(posterior, part)
        owner.append(log_w.argmax(-1))
        hole.append(log_ratio < math.log(HOLE))
    tile = torch.cat(owner).view(_REPLICATES, each)
    replicate = torch.arange(_REPLICATES, device=x.device)[:, None] * n
    counts = torch.bincount((tile + replicate).flatten(), minlength=_REPLICATES * n)
    kind = accurate(x.device)
    masses = counts.view(_REPLICATES, n).to(kind) / each
    holes = torch.cat(hole).view(_REPLICATES, each).to(kind).mean(1)
    scale = math.sqrt(_REPLICATES)
    # Lattices that all agree on no hole still leave room for one that none of them hit.
    holes_se = max(float(holes.std()) / scale, 1 / (_REPLICATES * each))
    return Tiles(masses.mean(0), masses.std(0) / scale, float(holes.mean()), holes_se)


def _lattices(
    each: int, dim: int, device: torch.device, generator: torch.Generator | None
) -> Tensor:
    """(replicates, each, d) points that are standard normal in distribution, evenly spread.

    frac(shift + k a), a_j = phi^-j with phi^(d+1) = phi + 1, the golden ratio for d = 1.
    """
    phi = 2.0
    for _ in range(50):  # a contraction, to the last digit for every d
        phi = (1 + phi) ** (1 / (dim + 1))
    step = phi ** -torch.arange(1, dim + 1, dtype=torch.float64)
    shift = torch.rand((_REPLICATES, 1, dim), generator=generator, device=device).cpu().double()
    unit = (shift + torch.arange(each, dtype=torch.float64)[:, None] * step).frac()
    z = torch.special.ndtri(unit.clamp(1e-12, 1 - 1e-12))
    return z.to(device=device, dtype=accurate(device))
