"""The maxima of G, the function whose excess over 1 bounds how far a support is from optimal."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["climb_each", "log_g", "log_kernel", "modes", "random_starts"]


def log_kernel(y: Tensor, x: Tensor) -> Tensor:
    """-|x_i - y_a|^2 / 2 for y (B, m, r), x (B, n, r), both in units of sqrt(beta): (B, m, n)."""
    return y @ x.transpose(1, 2) - 0.5 * (
        y.square().sum(-1)[:, :, None] + x.square().sum(-1)[:, None]
    )


def log_g(y: Tensor, x: Tensor, log_a: Tensor) -> Tensor:
    """ln G(y) = ln sum_i a_i exp(-|x_i - y|^2 / 2) with a_i = p_i / Z_i: (B, m)."""
    return torch.logsumexp(log_kernel(y, x) + log_a[:, None], -1)


def random_starts(x: Tensor, count: int) -> Tensor:
    """`count` random points of the convex hull of x (n, r), where all maxima of G lie: (count, r).

    Half are means of all data under uniform random weights, half lie between two data.
    """
    generator = torch.Generator().manual_seed(0)
    n = len(x)
    spread = torch.rand(count - count // 2, n, generator=generator, dtype=torch.float64)
    spread = -spread.clamp_min(1e-12).log()
    pairs = torch.randint(n, (count // 2, 2), generator=generator)
    at = torch.rand(count // 2, 1, generator=generator, dtype=torch.float64).to(x)
    between = x[pairs[:, 0]] * at + x[pairs[:, 1]] * (1 - at)
    return torch.cat([(spread / spread.sum(1, keepdim=True)).to(x) @ x, between])


def modes(
    starts: Tensor, x: Tensor, log_a: Tensor, keep: int, shifts: int = 10, newton: int = 6
) -> tuple[Tensor, Tensor]:
    """Climb G from `starts` (B, q, r): maxima (B, <= keep, r) and ln G there, highest first.

    A mean shift, y <- sum_i w_i(y) x_i, climbs from anywhere; it is eq. (20) for one atom. Starts
    that met are then counted once, and Newton steps finish (where r is small enough to afford the
    Hessian, w's covariance less the unit matrix; further shifts elsewhere). A repeated
    maximum has ln G = -inf.

    Example:
        >>> x = torch.tensor([[[-3.0], [3.0]]]).double()
        >>> y, value = modes(x.new_tensor([[[-1.0], [0.5], [2.0]]]), x, x.new_zeros(1, 2), keep=2)
        >>> sorted(round(v, 3) for v in y[0, :, 0].tolist())
        [-3.0, 3.0]
    """
    y = _shifted(starts, x, log_a, shifts)
    y, value = _distinct(y, log_g(y, x, log_a), 1e-2, 2 * keep)
    if x.shape[-1] <= 32:
        for _ in range(newton):
            y = _newton(y, x, log_a)
    else:
        y = _shifted(y, x, log_a, 5 * newton)
    value = torch.where(value.isfinite(), log_g(y, x, log_a), value)
    return _distinct(y, value, 1e-4, keep)


def climb_each(y: Tensor, x: Tensor, log_a: Tensor, shifts: int = 10, newton: int = 12) -> Tensor:
    """Where each of `y` (B, q, r) ends by mean shifts, then Newton steps: (B, q, r)."""
    y = _shifted(y, x, log_a, shifts)
    if x.shape[-1] > 32:
        return _shifted(y, x, log_a, 10 * newton)
    for _ in range(newton):
        y = _newton(y, x, log_a)
    return y


def _shifted(y: Tensor, x: Tensor, log_a: Tensor, shifts: int) -> Tensor:
    for _ in range(shifts):
        y = torch.softmax(log_kernel(y, x) + log_a[:, None], -1) @ x
    return y


def _newton(y: Tensor, x: Tensor, log_a: Tensor) -> Tensor:
    """One Newton step uphill where ln G is concave and the step climbs, else one mean shift."""
    logits = log_kernel(y, x) + log_a[:, None]
    w = torch.softmax(logits, -1)
    mean = w @ x
    curvature = torch.einsum("bqn,bnd,bne->bqde", w, x, x) - mean[..., None] * mean[..., None, :]
    curvature = torch.eye(x.shape[-1]).to(x) - curvature
    factor, info = torch.linalg.cholesky_ex(curvature)
    step = torch.cholesky_solve((mean - y)[..., None], factor)[..., 0]
    new = torch.where(((info == 0) & step.isfinite().all(-1))[..., None], y + step, mean)
    climbs = log_g(new, x, log_a) >= torch.logsumexp(logits, -1)
    return torch.where(climbs[..., None], new, mean)


def _distinct(y: Tensor, value: Tensor, radius: float, keep: int) -> tuple[Tensor, Tensor]:
    """The `keep` highest of the points that have no higher one within `radius`."""
    order = value.argsort(dim=-1, descending=True, stable=True)
    y, value = _take(y, order), value.gather(1, order)
    repeated = (torch.cdist(y, y) < radius).tril(-1).any(-1)
    value = value.masked_fill(repeated, -torch.inf)
    order = value.argsort(dim=-1, descending=True, stable=True)[:, :keep]
    return _take(y, order), value.gather(1, order)


def _take(y: Tensor, order: Tensor) -> Tensor:
    return y.gather(1, order[..., None].expand(-1, -1, y.shape[-1]))
