"""Evaluation against known answers: likelihoods, the mixture over many data, the table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from torch import Tensor, nn

import geco_viz as gv
from geco_viz import evaluation
from geco_viz.evaluation.likelihood import quantised_normal
from geco_viz.evaluation.table import Evaluation, Row
from geco_viz.models import DiagonalGaussian

GRID = torch.arange(256) / 255


@pytest.mark.parametrize("sigma", [1e-4, 0.003, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("mean", [-3.0, 0.0, 0.31, 1.0, 7.0])
def test_a_quantised_normal_adds_up_to_one(sigma: float, mean: float) -> None:
    log_mass = quantised_normal(GRID, torch.tensor(mean), sigma)
    assert float(log_mass.logsumexp(0)) == pytest.approx(0, abs=1e-12)
    assert not log_mass.isnan().any() and (log_mass <= 1e-15).all()


def test_a_quantised_normal_is_the_difference_of_the_distribution_function() -> None:
    from statistics import NormalDist

    level, mean, sigma = torch.tensor([0, 3, 128, 254, 255]), 0.52, 0.07
    normal = NormalDist(mean, sigma)
    for value in level.tolist():
        low = normal.cdf((value - 0.5) / 255) if value else 0.0
        # from the upper tail, which float64 keeps
        high = 1 - normal.cdf((value + 0.5) / 255) if value < 255 else 0.0
        mass = float(
            quantised_normal(
                torch.tensor(value / 255), torch.tensor(mean, dtype=torch.float64), sigma
            ).exp()
        )
        # the oracle itself is a difference of numbers near 1, good to 1e-16
        assert mass == pytest.approx(1 - low - high, rel=1e-9, abs=3e-16)


def test_both_tails_are_alike_and_never_zero() -> None:
    far = torch.tensor([0.0, 0.2, 1 / 255], dtype=torch.float64)
    below = quantised_normal(far, 0.9 + 0 * far, 0.02)
    above = quantised_normal(1 - far, 0.1 + 0 * far, 0.02)
    assert below.isfinite().all() and below.tolist() == pytest.approx(above.tolist(), rel=1e-9)
    assert float(below[1]) == pytest.approx(-0.5 * 35**2, rel=0.02)  # 35 standard deviations


def test_a_fine_grid_gives_the_density() -> None:
    x, mean, sigma = torch.tensor(0.4), torch.tensor(0.35), 0.2
    density = float(torch.distributions.Normal(0.35, sigma).log_prob(x))
    found = quantised_normal(x, mean, sigma, levels=100_001)
    assert float(found) + math.log(100_000) == pytest.approx(density, abs=1e-4)


@pytest.mark.parametrize(("sigma", "levels"), [(0.0, 256), (-1.0, 256), (math.nan, 256), (0.1, 1)])
def test_quantised_normal_refuses(sigma: float, levels: int) -> None:
    with pytest.raises(ValueError, match=r"sigma must be > 0|levels must be"):
        quantised_normal(GRID, GRID, sigma, levels)


class Linear(nn.Module):
    """x = W z + noise of variance s^2, with any Gaussian posterior N(A x, diag v)."""

    latent_dim = 2

    def __init__(self, weight: Tensor, gain: Tensor, variance: Tensor):
        super().__init__()
        self.weight, self.gain, self.variance = map(nn.Parameter, (weight, gain, variance))

    def encode(self, x: Tensor, context: Any = None) -> DiagonalGaussian:
        mean = (x.flatten(1) - 0.5) @ self.gain.T
        return DiagonalGaussian(mean, 0.5 * self.variance.log().expand_as(mean))

    def decode(self, z: Tensor, context: Any = None) -> Tensor:
        return (z @ self.weight.T + 0.5).unflatten(-1, (1, 2, 2))


def linear(noise: float) -> tuple[Linear, Tensor, Tensor]:
    """A linear VAE with its exact posterior, data of it, and its covariance."""
    weight = 0.06 * torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]).double()
    inside = weight.T @ weight / noise**2 + torch.eye(2).double()  # diagonal: so is the posterior
    gain = torch.linalg.solve(inside, weight.T / noise**2)
    covariance = weight @ weight.T + noise**2 * torch.eye(4).double()
    x = 0.5 + torch.randn(400, 4).double() @ torch.linalg.cholesky(covariance).T
    model = Linear(weight, gain, 1 / inside.diagonal()).double()
    return model, x.view(400, 1, 2, 2).clamp(0, 1), covariance


def bound(model: Linear, x: Tensor, noise: float) -> tuple[float, float]:
    nll, se = evaluation.quantised_nll(model, x, noise, samples=200)  # type: ignore[arg-type]
    kl, _ = evaluation.average_kl(model, x, samples=200)  # type: ignore[arg-type]
    return -4 * nll - kl, 4 * se


def test_the_elbo_is_the_log_likelihood_at_the_exact_posterior_and_below_it_elsewhere() -> None:
    noise = 0.08
    model, x, covariance = linear(noise)
    normal = torch.distributions.MultivariateNormal(torch.full((4,), 0.5).double(), covariance)
    exact = float(normal.log_prob(x.flatten(1)).mean()) - 4 * math.log(255)
    elbo, se = bound(model, x, noise)
    # the bins' width adds (1/255)^2 / 24 / noise^2 a pixel; images are rounded to the grid
    assert elbo == pytest.approx(exact, abs=4 * se + 0.01)
    with torch.no_grad():
        model.variance.mul_(3)
    worse, se = bound(model, x, noise)
    # E log-ratio of the two posteriors: half of (3 - 1 - ln 3) for each latent
    assert exact - worse == pytest.approx(3 - 1 - math.log(3), abs=4 * se + 0.01)


def test_sigma_opt_is_the_rms_per_pixel_and_makes_the_likelihood_best() -> None:
    model, x, _ = linear(0.08)
    random = torch.Generator().manual_seed(0)
    sigma, se = evaluation.sigma_opt(model, x, samples=50, generator=random)  # type: ignore[arg-type]
    with torch.no_grad():
        z, _ = model.encode(x).sample(50, torch.Generator().manual_seed(1))
        by_hand = float((x - model.decode(z)).square().mean().sqrt())
    assert sigma == pytest.approx(by_hand, abs=5 * se)

    def nll(value: float) -> float:
        return evaluation.quantised_nll(
            model,
            x,
            value,
            generator=torch.Generator().manual_seed(0),  # type: ignore[arg-type]
        )[0]

    assert nll(sigma) < min(nll(1.1 * sigma), nll(0.9 * sigma))


class Spread(nn.Module):
    """q(z|x_i) = N(m_i, v): an aggregate posterior whose divergence is known."""

    latent_dim = 2

    def __init__(self, means: Tensor, deviation: float):
        super().__init__()
        self.means, self.deviation = nn.Parameter(means), deviation

    def encode(self, x: Tensor, context: Any = None) -> DiagonalGaussian:
        mean = self.means[x[:, 0, 0, 0].long()]
        return DiagonalGaussian(mean, torch.full_like(mean, math.log(self.deviation)))

    def decode(self, z: Tensor, context: Any = None) -> Tensor:
        return z.new_zeros(*z.shape[:-1], 1, 1, 1)


def indices(n: int) -> Tensor:
    return torch.arange(n).float().view(n, 1, 1, 1)


def test_many_data_drawn_from_a_gaussian_make_an_aggregate_that_is_known() -> None:
    # m_i ~ N(0, .75), v = .25: q(z) is nearly the prior, and I(i; z) nearly ln(4) for two latents
    n = 4000
    model = Spread(math.sqrt(0.75) * torch.randn(n, 2), 0.5)
    random = torch.Generator().manual_seed(0)
    given: dict[str, Any] = {"points": 4000, "chunk": 700, "generator": random}
    value, se = evaluation.marginal_kl(model, indices(n), **given)  # type: ignore[arg-type]
    # a finite sample of means leaves a divergence of the order of (places told apart) / n
    assert abs(value) < 3 * se + 0.02
    shared, se = evaluation.mutual_information(model, indices(n), **given)  # type: ignore[arg-type]
    assert shared == pytest.approx(math.log(4), abs=4 * se + 0.02)


def test_points_and_all_pairs_agree_and_chunks_do_not_matter() -> None:
    model, x = Spread(torch.randn(50, 2), 0.3), indices(50)
    exact, se = evaluation.marginal_kl(model, x, samples=400)  # type: ignore[arg-type]
    values = []
    for chunk in (7, 50, 1024):
        random = torch.Generator().manual_seed(3)
        # one block of points whatever the chunk, so that the same latents are drawn
        value, error = evaluation.marginal_kl(
            model,
            x,
            points=7 if chunk == 7 else 4000,
            chunk=chunk,
            generator=random,  # type: ignore[arg-type]
        )
        values.append((value, error))
    assert values[1][0] == pytest.approx(exact, abs=4 * math.hypot(se, values[1][1]))
    assert values[2][0] == pytest.approx(exact, abs=4 * math.hypot(se, values[2][1]))


def test_average_kl_is_mutual_information_plus_marginal_kl_at_points_too() -> None:
    model, x = Spread(1.5 * torch.randn(300, 2), 0.4), indices(300)
    parts = []
    for measure in (evaluation.mutual_information, evaluation.marginal_kl):
        random = torch.Generator().manual_seed(5)
        parts.append(measure(model, x, points=3000, generator=random))  # type: ignore[arg-type]
    kl, _ = evaluation.average_kl(model, x, samples=10)  # type: ignore[arg-type]
    together = math.hypot(parts[0][1], parts[1][1])
    assert parts[0][0] + parts[1][0] == pytest.approx(kl, abs=4 * together)


@pytest.mark.parametrize("points", [0, 1, 2.5, "many"])
def test_points_must_show_an_error(points: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="points must be a whole number >= 2"):
        evaluation.marginal_kl(Spread(torch.zeros(3, 2), 1.0), indices(3), points=points)  # type: ignore[arg-type]


@pytest.mark.train
def test_a_density_ratio_comes_near_a_known_divergence() -> None:
    # q(z) = N((1, 0), .6^2): KL = (.36 + .36 - 2 + 1) / 2 - ln .36 / 2
    model = Spread(torch.tensor([[1.0, 0.0]]), 0.6)
    truth = 0.5 * (2 * 0.36 - 2 + 1) - math.log(0.36)
    value, se = evaluation.density_ratio_kl(model, indices(1), samples=5000, steps=300)  # type: ignore[arg-type]
    assert 0 < se < 0.05
    assert value == pytest.approx(truth, abs=0.1)  # what the network leaves out, and 2 se
    none, se = evaluation.density_ratio_kl(
        Spread(torch.zeros(1, 2), 1.0),
        indices(1),
        samples=5000,
        steps=300,  # type: ignore[arg-type]
    )
    assert abs(none) < 0.03


def test_active_units_are_those_whose_mean_moves_with_the_data() -> None:
    means = torch.stack((torch.linspace(-1, 1, 40), torch.zeros(40)), 1)
    model = Spread(means, 0.5)
    activity = evaluation.unit_activity(model, indices(40), samples=800)  # type: ignore[arg-type]
    assert activity.shape == (8, 2)
    assert activity.mean(0).tolist() == pytest.approx([float(means[:, 0].var()), 0], abs=0.01)
    # two samples a group: their noise alone is a variance of .125
    few = evaluation.unit_activity(model, indices(40), samples=16)  # type: ignore[arg-type]
    assert float(few.mean(0)[1]) == pytest.approx(0, abs=0.04)  # eight groups of 40 data
    assert evaluation.active_units(model, indices(40), samples=800)[0] == 1  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least two data"):
        evaluation.active_units(model, indices(1))  # type: ignore[arg-type]


def test_the_table_holds_what_the_parts_say(capsys: pytest.CaptureFixture[str]) -> None:
    run = tiny.make(objective=gv.GECO(gv.RE(0.1), gv.PNCC(0.5, patch=3)))
    table = gv.evaluate(run, samples=200)
    rms = table["RMS"].value
    assert table["MSE"].value == pytest.approx(rms**2)
    assert table["SSE"].value == pytest.approx(16 * rms**2)
    assert table["PSNR"].value == pytest.approx(-20 * math.log10(rms))
    assert table["grey levels"].value == pytest.approx(255 * rms)
    assert table["sigma_opt"].value == rms == table["kappa_hat/re"].value
    assert table["kappa_hat/pncc"].unit == "correlation"
    nll, kl = table["NLL"].value, table["KL"].value
    assert table["ELBO, bits"].value == pytest.approx((nll + kl / 16) / math.log(2))
    whole = table["mutual information"].value + table["marginal KL"].value
    assert whole == pytest.approx(kl, abs=4 * (table["KL"].se + table["marginal KL"].se) + 1e-6)
    assert table["mutual information"].value <= table["its bound ln n"].value == math.log(7)
    assert all(row.se >= 0 for row in table)
    text = str(table)
    assert "mutual information" in text and "±" in text and "held out" not in text
    frame = table.to_frame()
    assert frame.loc["KL", "value"] == kl and list(frame.index) == [row.name for row in table]
    assert len(table) == len(frame) and "holes" in table and "nonsense" not in table
    with pytest.raises(ValueError, match="did you mean 'marginal KL'"):
        table["marginal kl"]


def test_the_table_is_repeatable_and_leaves_the_run_alone() -> None:
    run, other = tiny.make(), tiny.make()
    first = gv.evaluate(run, samples=20, seed=3)
    assert [r.value for r in gv.evaluate(run, samples=20, seed=3)] == [r.value for r in first]
    assert gv.evaluate(run, samples=20, seed=4)["RMS"].value != first["RMS"].value
    run.train(3, progress=False)
    other.train(3, progress=False)
    assert tiny.same(run.history, other.history)


def test_held_out_values_stand_beside_those_of_training() -> None:
    run = tiny.make()
    other_images = 0.2 * tiny.images(seed=1)  # darker than any that it was trained on
    table = gv.evaluate(run, held_out=other_images, samples=50)
    row = table["RMS"]
    assert row.value != row.held_out > 0 < row.held_out_se
    # the likelihood of held-out data is at the training data's sigma
    other = evaluation.quantised_nll(
        run.average,  # type: ignore[arg-type]
        other_images,
        table["sigma_opt"].value,
        samples=400,
    )
    assert table["NLL"].held_out == pytest.approx(
        other[0], abs=4 * math.hypot(other[1], table["NLL"].held_out_se)
    )
    assert "held out" in str(table) and "held out" in table._repr_html_()


def test_a_model_without_an_aggregate_is_told_so() -> None:
    model = gv.models.build("convdraw", (1, 8, 8), size="tiny")
    table = gv.evaluate(model, torch.rand(5, 1, 8, 8), samples=3)
    assert "marginal KL" not in table and "KL" in table and "NLL" in table
    assert any("No marginal KL" in note and "average KL can be had" in note for note in table.notes)
    assert "No marginal KL" in str(table)
    with pytest.raises(TypeError, match="density ratio, got ConvDRAW"):
        evaluation.density_ratio_kl(model, torch.rand(5, 1, 8, 8))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"split": "trian"}, ValueError, "did you mean 'train'"),
        ({"split": "test"}, ValueError, "give held_out="),
        ({"samples": 0}, ValueError, "samples must be"),
        ({"seed": -1}, ValueError, "seed must be"),
        ({"held_out": "mnist"}, TypeError, "held_out must be a Dataset"),
    ],
)
def test_bad_arguments_of_the_table(arguments: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        gv.evaluate(tiny.make(), **arguments)


def test_a_model_needs_data() -> None:
    with pytest.raises(TypeError, match="data must be given with a model"):
        gv.evaluate(gv.models.build("vae", (1, 4, 4)))


def test_values_are_shown_to_two_digits_of_their_error() -> None:
    table = Evaluation("<t>", (Row("a<b", "nats", 1.23456, 0.0123, np.nan, np.nan),), ("n&m",))
    assert "1.235 ± 0.012" in str(table)
    page = table._repr_html_()
    assert "a&lt;b" in page and "&lt;t&gt;" in page and "n&amp;m" in page
