"""GECO on problems with known answers, and what it promises to a loop of one's own."""

from __future__ import annotations

import copy
import inspect
import json
import math
from collections.abc import Callable
from pathlib import Path

import cooper
import pytest
import torch
from torch import Tensor, nn

from geco_viz import GECO, RE, Constraint
from geco_viz.letter import Letter
from geco_viz.objectives import Objective

# The convex problem: the "KL" is half the squared distance to A and the error the mean squared
# distance to B, in four dimensions; kappa = 1/2 makes the feasible ball's radius R = 1.
A, B = torch.tensor([[5.0, 0.0, 0.0, 0.0]]), torch.zeros(1, 4)
KAPPA, D, R = 0.5, 5.0, 1.0
BEST = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
# Stationarity, (theta - A) + 2 lambda (theta - B) / (d kappa^2) = 0, at |theta - B| = R.
PRICE = (D - R) * R / 2


KL0 = torch.tensor(0.0)


def quadratic(theta: Tensor) -> Tensor:
    return 0.5 * (theta - A).square().sum()


def solve(geco: GECO, steps: int = 150, lr: float = 0.4) -> Tensor:
    theta = B.clone().requires_grad_()
    optimizer = torch.optim.SGD([theta], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        geco(quadratic(theta), B, theta).backward()
        optimizer.step()
        geco.step()
    return theta.detach()


def batch(n: int = 8, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(n, 1, 4, 4, generator=generator)
    return 3 * torch.rand(n, generator=generator), x, torch.rand(x.shape, generator=generator)


# Known answers


def test_convex_problem_reaches_its_known_optimum_and_multiplier() -> None:
    geco = GECO(RE(KAPPA), nu=0.1, alpha=0.3)
    theta = solve(geco)
    # The iteration contracts to float32's rounding, 1e-6 here.
    assert torch.allclose(theta, BEST, atol=1e-5)
    assert geco.multiplier["re"] == pytest.approx(PRICE, rel=1e-5)
    assert geco.constraint["re"] == pytest.approx(0, abs=1e-5)
    assert geco.error["re"] == pytest.approx(KAPPA, rel=1e-5)
    assert geco.lagrangian == pytest.approx(0.5 * (D - R) ** 2, rel=1e-5)
    assert geco.beta == pytest.approx(R / (D - R), rel=1e-5)  # from stationarity


def test_algorithm_1_to_the_letter_reaches_the_same_optimum() -> None:
    geco = GECO(RE(KAPPA), nu=0.1, alpha=0.3, normalise=False)
    theta = solve(geco, lr=0.2)
    assert torch.allclose(theta, BEST, atol=1e-5)
    # Its constraint is d_x kappa^2 = 1 times ours here, so the multiplier is the same number.
    assert geco.multiplier["re"] == pytest.approx(PRICE, rel=1e-5)
    assert geco.beta == pytest.approx(1 / (2 * PRICE), rel=1e-5)


def test_cooper_finds_the_same_optimum_and_multiplier() -> None:
    class Problem(cooper.ConstrainedMinimizationProblem):
        def __init__(self) -> None:
            super().__init__()
            self.error = cooper.Constraint(
                constraint_type=cooper.ConstraintType.INEQUALITY,
                formulation_type=cooper.formulations.Lagrangian,
                multiplier=cooper.multipliers.DenseMultiplier(num_constraints=1),
            )

        def compute_cmp_state(self, theta: Tensor) -> cooper.CMPState:
            c = (theta - B).square().mean() / KAPPA**2 - 1
            state = cooper.ConstraintState(violation=c[None])
            return cooper.CMPState(quadratic(theta), {self.error: state})

    problem, theta = Problem(), B.clone().requires_grad_()
    optimizer = cooper.optim.AlternatingDualPrimalOptimizer(
        cmp=problem,
        primal_optimizers=torch.optim.SGD([theta], lr=0.1),
        dual_optimizers=torch.optim.SGD(problem.dual_parameters(), lr=0.1, maximize=True),
    )
    for _ in range(200):
        optimizer.roll(compute_cmp_state_kwargs={"theta": theta})
    geco = GECO(RE(KAPPA), nu=0.1, alpha=0.3)
    assert torch.allclose(solve(geco), theta.detach(), atol=1e-3)
    price = problem.error.multiplier.weight.item()
    assert geco.multiplier["re"] == pytest.approx(price, rel=1e-3)


def test_an_inactive_constraint_falls_to_its_floor_and_costs_nothing() -> None:
    loose = Constraint("max", lambda x, x_hat: (x_hat - x).abs().amax(), kappa=100.0)
    geco = GECO(RE(KAPPA), loose, nu=0.1, alpha=0.3, lambda_min=1e-2)
    theta = solve(geco)
    assert geco.multiplier["max"] == pytest.approx(1e-2)
    assert geco.multiplier["re"] == pytest.approx(PRICE, rel=2e-3)
    assert torch.allclose(theta, BEST, atol=2e-3)


def test_two_active_constraints_are_both_met() -> None:
    # |theta_0| <= 1 as above and theta_1 held at 2 from A' = (5, 4): two separate known problems.
    target = torch.tensor([[5.0, 4.0]])
    first = Constraint("first", lambda x, x_hat: x_hat[:, 0].square().mean(), kappa=1.0)
    second = Constraint("second", lambda x, x_hat: x_hat[:, 1].square().mean(), kappa=4.0)
    geco = GECO(first, second, nu=0.1, alpha=0.3)
    theta = torch.ones(1, 2, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=0.4)
    for _ in range(200):
        optimizer.zero_grad()
        geco(0.5 * (theta - target).square().sum(), torch.zeros(1, 2), theta).backward()
        optimizer.step()
        geco.step()
    assert theta.tolist()[0] == pytest.approx([1.0, 2.0], rel=1e-3)
    # (theta - target) + 2 lambda theta / kappa = 0: lambda = 2 and (4 - 2) 4 / (2 * 2) = 2
    assert geco.multiplier == pytest.approx({"first": 2.0, "second": 2.0}, rel=2e-3)


# One step, by hand


def test_the_loss_is_the_lagrangian_divided() -> None:
    geco, (kl, x, x_hat) = GECO(RE(0.2), nu=0.5), batch()
    for _ in range(3):
        geco(kl, x, x_hat)
        geco.step()
    x_hat.requires_grad_()
    loss = geco(kl, x, x_hat)
    c = (x_hat - x).square().mean() / 0.04 - 1
    price = geco.multiplier["re"]
    assert price > 2
    lagrangian = kl.mean() + price * c
    assert geco.lagrangian == pytest.approx(lagrangian.item(), rel=1e-5)
    assert loss.item() == pytest.approx(lagrangian.item() / (1 + price), rel=1e-5)
    (ours,) = torch.autograd.grad(loss, x_hat)
    (theirs,) = torch.autograd.grad(lagrangian, x_hat)
    assert torch.allclose((1 + price) * ours, theirs, rtol=1e-5)


def test_average_and_multiplier_move_as_written() -> None:
    geco = GECO(RE(0.1), nu=0.3, alpha=0.8)
    x = torch.zeros(2, 1, 2, 2)
    average, log_price = None, 0.0
    for rms in (0.11, 0.12, 0.05, 0.01):
        geco(KL0, x, x + rms)
        geco.step()
        average = rms**2 if average is None else 0.8 * average + 0.2 * rms**2
        log_price += 0.3 * min(average / 0.01 - 1, 1.0)
        assert geco.error["re"] == pytest.approx(average**0.5, rel=1e-5)
        assert geco.multiplier["re"] == pytest.approx(math.exp(log_price), rel=1e-5)


def test_the_update_is_clipped_above_only() -> None:
    x = torch.zeros(1, 1, 2, 2)
    far = GECO(RE(0.1), nu=0.1, alpha=0.0, clip=0.5)
    far(KL0, x, x + 10)
    far.step()
    assert far.multiplier["re"] == pytest.approx(math.exp(0.05))
    near = GECO(RE(0.1), nu=0.1, alpha=0.0, clip=0.5)
    near(KL0, x, x)
    near.step()
    assert near.multiplier["re"] == pytest.approx(math.exp(-0.1))


def test_the_multiplier_stays_inside_its_bounds() -> None:
    x = torch.zeros(1, 1, 2, 2)
    geco = GECO(RE(0.1), nu=1.0, lambda_min=0.5, lambda_max=3.0)
    for error, bound in ((1.0, 3.0), (0.0, 0.5)):
        for _ in range(60):
            geco(KL0, x, x + error)
            geco.step()
        assert geco.multiplier["re"] == pytest.approx(bound, rel=1e-6)


@pytest.mark.parametrize(("side", "cap"), [(28, 392.0), (4, 100.0)])
def test_the_default_cap_follows_the_pixels(side: int, cap: float) -> None:
    geco, x = GECO(RE(0.1)), torch.zeros(2, 1, side, side)
    geco(KL0, x, x)
    assert geco.lambda_max == cap


def test_beta_is_the_equivalent_decoders_variance() -> None:
    geco, (kl, x, x_hat) = GECO(RE(0.1), nu=0.5), batch()
    assert geco.beta is None
    geco(kl, x, x_hat)
    geco.step()
    assert geco.multiplier["re"] != 1
    assert geco.beta == pytest.approx(16 * 0.1**2 / (2 * geco.multiplier["re"]))
    mae = Constraint("mae", lambda x, x_hat: (x - x_hat).abs().mean(), 0.1)
    other = GECO(mae)
    other(kl, x, x_hat)
    assert other.beta is None and "beta" not in other.record()


def test_algorithm_1_matches_a_plain_transcription() -> None:
    """Independent of torch: means, gradients, the moving average and the multiplier in floats."""
    alpha, nu, lr, kappa = 0.7, 0.05, 0.02, 0.4
    data = torch.rand(6, 3, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    geco = GECO(RE(kappa), nu=nu, alpha=alpha, normalise=False).double()
    theta = torch.full((5,), 0.5, dtype=torch.float64, requires_grad=True)

    g, lam, c_ma = [0.5] * 5, 1.0, 0.0
    for t, x in enumerate(data):
        kl = (theta * theta).sum()
        loss = geco(kl, x, theta.expand(3, 5))
        (gradient,) = torch.autograd.grad(loss, theta)
        geco.step()

        rows = x.tolist()
        c_hat = sum(sum((a - b) ** 2 for a, b in zip(r, g, strict=True)) for r in rows) / 3
        c_hat -= 5 * kappa**2
        c_ma = c_hat if t == 0 else alpha * c_ma + (1 - alpha) * c_hat
        value = sum(v * v for v in g) + lam * c_ma  # the average in the value,
        slope = [  # and the batch in the gradient
            2 * g[k] + lam * sum(2 * (g[k] - r[k]) for r in rows) / 3 for k in range(5)
        ]
        lam *= math.exp(nu * c_ma)

        # Constants such as kappa^2 are kept in float32.
        assert loss.item() == pytest.approx(value, rel=1e-6)
        assert gradient.tolist() == pytest.approx(slope, rel=1e-6)
        assert geco.multiplier["re"] == pytest.approx(lam, rel=1e-6)
        with torch.no_grad():
            theta -= lr * gradient
        g = [v - lr * s for v, s in zip(g, slope, strict=True)]
    assert abs(lam - 1) > 0.02  # it moved enough for the comparison to mean something


def test_algorithm_1_has_the_papers_settings_and_no_clip() -> None:
    geco = GECO(RE(0.1), normalise=False)
    assert geco.alpha == 0.99 and geco.clip == math.inf
    x = torch.zeros(1, 1, 4, 4)
    geco(KL0, x, x + 10)
    geco.step()
    assert geco.multiplier["re"] == pytest.approx(math.exp(1e-3 * (1600 - 0.16)), rel=1e-4)


def test_algorithm_1_to_the_letter_is_a_class_of_its_own_and_a_geco() -> None:
    from geco_viz.training.recipe import as_objective

    geco = GECO(RE(0.1), normalise=False)
    for one in (geco, copy.deepcopy(geco), as_objective(geco.spec, 7)):
        assert isinstance(one, Letter) and isinstance(one, GECO) and not one.normalise
    assert not isinstance(GECO(RE(0.1)), Letter)
    # What a notebook shows for GECO( is its settings, not what chooses the class.
    assert inspect.signature(GECO).parameters["nu"].default is None

    class Mine(GECO):
        pass

    with pytest.raises(ValueError, match="normalise must be True for Mine"):
        Mine(RE(0.1), normalise=False)


# In a loop of one's own


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("sizes", [(4, 4), (1, 2, 5), (8,)])
def test_micro_batches_add_up_to_the_batch(sizes: tuple[int, ...], normalise: bool) -> None:
    kl, x, x_hat = batch(8)
    whole = GECO(RE(0.3), nu=0.5, normalise=normalise)
    parts = copy.deepcopy(whole)
    for seed in (0, 1):
        kl, x, x_hat = batch(8, seed)
        x_hat.requires_grad_()
        whole(kl, x, x_hat).backward()
        expected, x_hat.grad = x_hat.grad, None
        whole.step()
        for k, xk, hk in zip(*(t.split(sizes) for t in (kl, x, x_hat)), strict=True):
            (parts(k, xk, hk) * (len(xk) / 8)).backward()
        parts.step()
        # Sums in another order: a few float32 roundings.
        assert torch.allclose(x_hat.grad, expected, rtol=1e-5, atol=1e-9)
        assert parts.multiplier["re"] == pytest.approx(whole.multiplier["re"], rel=1e-6)
        assert parts.error["re"] == pytest.approx(whole.error["re"], rel=1e-6)


def test_posterior_samples_weigh_like_one_datum() -> None:
    kl, x, x_hat = batch(4)
    one, many = GECO(RE(0.3)), GECO(RE(0.3))
    one(kl, x, x_hat)
    one.step()
    many(kl.expand(5, 4), x, x_hat.expand(5, *x_hat.shape))
    many.step()
    assert many.multiplier["re"] == pytest.approx(one.multiplier["re"], rel=1e-6)


def test_under_autocast_the_loss_and_the_multiplier_are_float32() -> None:
    torch.manual_seed(3)
    model = nn.Linear(16, 16)
    _, x, _ = batch()
    x = x.flatten(1)
    geco = GECO(RE(0.2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x_hat = model(x)
        kl = model(x).square().mean(1)
        loss = geco(kl, x, x_hat)
    assert x_hat.dtype == torch.bfloat16 and loss.dtype == torch.float32
    loss.backward()
    geco.step()
    assert geco.average.dtype == torch.float32
    exact = float((x_hat.detach().float() - x).square().mean())
    assert geco.error["re"] ** 2 == pytest.approx(exact, rel=1e-5)  # bfloat16 would give 4e-3
    assert all(p.grad.isfinite().all() and p.grad.abs().sum() > 0 for p in model.parameters())


def test_mixed_precision_recipe_survives_overflows_of_the_scaler() -> None:
    """The documented recipe, with a scale that overflows float32 at first."""
    torch.manual_seed(0)
    model, geco = nn.Linear(16, 16), GECO(RE(0.1), nu=0.5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**120, growth_interval=1000)
    _, x, _ = batch()
    x = x.flatten(1)
    start, skipped = model.weight.detach().clone(), 0
    for _ in range(24):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = geco(torch.zeros(8), x, model(x))
        scaler.scale(loss).backward()
        before, scale = model.weight.detach().clone(), scaler.get_scale()
        scaler.step(optimizer)
        scaler.update()
        geco.step()
        if scaler.get_scale() < scale:
            skipped += 1
            assert torch.equal(model.weight, before)
        assert math.isfinite(geco.multiplier["re"]) and math.isfinite(geco.error["re"])
    assert 0 < skipped < 24 and not torch.equal(model.weight, start)


@pytest.mark.parametrize("bad", [math.inf, math.nan])
@pytest.mark.parametrize("normalise", [True, False])
def test_an_error_that_is_not_finite_leaves_average_and_multiplier(
    bad: float, normalise: bool
) -> None:
    kl, x, x_hat = batch()
    geco = GECO(RE(0.1), nu=0.5, normalise=normalise)
    broken = x_hat.clone()
    broken[0, 0, 0, 0] = bad
    geco(kl, x, broken)
    geco.step()
    assert geco.multiplier["re"] == 1 and not geco.started.any()
    geco(kl, x, x_hat)
    geco.step()
    before = (geco.multiplier, geco.error)
    assert before[0]["re"] != 1
    geco(kl, x, x_hat)  # a good micro-batch and a bad one are a bad batch
    geco(kl, x, broken)
    geco.step()
    assert (geco.multiplier, geco.error) == before
    geco(kl, x, x_hat)
    geco.step()
    assert geco.multiplier != before[0]


def test_one_broken_constraint_does_not_stop_the_other() -> None:
    nan = Constraint("nan", lambda x, x_hat: (x_hat - x).sum() * math.nan, 1.0)
    geco, (kl, x, x_hat) = GECO(nan, RE(0.1)), batch()
    geco(kl, x, x_hat)
    geco.step()
    assert geco.multiplier["nan"] == 1 and geco.multiplier["re"] > 1


def test_evaluation_never_updates() -> None:
    kl, x, x_hat = batch()
    geco = GECO(RE(0.1))
    geco(kl, x, x_hat)
    geco.step()
    before = copy.deepcopy(geco.state_dict())
    geco.eval()
    value = geco(kl, x, x_hat)
    with pytest.raises(RuntimeError, match="training mode"):
        geco.step()
    geco.train()
    with torch.no_grad():
        assert float(geco(kl, x, x_hat)) == float(value)
    with pytest.raises(RuntimeError, match="training mode"):
        geco.step()
    after = geco.state_dict()
    assert len(before) > 3
    torch.testing.assert_close(after, before, rtol=0, atol=0, equal_nan=True)


def test_validation_between_call_and_step_does_not_count() -> None:
    kl, x, x_hat = batch()
    alone, validated = GECO(RE(0.1)), GECO(RE(0.1))
    alone(kl, x, x_hat)
    validated(kl, x, x_hat)
    validated.eval()
    validated(kl, x, x_hat + 1)
    validated.train()
    alone.step()
    validated.step()
    assert validated.multiplier == alone.multiplier and validated.error == alone.error


def test_a_new_kappa_takes_effect_at_once_and_the_average_stays() -> None:
    kl, x, x_hat = batch()
    geco = GECO(RE(0.1), nu=0.1)
    for _ in range(5):
        geco(kl, x, x_hat)
        geco.step()
    error = geco.error["re"]
    assert geco.constraint["re"] > 0
    geco.constraints[0].kappa = 2 * error
    assert geco.error["re"] == error
    assert geco.constraint["re"] == pytest.approx(-0.75, rel=1e-5)
    price = geco.multiplier["re"] * 2 * error / 0.1  # the edit itself: tests/test_edits.py
    loss = float(geco(kl, x, x_hat))
    assert loss == pytest.approx((float(kl.mean()) - 0.75 * price) / (1 + price), rel=1e-4)
    geco.step()
    assert geco.multiplier["re"] == pytest.approx(price * math.exp(-0.1 * 0.75), rel=1e-5)


def test_nu_and_alpha_take_effect_at_the_next_step() -> None:
    kl, x, x_hat = batch()
    geco = GECO(RE(0.1))
    geco(kl, x, x_hat)
    geco.nu, geco.alpha = 0.0, 0.0
    geco.step()
    assert geco.multiplier["re"] == 1
    geco(kl, x, x)
    geco.step()
    assert geco.error["re"] == 0


def test_the_multipliers_that_settle_slow_down_as_the_loop_does_except_to_the_letter() -> None:
    kl, x, _ = batch()
    for normalise, factor in ((True, 0.5), (False, 1.0)):
        moved: dict[str, list[float]] = {"re": [], "slow": []}
        for pace in (1.0, 0.25):
            slow = Constraint("slow", lambda x, x_hat: ((x - x_hat) ** 2).mean(), 0.01)
            slow.settles = True
            geco = GECO(RE(0.1), slow, normalise=normalise)
            geco.pace = pace
            geco(kl, x, x + 0.12)
            geco.step()
            for name, value in geco.multiplier.items():
                moved[name].append(math.log(value))
        assert moved["re"][1] == pytest.approx(moved["re"][0], rel=1e-5) and moved["re"][0] > 0
        assert moved["slow"][1] == pytest.approx(factor * moved["slow"][0], rel=1e-5)


def test_no_gradient_reaches_the_multiplier() -> None:
    kl, x, x_hat = batch()
    geco = GECO(RE(0.1))
    assert list(geco.parameters()) == []
    geco(kl, x, x_hat.requires_grad_()).backward()
    geco.step()
    geco(kl, x, x_hat).backward()  # the graph of the first call is not needed
    assert not geco.average.requires_grad and not geco.log_multiplier.requires_grad


def test_record_has_a_row_for_the_history() -> None:
    kl, x, x_hat = batch()
    geco = GECO(RE(0.1))
    geco(kl, x, x_hat)
    row = geco.record()
    assert set(row) == {"kl", "err/re", "kappa/re", "multiplier/re", "beta"}
    assert float(row["err/re"]) == pytest.approx(float((x - x_hat).square().mean()))
    assert row["kappa/re"] == 0.1


# State


@pytest.mark.parametrize("normalise", [True, False])
def test_state_dict_resumes_exactly(normalise: bool) -> None:
    def make(kappa: float) -> GECO:
        mae = Constraint("mae", lambda x, x_hat: (x - x_hat).abs().mean(), kappa)
        return GECO(RE(kappa), mae, normalise=normalise)

    geco = make(0.1)
    geco(*batch(seed=1))
    geco.step()
    geco.constraints[0].kappa, geco.nu, geco.alpha = 0.23, 0.017, 0.31
    other = make(0.9)
    other.load_state_dict(geco.state_dict())
    for seed in (2, 3):
        assert float(geco(*batch(seed=seed))) == float(other(*batch(seed=seed)))
        geco.step()
        other.step()
    assert other.multiplier == geco.multiplier and other.error == geco.error
    assert other.constraint == geco.constraint and other.beta == geco.beta
    assert (other.nu, other.alpha, other.lambda_max) == (0.017, 0.31, geco.lambda_max)
    assert other.constraints[0].kappa == 0.23


def test_state_dict_holds_tensors_only_and_survives_a_file() -> None:
    from safetensors.torch import load, save

    geco = GECO(RE(0.1))
    geco(*batch())
    geco.step()
    other = GECO(RE(0.5))
    other.load_state_dict(load(save(geco.state_dict())))
    assert other.multiplier == geco.multiplier and other.constraints[0].kappa == 0.1


def test_spec_rebuilds_it_in_its_initial_state() -> None:
    from geco_viz.training.recipe import as_objective

    geco = GECO(RE(0.2), nu=0.3, alpha=0.5, lambda_max=7.0, clip=2.0)
    geco(*batch())
    geco.step()
    again = as_objective(geco.spec, 7)
    assert again.spec == geco.spec and again.multiplier["re"] == 1
    assert as_objective(GECO(RE(0.2), normalise=False).spec, 7).clip == math.inf


def test_what_is_left_open_is_the_recipes_and_what_is_set_stays() -> None:
    from geco_viz.training.recipe import as_objective

    def settings(geco: Objective) -> tuple[float, float, float]:
        assert isinstance(geco, GECO)
        return geco.nu, geco.alpha, round(geco.multiplier["re"], 4)

    for count, model in ((7, "vae"), (7, "convdraw"), (1000, "vae"), (1000, "convdraw")):
        bare, explicit = RE(0.15), GECO(RE(0.15))
        assert settings(explicit) == (0.05, 0.9, 1)  # as in a loop of one's own
        by_spec = as_objective(GECO(RE(0.15)).spec, count, model)
        as_objective(explicit, count, model)
        assert explicit.spec == as_objective(bare, count, model).spec == by_spec.spec
        assert settings(explicit) == settings(as_objective(bare, count, model))
    assert settings(explicit) == (0.1, 0.9, 100)

    own = GECO(RE(0.15), nu=0.05, alpha=0.9, lambda_init=1.0)  # the defaults, but said
    assert settings(as_objective(own, 1000, "convdraw")) == (0.05, 0.9, 1)
    literal = as_objective(GECO(RE(0.15), normalise=False), 1000, "convdraw")
    assert settings(literal) == (1e-3, 0.99, 1)
    low = as_objective(GECO(RE(0.15), lambda_max=7.0), 1000, "convdraw")
    assert settings(low) == (0.1, 0.9, 7)
    used = GECO(RE(0.1), nu=0.5)
    used(*batch())
    used.step()
    before = used.multiplier
    assert as_objective(used, 1000, "convdraw").multiplier == before  # type: ignore[attr-defined]


def test_double_precision_is_kept() -> None:
    kl, x, x_hat = (t.double() for t in batch())
    geco = GECO(RE(0.25)).double()  # 1/16 is exact, so nothing is rounded to float32
    loss = geco(kl, x, x_hat)
    assert loss.dtype == torch.float64
    c = (x_hat - x).square().mean() * 16 - 1
    assert float(loss) == pytest.approx(float((kl.mean() + c) / 2), rel=1e-14)
    geco.step()
    assert geco.error["re"] ** 2 == pytest.approx(float((x_hat - x).square().mean()), rel=1e-14)


# Bad input


def test_step_without_a_call_says_so() -> None:
    geco = GECO(RE(0.1))
    with pytest.raises(RuntimeError, match="needs a call of geco"):
        geco.step()
    geco(*batch())
    geco.step()
    with pytest.raises(RuntimeError, match="since the last one"):
        geco.step()


def test_constraints_are_needed_with_different_names() -> None:
    with pytest.raises(TypeError, match="at least one constraint"):
        GECO()
    with pytest.raises(ValueError, match=r"different names, got \['re', 're'\]"):
        GECO(RE(0.1), RE(0.2))
    with pytest.raises(TypeError, match="type Constraint"):
        GECO(0.1)  # type: ignore[arg-type]


NAN = math.nan


@pytest.mark.parametrize(
    "settings",
    [
        *({"nu": v} for v in (-0.1, NAN, math.inf, "1", True)),
        *({"alpha": v} for v in (-0.1, 1, 1.5, NAN, "1", True)),
        *({"lambda_min": v} for v in (0, -1, NAN, "1")),
        *({"lambda_max": v} for v in (-1, NAN, "1", 1e-5)),
        *({"clip": v} for v in (0, -1, NAN, "1", None)),
    ],
    ids=str,
)
def test_settings_outside_their_range_are_refused_by_name(settings: dict[str, object]) -> None:
    (name,) = settings
    with pytest.raises((TypeError, ValueError), match=f"^{name} must be"):
        GECO(RE(0.1), **settings)  # type: ignore[arg-type]


def test_live_settings_that_are_refused_change_nothing() -> None:
    geco = GECO(RE(0.1), nu=0.2, alpha=0.3)
    for name, value in (("nu", -1), ("nu", "x"), ("alpha", 1.0), ("alpha", NAN)):
        with pytest.raises((TypeError, ValueError), match=f"^{name} must be"):
            setattr(geco, name, value)
    assert (geco.nu, geco.alpha) == (0.2, 0.3)


@pytest.mark.parametrize(
    "error",
    [lambda x, x_hat: (x - x_hat).square().mean((1, 2, 3)), lambda x, x_hat: 0.1],
    ids=["one per datum", "no tensor"],
)
def test_an_error_that_is_not_a_batch_mean_is_refused(error: Callable[..., Tensor]) -> None:
    with pytest.raises(ValueError, match="'mine' must be a 0-d tensor"):
        GECO(Constraint("mine", error, 0.1))(*batch())


def _one_rank(rank: int, folder: str) -> None:
    from torch import distributed

    store = f"file://{folder}/store"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)

    def over_ranks(errors: torch.Tensor) -> torch.Tensor:
        distributed.all_reduce(errors)
        return errors / distributed.get_world_size()

    geco = GECO(RE(kappa=0.1))
    x = torch.zeros(4, 1, 2, 2)
    geco(torch.tensor(1.0), x, x + 0.1 * (rank + 1))
    geco.step(over_ranks)
    (Path(folder) / str(rank)).write_text(json.dumps([geco.multiplier["re"], geco.average.item()]))
    distributed.destroy_process_group()


@pytest.mark.train
def test_data_split_over_processes_moves_one_multiplier(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(_one_rank, (str(tmp_path),), nprocs=2)
    first, second = ((tmp_path / str(rank)).read_text() for rank in (0, 1))
    assert first == second
    whole = GECO(RE(kappa=0.1))
    x = torch.zeros(8, 1, 2, 2)
    x_hat = torch.cat((x[:4] + 0.1, x[4:] + 0.2))
    whole(torch.tensor(1.0), x, x_hat)
    whole.step()
    multiplier, average = json.loads(first)
    assert multiplier == pytest.approx(whole.multiplier["re"], rel=1e-6)
    assert average == pytest.approx(whole.average.item(), rel=1e-6)


def test_multipliers_start_where_asked_and_within_their_bounds() -> None:
    assert GECO(RE(0.1), lambda_init=40.0).multiplier["re"] == pytest.approx(40.0)
    assert GECO(RE(0.1)).multiplier["re"] == 1.0
    assert GECO(RE(0.1), lambda_min=2.0).multiplier["re"] == pytest.approx(2.0)
    assert GECO(RE(0.1), lambda_max=0.5).multiplier["re"] == pytest.approx(0.5)
    for wrong in (0.0, 8.0, NAN):
        with pytest.raises(ValueError, match="lambda_init must be"):
            GECO(RE(0.1), lambda_min=1e-3, lambda_max=7.0, lambda_init=wrong)
