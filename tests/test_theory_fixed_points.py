"""Fixed points of eqs. (18-20) against plain loops, kernel PCA's pre-images and known limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from geco_viz.theory import example, fixed_points

Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    """Three clusters of four points in the paper's square."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.tensor([[-0.35, -0.3], [0.4, -0.2], [0.0, 0.35]]).double()
    noise = torch.randn(12, 2, generator=generator, dtype=torch.float64)
    return centres.repeat(4, 1) + 0.05 * noise


def plain_sweep(psi: Array, x: Array, beta: float) -> Array:
    """Eq. (20) written out, datum by datum, in the log domain."""
    log_m = np.empty((len(x), len(psi)))
    for i, point in enumerate(x):
        log_k = -((point - psi) ** 2).sum(1) / (2 * beta)
        top = log_k.max()
        log_m[i] = log_k - (top + math.log(np.exp(log_k - top).mean()))
    m = np.exp(log_m - log_m.max(0))
    return (m.T @ x) / m.sum(0)[:, None]


def test_paper_settings_are_the_plain_smoothed_loop(x: torch.Tensor) -> None:
    start = torch.rand(9, 2, dtype=torch.float64) - 0.5
    found = fixed_points(x, [0.01, 0.05], start=start, method="paper", trajectory=5)
    for k, beta in enumerate([0.01, 0.05]):
        psi = start.numpy()
        for step in range(1, int(found.iterations[k]) + 1):
            new = 0.9 * psi + 0.1 * plain_sweep(psi, x.numpy(), beta)
            moved = float(np.linalg.norm(new - psi))
            psi = new
            if step <= 5 and step in found.recorded:
                seen = found.trajectory[k, found.recorded.index(step)].numpy()
                np.testing.assert_allclose(seen, psi, atol=1e-12)
        # Rounding of a few hundred contracting sweeps.
        np.testing.assert_allclose(found.psi[k].numpy(), psi, atol=1e-12)
        assert moved < 1e-3 or int(found.iterations[k]) == 400
    assert found.trajectory.shape == (2, 6, 9, 2)
    torch.testing.assert_close(found.trajectory[0, 0], start)


def test_exact_points_rest_under_the_plain_sweep(x: torch.Tensor) -> None:
    beta = [1e-4, 0.003, 0.01, 0.03, 0.06]
    found = fixed_points(x, beta)
    assert (found.residual <= 1e-10 * found.beta.sqrt()).all()
    for psi, b in zip(found.psi.numpy(), beta, strict=True):
        np.testing.assert_allclose(plain_sweep(psi, x.numpy(), b), psi, atol=1e-10)


def test_points_that_still_slide_are_said_not_to_have_converged(x: torch.Tensor) -> None:
    """On a circle eq. (20) moves a place along it ever so slowly: the residual is told apart."""
    slow = fixed_points(example("ring"), 0.01, side=6, steps=200)
    assert slow.residual[0] > 1e-10 * 0.1 and not slow.converged[0]
    assert fixed_points(x, [0.003, 0.03], side=6).converged.all()


def test_exact_points_are_where_the_plain_loop_goes(x: torch.Tensor) -> None:
    start = torch.rand(60, 2, dtype=torch.float64) - 0.5
    found = fixed_points(x, [0.004, 0.02], start=start)
    for k, beta in enumerate([0.004, 0.02]):
        psi = start.numpy()
        for _ in range(3000):
            psi = plain_sweep(psi, x.numpy(), beta)
        np.testing.assert_allclose(found.psi[k].numpy(), psi, atol=1e-8)


def test_counts_run_from_every_datum_to_one(x: torch.Tensor) -> None:
    top = float(torch.linalg.eigvalsh(torch.cov(x.T, correction=0))[-1])
    found = fixed_points(x, [1e-6, 1e-5, 0.01, 2 * top, 10 * top])
    assert found.count.tolist() == [12, 12, 3, 1, 1]
    assert found.psi.isfinite().all()
    assert found.error[0] == pytest.approx(0, abs=1e-12)
    variance = float(x.var(0, correction=0).sum())
    assert found.error[-1] == pytest.approx(variance, rel=1e-12)
    torch.testing.assert_close(found.psi[-1], x.mean(0).expand(1024, 2))


def test_no_tile_is_lost_at_small_beta(x: torch.Tensor) -> None:
    """The plain quotient underflows to 0/0 for tiles here; each still ends near a datum."""
    found = fixed_points(x, 1e-4, side=32)
    nearest = torch.cdist(found.psi[0], x).amin(1)
    assert found.psi.shape == (1, 1024, 2)
    assert nearest.amax() < 0.01  # sqrt(beta)


@pytest.mark.parametrize("masses", ["uniform", "optimal"])
def test_the_mean_loses_stability_at_the_top_eigenvalue(x: torch.Tensor, masses: str) -> None:
    top = float(torch.linalg.eigvalsh(torch.cov(x.T, correction=0))[-1])
    start = x.mean(0) + 1e-3 * (torch.rand(30, 2, dtype=torch.float64) - 0.5)
    found = fixed_points(x, [0.995 * top, 1.005 * top], start=start, masses=masses)
    away = (found.psi - x.mean(0)).norm(dim=-1).amax(1)
    assert away[0] > 0.02 and away[1] < 1e-8


