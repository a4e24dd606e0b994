"""Tilings of the latent space: Propositions 2, 3 and 5, and what a hole is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from geco_viz import _checks
from geco_viz.theory._arguments import real_tensor

__all__ = ["equipartition_residual", "overlap_decoder", "partition_kl"]


def partition_kl(masses: Any) -> float:
    """Average KL in nats when datum i's posterior is the prior cut to a tile of mass pi_i.

    KL(q_i; pi) = -ln pi_i. For tiles that part the latent space, sum_i pi_i = 1, the average is at
    least ln n, and ln n only for equal masses (Prop. 2); where tiles overlap or merge it may be
    less.

    Args:
        masses: pi_i under the prior, (n,), in (0, 1].

    Raises:
        TypeError, ValueError: not numbers, not of shape (n,), outside (0, 1].

    References:
        Proposition 2 and appendix C.2 of the paper.

    Example:
        >>> round(partition_kl([0.5, 0.5]), 4), round(partition_kl([0.7, 0.3]), 4)    # ln 2 first
        (0.6931, 0.7803)
    """
    pi = _masses(masses)
    return float(-pi.log().mean())


def overlap_decoder(x: Any, masses: Any, member: Any) -> tuple[Tensor, Tensor]:
    """The best reconstruction at latent points that lie in several tiles, or in none.

    g(z) = sum_i x_i / pi_i / sum_j 1 / pi_j over the tiles that hold z: data whose tiles overlap
    there are averaged, the smaller tile weighing more: a blur (Prop. 3). In no tile lies a hole:
    the ELBO asks nothing of the decoder, and g is NaN.

    Args:
        x: data (n, ...).
        masses: pi_i of the tiles under the prior, (n,), in (0, 1].
        member: (..., n), which tiles hold each of the latent points.

    Returns:
        g (..., *shape of a datum) and hole (...,), True where no tile holds the point.

    Raises:
        TypeError, ValueError: shapes that do not fit, masses outside (0, 1].

    References:
        Proposition 3, eq. (17), figure 1 and section 3.1 (holes) of the paper.

    Example:
        >>> g, hole = overlap_decoder(
        ...     [[0.0], [1.0]], [0.25, 0.75], [[True, False], [True, True], [False, False]])
        >>> g[:, 0].tolist(), hole.tolist()
        ([0.0, 0.25, nan], [False, False, True])
    """
    data = real_tensor("x", x, "shape (n, ...) with n >= 1")
    pi = _masses(masses).to(data)
    inside = torch.as_tensor(member, device=data.device).to(torch.bool)
    if len(pi) != len(data) or inside.ndim == 0 or inside.shape[-1] != len(data):
        raise ValueError(
            f"masses must have shape ({len(data)},) and member (..., {len(data)}) for {len(data)} "
            f"data, got {tuple(pi.shape)} and {tuple(inside.shape)}"
        )
    share = inside.to(data) / pi
    total = share.sum(-1, keepdim=True)
    hole = total[..., 0] == 0
    weights = share / total  # 0 / 0 in a hole
    return (weights @ data.reshape(len(data), -1)).reshape(*hole.shape, *data.shape[1:]), hole


def equipartition_residual(x: Any, psi: Any, masses: Any, beta: float) -> Tensor:
    """G_a - 1 for every tile: 0 where gamma is optimal and positive, <= 0 where gamma is 0.

    G_a = mean_i e^{-H_ia} / sum_b gamma_b e^{-H_ib} with H_ia = |x_i - psi_a|^2 / 2 beta: Prop. 5,
    whose printed H / beta counts the multiplier twice.

    Args:
        x: data (n, ...); psi: (m, ...); masses: gamma (m,), >= 0, sum 1; beta: > 0.

    Raises:
        TypeError, ValueError: shapes that do not fit, negative masses, beta <= 0.

    References:
        Proposition 5 and appendix C.6 of the paper.

    Example:
        >>> residual = equipartition_residual([[-1.0], [1.0]], [[-1.0], [1.0]], [0.9, 0.1], 1.0)
        >>> [round(r, 3) for r in residual.tolist()]     # the second tile asks for more
        [-0.148, 1.328]
    """
    data = real_tensor("x", x, "shape (n, ...) with n >= 1")
    places = real_tensor("psi", psi, "shape (m, ...)").to(data)
    gamma = real_tensor("masses", masses, "shape (m,)").to(data)
    beta = _checks.number("beta", beta, low=0, open_low=True)
    if places.shape[1:] != data.shape[1:] or gamma.shape != places.shape[:1]:
        raise ValueError(
            f"psi must have shape (m, {', '.join(map(str, data.shape[1:]))}) and masses (m,), "
            f"got {tuple(places.shape)} and {tuple(gamma.shape)}"
        )
    if bool((gamma < 0).any()) or abs(float(gamma.sum()) - 1) > 1e-6:
        raise ValueError(f"masses must be >= 0 with sum 1, got sum {float(gamma.sum()):g}")
    flat, at = data.reshape(len(data), -1), places.reshape(len(places), -1)
    log_k = -(flat[:, None] - at).square().sum(-1) / (2 * beta)
    log_z = torch.logsumexp(log_k + gamma.log(), 1, keepdim=True)
    return (log_k - log_z).exp().mean(0) - 1


def _masses(masses: Any) -> Tensor:
    pi = real_tensor("masses", masses, "shape (n,), each in (0, 1]")
    if pi.ndim != 1 or not bool(((pi > 0) & (pi <= 1)).all()):
        raise ValueError(f"masses must have shape (n,), each in (0, 1], got {masses!r}")
    return pi
