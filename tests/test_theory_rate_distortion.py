"""R(D) against closed forms, a table of seven digits from two other solvers, and itself."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from geco_viz.data import load
from geco_viz.theory import example, rate_distortion, water_filling
from geco_viz.theory._points import as_points
from geco_viz.theory._support import optimal_support
from geco_viz.theory._weights import _gram, best_weights

KAPPA = [0.05, 0.06, 0.08, 0.1, 0.125, 0.175]


def entropy(q: torch.Tensor) -> torch.Tensor:
    return -(torch.special.xlogy(q, q) + torch.special.xlogy(1 - q, 1 - q))


@pytest.fixture(scope="module")
def digits(mnist_root: Path) -> torch.Tensor:
    chosen = np.random.RandomState(0).choice(10000, 7, replace=False)
    return load("mnist", split="test", root=mnist_root).x[chosen]


@pytest.fixture(scope="module")
def cloud() -> torch.Tensor:
    return torch.randn(6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_seven_digits_have_the_known_limit(digits: torch.Tensor) -> None:
    limit = rate_distortion(digits, kappa=[*KAPPA, 0.201, 0.3])
    known = torch.tensor([1.7195, 1.6427, 1.4659, 1.2612, 0.9760, 0.3329, 0, 0]).double()
    slope = torch.tensor([0.182, 0.243, 0.383, 0.540, 0.750, 1.182]).double()
    # Half a unit of the last digit printed.
    torch.testing.assert_close(limit.rate, known, atol=5.1e-5, rtol=0)
    torch.testing.assert_close(limit.multiplier[:6], slope, atol=6e-4, rtol=0)
    assert limit.rate[-1] == 0 and limit.multiplier[-1] == 0 and limit.beta[-1] == math.inf
    assert limit.certificate.max() <= 1e-7
    assert limit.note == ""


def test_certificate_of_seven_digits_at_sixty_temperatures(digits: torch.Tensor) -> None:
    beta = torch.logspace(-2, 1.3, 60, dtype=torch.float64)
    found = optimal_support(as_points(digits), beta, 1e-7)
    assert found.certificate.max() <= 1e-7
    assert found.rate[0] == pytest.approx(math.log(7), abs=1e-9)
    assert found.rate[-1] == pytest.approx(0, abs=1e-9)


def test_certificate_bounds_a_climb_from_elsewhere(digits: torch.Tensor) -> None:
    """G at 3000 fresh points of the hull, climbed by mean shifts, stays below what was said."""
    points = as_points(digits)
    beta = torch.tensor([4.0, 7.0, 10.0]).double()
    found = optimal_support(points, beta, 1e-9)
    weights = torch.distributions.Dirichlet(torch.full((7,), 0.5)).sample((3000,)).double()
    for b, psi, gamma, bound in zip(beta, found.psi, found.gamma, found.certificate, strict=True):
        y = weights @ points.y
        kernel = torch.exp(-torch.cdist(points.y, psi).square() / (2 * b))
        a = points.p / (kernel @ gamma)
        for _ in range(100):
            w = a * torch.exp(-torch.cdist(y, points.y).square() / (2 * b))
            y = (w / w.sum(1, keepdim=True)) @ points.y
        g = (a * torch.exp(-torch.cdist(y, points.y).square() / (2 * b))).sum(1)
        # Rounding of a sum of seven terms near 1, over what the search found.
        assert g.max().log() <= bound + 1e-12


def test_two_points_follow_the_closed_form() -> None:
    """Posterior q of the nearer atom: D = 4 q (1 - q), R = ln 2 - h(q), atoms at +-(2 q - 1)."""
    q = torch.tensor([0.55, 0.7, 0.9, 0.99]).double()
    limit = rate_distortion([[-1.0], [1.0]], kappa=(4 * q * (1 - q)).sqrt(), accuracy=1e-10)
    torch.testing.assert_close(limit.rate, math.log(2) - entropy(q), atol=1e-10, rtol=0)
    # beta = (2 q - 1) / artanh(2 q - 1) from psi = tanh(psi / beta); the interpolation in beta is
    # good to the square root of the accuracy.
    beta = (2 * q - 1) / torch.atanh(2 * q - 1)
    torch.testing.assert_close(limit.beta, beta, rtol=1e-5, atol=0)
    torch.testing.assert_close(
        limit.multiplier, limit.kappa.square() / (2 * beta), rtol=1e-5, atol=0
    )


def test_unequal_masses_agree_with_blahut_arimoto_on_a_grid() -> None:
    """Points at 9:1, where the last transition is first order, against discretised atoms."""
    x = torch.tensor([[0.0]] * 9 + [[1.0]])
    kappa = torch.tensor([0.1, 0.2, 0.28]).double()
    limit = rate_distortion(x, kappa)
    grid = torch.linspace(0, 1, 401, dtype=torch.float64)
    p, points = torch.tensor([0.9, 0.1]).double(), torch.tensor([0.0, 1.0]).double()
    cost = (points[:, None] - grid).square()
    best = torch.zeros(3, dtype=torch.float64)
    for beta in torch.logspace(-2, 0, 120, dtype=torch.float64).tolist():
        gamma = torch.full_like(grid, 1 / len(grid))
        kernel = torch.exp(-cost / (2 * beta))
        for _ in range(400):
            ratio = kernel / (kernel @ gamma)[:, None]
            gamma = gamma * (p @ ratio)
        free = -(p @ (kernel @ gamma).log()) - (p @ ratio).amax().log()
        best = torch.maximum(best, free - kappa.square() / (2 * beta))
    # The discrete alphabet can only need more; 400 sweeps leave its own certificate as the error.
    assert (limit.rate >= best - 1e-7).all()
    torch.testing.assert_close(limit.rate, best, atol=2e-3, rtol=0)
    assert "8 data are duplicates" in limit.note


def test_curve_is_convex_decreasing_and_ends_at_the_variance(cloud: torch.Tensor) -> None:
    limit = rate_distortion(cloud)
    distortion = 3 * limit.kappa.square()
    slope = limit.rate.diff() / distortion.diff()
    assert (distortion.diff() > 0).all() and (limit.rate.diff() < 0).all()
    # Each end of a difference is known to the certificate, 1e-7 nats.
    assert (
        slope.diff() >= -4e-7 / distortion.diff().minimum(distortion.diff().roll(-1))[:-1]
    ).all()
    variance = (cloud - cloud.mean(0)).square().sum(1).mean()
    assert distortion[-1] == pytest.approx(float(variance), rel=1e-12) and limit.rate[-1] == 0
    assert limit.rate[0] > 0.99 * math.log(6) and limit.certificate.max() <= 1e-7


def test_multiplier_is_the_slope_of_the_rate(cloud: torch.Tensor) -> None:
    kappa = torch.tensor([0.3, 0.5, 0.7]).double()
    step = 1e-3
    near = torch.cat([kappa * math.exp(s) for s in (step, 0, -step)])
    limit = rate_distortion(cloud, near, accuracy=1e-9)
    up, _, down = limit.rate.split(3)
    slope = -(up - down) / (4 * step)  # ln tol = 2 ln kappa
    # Second differences of a smooth curve leave step**2.
    torch.testing.assert_close(limit.multiplier[3:6], slope, rtol=1e-4, atol=1e-6)


def test_small_kappa_needs_ln_n(cloud: torch.Tensor) -> None:
    limit = rate_distortion(cloud, kappa=[1e-6, 1e-3])
    torch.testing.assert_close(
        limit.rate, torch.full_like(limit.rate, math.log(6)), atol=1e-4, rtol=0
    )
    assert (limit.rate <= math.log(6) + 1e-12).all()


def test_answers_come_in_the_order_asked(cloud: torch.Tensor) -> None:
    kappa = torch.tensor([0.9, 0.2, 0.5, 0.2]).double()
    limit = rate_distortion(cloud, kappa)
    assert torch.equal(limit.kappa, kappa)
    assert limit.rate[1] == limit.rate[3] and limit.rate[1] > limit.rate[2] > limit.rate[0]


def test_rotation_translation_and_idle_pixels_change_nothing(cloud: torch.Tensor) -> None:
    kappa = torch.tensor([0.3, 0.6]).double()
    turn = torch.linalg.qr(torch.randn(12, 12, dtype=torch.float64)).Q
    padded = torch.nn.functional.pad(cloud, (0, 9)) @ turn + 5.0
    moved = rate_distortion(padded.reshape(6, 3, 4), kappa / 2)  # same sum over 4 times the pixels
    plain = rate_distortion(cloud, kappa)
    # Both know the rate to 1e-7 nats.
    torch.testing.assert_close(moved.rate, plain.rate, atol=2e-7, rtol=0)


def test_scale_of_the_data_is_the_scale_of_kappa(cloud: torch.Tensor) -> None:
    plain, wide = rate_distortion(cloud, 0.4), rate_distortion(cloud * 255, 0.4 * 255)
    torch.testing.assert_close(plain.rate, wide.rate, atol=2e-7, rtol=0)


def test_duplicates_count_as_mass() -> None:
    limit = rate_distortion(torch.tensor([0.0, 0.0, 0.0, 1.0]), kappa=1e-4)
    h = float(entropy(torch.tensor(0.25).double()))
    assert limit.rate.item() == pytest.approx(h, abs=1e-6)
    assert limit.note == f"2 data are duplicates: R tends to {h:.4f} nats"


def test_large_sets_agree_with_the_exact_solver() -> None:
    """The float32 path for more than 100 points, against the float64 one for few."""
    x = torch.randn(120, 40, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    beta = torch.tensor([0.7, 1.0, 1.4]).double()
    points = as_points(x)
    large, exact = (optimal_support(points, beta, goal) for goal in (1e-3, 4e-4))
    assert large.certificate.max() <= 1e-3 and exact.certificate.max() <= 4e-4
    assert large.psi.dtype == torch.float64
    # Each F lies above the least by no more than its certificate.
    assert (large.free_energy - exact.free_energy).abs().max() <= 1e-3


def test_best_masses_of_many_atoms_are_optimal() -> None:
    """Prop. 5's conditions where products are taken in float32, in four blocks: G <= 1, = 1."""
    generator = torch.Generator().manual_seed(2)
    x = 3 * torch.randn(60, 2, generator=generator, dtype=torch.float64)
    psi = 3 * torch.randn(301, 2, generator=generator, dtype=torch.float64)
    log_kernel = -torch.cdist(psi, x).square()[None] / 2
    p = torch.full((60,), 1 / 60, dtype=torch.float64)
    gamma, log_z = best_weights(log_kernel, p, gap=1e-10)
    g = (log_kernel - log_z[:, None]).exp() @ p
    # The gap is the mean of gamma (1 - G); 301 of them.
    assert g.max() < 1 + 1e-6 and float((gamma * (1 - g)).abs().sum()) < 1e-7
    assert gamma.sum() == pytest.approx(1) and (gamma > 1e-6).sum() < 60
    lower = _gram(psi.float()[None])[0].tril()
    torch.testing.assert_close(lower, (psi.float() @ psi.float().T).tril())


