"""Likelihoods that compare models whose decoders have no variance of their own: appendix D."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.constraints import RE
from geco_viz.evaluation._strata import Strata, accurate, passes
from geco_viz.evaluation.summary import evaluate
from geco_viz.models import Model

__all__ = ["quantised_nll", "quantised_normal", "sigma_opt"]

LEVELS = 256


def quantised_normal(
    x: Tensor, mean: Tensor, sigma: float | Tensor, levels: int = LEVELS
) -> Tensor:
    r"""Log mass of a pixel's bin under a normal: the "quantised normal", nats.

    .. math:: \ln\left[\Phi\left(\frac{x + \Delta/2 - \mu}{\sigma}\right)
        - \Phi\left(\frac{x - \Delta/2 - \mu}{\sigma}\right)\right],
        \qquad \Delta = \frac{1}{\mathrm{levels} - 1}

    The first and the last bin are open, so that the masses of all levels add up to 1. Worked out
    in float64, and from the nearer tail.

    Args:
        x: pixels in [0, 1], taken to the nearest of `levels` values.
        mean: what broadcasts with `x`.
        sigma: standard deviation, data units, > 0.
        levels: 256 for pixels of 8 bits.

    Raises:
        TypeError, ValueError: `levels` is no whole number >= 2, or `sigma` is not > 0.

    Source: appendix D, after [28].

    Example:
        >>> grid = torch.arange(256) / 255
        >>> round(float(quantised_normal(grid, torch.tensor(0.3), 0.1).exp().sum()), 12)
        1.0
    """
    levels = _checks.integer("levels", levels, low=2)
    kind = accurate(x.device)
    scale = torch.as_tensor(sigma, dtype=kind, device=x.device)
    if not bool((scale > 0).all()):
        raise ValueError(f"sigma must be > 0, got {sigma}")
    level = (x.to(kind) * (levels - 1)).round()
    mean = mean.to(kind)
    low = ((level - 0.5) / (levels - 1) - mean) / scale
    high = ((level + 0.5) / (levels - 1) - mean) / scale
    low = low.masked_fill(level <= 0, -math.inf)
    high = high.masked_fill(level >= levels - 1, math.inf)
    # In the upper tail both are 1 to the last digit: by symmetry the lower one serves.
    upper = low > 0
    low, high = torch.where(upper, -high, low), torch.where(upper, -low, high)
    top = torch.special.log_ndtr(high)
    return top + torch.log1p(-torch.exp(torch.special.log_ndtr(low) - top))


def sigma_opt(
    model: Model,
    x: Tensor,
    *,
    samples: int = 10,
    chunk: int = 1024,
    generator: torch.Generator | None = None,
    context: Tensor | None = None,
) -> tuple[float, float]:
    r"""The best global standard deviation of a Gaussian decoder, RMS pixel, and its standard error.

    .. math:: \sigma_{\mathrm{opt}} =
        \sqrt{\frac{1}{M d_x} \sum_i \lVert x_i - g(z_i) \rVert^2}

    Arguments and errors as for `evaluation.evaluate`.

    Source: eq. 26, whose root lacks the 1/d_x of a standard deviation per pixel.

    Example:
        >>> from geco_viz import models
        >>> value, error = sigma_opt(models.build("vae", (1, 8, 8)), torch.rand(5, 1, 8, 8))
        >>> 0.2 < value < 0.5
        True
    """
    found = evaluate(
        model,
        x,
        [RE(kappa=1.0)],
        samples=samples,
        chunk=chunk,
        generator=generator,
        context=context,
    )
    return found["kappa_hat/re"]


@torch.no_grad()
def quantised_nll(
    model: Model,
    x: Tensor,
    sigma: float,
    *,
    samples: int = 10,
    chunk: int = 1024,
    generator: torch.Generator | None = None,
    context: Tensor | None = None,
) -> tuple[float, float]:
    """Mean negative log-likelihood under the quantised normal, nats per pixel, with its error.

    A pixel is one channel of one place. Divide by ln 2 for bits per dimension; for those of the
    whole code add the average KL / d_x first.

    Args:
        model, x, samples, chunk, generator, context: as for `evaluation.evaluate`.
        sigma: RMS pixel, `sigma_opt` of the *training* data.

    Raises:
        TypeError, ValueError: as `quantised_normal`, and for an empty `x`.

    Source: appendix D.

    Example:
        >>> from geco_viz import models
        >>> model, x = models.build("vae", (1, 8, 8)), torch.rand(5, 1, 8, 8)
        >>> value, error = quantised_nll(model, x, sigma=0.3)
        >>> 0 < error < 0.1 * value
        True
    """
    samples = _checks.integer("samples", samples, low=1)
    chunk = _checks.integer("chunk", chunk, low=1)
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"x must hold at least one datum, got shape {tuple(x.shape)}")
    strata = Strata()
    for block, rows in enumerate(torch.arange(len(x)).split(chunk)):
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        known = None if context is None else context[part]
        posterior = model.encode(x[part], known)
        for count in passes(samples, max(chunk // len(rows), 1)):
            z, _ = posterior.sample(count, generator)
            log_mass = quantised_normal(x[part], model.decode(z, known), sigma)
            strata.add(-log_mass.flatten(2).mean(2)[None], block)
    value, error = strata.result()[0].tolist()
    return value, error
