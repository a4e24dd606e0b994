"""An edit of kappa: its multiplier follows the tolerance and is damped, and nothing else moves."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from tiny import make, same
from torch import Tensor

import geco_viz as gv
from geco_viz import GECO, PNCC, RE, Constraint, RateLimit
from geco_viz.constraints.base import Similarity
from geco_viz.training import Run


def batch(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x, x_hat = torch.rand(2, 6, 1, 8, 8, generator=generator)
    return torch.tensor(2.0), x, x_hat


def used(geco: GECO, steps: int = 3) -> GECO:
    for step in range(steps):
        geco(*batch(step))
        geco.step()
    return geco


def half(kappa: float) -> Constraint:
    return Similarity("half", lambda x, x_hat: (x - x_hat).abs().mean(), kappa=kappa)


@pytest.mark.parametrize(
    ("constraint", "kappa", "factor"),
    [
        (RE(0.1), 0.3, 3.0),  # the square root of the ratio of tolerances, which are kappa^2
        (RE(0.3), 0.1, 1 / 3),
        (PNCC(0.6, patch=4), 0.9, 0.5),  # 1 - kappa
        (half(0.9), 0.6, 2.0),
    ],
)
def test_lambda_follows_the_root_of_the_tolerance(
    constraint: Constraint, kappa: float, factor: float
) -> None:
    other = Constraint("other", lambda x, x_hat: (x - x_hat).abs().mean(), kappa=0.2)
    geco = used(GECO(other, constraint))
    before = geco.multiplier
    constraint.kappa = kappa  # on the object itself: the rule lies with who holds lambda
    assert geco.multiplier == before  # until the loop goes on
    geco(*batch())
    name = constraint.name
    assert geco.multiplier[name] == pytest.approx(factor * before[name], rel=1e-5)  # float32
    assert geco.multiplier["other"] == before["other"]


def test_a_drag_there_and_back_leaves_lambda_and_many_edits_are_one() -> None:
    geco, twin = (used(GECO(RE(0.1))) for _ in range(2))
    before = geco.multiplier["re"]
    for kappa in (0.13, 0.2, 0.17, 0.25):
        geco.constraints[0].kappa = kappa
        geco(*batch())
    twin.constraints[0].kappa = 0.25
    twin(*batch())
    assert geco.multiplier["re"] == pytest.approx(twin.multiplier["re"], rel=1e-5)
    geco.constraints[0].kappa = 0.1
    geco(*batch())
    assert geco.multiplier["re"] == pytest.approx(before, rel=1e-5)


def test_lambda_stays_within_its_bounds() -> None:
    for start, kappa, bound in ((9.0, 1.0, 10.0), (0.2, 1e-3, 0.1)):
        geco = used(GECO(RE(0.1), lambda_min=0.1, lambda_max=10.0, lambda_init=start, nu=0.0))
        geco.constraints[0].kappa = kappa
        geco(*batch())
        assert geco.multiplier["re"] == pytest.approx(bound)


def test_where_lambda_starts_is_a_setting_and_no_edit_moves_it() -> None:
    geco = GECO(RE(0.1), lambda_init=3.0)
    geco(*batch())
    geco.constraints[0].kappa = 0.4
    geco(*batch())
    assert geco.multiplier["re"] == pytest.approx(3.0)


def test_the_algorithm_to_the_letter_keeps_its_multiplier() -> None:
    """Its lambda is per raw error: the weight, and so beta, does not change with kappa."""
    geco = used(GECO(RE(0.1), normalise=False))
    before = geco.multiplier, geco.beta
    geco.constraints[0].kappa = 0.3
    geco(*batch())
    assert (geco.multiplier, geco.beta) == before


def test_a_limit_on_the_rate_follows_too() -> None:
    geco = RateLimit(1.0)
    used(geco)
    before = geco.multiplier["rate"]
    geco.constraints[0].kappa = 4.0
    geco(*batch())
    assert geco.multiplier["rate"] == pytest.approx(2 * before, rel=1e-5)


def test_after_a_looser_kappa_lambda_answers_to_the_change_of_c() -> None:
    nu, tolerance = 0.1, 0.36
    geco = used(GECO(RE(0.5), nu=nu, alpha=0.0))
    geco.constraints[0].kappa = 0.6
    price, c = None, 0.0
    for seed, gain in ((1, 1.0), (2, 0.99), (3, 0.99**2)):
        geco(*batch(seed))
        before = math.log(price) if price else math.log(geco.multiplier["re"])
        old = geco.average.item() / tolerance - 1
        geco.step()
        c = geco.average.item() / tolerance - 1
        price = geco.multiplier["re"]
        assert math.log(price) == pytest.approx(before + nu * c + gain * (c - old), rel=1e-4)
    assert abs(c) > 0.01
    geco.constraints[0].kappa = 0.55  # a tighter one ends it
    geco(*batch(4))
    before = math.log(geco.multiplier["re"])
    geco.step()
    assert math.log(geco.multiplier["re"]) == pytest.approx(
        before + nu * geco.constraint["re"], rel=1e-4
    )


def test_a_faint_multiplier_comes_back_ten_times_as_fast_and_no_other_does() -> None:
    kl, x, _ = batch()
    for start, lift in ((1e-3, 10.0), (0.05, 2.0), (0.1, 1.0), (5.0, 1.0)):
        for error, c in ((0.11, 0.21), (0.05, -0.75)):
            geco = GECO(RE(0.1), nu=0.01, alpha=0.0, lambda_init=start)
            geco(kl, x, x + error)
            geco.step()
            assert geco.multiplier["re"] == pytest.approx(
                start * math.exp(0.01 * lift * c), rel=1e-4
            )


def test_an_edit_under_way_is_saved_and_resumed() -> None:
    geco, other = used(GECO(RE(0.1))), GECO(RE(0.5))
    geco.constraints[0].kappa = 0.2
    other.load_state_dict(load(save(geco.state_dict())))
    for one in (geco, other):
        one(*batch())
        one.step()
        one(*batch(1))
        one.step()
    assert other.multiplier == geco.multiplier
    unmoved = GECO(RE(0.5))
    unmoved.load_state_dict(load(save(geco.state_dict())))
    before = unmoved.multiplier
    unmoved(*batch())
    assert unmoved.multiplier == before  # loading is no edit


def test_a_run_a_replay_a_checkpoint_and_watch_have_the_same_rule(tmp_path: Path) -> None:
    run = make(objective=RE(0.1))
    run.train(5, progress=False)
    before = run.objective.multiplier["re"]  # type: ignore[attr-defined]
    run.kappa = 0.2
    opened = Run.load(run.save(tmp_path), data=run.data, device="cpu")
    for one in (run, opened):
        one.train(5, progress=False)
    assert run.history["multiplier/re"][5] == pytest.approx(2 * before, rel=1e-5)
    assert same(run.history, opened.history)
    assert same(run.history, run.replay(progress=False).history)

    geco = used(GECO(RE(0.1)))
    live, before = gv.watch(geco), geco.multiplier["re"]
    live.edit("kappa/re", 0.2)
    live.step(*batch())
    geco(*batch())
    assert geco.multiplier["re"] == pytest.approx(2 * before, rel=1e-5)
