"""Eqs. (5) and (6) for quadratic and other constraints."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from geco_viz.constraints import FRE, PNCC, RE, Constraint
from geco_viz.theory import fixed_points, lagrangian_fixed_points


@pytest.fixture(scope="module")
def x() -> Tensor:
    return torch.randn(6, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.fixture(scope="module")
def start() -> Tensor:
    return torch.randn(10, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def smooth_distance(a: Tensor, b: Tensor) -> Tensor:
    """Pseudo-Huber: quadratic near, linear far, convex."""
    return ((1 + (a - b).square() / 0.25).sqrt() - 1).sum() * 0.5


def test_squared_error_gives_equation_twenty(x: Tensor, start: Tensor) -> None:
    beta = 0.3
    found = lagrangian_fixed_points(
        x, lambda a, g: (a - g).square().sum() - 0.01, 1 / (2 * beta), start=start
    )
    known = fixed_points(x, beta, start=start)
    torch.testing.assert_close(found.psi, known.psi[0], atol=1e-7, rtol=0)
    assert found.constraints.item() == pytest.approx(known.error.item() - 0.01, abs=1e-7)


def test_both_equations_hold_for_a_constraint_that_is_not_quadratic(
    x: Tensor, start: Tensor
) -> None:
    def constraint(a: Tensor, g: Tensor) -> Tensor:
        return torch.stack([smooth_distance(a, g) - 0.1, (a - g).pow(4).mean()])

    weights = torch.tensor([3.0, 0.2]).double()
    found = lagrangian_fixed_points(x, constraint, weights, start=start)
    psi = found.psi.clone().requires_grad_(True)
    c = torch.stack([torch.stack([constraint(a, g) for g in psi]) for a in x])
    energy = c @ weights
    q = torch.softmax(-energy.detach(), 1)
    torch.testing.assert_close(found.posterior, q, atol=1e-9, rtol=0)  # eq. (5)
    (gradient,) = torch.autograd.grad((q * energy).sum(), psi)  # eq. (6)
    assert gradient.abs().max() < 1e-8
    average = (q[..., None] * c).sum(1).mean(0).detach()
    torch.testing.assert_close(found.constraints, average)
    kl = (q * (q * 10).log()).sum(1).mean()
    assert found.kl.item() == pytest.approx(float(kl), abs=1e-10)
    assert found.lagrangian.item() == pytest.approx(float(kl + weights @ average), abs=1e-9)


def test_the_packages_own_error_gives_equation_twenty(x: Tensor, start: Tensor) -> None:
    beta, kappa = 0.3, 0.2
    found = lagrangian_fixed_points(x, RE(kappa), kappa**2 * 2 / (2 * beta), start=start)
    known = fixed_points(x, beta, start=start)
    torch.testing.assert_close(found.psi, known.psi[0], atol=1e-7, rtol=0)
    asked = known.error.item() / (2 * kappa**2) - 1
    assert found.constraints.item() == pytest.approx(asked, abs=1e-6)


@pytest.mark.parametrize(
    "constraints",
    [
        [FRE(0.1, window=2)],
        [FRE(0.1, lambda images: images.flatten(1).cumsum(1))],
        [PNCC(0.8, patch=2), RE(0.2)],
    ],
    ids=["FRE", "FRE of one's own", "PNCC and RE"],
)
def test_both_equations_hold_for_the_packages_constraints(constraints: list[Constraint]) -> None:
    generator = torch.Generator().manual_seed(4)
    images = torch.rand(4, 1, 4, 4, generator=generator, dtype=torch.float64)
    start = torch.rand(3, 1, 4, 4, generator=generator, dtype=torch.float64)
    weights = torch.full((len(constraints),), 0.5, dtype=torch.float64)
    given = constraints[0] if len(constraints) == 1 else constraints
    found = lagrangian_fixed_points(images, given, weights, start=start, steps=300)
    psi = found.psi.clone().requires_grad_(True)

    def energy(a: Tensor, g: Tensor) -> Tensor:
        errors = [one.error(a[None], g[None]) / one.tolerance(one.kappa) - 1 for one in constraints]
        return weights @ torch.stack(errors)

    table = torch.stack([torch.stack([energy(a, g) for g in psi]) for a in images])
    q = torch.softmax(-table.detach(), 1)
    torch.testing.assert_close(found.posterior, q, atol=1e-9, rtol=0)  # eq. (5)
    (gradient,) = torch.autograd.grad((q * table).sum(), psi)  # eq. (6)
    assert gradient.abs().max() < 1e-7
    assert found.lagrangian.item() == pytest.approx(
        float((q * (q * 3).log()).sum() / 4 + (q * table.detach()).sum() / 4), abs=1e-9
    )


def test_lagrangian_never_rises(x: Tensor, start: Tensor) -> None:
    values = [
        lagrangian_fixed_points(x, smooth_distance, 4.0, start=start, steps=k).lagrangian.item()
        for k in (1, 2, 4, 8, 16)
    ]
    assert all(b <= a + 1e-12 for a, b in itertools.pairwise(values))


def test_a_larger_multiplier_tightens_the_constraint(x: Tensor, start: Tensor) -> None:
    c = [
        lagrangian_fixed_points(x, smooth_distance, w, start=start, steps=15).constraints.item()
        for w in (0.5, 2.0, 8.0, 32.0)
    ]
    assert c == sorted(c, reverse=True) and c[0] > 4 * c[-1]


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"multiplier": -1.0}, ValueError, "multiplier must hold finite numbers >= 0"),
        ({"multiplier": [1.0, 2.0]}, ValueError, "constraint must return 2 finite values"),
        ({"start": torch.zeros(3, 5)}, ValueError, "start must have the data's shape"),
        ({"constraint": lambda a, g: (a * math.nan).sum()}, ValueError, "constraint must return"),
        ({"x": torch.zeros(0, 2)}, ValueError, "x must hold"),
        ({"constraint": 0.1}, TypeError, "constraint must be a function"),
        ({"constraint": []}, TypeError, "constraint must be a function"),
        ({"constraint": FRE(0.1)}, ValueError, r"FRE\(window=8\) needs images"),
    ],
)
def test_bad_input_is_named(
    x: Tensor, start: Tensor, changes: dict[str, object], error: type[Exception], said: str
) -> None:
    arguments: dict[str, object] = {
        "x": x,
        "constraint": smooth_distance,
        "multiplier": 1.0,
        "start": start,
    }
    with pytest.raises(error, match=said):
        lagrangian_fixed_points(**(arguments | changes))  # type: ignore[arg-type]
