"""The aggregate posterior q(z) = (1/n) sum_i q(z|x_i), as the exact mixture over the data."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.evaluation._strata import Strata, passes
from geco_viz.models import Model, Posterior
from geco_viz.models.gaussian import standard_normal_log_prob

__all__ = ["PAIRS", "aggregate", "marginal_kl", "mutual_information", "overlap", "responsibilities"]

PAIRS = 8  # densities q(z|x_j) held at a time, in units of `chunk`: that fits a core's cache


def aggregate(model: Model, x: Tensor) -> Posterior:
    """q(z|x_i) of all data at once, for models whose aggregate posterior can be had.

    Raises:
        TypeError: the model is conditional, says that it has none (`has_aggregate` is False, as
            ConvDRAW's), or its posterior has no `log_prob`.
        ValueError: `x` is empty.
    """
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"x must hold at least one datum, got shape {tuple(x.shape)}")
    if getattr(model, "conditional", False):
        raise TypeError(
            "model must have one posterior a datum and one prior for an aggregate posterior, got "
            f"the conditional {type(model).__name__}, in which both depend on the context"
        )
    if not getattr(model, "has_aggregate", True):
        raise TypeError(
            "model must have a density q(z|x) that can be averaged over the data, got "
            f"{type(model).__name__}, whose latents of one step depend on those drawn before; its "
            "average KL can be had: average_kl, evaluate"
        )
    posterior = model.encode(x)
    if not callable(getattr(posterior, "log_prob", None)):
        raise TypeError(
            "model must have a posterior with log_prob(z), from which the exact mixture over the "
            f"data is made, got {type(model).__name__} with {type(posterior).__name__}"
        )
    return posterior


def has_aggregate(model: Model, x: Tensor) -> bool:
    """Whether `aggregate` would serve this model, judged by one datum."""
    try:
        aggregate(model, x[:1])
    except TypeError:
        return False
    return True


def responsibilities(posterior: Posterior, z: Tensor) -> tuple[Tensor, Tensor]:
    """Which data claim a latent, and how dense the aggregate posterior is there.

    w_i(z) = q(z|x_i) / sum_j q(z|x_j), and q(z) / prior(z) with the standard normal prior.

    Args:
        posterior: of n data.
        z: latents (..., d).

    Returns:
        log w (..., n) and log q(z) / prior(z) (...), nats.

    Example:
        >>> from geco_viz.models import DiagonalGaussian
        >>> two = DiagonalGaussian(torch.tensor([[-1.0], [1.0]]), torch.zeros(2, 1))
        >>> log_w, log_ratio = responsibilities(two, torch.zeros(1))
        >>> log_w.exp().tolist(), round(float(log_ratio), 4)
        ([0.5, 0.5], -0.5)
    """
    log_q = posterior.log_prob(z.unsqueeze(-2))
    total = torch.logsumexp(log_q, -1)
    log_ratio = total - math.log(log_q.shape[-1]) - standard_normal_log_prob(z)
    return log_q - total.unsqueeze(-1), log_ratio


def marginal_kl(
    model: Model,
    x: Tensor,
    *,
    samples: int = 100,
    points: int | None = None,
    chunk: int = 1024,
    generator: torch.Generator | None = None,
) -> tuple[float, float]:
    """KL(q(z) | prior) in nats, with q(z) the exact mixture over the data.

    E_q(z) [log (1/n) sum_j q(z|x_j) - log prior(z)]. Estimates from minibatches are biased; this
    one is not. It costs samples * n^2 densities: for a large set take `points`, which costs
    points * n and holds no more than `chunk` data at a time.

    Args:
        model: one whose posterior has `log_prob`; the prior is the standard normal.
        x: images (n, C, H, W).
        samples: posterior samples a datum, where `points` is None.
        points: latents in all, each of a datum drawn at random; the mixture is over all data still.
        chunk: an eighth of the number of densities held at a time (n, if that is more), and the
            number of data encoded at a time where `points` is given.
        generator: of the posterior samples.

    Returns:
        The value and its standard error, for samples stratified by datum, or independent points.

    Raises:
        TypeError: the aggregate cannot be had: a conditional model, ConvDRAW, or no `log_prob`.
        TypeError, ValueError: `x` is empty; `samples`, `points` or `chunk` is not a whole number
            >= 1 (`points` >= 2).

    Source: section 4.1.1, table 2.

    Example:
        >>> from geco_viz import models
        >>> value, error = marginal_kl(models.build("vae", (1, 8, 8)), torch.rand(5, 1, 8, 8))
        >>> value > -3 * error
        True
    """
    return _mean(model, x, samples, points, chunk, generator)[1]


def overlap(
    model: Model,
    x: Tensor,
    *,
    samples: int = 100,
    points: int | None = None,
    chunk: int = 1024,
    generator: torch.Generator | None = None,
) -> tuple[float, float]:
    """H(i|z) in nats: how uncertain a latent leaves its datum, from 0 to ln n.

    -E_i E_q(z|x_i) log w_i(z). With the same samples, and the KL as log q - log prior,
    average KL = ln n - overlap + marginal KL exactly.

    Arguments, value and errors as for `marginal_kl`.

    Source: section 4.2.

    Example:
        >>> from geco_viz import models
        >>> value, error = overlap(models.build("vae", (1, 8, 8)), torch.rand(5, 1, 8, 8))
        >>> 0 <= value < math.log(5) + 3 * error
        True
    """
    return _mean(model, x, samples, points, chunk, generator)[0]


def mutual_information(
    model: Model,
    x: Tensor,
    *,
    samples: int = 100,
    points: int | None = None,
    chunk: int = 1024,
    generator: torch.Generator | None = None,
) -> tuple[float, float]:
    """I(i; z) = ln n - `overlap` in nats: how much a latent tells about its datum.

    Arguments, value and errors as for `marginal_kl`.

    Example:
        >>> from geco_viz import models
        >>> mutual_information(models.build("vae", (1, 8, 8)), torch.rand(1, 1, 8, 8))
        (0.0, 0.0)
    """
    value, error = overlap(
        model, x, samples=samples, points=points, chunk=chunk, generator=generator
    )
    return math.log(len(x)) - value, error


@torch.no_grad()
def _mean(
    model: Model,
    x: Tensor,
    samples: int,
    points: int | None,
    chunk: int,
    generator: torch.Generator | None,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Overlap and marginal KL, each with its standard error, from one set of samples."""
    samples = _checks.integer("samples", samples, low=1)
    chunk = _checks.integer("chunk", chunk, low=1)
    if points is not None:
        points = _checks.integer("points", points, low=2)
        log_w, log_ratio = _at_points(model, x, points, chunk, generator)
        root = math.sqrt(points)
        return (
            (-float(log_w.mean()), float(log_w.std()) / root),
            (float(log_ratio.mean()), float(log_ratio.std()) / root),
        )
    posterior = aggregate(model, x)
    strata = Strata()
    for count in passes(samples, chunk // len(x)):
        z, _ = posterior.sample(count, generator)
        strata.add(claims(posterior, z, chunk))
    (own, own_error), (ratio, ratio_error) = strata.result().tolist()
    return (-own, own_error), (ratio, ratio_error)


def _at_points(
    model: Model, x: Tensor, points: int, chunk: int, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """log w of a latent's own datum and log q(z)/prior(z), (points,), a block of data at a time."""
    aggregate(model, x[:1])
    own, latents = [], []
    rows = torch.randint(len(x), (points,), generator=generator, device=x.device)
    for some in rows.split(chunk):
        posterior = model.encode(x[some])
        z, _ = posterior.sample(1, generator)
        latents.append(z[0])
        own.append(posterior.log_prob(z)[0])
    z = torch.cat(latents)
    total = torch.full_like(z[:, 0], -math.inf)
    for block in x.split(chunk):
        posterior = model.encode(block)
        few = max(PAIRS * chunk // len(block), 1)
        here = [posterior.log_prob(part.unsqueeze(-2)).logsumexp(-1) for part in z.split(few)]
        total = torch.logaddexp(total, torch.cat(here))
    log_ratio = total - math.log(len(x)) - standard_normal_log_prob(z)
    return torch.cat(own) - total, log_ratio


def claims(posterior: Posterior, z: Tensor, chunk: int) -> Tensor:
    """log w_i(z) of each sample's own datum and log q(z)/prior(z), (2, S, B), from z (S, B, d)."""
    n = z.shape[1]
    own = torch.arange(n, device=z.device).expand(z.shape[:2]).flatten()
    found = []
    size = max(PAIRS * chunk // n, 1)
    for part, datum in zip(z.flatten(0, 1).split(size), own.split(size), strict=True):
        log_w, log_ratio = responsibilities(posterior, part)
        found.append(torch.stack((log_w.gather(-1, datum[:, None])[:, 0], log_ratio)))
    return torch.cat(found, 1).unflatten(1, z.shape[:2])