@pytest.mark.parametrize("n", [2, 3, 7, 20, 50, 100, 300])
@pytest.mark.parametrize("kind", ["mnist", "gaussian", "clusters", "circle", "duplicates"])
def test_supports_of_all_sizes_and_kinds_are_certified(
    kind: str, n: int, request: pytest.FixtureRequest
) -> None:
    generator = torch.Generator().manual_seed(n)
    if kind == "mnist":
        root = request.getfixturevalue("mnist_root")
        images = load("mnist", split="test", root=root).x
        x = images[torch.randperm(len(images), generator=generator)[:n]]
    elif kind == "gaussian":
        x = torch.randn(n, 3, generator=generator)
    elif kind == "duplicates":
        x = torch.randn(n // 2, 2, generator=generator).repeat(3, 1)
    else:
        x = example({"clusters": "clusters", "circle": "ring"}[kind], n)
    points = as_points(x)
    # From every datum apart to one place; where more than 100 differ each beta costs seconds.
    share = [0.003, 0.03, 0.1, 0.3] if n <= 100 else [0.1]
    goal = 1e-7 if n <= 100 else 3e-3
    beta = max(points.variance, 1e-9) * torch.tensor(share, dtype=torch.float64)
    found = optimal_support(points, beta, goal)
    assert found.certificate.max() <= goal
    torch.testing.assert_close(found.gamma.sum(1), torch.ones_like(beta))
    # Rounding of a sum over n of logarithms.
    assert (found.rate <= points.entropy + 1e-9).all()
    # F is the least of functions that rise as 1 / beta does.
    assert (found.free_energy.diff() <= goal).all()


def test_fifty_digits_have_a_certified_limit(mnist_root: Path) -> None:
    """Atoms of two digits that nearly meet make Newton's matrix singular to rounding."""
    images = load("mnist", split="test", root=mnist_root).x
    x = images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))[:50]]
    limit = rate_distortion(x, kappa=float(x.double().var(0, correction=0).mean().sqrt()) / 2)
    assert limit.certificate.item() <= 1e-7 and 0 < limit.rate.item() < math.log(50)


