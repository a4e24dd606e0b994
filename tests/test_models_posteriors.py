"""Known answers for the two posteriors: closed forms, autograd and grids."""

import math

import pytest
import torch

from geco_viz.models import ConditionalNVP, DiagonalGaussian
from geco_viz.models.nvp import Coupling


def nvp(d: int, couplings: int = 8, data: int = 3, scale: float = 1.0):
    """A float64 NVP posterior far from the identity."""
    torch.manual_seed(0)
    head = ConditionalNVP(features=6, latent_dim=d, couplings=couplings, hidden=16).double()
    features = torch.randn(data, 6, dtype=torch.float64) * 2 * scale
    return head(features)


@pytest.mark.parametrize(("d", "couplings"), [(2, 8), (2, 3), (5, 4), (5, 3)])
def test_inverse_undoes_the_transform(d, couplings):
    posterior = nvp(d, couplings)
    noise = torch.randn(50, 3, d, dtype=torch.float64)
    z, log_det = posterior.transform(noise)
    back, minus = posterior.inverse(z)
    # float64 through a dozen layers whose scales are at most e^2: nine digits are left
    torch.testing.assert_close(back, noise, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(minus, -log_det, atol=1e-9, rtol=1e-9)
    assert (z - noise).abs().max() > 0.1


@pytest.mark.parametrize(("d", "couplings"), [(2, 8), (5, 3)])
def test_log_determinant_is_autograds(d, couplings):
    posterior = nvp(d, couplings, data=1)
    for noise in torch.randn(4, 1, d, dtype=torch.float64):
        jacobian = torch.autograd.functional.jacobian(lambda e: posterior.transform(e)[0], noise)
        expected = torch.linalg.slogdet(jacobian[0, :, 0]).logabsdet
        torch.testing.assert_close(posterior.transform(noise)[1][0], expected)


def test_the_scale_of_one_coupling_is_bounded_by_e_squared():
    posterior = nvp(2, couplings=2, scale=1e4)
    _, log_det = posterior.transform(torch.randn(100, 3, 2, dtype=torch.float64))
    assert log_det.abs().max() <= 4  # two couplings, one coordinate each


@torch.no_grad()
def test_nvp_density_integrates_to_one():
    posterior = nvp(2, scale=0.2)
    z = posterior.sample(4000)[0].flatten(0, 1)
    low, high = z.min(0).values - 3, z.max(0).values + 3
    axes = [torch.linspace(low[k], high[k], 300, dtype=torch.float64) for k in range(2)]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 1, 2)
    cell = (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
    mass = posterior.log_prob(grid).exp().sum(0) * cell
    # The box holds all but the tails of 12000 samples; the rule's own error is far below that.
    torch.testing.assert_close(mass, torch.ones_like(mass), atol=2e-3, rtol=0)


def test_nvp_log_prob_is_the_change_of_variables():
    posterior = nvp(3)
    noise = torch.randn(10, 3, 3, dtype=torch.float64)
    z, log_det = posterior.transform(noise)
    normal = torch.distributions.Normal(0.0, 1.0)
    expected = normal.log_prob(noise).sum(-1) - log_det
    torch.testing.assert_close(posterior.log_prob(z), expected)
    torch.testing.assert_close(posterior.kl(z, expected), expected - normal.log_prob(z).sum(-1))


def test_nvp_projects_the_context_once_per_datum(monkeypatch):
    calls = []
    linear = torch.nn.functional.linear
    monkeypatch.setattr(
        torch.nn.functional, "linear", lambda x, *rest: calls.append(x.shape) or linear(x, *rest)
    )
    nvp(2, couplings=4, data=3).sample(10)
    assert calls[0] == (3, 6)
    assert sum(shape[-1] == 6 for shape in calls) == 1


def test_gaussian_matches_torch_distributions():
    mean, log_std = torch.randn(4, 3), torch.randn(4, 3)
    posterior = DiagonalGaussian(mean, log_std)
    reference = torch.distributions.Independent(torch.distributions.Normal(mean, log_std.exp()), 1)
    prior = torch.distributions.Independent(
        torch.distributions.Normal(torch.zeros(4, 3), torch.ones(4, 3)), 1
    )
    z, log_q = posterior.sample(7)
    # float32: the samples lie many standard deviations of the narrow ones from zero
    torch.testing.assert_close(log_q, reference.log_prob(z), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(posterior.log_prob(z), reference.log_prob(z), atol=1e-3, rtol=1e-4)
    kl = posterior.kl(z, log_q)
    assert kl.shape == (7, 4)
    torch.testing.assert_close(kl[0], torch.distributions.kl_divergence(reference, prior))


def test_gaussian_kl_does_not_depend_on_the_samples():
    posterior = DiagonalGaussian(torch.ones(2, 3), torch.full((2, 3), -1.0))
    kl = posterior.kl(*posterior.sample(5))
    expected = 3 * (0.5 * (1 + math.exp(-2) - 1) + 1)
    torch.testing.assert_close(kl, torch.full((5, 2), expected))


def test_what_enters_a_coupling_is_bounded() -> None:
    """Far out nothing grows any more, and near 0 the bound is not felt: tanh(u) = u + O(u^3)."""
    torch.manual_seed(0)
    bounded = Coupling(2, 1, 16)
    free = Coupling(2, 1, 16, bound=None)
    free.load_state_dict(bounded.state_dict())
    context = torch.randn(1, 16)
    for a in (torch.tensor([[1.0, -2.0]]), torch.tensor([[0.3, 1.0]])):
        assert torch.equal(bounded(1e3 * a, context)[1], bounded(1e6 * a, context)[1])
        assert (free(1e6 * a, context)[1] / free(1e3 * a, context)[1]).abs() > 100
        for one, other in zip(bounded(1e-3 * a, context), free(1e-3 * a, context), strict=True):
            torch.testing.assert_close(one, other)
