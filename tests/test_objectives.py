"""ELBO, beta-VAE and the annealed schedule against torch's distributions and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Normal

from geco_viz import ELBO, GECO, RE, Annealed, BetaVAE
from geco_viz.objectives import Objective

KL = torch.tensor([1.0, 2.0, 6.0])


def images(samples: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.rand(3, 1, 4, 4)
    shape = x.shape if samples is None else (samples, *x.shape)
    return x, torch.rand(shape)


def nll(x: torch.Tensor, x_hat: torch.Tensor, sigma: float) -> float:
    """The mean over samples and data of the summed negative log-likelihood, float64."""
    log_p = Normal(x_hat.double(), sigma).log_prob(x.double())
    return float(-log_p.sum((-3, -2, -1)).mean())


@pytest.mark.parametrize("samples", [None, 5])
@pytest.mark.parametrize("sigma", [0.05, 0.7, 2.0])
def test_elbo_is_that_of_a_normal_decoder(sigma: float, samples: int | None) -> None:
    x, x_hat = images(samples)
    elbo = ELBO(sigma=sigma)
    loss = elbo(KL, x, x_hat)
    assert float(loss) == pytest.approx(3.0 + nll(x, x_hat, sigma), rel=1e-5)  # float32
    assert elbo.lagrangian == float(loss)
    assert elbo.beta == pytest.approx(sigma**2)


def test_a_fixed_sigma_is_no_parameter() -> None:
    for kind in ("mse", "adam"):
        elbo = ELBO(sigma=0.1, kind=kind)
        assert [p for p in elbo.parameters() if p.requires_grad] == []
        elbo(KL, *images())
        elbo.step()
        assert elbo.beta == pytest.approx(0.01)


def test_sigma_in_closed_form_is_the_error_and_has_the_gradient_of_its_logarithm() -> None:
    """With sigma^2 = MSE the ELBO is KL + d/2 (ln(2 pi MSE) + 1): value and gradient."""
    x, x_hat = images(2)
    exact, ours = (x_hat.double().requires_grad_() for _ in range(2))
    mse = (exact - x.double()).square().mean()
    wanted = 3.0 + 8 * (torch.log(2 * math.pi * mse) + 1)
    wanted.backward()
    elbo = ELBO()
    assert elbo.beta is None and list(elbo.parameters()) == []
    loss = elbo(KL.double(), x.double(), ours)
    loss.backward()
    assert loss.item() == pytest.approx(wanted.item())
    assert torch.allclose(ours.grad, exact.grad, rtol=1e-6)
    assert elbo.beta == pytest.approx(mse.item())


def test_sigma_follows_the_average_of_the_error_and_only_in_training() -> None:
    x = torch.zeros(3, 1, 4, 4)
    elbo = ELBO()
    elbo(KL, x, x + 0.2)
    elbo.step()
    loss = elbo(KL, x, x + 0.4)  # the batch in hand counts already
    assert elbo.beta == pytest.approx(0.5 * 0.04 + 0.5 * 0.16)
    assert loss.item() == pytest.approx(3 + nll(x, x + 0.4, elbo.beta**0.5), rel=1e-5)
    elbo.step()
    now = elbo.beta
    elbo.eval()
    elbo(KL, x, x + 5)
    elbo.train()
    with torch.no_grad():
        elbo(KL, x, x + 5)
    elbo.step()
    assert elbo.beta == now
    again = ELBO()
    again.load_state_dict(elbo.state_dict())
    assert again.beta == now


def test_sigma_stops_at_its_floor() -> None:
    x = torch.rand(3, 1, 4, 4)
    exact = ELBO()
    loss = exact(KL, x, x.clone().requires_grad_())
    assert loss.isfinite() and exact.beta == pytest.approx((1 / 255) ** 2 / 12)
    coarse = ELBO(floor=0.5)
    coarse(KL, x, x)
    assert coarse.beta == 0.25


def test_an_old_specification_rebuilds_the_old_sigma() -> None:
    from geco_viz.training.recipe import as_objective

    for sigma in (None, 0.2):
        old = as_objective({"name": "elbo", "sigma": sigma, "sigma_init": 0.4}, 7)
        assert isinstance(old, ELBO) and old.kind == "adam" and old.beta is not None
        assert old.beta == pytest.approx((sigma or 0.4) ** 2)
        assert "log_sigma" in old.state_dict()
    assert as_objective({"name": "elbo"}, 7).spec == ELBO().spec


def test_learned_sigma_has_the_likelihoods_gradient_and_optimum() -> None:
    x, x_hat = images()
    elbo = ELBO(kind="adam")
    assert elbo.beta == pytest.approx(0.09)
    elbo(KL, x, x_hat).backward()
    # d/d ln sigma of the NLL is d_x - SSE / sigma^2
    sse = float((x - x_hat).double().square().sum((1, 2, 3)).mean())
    assert float(elbo.log_sigma.grad) == pytest.approx(16 - sse / 0.09, rel=1e-4)
    with torch.no_grad():
        elbo.log_sigma.fill_(0.5 * math.log(sse / 16))
    elbo.zero_grad()
    elbo(KL, x, x_hat).backward()
    assert abs(float(elbo.log_sigma.grad)) < 1e-4  # zero but for float32


def test_elbo_on_another_device_says_what_to_do() -> None:
    x = torch.zeros(1, 1, 2, 2, device="meta")
    with pytest.raises(ValueError, match=r"objective\.to"):
        ELBO(kind="adam")(KL, x, x)
    with pytest.raises(ValueError, match=r"objective\.to"):
        ELBO()(KL, x, x)


@pytest.mark.parametrize("beta", [0.01, 1.0])
def test_beta_vae_is_the_elbo_of_variance_beta_but_for_a_constant(beta: float) -> None:
    x, x_hat = images(2)
    constant = 8 * math.log(2 * math.pi * beta)
    loss = float(BetaVAE(beta)(KL, x, x_hat))
    assert loss == pytest.approx(3.0 + nll(x, x_hat, beta**0.5) - constant, rel=1e-5)


def test_annealed_sigma_falls_in_a_straight_line_and_stays() -> None:
    annealed = Annealed(start=2.0, end=0.7, steps=10)
    sigmas = []
    for _ in range(13):
        sigmas.append(annealed.beta**0.5)
        annealed.step()
    assert sigmas[0] == 2.0 and sigmas[5] == pytest.approx(1.35)
    assert sigmas[10] == sigmas[12] == pytest.approx(0.7)


def test_annealed_starts_and_ends_as_the_beta_vae_of_its_end_points() -> None:
    x, x_hat = images()
    annealed = Annealed(start=2.0, end=0.7, steps=3)
    assert annealed(KL, x, x_hat).item() == float(BetaVAE(4.0)(KL, x, x_hat))
    for _ in range(3):
        annealed.step()
    assert annealed(KL, x, x_hat).item() == pytest.approx(BetaVAE(0.49)(KL, x, x_hat).item())


def test_annealed_resumes_where_it_was() -> None:
    annealed = Annealed(steps=100)
    for _ in range(37):
        annealed.step()
    other = Annealed(steps=100)
    other.load_state_dict(annealed.state_dict())
    assert other.beta == annealed.beta != Annealed(steps=100).beta


@pytest.mark.parametrize(
    "objective",
    [
        ELBO(0.2),
        ELBO(),
        ELBO(kind="adam"),
        BetaVAE(0.1),
        Annealed(),
        GECO(RE(0.1)),
        GECO(RE(0.1), normalise=False),
    ],
    ids=lambda objective: f"{objective.name}",
)
def test_every_objective_records_the_same_kl_and_error(objective: Objective) -> None:
    x, x_hat = images(4)
    objective(KL, x, x_hat)
    row = objective.record()
    assert float(row["kl"]) == 3.0
    assert float(row["err/re"]) == pytest.approx(float((x - x_hat).square().mean()))
    assert float(row["beta"]) == pytest.approx(objective.beta)
    assert all(not value.requires_grad for value in row.values() if torch.is_tensor(value))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda value: ELBO(sigma=value), "sigma"),
        (lambda value: ELBO(kind="adam", sigma_init=value), "sigma_init"),
        (lambda value: ELBO(sigma_init=value), "sigma_init"),
        (lambda value: ELBO(floor=value), "floor"),
        (lambda value: ELBO(kind=value), "kind"),
        (lambda value: BetaVAE(beta=value), "beta"),
        (lambda value: Annealed(start=value), "start"),
        (lambda value: Annealed(end=value), "end"),
        (lambda value: Annealed(steps=value), "steps"),
    ],
)
@pytest.mark.parametrize("value", [0, -1, math.nan, "1", True])
def test_bad_settings_are_refused_by_name(make: object, name: str, value: object) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{name} must be"):
        make(value)  # type: ignore[operator]


@pytest.mark.parametrize(
    "objective",
    [ELBO(0.3), ELBO(), ELBO(kind="adam"), BetaVAE(0.2), Annealed(1.0, 0.5, 10)],
    ids=lambda objective: f"{objective.name}",
)
def test_specs_rebuild_the_objective(objective: Objective) -> None:
    from geco_viz.training.recipe import as_objective

    again = as_objective(objective.spec, 7)
    assert type(again) is type(objective) and again.spec == objective.spec
    assert again.beta == objective.beta


def test_half_precision_inputs_give_a_float32_loss() -> None:
    x, x_hat = images()
    loss = BetaVAE(0.1)(KL.bfloat16(), x, x_hat.bfloat16())
    exact = BetaVAE(0.1)(KL, x, x_hat.bfloat16().float())
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(exact), rel=1e-6)
