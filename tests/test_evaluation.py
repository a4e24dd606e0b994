"""Evaluation against closed forms, numerical integration and constructed tilings."""

import math

import pytest
import torch
from torch import nn

import geco_viz as gv
from geco_viz.evaluation._strata import Tail, passes
from geco_viz.models import DiagonalGaussian

NORMAL = torch.distributions.Normal(0.0, 1.0)
X = torch.zeros(4, 1, 2, 2)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Fixed(nn.Module):
    """A model whose posterior is given, and whose decoder adds a known error to an image of 0."""

    def __init__(self, posterior, latent_dim: int):
        super().__init__()
        self.posterior, self.latent_dim = posterior, latent_dim

    def encode(self, x, context=None):
        return self.posterior

    def decode(self, z, context=None):
        return z[..., :1, None, None].expand(*z.shape[:-1], 1, 2, 2)


class Slices:
    """Posterior i is the prior cut to the interval (edges[i], edges[i + 1]) of its quantiles."""

    def __init__(self, *edges: tuple[float, float]):
        self.low, self.high = torch.tensor(edges).unbind(1)

    def sample(self, samples, generator=None):
        u = torch.rand((samples, len(self.low)), generator=generator)
        z = torch.special.ndtri(self.low + u * (self.high - self.low)).unsqueeze(-1)
        return z, self.log_prob(z)

    def log_prob(self, z):
        u = torch.special.ndtr(z[..., 0])
        inside = (u >= self.low) & (u < self.high)
        log_q = NORMAL.log_prob(z[..., 0]) - (self.high - self.low).log()
        return torch.where(inside, log_q, torch.tensor(-1e3))

    def kl(self, z, log_q):
        return log_q - NORMAL.log_prob(z[..., 0])


def gaussians(d: int, n: int = 4) -> Fixed:
    torch.manual_seed(3)
    return Fixed(DiagonalGaussian(torch.randn(n, d), torch.randn(n, d) * 0.3 - 0.5), d)


@pytest.fixture(scope="module")
def nvp():
    torch.manual_seed(0)
    model = gv.models.build("vae-nvp", (1, 4, 4), decoder=[16], encoder=[16])
    return model, torch.rand(5, 1, 4, 4, generator=rng(1))


def test_average_kl_is_ln_n_minus_overlap_plus_marginal_kl_for_the_same_samples(nvp):
    found = gv.evaluation.evaluate(*nvp, samples=300, generator=rng())
    sum_of_parts = math.log(5) - found["overlap"][0] + found["marginal_kl"][0]
    # float32 log-densities of size 1e2, averaged over 1500 samples
    assert found["kl"][0] == pytest.approx(sum_of_parts, abs=1e-4)
    assert found["kl"][0] > 0.1
    assert found["mutual_information"][0] == pytest.approx(math.log(5) - found["overlap"][0])


def test_the_identity_holds_within_monte_carlo_error_for_a_closed_form_kl():
    found = gv.evaluation.evaluate(gaussians(2), X, samples=5000, generator=rng())
    gap = found["mutual_information"][0] + found["marginal_kl"][0] - found["kl"][0]
    assert found["kl"][1] < 1e-6  # the same number for each sample
    assert abs(gap) < 4 * (found["overlap"][1] + found["marginal_kl"][1])