def test_optimal_masses_satisfy_proposition_five(x: torch.Tensor) -> None:
    for beta in (0.001, 0.005, 0.02, 0.05):
        found = fixed_points(x, beta, masses="optimal")
        psi, mass = found.psi[0], found.masses[0]
        assert mass.sum().item() == pytest.approx(1, abs=1e-12)
        kernel = torch.exp(-torch.cdist(x, psi).square() / (2 * beta))
        g = (kernel / (kernel @ mass)[:, None]).mean(0)
        held = mass > 1e-9
        assert (g[held] - 1).abs().max() < 1e-8
        assert g.max() < 1 + 1e-6  # no tile without mass asks for some
        assert found.residual[0] < 1e-10


def test_optimal_masses_lower_the_free_energy(x: torch.Tensor) -> None:
    def free_energy(found_psi: torch.Tensor, mass: torch.Tensor, beta: float) -> float:
        kernel = torch.exp(-torch.cdist(x, found_psi).square() / (2 * beta))
        return float(-(kernel @ mass).log().mean())

    for beta in (0.003, 0.02):
        uniform, optimal = (fixed_points(x, beta, masses=m) for m in ("uniform", "optimal"))
        assert free_energy(optimal.psi[0], optimal.masses[0], beta) < free_energy(
            uniform.psi[0], uniform.masses[0], beta
        )


def test_fixed_points_are_kernel_pca_pre_images(x: torch.Tensor) -> None:
    """Proposition 4: Mika et al.'s pre-image iteration with the kernel k(x_i, .) / c_i."""
    beta = 0.01
    found = fixed_points(x, beta, side=8)
    data = x.numpy()
    psi = found.psi[0].numpy()
    c = np.exp(-((data[:, None] - psi) ** 2).sum(-1) / (2 * beta)).mean(1)
    for tile in np.unique(psi.round(9), axis=0):
        z = tile + 0.01
        for _ in range(2000):
            expansion = np.exp(-((data - z) ** 2).sum(1) / (2 * beta)) / c
            z = expansion @ data / expansion.sum()
        np.testing.assert_allclose(z, tile, atol=1e-8)


def test_error_is_the_posterior_mean_of_squared_distance(x: torch.Tensor) -> None:
    found = fixed_points(x, 0.02, side=8)
    distance = torch.cdist(x, found.psi[0]).square()
    w = torch.softmax(-distance / 0.04, 1)
    assert found.error[0].item() == pytest.approx(float((w * distance).sum(1).mean()), rel=1e-12)


def test_images_keep_their_shape_and_one_point_is_found() -> None:
    images = torch.rand(3, 1, 4, 4, dtype=torch.float64)
    found = fixed_points(images, [0.001, 5.0], side=6, trajectory=3)
    assert found.psi.shape == (2, 36, 1, 4, 4) and found.trajectory.shape[2:] == (36, 1, 4, 4)
    assert found.count.tolist() == [3, 1]
    single = fixed_points(images[:1], 0.1, side=2)
    torch.testing.assert_close(single.psi[0], images[:1].expand(4, -1, -1, -1))


def test_translation_and_scale_carry_over(x: torch.Tensor) -> None:
    plain = fixed_points(x, 0.01, side=8)
    moved = fixed_points(3 * x + 7, 0.09, side=8)
    torch.testing.assert_close(moved.psi, 3 * plain.psi + 7, atol=1e-8, rtol=0)
    torch.testing.assert_close(moved.error, 9 * plain.error)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"beta": -1.0}, ValueError, "beta must be .* > 0, got -1"),
        ({"beta": []}, ValueError, "beta must be .* got none"),
        ({"x": torch.tensor([[math.nan]])}, ValueError, "x must .* NaN"),
        ({"masses": "optimum"}, ValueError, "did you mean 'optimal'"),
        ({"method": "Paper"}, ValueError, "did you mean 'paper'"),
        ({"start": torch.zeros(4, 3)}, ValueError, r"start must have shape .* got \(4, 3\)"),
        ({"side": 0}, ValueError, "side must be"),
    ],
)
def test_bad_input_is_named(
    x: torch.Tensor, changes: dict[str, object], error: type[Exception], said: str
) -> None:
    arguments: dict[str, object] = {"x": x, "beta": 0.1} | changes
    with pytest.raises(error, match=said):
        fixed_points(**arguments)  # type: ignore[arg-type]


def test_more_than_fits_is_refused_with_its_size() -> None:
    with pytest.raises(ValueError, match=r"65,536 tiles and 10,000 data, which need 5 GiB"):
        fixed_points(torch.zeros(10_000, 1) + torch.arange(10_000.0)[:, None], 1.0, side=256)
