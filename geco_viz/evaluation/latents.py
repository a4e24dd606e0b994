"""Which latents a model uses."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.models import Model

__all__ = ["active_units", "unit_activity"]

ACTIVE = 0.01
_GROUPS = 8


@torch.no_grad()
def unit_activity(
    model: Model,
    x: Tensor,
    *,
    samples: int = 64,
    chunk: int = 1024,
    generator: torch.Generator | None = None,
    context: Tensor | None = None,
) -> Tensor:
    r"""Var_x(E[z_u|x]) of each latent u, from disjoint groups of posterior samples.

    The variance over the data of the means of a few samples, less what their noise adds to it, so
    that the estimate is unbiased for any posterior.

    Args:
        model, x, chunk, generator, context: as for `evaluation.evaluate`.
        samples: posterior samples a datum, rounded up to a multiple of eight, at least 16.

    Returns:
        (8, d): one estimate from each eighth of the samples.

    Raises:
        TypeError, ValueError: `x` holds fewer than two data, or a number is no whole number >= 1.

    Example:
        >>> from geco_viz import models
        >>> unit_activity(models.build("vae", (1, 8, 8)), torch.rand(5, 1, 8, 8)).shape
        torch.Size([8, 16])
    """
    each = max(2, -(-_checks.integer("samples", samples, low=1) // _GROUPS))
    chunk = _checks.integer("chunk", chunk, low=1)
    if x.ndim == 0 or len(x) < 2:
        raise ValueError(f"x must hold at least two data, got shape {tuple(x.shape)}")
    means, noise = [], []
    for rows in torch.arange(len(x)).split(chunk):
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        posterior = model.encode(x[part], None if context is None else context[part])
        z = torch.stack([posterior.sample(each, generator)[0] for _ in range(_GROUPS)])
        means.append(z.mean(1))
        noise.append(z.var(1) / each)
    mean = torch.cat(means, 1)  # (8, n, d)
    return mean.var(1) - torch.cat(noise, 1).mean(1)


def active_units(model: Model, x: Tensor, **options: Any) -> tuple[float, float]:
    """How many latents have a `unit_activity` above .01, and the standard error of that count.

    Args:
        model, x: as for `unit_activity`.
        **options: `samples`, `chunk`, `generator` and `context`, as for `unit_activity`.

    Raises:
        TypeError, ValueError: as `unit_activity`.

    Source: Burda et al. (2016), section 5.2, whose threshold it is.

    Example:
        >>> from geco_viz import models
        >>> count, error = active_units(models.build("vae", (1, 8, 8)), torch.rand(5, 1, 8, 8))
        >>> 0 <= count <= 16
        True
    """
    found = unit_activity(model, x, **options)
    counts = (found > ACTIVE).sum(1).float()
    return float((found.mean(0) > ACTIVE).sum()), float(counts.std() / _GROUPS**0.5)