@pytest.mark.parametrize("d", [1, 2])
def test_marginal_kl_and_overlap_match_numerical_integration(d):
    model = gaussians(d)
    axis = torch.linspace(-8, 8, 1201 if d == 1 else 401, dtype=torch.float64)
    grid = torch.cartesian_prod(*[axis] * d).reshape(-1, 1, d)
    posterior = DiagonalGaussian(*(t.double() for t in vars(model.posterior).values()))
    log_q = posterior.log_prob(grid)
    log_mix = torch.logsumexp(log_q, -1) - math.log(4)
    cell = float(axis[1] - axis[0]) ** d
    marginal = (log_mix.exp() * (log_mix - NORMAL.log_prob(grid[:, 0]).sum(-1))).sum() * cell
    log_w = log_q - log_q.logsumexp(-1, keepdim=True)
    entropy = -(log_mix.exp() * (log_w.exp() * log_w).sum(-1)).sum() * cell

    value, se = gv.evaluation.marginal_kl(model, X, samples=20_000, generator=rng())
    assert abs(value - marginal) < 4 * se < 0.05
    value, se = gv.evaluation.overlap(model, X, samples=20_000, generator=rng())
    assert abs(value - entropy) < 4 * se < 0.05
    assert gv.evaluation.mutual_information(model, X, samples=50, generator=rng())[
        0
    ] == pytest.approx(
        math.log(4) - gv.evaluation.overlap(model, X, samples=50, generator=rng())[0]
    )


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("off", [0.0, -1e3, 1e3])
def test_the_share_of_the_value_farthest_out_is_that_of_all_values_at_once(parts, off):
    values = torch.randn(2000, generator=rng(), dtype=torch.float64) + 3
    values[1234] += off
    tail = Tail()
    for part in values.chunk(parts):
        tail.add(part)
    squares = (values - values.mean()).square()
    assert tail.share() == pytest.approx(float(squares.max() / squares.sum()))
    assert (tail.share() > 0.99) == (off != 0)
    equal = Tail()
    equal.add(torch.full((4, 5), 0.1))
    assert equal.share() == 0


def test_an_evaluation_says_that_few_samples_carry_the_kl():
    class Far(DiagonalGaussian):
        kl_parts = None

        def kl(self, z, log_q):  # one noise in three thousand lies far out, as a flow's may
            return torch.where(z[..., 0] > self.far, 1e3, super().kl(z, log_q))

    posterior = Far(torch.zeros(4, 1), torch.zeros(4, 1))
    posterior.far = 3.4
    found = gv.evaluation.evaluate(Fixed(posterior, 1), X, samples=500, generator=rng())
    posterior.far = math.inf
    assert found["kl_tail"][0] > 0.25
    assert gv.evaluation.evaluate(Fixed(posterior, 1), X, samples=500)["kl_tail"][0] == 0


def test_a_partition_into_equal_tiles_has_no_holes_and_no_marginal_kl():
    model = Fixed(Slices((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)), 1)
    found = gv.evaluation.evaluate(model, X, samples=500, generator=rng())
    assert found["kl"][0] == pytest.approx(math.log(4), abs=1e-5)
    assert found["overlap"][0] == pytest.approx(0, abs=1e-5)
    assert found["marginal_kl"][0] == pytest.approx(0, abs=1e-5)
    assert found["holes"][0] == 0
    assert found["tile_mass"][0] < 0.02
    # As many points under the prior for few samples: a coarse lattice has no equal tiles.
    few = gv.evaluation.evaluate(model, X, samples=1, generator=rng())
    assert few["tile_mass"][0] < 0.02


def test_unequal_tiles_and_a_hole_have_their_masses():
    # 0.55 to 0.75 is claimed by nobody: a hole, and a tie between equally small densities
    model = Fixed(Slices((0.0, 0.1), (0.1, 0.3), (0.3, 0.55), (0.75, 1.0)), 1)
    found = gv.evaluation.tiles(model, X, points=16_000, generator=rng())
    assert found.holes == pytest.approx(0.2, abs=4 * found.holes_se)
    assert found.holes_se < 1e-3
    expected = torch.tensor([0.1, 0.2, 0.25, 0.25], dtype=torch.float64)
    expected[0] += 0.2  # argmax takes the first of equals
    assert ((found.masses - expected).abs() < 5 * found.masses_se + 1e-4).all()
    assert found.deviation[0] == pytest.approx(0.2, abs=5 * found.deviation[1] + 4e-4)
    assert gv.evaluation.hole_mass(model, X, points=800, generator=rng())[0] == pytest.approx(
        0.2, abs=0.01
    )
    masses, se = gv.evaluation.tile_masses(model, X, points=800, generator=rng())
    assert masses.shape == se.shape == (4,)


