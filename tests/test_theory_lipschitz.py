"""Proposition 6 with eq. (25) put right: against autograd, quadrature and its own bound."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from geco_viz.theory import fixed_points
from geco_viz.theory.lipschitz import lipschitz_fixed_points, lipschitz_step, tile_separation


@pytest.fixture(scope="module")
def lines() -> Tensor:
    """Two crossing lines, a small edition of figure 7's mixture."""
    t = torch.linspace(-0.5, 0.5, 12, dtype=torch.float64)
    return torch.cat([torch.stack([t, 0.6 * t], 1), torch.stack([-0.4 * t, t], 1)])


def random_problem() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    log_q = torch.log_softmax(torch.randn(5, 9, generator=generator, dtype=torch.float64), 1)
    w = torch.rand(9, 9, generator=generator, dtype=torch.float64)
    return x, log_q, w + w.T


def test_the_step_minimises_equation_twenty_three() -> None:
    x, log_q, w = random_problem()
    beta, n = 0.7, 5
    psi = lipschitz_step(log_q, x, w, beta).requires_grad_(True)
    fit = (log_q.exp()[..., None] * (x[:, None] - psi).square()).sum() / (2 * beta * n)
    tie = (w[..., None] * (psi[:, None] - psi).square()).sum() / (2 * n)
    (gradient,) = torch.autograd.grad(fit + tie, psi)
    assert gradient.abs().max() < 1e-12


def test_the_projection_averages() -> None:
    """(diag(pi N) + 2 beta Lap)^-1 diag(pi N): nonnegative, rows sum to 1."""
    x, log_q, w = random_problem()
    pull = log_q.exp().sum(0)
    lap = torch.diag(w.sum(1)) - w
    p = torch.linalg.solve(torch.diag(pull) + 2 * 0.7 * lap, torch.diag(pull))
    torch.testing.assert_close(p.sum(1), torch.ones(9, dtype=torch.float64))
    assert p.min() > 0
    target = torch.softmax(log_q, 0).T @ x
    torch.testing.assert_close(lipschitz_step(log_q, x, w, 0.7), p @ target)


def test_no_ties_leave_equation_twenty(lines: Tensor) -> None:
    free = lipschitz_fixed_points(lines, 0.02, multiplier=0.0, side=6, tolerance=1e-9, steps=2000)
    known = fixed_points(lines, 0.02, side=6)
    torch.testing.assert_close(free.psi, known.psi[0], atol=1e-6, rtol=0)
    assert math.isnan(free.violation)


@pytest.mark.parametrize("pair", [(0, 0), (0, 1), (2, 7)])
def test_tile_separation_against_quadrature(pair: tuple[int, int]) -> None:
    side = 3
    node, weight = np.polynomial.legendre.leggauss(3)  # exact for a quadratic
    a, b = (np.array(divmod(k, side)) for k in pair)
    mean = 0.0
    for (u, wu), (v, wv) in [
        ((u, wu), (v, wv))
        for u, wu in zip(node, weight, strict=True)
        for v, wv in zip(node, weight, strict=True)
    ]:
        for s, ws in zip(node, weight, strict=True):
            for t, wt in zip(node, weight, strict=True):
                z = (a + 0.5 + np.array([u, v]) / 2) / side
                other = (b + 0.5 + np.array([s, t]) / 2) / side
                mean += wu * wv * ws * wt / 16 * float(((z - other) ** 2).sum())
    assert tile_separation(side)[pair].item() == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize("radius", [0.2, None])
