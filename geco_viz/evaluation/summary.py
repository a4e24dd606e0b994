"""Everything at once, from one set of samples: what a run's row of evaluations holds."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.constraints import Constraint, Rate
from geco_viz.evaluation._strata import Batches, Strata, Tail, passes
from geco_viz.evaluation.aggregate import claims, has_aggregate
from geco_viz.evaluation.tiling import share_prior
from geco_viz.models import Model, Posterior

__all__ = ["average_kl", "evaluate", "kappa_hat"]

_MOST_DATA = 1000  # above it the quantities that need all pairs of data are left out
_LEAST_PAIRS = 2**15  # of a point and a datum: fewer make the largest tile's deviation too large
_MOST_POINTS = 16384  # lattice points under the prior; more do not sharpen anything that is shown
_MOST_PARTS = 64  # terms of the KL that are listed one by one
_BATCHES = 8  # a constraint's error gives one number a batch; so many show its spread


@torch.no_grad()
def evaluate(
    model: Model,
    x: Tensor,
    constraints: Iterable[Constraint] = (),
    *,
    samples: int = 1000,
    chunk: int = 1024,
    generator: torch.Generator | None = None,
    y: Tensor | None = None,
    context: Tensor | None = None,
) -> dict[str, tuple[float, float]]:
    """Each quantity of the trade-off with its Monte Carlo standard error.

    | key | meaning |
    | --- | --- |
    | `kappa_hat/<constraint>` | the error reached, in the units of its kappa |
    | `kl` | average KL(q(z|x_i), prior), nats |
    | `kl_tail` | share of the variance of the KL's samples that the largest alone carries, 0 to 1 |
    | `kl/1`, `kl/2`, ... | the KL of each step (ConvDRAW) or latent, nats, where it is their sum |
    | `overlap` | H(i given z), nats; average KL = ln n - overlap + marginal KL |
    | `mutual_information` | ln n - overlap, nats |
    | `marginal_kl` | KL(q(z), prior), nats |
    | `holes` | prior mass where q(z) / prior(z) < 0.1 |
    | `tile_mass` | largest relative deviation of a tile's prior mass from 1/n |

    A share of `kl_tail` near 1 says that a few samples far out carry the KL: neither it nor its
    standard error can be trusted then.

    The last five need all pairs of data. They are (nan, nan) for more than 1000 data, for
    conditional models and for posteriors without `log_prob`: pass a subset, which answers for that
    subset, or call `marginal_kl` itself.

    Args:
        model: a `Model`, used as it is: put it into evaluation mode if that matters to it.
        x: images (n, C, H, W).
        constraints: those whose errors are wanted.
        samples: posterior samples a datum.
        chunk: images decoded at a time.
        generator: of all random numbers.
        y: labels (n,), for constraints that need them.
        context: (n, ...) for conditional models.

    Raises:
        TypeError, ValueError: `x` is empty; `samples` or `chunk` is not a whole number >= 1.

    Source: section 4.2, figure 8.

    Example:
        >>> import geco_viz as gv
        >>> model, x = gv.models.build("vae-nvp", (1, 8, 8)), torch.rand(5, 1, 8, 8)
        >>> found = evaluate(model, x, [gv.RE(kappa=0.1)], samples=20)
        >>> gap = math.log(5) - found["overlap"][0] + found["marginal_kl"][0] - found["kl"][0]
        >>> abs(gap) < 1e-4
        True
    """
    samples = _checks.integer("samples", samples, low=1)
    chunk = _checks.integer("chunk", chunk, low=1)
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"x must hold at least one datum, got shape {tuple(x.shape)}")
    constraints = list(constraints)
    rates = [c for c in constraints if isinstance(c, Rate)]
    constraints, n = [c for c in constraints if not isinstance(c, Rate)], len(x)
    pairs = n <= _MOST_DATA and context is None and has_aggregate(model, x)
    strata, tail, errors, parts = Strata(), Tail(), Batches(), 0
    posterior: Posterior | None = None
    size = max(chunk, _MOST_DATA)
    # With one sample only the spread over blocks shows the error of a constraint.
    if samples == 1 and constraints and not pairs:
        size = min(size, -(-n // _BATCHES))
    for block, rows in enumerate(torch.arange(n).split(size)):
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        known = None if context is None else context[part]
        posterior = model.encode(x[part], known)
        for count in passes(samples, chunk // len(rows), _BATCHES):
            z, log_q = posterior.sample(count, generator)
            split = getattr(posterior, "kl_parts", None)
            terms = None if split is None else split(z, log_q).movedim(-1, 0)
            if terms is None or len(terms) > _MOST_PARTS:
                values, parts = posterior.kl(z, log_q)[None], 0
            else:
                values, parts = torch.cat((terms.sum(0)[None], terms)), len(terms)
            tail.add(values[0])
            strata.add(torch.cat((values, claims(posterior, z, chunk))) if pairs else values, block)
            if constraints:
                x_hat, label = model.decode(z, known), None if y is None else y[part]
                means = torch.stack([c.error(x[part], x_hat, label) for c in constraints])
                errors.add(means, count, len(rows), block)

    found: dict[str, tuple[float, float]] = {}
    if constraints:
        for constraint, (error, se) in zip(constraints, errors.result().tolist(), strict=True):
            found[f"kappa_hat/{constraint.name}"] = _in_units_of_kappa(constraint, error, se)
    nothing = (math.nan, math.nan)
    rest = ("overlap", "mutual_information", "marginal_kl", "holes", "tile_mass")
    found |= {"kl": nothing} | dict.fromkeys(rest, nothing)
    kl, *others = strata.result().tolist()
    found["kl"] = (kl[0], kl[1])
    found["kl_tail"] = (tail.share(), math.nan)
    found |= {f"kappa_hat/{rate.name}": found["kl"] for rate in rates}
    for number, (value, se) in enumerate(others[:parts], 1):
        found[f"kl/{number}"] = (value, se)
    if pairs and posterior is not None:
        own, ratio = others[parts:]
        found["overlap"] = (-own[0], own[1])
        found["mutual_information"] = (math.log(n) + own[0], own[1])
        found["marginal_kl"] = (ratio[0], ratio[1])
        points = min(max(n * samples // 2, _LEAST_PAIRS // n), _MOST_POINTS)
        tiles = share_prior(posterior, model.latent_dim, x, points, chunk, generator)
        found["holes"] = (tiles.holes, tiles.holes_se)
        found["tile_mass"] = tiles.deviation
    return found


def average_kl(
    model: Model,
    x: Tensor,
    *,
    samples: int = 1000,
    chunk: int = 1024,
    generator: torch.Generator | None = None,
    context: Tensor | None = None,
) -> tuple[float, float]:
    """(1/n) sum_i KL(q(z|x_i), prior) in nats and its standard error; arguments as `evaluate`.

    Example:
        >>> from geco_viz import models
        >>> average_kl(models.build("vae", (1, 8, 8)), torch.rand(5, 1, 8, 8))[0] > 0
        True
    """
    samples = _checks.integer("samples", samples, low=1)
    found = evaluate(model, x, samples=samples, chunk=chunk, generator=generator, context=context)
    return found["kl"]


def kappa_hat(
    model: Model,
    x: Tensor,
    constraint: Constraint,
    *,
    samples: int = 1000,
    chunk: int = 1024,
    generator: torch.Generator | None = None,
    y: Tensor | None = None,
    context: Tensor | None = None,
) -> tuple[float, float]:
    """The error that the model reaches, in the units of kappa, and its standard error.

    For RE the root of the mean squared error per pixel. Arguments as `evaluate`.

    Example:
        >>> import geco_viz as gv
        >>> model = gv.models.build("vae", (1, 8, 8))
        >>> 0 < kappa_hat(model, torch.rand(5, 1, 8, 8), gv.RE(kappa=0.1), samples=20)[0] < 1
        True
    """
    found = evaluate(
        model,
        x,
        [constraint],
        samples=samples,
        chunk=chunk,
        generator=generator,
        y=y,
        context=context,
    )
    return found[f"kappa_hat/{constraint.name}"]


def _in_units_of_kappa(constraint: Constraint, error: float, se: float) -> tuple[float, float]:
    """The error as a kappa, its standard error by the slope across one standard error each way."""
    if not se > 0:
        return float(constraint.as_kappa(error)), se
    low = max(error - se, 0.0)
    slope = (constraint.as_kappa(error + se) - constraint.as_kappa(low)) / (error + se - low)
    return float(constraint.as_kappa(error)), abs(float(slope)) * se