def test_equal_atoms_get_masses_in_a_batch_of_others() -> None:
    """Two atoms at one place make the matrix singular; a neighbour in the batch is as it was."""
    log_kernel = -4 * torch.tensor([[[0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]]).double()
    apart = -4 * torch.tensor([[[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.0]]]).double()
    p = torch.full((3,), 1 / 3, dtype=torch.float64)
    both, _ = best_weights(torch.cat([log_kernel, apart]), p)
    alone, _ = best_weights(apart, p)
    torch.testing.assert_close(both[1:], alone, atol=1e-9, rtol=0)
    assert both[0, :2].sum() == pytest.approx(0.5) and both[0, 2] == pytest.approx(0.5)


@pytest.mark.parametrize("x", [torch.zeros(1, 4), torch.ones(5, 2)])
def test_one_point_needs_no_rate(x: torch.Tensor) -> None:
    limit = rate_distortion(x, kappa=[0.1, 1.0])
    assert limit.rate.tolist() == [0, 0] and limit.multiplier.tolist() == [0, 0]
    assert rate_distortion(x).rate.tolist() == [0]


def test_gaussian_samples_approach_water_filling_from_below() -> None:
    """A sample of n lies below the Gaussian of its own covariance and nears it as n grows."""
    short = []
    for n in (8, 32, 128):
        x = torch.randn(n, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        kappa = 0.6 * float(x.var(0, correction=0).mean().sqrt())
        gaussian = water_filling(kappa, x=x).rate
        short.append(float(1 - rate_distortion(x, kappa, accuracy=1e-3).rate / gaussian))
    assert short[0] > short[1] > short[2] > 0
    # Measured .32, .17, .06: n points hold at most ln n nats, the Gaussian without end.
    assert short[2] < 0.1 and short[0] > 0.2


@pytest.mark.parametrize(
    ("x", "kappa", "error", "said"),
    [
        (torch.zeros(0, 3), 0.1, ValueError, r"x must hold .* got shape \(0, 3\)"),
        (torch.tensor([0.0, math.nan]), 0.1, ValueError, "x must .* got 1 values that are NaN"),
        ("images", 0.1, TypeError, "x must .* got str"),
        (torch.zeros(2, 1), -0.1, ValueError, "kappa must be .* > 0, got -0.1"),
        (torch.zeros(2, 1), 0, ValueError, "kappa must be .* > 0, got 0"),
        (torch.zeros(2, 1), [0.1, math.nan], ValueError, "kappa must be .* got nan"),
        (torch.zeros(2, 1), "0.1", TypeError, "kappa must be .* got '0.1'"),
        (torch.zeros(2, 1), [], ValueError, "kappa must be .* got none"),
    ],
)
def test_bad_input_is_named(x: object, kappa: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        rate_distortion(x, kappa)


def test_too_many_data_are_refused_with_their_size() -> None:
    with pytest.raises(ValueError, match=r"20,000 different data, which need 9 GiB"):
        rate_distortion(torch.arange(20_000.0)[:, None], kappa=1.0)
