"""Newton's method on positions and masses of the atoms together, for the last digits."""

from __future__ import annotations

import torch
from torch import Tensor

from geco_viz.theory._modes import log_kernel

__all__ = ["polish"]


def polish(
    psi: Tensor, gamma: Tensor, x: Tensor, p: Tensor, steps: int = 8, move_masses: bool = True
) -> tuple[Tensor, Tensor]:
    """Solve Prop. 5 and eq. (20) together: G = 1 and grad G = 0 at every atom with mass.

    Both say that Phi = -sum_i p_i ln Z_i + sum_a gamma_a is stationary. A step is taken where it
    keeps every mass positive and lowers the greatest component of the gradient; elsewhere the
    atoms stay as they came.

    Args:
        psi: (B, m, r) in units of sqrt(beta).
        gamma: (B, m); atoms of mass 0 stay out.
        x: (B, n, r); p: (n,).
        move_masses: False keeps gamma as it is and solves eq. (20) alone.

    Example:
        >>> x, p = torch.tensor([[[-1.0], [1.0]]]).double(), torch.tensor([0.5, 0.5]).double()
        >>> psi, gamma = polish(x * 1.5, p[None], x * 2, p)
        >>> round(float(psi[0, 1, 0] - 2 * torch.tanh(2 * psi[0, 1, 0])), 12)
        0.0
    """
    alive = gamma > 0
    gradient, hessian = _derivatives(psi, gamma, alive, x, p, move_masses)
    for _ in range(steps):
        step, _ = torch.linalg.solve_ex(hessian, -gradient)
        m = gamma.shape[1]
        new_gamma = gamma + step[:, :m] * alive
        new_psi = psi + step[:, m:].reshape(psi.shape) * alive[..., None]
        possible = (~alive | (new_gamma > 0)).all(1) & step.isfinite().all(1)
        new_gamma = torch.where(possible[:, None], new_gamma, gamma)
        new_psi = torch.where(possible[:, None, None], new_psi, psi)
        new_gradient, new_hessian = _derivatives(new_psi, new_gamma, alive, x, p, move_masses)
        better = new_gradient.abs().amax(1) < gradient.abs().amax(1)
        if not better.any():
            break
        gamma = torch.where(better[:, None], new_gamma, gamma)
        psi = torch.where(better[:, None, None], new_psi, psi)
        gradient = torch.where(better[:, None], new_gradient, gradient)
        hessian = torch.where(better[:, None, None], new_hessian, hessian)
    return psi, gamma / gamma.sum(1, keepdim=True) if move_masses else gamma


def _derivatives(
    psi: Tensor, gamma: Tensor, alive: Tensor, x: Tensor, p: Tensor, move_masses: bool
) -> tuple[Tensor, Tensor]:
    """Gradient (B, m + m r) and Hessian of Phi in (gamma, psi), the identity for what rests."""
    batch, m, r = psi.shape
    kernel = log_kernel(psi, x).masked_fill(~alive[..., None], -torch.inf)
    log_z = torch.logsumexp(kernel + gamma.log()[..., None], 1)
    ratio = (kernel - log_z[:, None]).exp()
    away = x[:, None] - psi[:, :, None]
    pull = ratio[..., None] * away
    flow = torch.cat(
        [ratio, (gamma[..., None, None] * pull).transpose(2, 3).reshape(batch, m * r, -1)], 1
    )
    one = torch.cat([alive.to(x), x.new_zeros(batch, m * r)], 1)
    gradient = one - flow @ p
    hessian = (flow * p) @ flow.transpose(1, 2)
    eye, unit = torch.eye(m).to(x), torch.eye(r).to(x)
    mixed = torch.einsum("bmnr,n->bmr", pull, p)
    mixed = torch.einsum("bmr,mk->bmkr", mixed, eye).reshape(batch, m, m * r)
    spread = torch.einsum("bmnr,bmns,n->bmrs", pull, away, p) - (ratio @ p)[..., None, None] * unit
    spread = torch.einsum("bm,bmrs,mk->bmrks", gamma, spread, eye).reshape(batch, m * r, m * r)
    hessian[:, :m, m:] -= mixed
    hessian[:, m:, :m] -= mixed.transpose(1, 2)
    hessian[:, m:, m:] -= spread
    moves = torch.cat([alive & move_masses, alive.repeat_interleave(r, dim=1)], 1).to(x)
    hessian = hessian * moves[:, None] * moves[:, :, None]
    hessian.diagonal(dim1=1, dim2=2).add_(1 - moves)
    return gradient * moves, hessian
