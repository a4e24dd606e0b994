"""Propositions 2, 3 and 5, and the limit's supports against Blahut-Arimoto."""

from __future__ import annotations

import importlib.util
import math
import warnings

import pytest
import torch
from torch import Tensor

from geco_viz.theory import (
    equipartition_residual,
    fixed_points,
    lagrangian_fixed_points,
    overlap_decoder,
    partition_kl,
)
from geco_viz.theory._points import as_points
from geco_viz.theory._support import optimal_support


def test_equal_tiles_are_the_cheapest_partition() -> None:
    assert partition_kl([1 / 7] * 7) == pytest.approx(math.log(7))
    for seed in range(5):
        masses = torch.rand(7, generator=torch.Generator().manual_seed(seed)).double() + 0.05
        assert partition_kl(masses / masses.sum()) > math.log(7)


def test_a_partition_is_a_fixed_point_as_beta_vanishes() -> None:
    """Prop. 2: tiles at the data stay there, and the sweep's own KL is the partition's."""
    x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    start = x.repeat_interleave(torch.tensor([1, 2, 3, 4]), 0)
    found = fixed_points(x, 1e-4, start=start)
    torch.testing.assert_close(found.psi[0], start)
    kl = lagrangian_fixed_points(
        x, lambda a, g: (a - g).square().sum(), 1 / 2e-4, start=start, steps=2
    ).kl
    assert kl.item() == pytest.approx(partition_kl([0.1, 0.2, 0.3, 0.4]), abs=1e-9)


def test_overlap_is_the_best_decoder_for_its_posteriors() -> None:
    """Prop. 3: the gradient of the expected error at z, summed over the tiles there, is 0."""
    x = torch.randn(3, 2, 2, dtype=torch.float64)
    pi = torch.tensor([0.5, 0.2, 0.4]).double()
    member = torch.tensor([[True, True, False], [True, True, True], [False, False, True]])
    g, hole = overlap_decoder(x, pi, member)
    density = member.double() / pi  # q(z | x_i) / prior(z)
    gradient = torch.einsum("zn,znhw->zhw", density, x - g[:, None])
    assert gradient.abs().max() < 1e-12 and not hole.any()
    torch.testing.assert_close(g[2], x[2])


def test_a_hole_asks_for_nothing() -> None:
    g, hole = overlap_decoder(torch.ones(2, 3), [0.4, 0.4], torch.zeros(5, 2, dtype=torch.bool))
    assert hole.all() and g.isnan().all() and g.shape == (5, 3)


def test_residual_vanishes_at_the_optimum_only() -> None:
    x = torch.randn(6, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    best = fixed_points(x, 0.2, masses="optimal", side=8)
    residual = equipartition_residual(x, best.psi[0], best.masses[0], 0.2)
    held = best.masses[0] > 1e-9
    assert residual[held].abs().max() < 1e-8 and residual.max() < 1e-6
    uniform = fixed_points(x, 0.2, side=8)
    off = equipartition_residual(x, uniform.psi[0], uniform.masses[0], 0.2)
    assert off.abs().max() > 1e-2


def blahut_arimoto(
    p: Tensor, cost: Tensor, beta: float, sweeps: int = 20000
) -> tuple[float, float]:
    """Rate in bits and distortion on a discrete alphabet, the textbook alternation."""
    kernel = torch.exp(-cost / (2 * beta))
    q = torch.full((cost.shape[1],), 1 / cost.shape[1], dtype=torch.float64)
    for _ in range(sweeps):
        q = q * (p @ (kernel / (kernel @ q)[:, None]))
    w = q * kernel / (kernel @ q)[:, None]
    rate = (p[:, None] * torch.special.xlogy(w, w / q)).nan_to_num(0.0).sum()
    return float(rate) / math.log(2), float((p[:, None] * w * cost).sum())


def test_the_limit_agrees_with_blahut_arimoto() -> None:
    """On the alphabet of the atoms found plus others nothing is gained over the support found."""
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    points = as_points(x)
    beta = 0.25
    found = optimal_support(points, torch.tensor([beta]).double(), 1e-10)
    atoms = found.psi[0, found.gamma[0] > 0]
    alphabet = torch.cat([atoms, torch.randn(20, 2, dtype=torch.float64)])
    cost = torch.cdist(points.y, alphabet).square()
    bits, distortion = blahut_arimoto(points.p, cost, beta)
    # The alternation is sublinear where a letter dies; 20000 sweeps leave about 1e-4.
    assert bits * math.log(2) == pytest.approx(found.rate.item(), abs=1e-3)
    assert distortion == pytest.approx(found.distortion.item(), abs=1e-3)
    if importlib.util.find_spec("dit") is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from dit.rate_distortion.blahut_arimoto import blahut_arimoto as oracle
        slope = 1 / (2 * beta * math.log(2))
        letters = cost[:, :5].numpy()  # it wants as many letters as data; the atoms come first
        result, _ = oracle(points.p.numpy(), slope, lambda *_: letters, max_iters=20000, restarts=3)
        # It stops when its distortion moves by less than 1e-5 of itself.
        assert result.rate * math.log(2) == pytest.approx(found.rate.item(), abs=1e-2)
        assert result.distortion == pytest.approx(found.distortion.item(), abs=1e-2)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: partition_kl([0.0, 1.0]), "masses must have shape"),
        (lambda: overlap_decoder([[0.0]], [0.5], [[True, False]]), "masses must have shape"),
        (lambda: equipartition_residual([[0.0]], [[0.0]], [0.5], 1.0), "sum 1, got sum 0.5"),
        (lambda: equipartition_residual([[0.0]], [[0.0]], [1.0], 0.0), "beta must be"),
        (lambda: equipartition_residual([[0.0]], [[0.0, 1.0]], [1.0], 1.0), "psi must have shape"),
    ],
)
def test_bad_input_is_named(call: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()  # type: ignore[operator]
