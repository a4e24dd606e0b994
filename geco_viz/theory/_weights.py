"""The best masses of given atoms: a convex problem, solved by an interior-point Newton method."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

__all__ = ["best_weights"]


def best_weights(log_kernel: Tensor, p: Tensor, gap: float = 1e-14) -> tuple[Tensor, Tensor]:
    """Minimise -sum_i p_i ln sum_a gamma_a k_ia over gamma >= 0 with sum 1.

    At the minimum G_a = sum_i p_i k_ia / Z_i is 1 for every atom with mass and at most 1 for the
    others (Prop. 5). Newton steps on the primal-dual system gamma_a (1 - G_a) = mu, mu -> 0 as
    Mehrotra lets it fall, reach that to rounding error in about ten steps; the multiplicative
    update gamma_a <- gamma_a G_a (Blahut-Arimoto) needs thousands near a phase transition.

    Args:
        log_kernel: ln k_ia, shape (B, m, n): atoms, then data.
        p: masses of the data, (n,).
        gap: mean complementarity at which to stop.

    Returns:
        gamma (B, m) and ln Z_i = ln sum_a gamma_a k_ia (B, n).

    Example:
        >>> log_kernel = torch.tensor([[[0.0, -2.0], [-2.0, 0.0], [-3.0, -3.0]]])
        >>> gamma, _ = best_weights(log_kernel.double(), torch.tensor([0.5, 0.5]).double())
        >>> [round(g, 6) for g in gamma[0].tolist()]
        [0.5, 0.5, 0.0]
    """
    shift = log_kernel.amax(1, keepdim=True)
    kernel = (log_kernel - shift).exp()
    batch, m, _ = kernel.shape
    gamma = kernel.new_full((batch, m), 1 / m)
    slack = kernel.new_empty(0)
    for step in range(60):
        z = torch.einsum("bm,bmn->bn", gamma, kernel)
        g = torch.einsum("bmn,bn->bm", kernel, p / z)
        if step == 0:
            slack = (1 - g).clamp(min=0.1)
        mean = (gamma * slack).mean(1, keepdim=True)
        if mean.max() < gap and (1 - g - slack).abs().max() < 1e3 * gap:
            break
        factor = _factor(kernel * (p.sqrt() / z)[:, None], slack / gamma)
        # Mehrotra: how far a step without centring gets says how much centring the real one needs.
        move, move_slack = _step(factor, g, gamma, slack, torch.zeros_like(gamma))
        ahead = (gamma + _inside(gamma, move) * move) * (
            slack + _inside(slack, move_slack) * move_slack
        )
        centring = (ahead.mean(1, keepdim=True) / mean).clamp(max=1) ** 3
        move, move_slack = _step(factor, g, gamma, slack, centring * mean - move * move_slack)
        gamma = gamma + _inside(gamma, move) * move
        slack = slack + _inside(slack, move_slack) * move_slack
    gamma = gamma / gamma.sum(1, keepdim=True)
    z = torch.einsum("bm,bmn->bn", gamma, kernel)
    return gamma, z.log() + shift[:, 0]


def _step(
    factor: Tensor, g: Tensor, gamma: Tensor, slack: Tensor, target: Tensor
) -> tuple[Tensor, Tensor]:
    """The Newton step in gamma and slack towards gamma slack = target."""
    move = torch.cholesky_solve((g - 1 + target / gamma)[..., None], factor)[..., 0]
    return move, target / gamma - slack - slack / gamma * move


def _factor(root: Tensor, diagonal: Tensor) -> Tensor:
    """Cholesky factor of root root^T + diagonal; a large product in float32 where that suffices.

    Atoms at one place make equal columns, and rounding then makes a pivot negative. Members of the
    batch that fail get a ridge in proportion to their diagonal, a hundred times larger each time: a
    Newton step from a slightly heavier matrix is shorter, and still leads downhill.
    """
    if root.shape[1] > 256:
        short = root.float()
        hessian = _gram(short).to(root)
        hessian.diagonal(dim1=1, dim2=2).add_(diagonal + 1e-12)
        factor, info = torch.linalg.cholesky_ex(hessian)
        if not info.any():
            return factor
    hessian = root @ root.transpose(1, 2)
    hessian.diagonal(dim1=1, dim2=2).add_(diagonal)
    size = hessian.diagonal(dim1=1, dim2=2).clone()
    factor, info = torch.linalg.cholesky_ex(hessian)
    ridge = 1e-15
    while bool((failed := info != 0).any()) and ridge < 1:
        hessian.diagonal(dim1=1, dim2=2).copy_(
            torch.where(failed[:, None], size * (1 + ridge), size)
        )
        again, info_again = torch.linalg.cholesky_ex(hessian[failed])
        factor[failed], info[failed] = again, info_again
        ridge *= 100
    return factor


def _gram(rows: Tensor, blocks: int = 4) -> Tensor:
    """The lower triangle of rows rows^T, which is all that Cholesky reads, block by block."""
    size = rows.shape[1]
    gram = rows.new_empty(len(rows), size, size)
    edges = [size * k // blocks for k in range(blocks + 1)]
    for low, high in pairwise(edges):
        gram[:, low:high, :high] = rows[:, low:high] @ rows[:, :high].transpose(1, 2)
    return gram


def _inside(value: Tensor, move: Tensor) -> Tensor:
    """The longest step up to 1 that keeps a positive `value` positive."""
    limit = torch.where(move < 0, -value / move, torch.inf).amin(1, keepdim=True)
    return (0.995 * limit).clamp(max=1.0)