@pytest.mark.parametrize(("low", "hole"), [(0.05, True), (0.12, False)])
def test_a_hole_is_where_the_aggregate_is_below_a_tenth_of_the_prior(low, hole):
    # The last of eleven covers the rest alone, at 1/11 / (1 - low) of the prior: .096 or .103.
    edges = [(k * low / 10, (k + 1) * low / 10) for k in range(10)]
    model = Fixed(Slices(*edges, (low, 1.0)), 1)
    value, se = gv.evaluation.hole_mass(model, torch.zeros(11, 1, 2, 2), generator=rng())
    assert value == pytest.approx((1 - low) * hole, abs=4 * se)


@pytest.mark.parametrize("d", [1, 2, 7])
def test_the_lattices_are_standard_normal(d):
    from geco_viz.evaluation.tiling import _lattices

    z = _lattices(1000, d, torch.device("cpu"), rng()).flatten(0, 1)
    # Far below the 1 / sqrt(8000) = .011 of independent points, in one and two dimensions.
    tight = 2e-3 if d < 3 else 0.02
    assert z.mean(0).abs().max() < tight
    assert (z.T.cov().reshape(d, d) - torch.eye(d)).abs().max() < 10 * tight
    assert ((z < 1).double().mean(0) - NORMAL.cdf(torch.tensor(1.0))).abs().max() < tight


def test_standard_errors_are_those_of_repeated_evaluations():
    # One datum far off, so that an error which forgot the strata would be several times too large.
    means, log_stds = [[0.0], [0.6], [3.0], [9.0]], [[-0.4], [-0.5], [-1.0], [-2.0]]
    model = Fixed(DiagonalGaussian(torch.tensor(means), torch.tensor(log_stds)), 1)
    runs = [
        gv.evaluation.evaluate(model, X, [gv.RE(0.1)], samples=64, generator=rng(seed))
        for seed in range(100)
    ]
    for key in ("kappa_hat/re", "marginal_kl", "overlap", "holes", "tile_mass"):
        values, claimed = torch.tensor([run[key] for run in runs]).unbind(1)
        # 100 repetitions know the spread to 7 %, and 8 replicates bias their error down by 4 %.
        assert 0.75 < values.std() / claimed.mean() < 1.33, key


def test_kappa_hat_is_the_root_of_the_mean_square():
    posterior = DiagonalGaussian(torch.full((4, 1), 0.3), torch.full((4, 1), -20.0))
    value, se = gv.evaluation.kappa_hat(Fixed(posterior, 1), X, gv.RE(0.1), samples=40)
    assert value == pytest.approx(0.3, rel=1e-6)
    assert se < 1e-6
    assert gv.evaluation.average_kl(Fixed(posterior, 1), X)[0] == pytest.approx(19.545, rel=1e-4)


def test_memory_is_bounded_by_chunk(monkeypatch):
    seen = []
    log_prob = DiagonalGaussian.log_prob

    def spy(self, z):
        log_q = log_prob(self, z)
        seen.append(log_q.numel())
        return log_q

    monkeypatch.setattr(DiagonalGaussian, "log_prob", spy)
    gv.evaluation.evaluate(gaussians(2), X, samples=500, chunk=20)
    gv.evaluation.marginal_kl(gaussians(2), X, samples=500, chunk=20)
    assert max(seen) <= 8 * 20
    assert sum(seen) >= 2 * 4 * 500 * 4


