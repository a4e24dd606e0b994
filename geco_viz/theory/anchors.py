"""Two temperatures known in advance: where the mean loses stability, and the last transition."""

from __future__ import annotations

from typing import Any

import torch

from geco_viz.theory._points import as_points

__all__ = ["last_transition", "mean_stability"]


def mean_stability(x: Any) -> float:
    """The beta below which the collapsed state, every tile at the mean, is unstable.

    lambda_max(Cov(x)), Cov with 1/n, in data units squared: the sweep's derivative at the mean is
    Cov / beta. Holds for uniform and optimised masses.

    Raises:
        TypeError, ValueError: `x` empty, not finite or not numbers.

    References:
        Eq. (20) and figure 2 of the paper.

    Example:
        >>> round(mean_stability([[-1.0], [1.0]]), 12)
        1.0
    """
    points = as_points(x)
    return float(torch.linalg.svdvals(points.y * points.p.sqrt()[:, None])[0] ** 2)


def last_transition(x: Any, steps: int = 2000) -> float:
    """The beta above which the collapsed state is the best of all, with optimised masses.

    beta_c = sup_t 2 ln mean_i exp(t . (x_i - mean)) / |t|^2, the smallest variance proxy that makes
    the data sub-Gaussian. Above it G(y) = mean_i exp(-|x_i - y|^2 / 2 beta) / Z_i is at most 1
    everywhere, with t = (y - mean) / beta. Never below `mean_stability`; between the two both
    states are stable, a first-order transition with hysteresis.

    Each step t <- m(t) / f(t), with m the mean under weights exp(t . x_i) and f the quotient,
    solves for a stationary t; it starts towards the 100 data farthest out, three lengths each.

    Raises:
        TypeError, ValueError: `x` empty, not finite or not numbers.

    Example:
        Two points at 1:1 are sub-Gaussian with their variance; at 1:9 it takes twice that.

        >>> round(last_transition([[0.0], [1.0]]), 6)
        0.25
        >>> round(last_transition([[0.0]] * 9 + [[1.0]]) / mean_stability([[0.0]] * 9 + [[1.0]]), 3)
        2.023
    """
    points = as_points(x)
    local = mean_stability(x)
    if local == 0:
        return 0.0
    log_p = points.p.log()
    towards = points.y[points.y.square().sum(1).argsort(descending=True)[:100]]
    axes = torch.linalg.svd(points.y, full_matrices=False)[2][:3] * local**0.5
    t = torch.cat([towards, -towards, axes, -axes]) / local
    t = torch.cat([0.3 * t, t, 3 * t])
    t = t[t.square().sum(1) > 1e-20 / local]
    best = torch.zeros(len(t)).to(t)
    for _ in range(steps):
        logits = t @ points.y.T + log_p
        # Close to t = 0 the quotient is 0 / 0; there it tends to a variance, at most `local`.
        size = t.square().sum(1)
        quotient = 2 * torch.logsumexp(logits, 1) / size
        quotient = torch.where(size * local < 1e-6, torch.zeros_like(size), quotient)
        if ((quotient - best).abs() <= 1e-10 * local).all():
            break
        best = quotient
        t = torch.softmax(logits, 1) @ points.y / quotient.clamp_min(1e-3 * local)[:, None]
    return max(local, float(best.amax()))