@pytest.mark.parametrize("bound", [0.3, 1.0])
def test_every_tied_pair_keeps_the_bound(lines: Tensor, radius: float | None, bound: float) -> None:
    side = 8
    found = lipschitz_fixed_points(lines, 0.003, bound=bound, radius=radius, side=side)
    separation = tile_separation(side)
    tied = separation - 1 / (3 * side**2) < (9 if radius is None else radius) ** 2
    tied.fill_diagonal_(False)
    ratio = torch.cdist(found.psi, found.psi).square() / (bound**2 * separation)
    assert ratio[tied].max() <= 1.01
    assert found.slope == pytest.approx(bound * float(ratio[tied].max()) ** 0.5)
    assert (found.multipliers[~tied] == 0).all() and found.multipliers.min() >= 0
    # The constraint binds: without it slopes are far steeper.
    assert found.slope > 0.9 * bound
    free = fixed_points(lines, 0.003, side=side).psi[0]
    assert (torch.cdist(free, free).square() / (bound**2 * separation))[tied].max() > 2


def test_a_slack_bound_changes_nothing(lines: Tensor) -> None:
    options = {"side": 8, "noise": 0.02}
    free = fixed_points(lines, 5e-3, **options).error[0]
    found = lipschitz_fixed_points(lines, 5e-3, bound=100.0, **options)
    # Tiles between two basins take long to decide, and weigh little.
    assert found.error == pytest.approx(float(free), rel=0.02)
    # A bound that acts lets the tiles go as far as it allows, no less.
    tight = lipschitz_fixed_points(lines, 5e-3, bound=1.0, **options)
    assert 0.99 < tight.slope <= 1.005 and tight.error > float(free)


def test_the_multipliers_explain_the_decoder(lines: Tensor) -> None:
    """Fed to eq. (25) the multipliers found give back the decoder found."""
    found = lipschitz_fixed_points(
        lines, 0.01, bound=0.4, radius=0.3, side=6, tolerance=1e-7, steps=5000
    )
    log_q = torch.log_softmax(-torch.cdist(lines, found.psi).square() / 0.02, 1)
    psi = lipschitz_step(log_q, lines, found.multipliers, 0.01)
    torch.testing.assert_close(psi, found.psi, atol=1e-3, rtol=0)


def test_stronger_constraints_cost_error(lines: Tensor) -> None:
    error = [
        lipschitz_fixed_points(lines, 0.003, bound=b, radius=0.25, side=8).error
        for b in (2.0, 0.6, 0.2)
    ]
    assert error == sorted(error) and error[2] > 2 * error[0]


def test_multipliers_by_distance_are_the_constant_of_equation_eight(lines: Tensor) -> None:
    """W_ab mean |z - z'|^2 is one number within the radius, and 0 outside and on the diagonal."""
    found = lipschitz_fixed_points(
        lines, 0.02, multiplier=3.0, weighting="distance", radius=0.3, side=6, steps=1
    )
    separation = tile_separation(6)
    tied = (separation - 1 / (3 * 36) < 0.3**2) & ~torch.eye(36, dtype=torch.bool)
    expected = torch.where(tied, 3.0 / 36**2, 0.0).double()
    torch.testing.assert_close(found.multipliers * separation, expected)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"bound": -1.0}, ValueError, "bound must be .* > 0, got -1"),
        ({"bound": 1.0, "radius": -0.2}, ValueError, "radius must be .* > 0, got -0.2"),
        ({}, TypeError, "exactly one of bound and multiplier must be given, got neither"),
        ({"bound": 1.0, "multiplier": 1.0}, TypeError, "got both"),
        ({"multiplier": -1.0}, ValueError, "multiplier must be"),
        ({"multiplier": 1.0, "weighting": "far"}, ValueError, "weighting must be .* got 'far'"),
        ({"bound": 1.0, "side": 1000}, ValueError, "side must be .* <= 64, got 1000"),
        ({"bound": 1.0, "beta": 0}, ValueError, "beta must be"),
    ],
)
def test_bad_input_is_named(
    lines: Tensor, changes: dict[str, object], error: type[Exception], said: str
) -> None:
    arguments: dict[str, object] = {"x": lines, "beta": 0.1} | changes
    with pytest.raises(error, match=said):
        lipschitz_fixed_points(**arguments)  # type: ignore[arg-type]
