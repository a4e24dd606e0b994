"""The rate as the constraint and the error as the objective: the same trade-off from its side."""

from __future__ import annotations

import math
import re

import pytest
import tiny
import torch

import geco_viz as gv
from geco_viz.constraints import Rate
from geco_viz.training.recipe import as_objective
from geco_viz.training.words import describe


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x = torch.rand(6, 1, 3, 3)
    return torch.tensor(2.5, requires_grad=True), x, torch.rand(6, 1, 3, 3, requires_grad=True)


def test_the_loss_is_the_relative_error_and_the_excess_rate() -> None:
    kl, x, x_hat = batch()
    limit = gv.RateLimit(kappa=2.0)
    limit.log_multiplier.fill_(math.log(3.0))
    loss = limit(kl, x, x_hat)
    relative = float((x_hat - x).square().mean().detach() / x.var(0, correction=0).mean())
    assert float(loss.detach()) == pytest.approx((relative + 3 * 0.25) / 4, rel=1e-5)
    loss.backward()
    assert float(kl.grad) == pytest.approx(3 / 2.0 / 4)  # type: ignore[arg-type]
    row = limit.record()
    assert float(row["err/rate"]) == float(row["kl"]) == 2.5
    assert float(row["err/re"]) == pytest.approx(float((x_hat - x).square().mean().detach()))


def test_beta_has_the_minimiser_of_the_loss() -> None:
    kl, x, x_hat = batch()
    limit = gv.RateLimit(kappa=2.0)
    limit.log_multiplier.fill_(math.log(0.7))
    limit(kl, x, x_hat).backward()
    other_kl, other = kl.detach().requires_grad_(), x_hat.detach().requires_grad_()
    gv.BetaVAE(beta=float(limit.beta))(other_kl, x, other).backward()  # type: ignore[arg-type]
    # the same direction: gradients differ by one factor for the rate and the reconstruction
    factor = float(kl.grad / other_kl.grad)  # type: ignore[operator]
    assert torch.allclose(x_hat.grad, factor * other.grad, rtol=1e-4, atol=1e-9)  # type: ignore[operator]


def test_the_scale_is_that_of_the_first_batch() -> None:
    limit = gv.RateLimit(kappa=2.0)
    kl, x, x_hat = batch()
    limit(kl, x, x_hat)
    first = float(limit.reference)
    limit(kl, 0.1 * x, x_hat)
    assert float(limit.reference) == first == pytest.approx(float(x.var(0, correction=0).mean()))
    again = gv.RateLimit(kappa=1.0)
    again.load_state_dict(limit.state_dict())
    assert float(again.reference) == first and again.constraints[0].kappa == 2.0


def test_the_price_follows_the_rate_only() -> None:
    kl, x, x_hat = batch()
    for kappa, up in ((2.0, True), (3.0, False)):
        limit = gv.RateLimit(kappa=kappa)
        limit(kl, x, x_hat)
        limit.step()
        assert (limit.multiplier["rate"] > 1) is up
        assert limit.constraint["rate"] == pytest.approx(2.5 / kappa - 1)


def test_plain_data_rebuilds_it() -> None:
    limit = gv.RateLimit(kappa=3.0, nu=0.02, alpha=0.7, lambda_max=50.0)
    again = as_objective(limit.spec, count=7)
    assert type(again) is gv.RateLimit and again.spec == limit.spec
    assert again.constraints[0].kappa == 3.0 and (again.nu, again.lambda_max) == (0.02, 50.0)
    assert as_objective("rate-limit", count=7).constraints[0].kappa == 1.5


@pytest.mark.parametrize("kappa", [0, -1, math.inf, None])
def test_a_rate_is_a_positive_number(kappa: float) -> None:
    with pytest.raises((TypeError, ValueError), match="kappa must be a finite number > 0"):
        gv.RateLimit(kappa)


def test_what_it_cannot_be_is_said() -> None:
    with pytest.raises(ValueError, match="normalise must be True"):
        gv.RateLimit(1.0, normalise=False)
    with pytest.raises(TypeError, match="use RateLimit"):
        Rate(1.0).error(torch.zeros(1, 1), torch.zeros(1, 1))


@pytest.mark.train
def test_a_run_keeps_to_the_rate_and_says_so() -> None:
    run = tiny.make(objective=gv.RateLimit(0.5, nu=0.05, alpha=0.5), samples=16, lr=5e-3)
    run.train(800, progress=False)
    found = run.evaluate()
    assert found["kappa_hat/rate"] == found["kl"]
    # a run of 800 steps of a tiny model; GECO's own tests hold 2 %
    assert found["kl"][0] == pytest.approx(0.5, rel=0.1)
    mean = float(tiny.images().var(0, correction=0).mean().sqrt())
    assert found["kappa_hat/re"][0] < mean  # half a nat is of use
    assert run.history["err/rate"] == pytest.approx(run.history["kl"])
    assert run.kappa == 0.5 and run.title.endswith("RATE-LIMIT")
    words = run.status().words
    assert re.search(
        r"KL = 0\.\d+( ± [.\d]+)? (meets|may meet|is above) C = 0.5 nats; κ̂ = 0.", words
    )
    for phase in ("starting", "satisfying", "tightening", "settled", "infeasible"):
        hint = describe(run.objective, run.history, run.evaluations, phase)[1]
        assert hint and "κ" not in hint  # of which this objective has none
    run.kappa = 1.0
    assert run.step().history["kappa/rate"][-1] == 1.0
    assert gv.evaluate(run, samples=20)["kappa_hat/rate"].unit == "nats"
    repeated = run.replay(progress=False)
    assert tiny.same(run.history, repeated.history)