def test_many_data_get_everything_but_the_pairs():
    torch.manual_seed(0)
    model = gv.models.build("vae", (1, 2, 2), hidden=[8], latent_dim=2)
    x = torch.rand(2300, 1, 2, 2, generator=rng())
    for samples, chunk in ((1, 700), (3, 700), (1, 4000)):
        found = gv.evaluation.evaluate(
            model, x, [gv.RE(0.1)], samples=samples, generator=rng(), chunk=chunk
        )
        out = model(x)
        expected = gv.RE(0.1).error(x, out.x_hat).sqrt().item()
        assert found["kl"][0] == pytest.approx(out.kl.mean().item(), rel=1e-4)
        assert found["kappa_hat/re"][0] == pytest.approx(expected, rel=0.02)
        assert 0 < found["kappa_hat/re"][1] < 0.02 * expected
        for key in ("overlap", "mutual_information", "marginal_kl", "holes", "tile_mass"):
            assert all(math.isnan(v) for v in found[key])


def test_models_without_an_aggregate_are_refused_and_left_out():
    model = gaussians(2)
    model.conditional = True
    no_density = Fixed(type("Blind", (), {"sample": None})(), 2)
    for broken, words in ((model, "conditional Fixed"), (no_density, "log_prob.* got Fixed")):
        for ask in (gv.evaluation.marginal_kl, gv.evaluation.overlap, gv.evaluation.tiles):
            with pytest.raises(TypeError, match=words):
                ask(broken, X)
    found = gv.evaluation.evaluate(model, X, samples=5)
    assert found["kl"][0] > 0
    assert math.isnan(found["marginal_kl"][0])


def test_labels_and_context_reach_constraint_and_model():
    class Conditional(Fixed):
        conditional = True

        def encode(self, x, context=None):
            assert context.shape == (4, 3)
            return self.posterior

    class Labelled(gv.RE):
        def error(self, x, x_hat, y=None):
            assert y.tolist() == [0, 1, 2, 3]
            return super().error(x, x_hat)

    model = Conditional(gaussians(2).posterior, 2)
    found = gv.evaluation.evaluate(
        model, X, [Labelled(0.1)], samples=4, y=torch.arange(4), context=torch.zeros(4, 3)
    )
    assert found["kappa_hat/re"][0] > 0


def test_a_generator_determines_the_result_and_the_global_one_is_left_alone(nvp):
    before = torch.get_rng_state()
    first, again, other = (
        gv.evaluation.evaluate(*nvp, [gv.RE(0.1)], samples=20, generator=rng(s)) for s in (1, 1, 2)
    )
    assert torch.equal(before, torch.get_rng_state())
    assert first == again
    assert all(first[key] != other[key] for key in first)


def test_responsibilities_add_up():
    log_w, log_ratio = gv.evaluation.responsibilities(gaussians(2).posterior, torch.randn(3, 5, 2))
    assert log_w.shape == (3, 5, 4)
    assert log_ratio.shape == (3, 5)
    torch.testing.assert_close(log_w.exp().sum(-1), torch.ones(3, 5))


@pytest.mark.parametrize(
    ("total", "most", "fewest"), [(10, 3, 1), (10, 0, 1), (3, 8, 16), (64, 9, 16)]
)
def test_passes_cut_evenly(total, most, fewest):
    parts = passes(total, most, fewest)
    assert sum(parts) == total
    assert max(parts) <= max(most, 1)
    assert max(parts) - min(parts) <= 1
    assert len(parts) >= min(fewest, total)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"samples": 0}, "samples must be a whole number >= 1, got 0"),
        ({"chunk": 0}, "chunk must be a whole number >= 1, got 0"),
        ({"x": X[:0]}, "x must hold at least one datum"),
    ],
)
def test_bad_arguments_are_refused(arguments, words):
    x = arguments.pop("x", X)
    for ask in (gv.evaluation.evaluate, gv.evaluation.marginal_kl):
        with pytest.raises(ValueError, match=words):
            ask(gaussians(2), x, **arguments)
    with pytest.raises(ValueError, match="points must be a whole number >= 1"):
        gv.evaluation.tiles(gaussians(2), X, points=0)
