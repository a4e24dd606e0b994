"""The status in words: phases of synthetic histories, and sentences that hold the figures."""

from __future__ import annotations

import math
import types
from typing import Any

import numpy as np
import pytest
import torch
from tiny import images, make

from geco_viz import ELBO, GECO, RE, Constraint, History, Run
from geco_viz.training.records import PHASES
from geco_viz.training.status import describe, phase_of

KAPPA = 0.1


def geco(kappa: float = KAPPA, **settings: Any) -> GECO:
    return GECO(RE(kappa), **settings)


def history(
    n: int,
    error: float | np.ndarray = KAPPA,
    kl: float | np.ndarray = 2.0,
    multiplier: float | np.ndarray = 1.0,
    noise: float = 0.02,
) -> History:
    """n rows with relative noise on the error and absolute on the KL."""
    random = np.random.default_rng(0)
    columns = {
        "step": np.arange(1, n + 1),
        "err/re": np.broadcast_to(error, n) * (1 + noise * random.normal(size=n)),
        "kl": np.broadcast_to(kl, n) + noise * random.normal(size=n),
        "multiplier/re": np.broadcast_to(multiplier, n),
    }
    return History.from_rows(list(columns), np.stack(list(columns.values()), 1))


def evaluations(**row: float) -> History:
    made = History(["step"])
    if row:
        made.append(row)
    return made


# Phases


def test_the_first_steps_are_starting() -> None:
    assert phase_of(geco(), history(19), 0) == "starting"
    assert phase_of(geco(), History(["step", "kl"]), 0) == "starting"
    assert phase_of(geco(), history(500), 490) == "starting"  # after an edit


def test_an_error_above_kappa_is_satisfying() -> None:
    assert phase_of(geco(), history(400, error=0.15, multiplier=20.0), 0) == "satisfying"
    assert phase_of(geco(), history(400, error=0.101), 0) == "tightening"


def test_the_passage_through_kappa_shows_within_fifty_rows() -> None:
    error = np.r_[np.full(1000, 0.3), np.full(50, 0.1)]
    assert phase_of(geco(), history(1050, error=error), 0) == "tightening"


def test_rows_before_an_edit_do_not_count() -> None:
    error = np.r_[np.full(500, 0.3), np.full(30, 0.1)]
    assert phase_of(geco(), history(530, error=error), 500) == "tightening"


def test_a_falling_kl_is_tightening_and_a_flat_one_settled() -> None:
    falling = np.linspace(6, 2, 1000)
    assert phase_of(geco(), history(1000, kl=falling), 0) == "tightening"
    assert phase_of(geco(), history(1000), 0) == "settled"
    assert phase_of(geco(), history(599), 0) == "tightening"  # too early to say
    assert phase_of(geco(), history(1000), 500) == "tightening"  # so soon after an edit


def test_a_constraint_met_with_room_is_settled_once_its_multiplier_rests() -> None:
    falls = np.geomspace(1, 1e-2, 1000)
    assert phase_of(geco(), history(1000, error=0.05, multiplier=falls), 0) == "tightening"
    for floor in (1e-4, 1e-2):  # of whatever height
        assert phase_of(geco(), history(1000, error=0.05, multiplier=floor), 0) == "settled"


def test_a_multiplier_at_its_cap_with_a_violated_constraint_is_infeasible() -> None:
    at_cap = history(400, error=0.2, multiplier=100.0)
    assert phase_of(geco(lambda_max=100.0), at_cap, 0) == "infeasible"
    assert phase_of(geco(lambda_max=200.0), at_cap, 0) == "satisfying"
    assert phase_of(geco(lambda_max=100.0), history(400, multiplier=100.0), 0) != "infeasible"
    short = np.r_[np.full(250, 1.0), np.full(150, 100.0)]
    assert phase_of(geco(lambda_max=100.0), history(400, 0.2, multiplier=short), 0) == "satisfying"
    # A model that still learns has not been shown to be unable.
    learning = history(400, error=np.geomspace(0.4, 0.2, 400), multiplier=100.0)
    assert phase_of(geco(lambda_max=100.0), learning, 0) == "satisfying"
    # A new kappa has its chance first.
    assert phase_of(geco(lambda_max=100.0), at_cap, 300) == "satisfying"


def test_any_violated_constraint_counts() -> None:
    mae = Constraint("mae", lambda x, x_hat: (x - x_hat).abs().mean(), kappa=0.1)
    rows = history(1000)
    wide = {name: rows[name] for name in rows.columns}
    wide |= {"err/mae": np.full(1000, 0.3), "multiplier/mae": np.full(1000, 2.0)}
    both = History.from_rows(list(wide), np.stack(list(wide.values()), 1))
    assert phase_of(GECO(RE(KAPPA), mae), both, 0) == "satisfying"
    assert phase_of(geco(), both, 0) == "settled"


def test_an_objective_without_constraints_settles_with_its_kl() -> None:
    assert phase_of(ELBO(0.1), history(1000), 0) == "settled"
    assert phase_of(ELBO(0.1), history(1000, kl=np.linspace(6, 2, 1000)), 0) == "training"


def test_constraints_without_multipliers_settle_too() -> None:
    class Penalty(GECO):
        def record(self) -> dict[str, torch.Tensor | float]:
            row = super().record()
            return {name: v for name, v in row.items() if not name.startswith("multiplier")}

    rows = history(1000, error=0.05)
    narrow = [name for name in rows.columns if not name.startswith("multiplier")]
    plain = History.from_rows(narrow, np.stack([rows[name] for name in narrow], 1))
    assert phase_of(Penalty(RE(KAPPA)), plain, 0) == "settled"


# Words


def test_the_words_hold_the_figures() -> None:
    words, hint = describe(geco(), history(400, error=0.123, kl=2.34), evaluations(), "satisfying")
    assert "κ̂ = 0.123 misses κ = 0.1." in words and "KL = 2.34 nats." in words
    assert "λ grows" in hint
    words, _ = describe(geco(), history(400, error=0.1), evaluations(), "settled")
    assert "κ̂ = 0.1 meets κ = 0.1." in words


def test_a_fresh_evaluation_is_what_is_quoted() -> None:
    row = {"step": 390, "kappa_hat/re": 0.0987, "kl": 1.23, "holes": 0.0042}
    words, _ = describe(geco(), history(400), evaluations(**row), "settled")
    assert "κ̂ = 0.0987 meets" in words and "KL = 1.23 nats" in words
    assert "Holes: 0.42 % of the prior." in words
    stale, _ = describe(geco(), history(2000), evaluations(**row), "settled")
    assert "0.0987" not in stale and "1.23" not in stale and "Holes" not in stale
    early, _ = describe(geco(), history(400), evaluations(**{**row, "step": 3}), "settled")
    assert "0.0987" not in early and "1.23" not in early  # the first look at a slow run
    nan = describe(geco(), history(400), evaluations(**{**row, "holes": math.nan}), "settled")[0]
    assert "Holes" not in nan


def test_the_distance_to_the_limit_belongs_to_one_moment() -> None:
    limit = types.SimpleNamespace(kappa=np.array([0.05, 0.15]), rate=np.array([2.0, 1.0]))
    words, _ = describe(geco(), history(400, kl=1.8), evaluations(), "settled", limit)
    assert "0.3 above the limit R(κ̂) = 1.5 (+20 %)" in words
    low, _ = describe(geco(), history(400, kl=1.2), evaluations(), "settled", limit)
    assert "0.3 below the limit R(κ̂) = 1.5 (-20 %)" in low
    # A stale evaluation's error beside a fresh KL would be neither's distance.
    old = evaluations(**{"step": 10, "kappa_hat/re": 0.05, "kl": 5.0})
    stale, _ = describe(geco(), history(1000, kl=1.8, noise=0), old, "settled", limit)
    assert "R(κ̂) = 1.5 " in stale


def test_the_price_is_told_beside_the_limits_slope() -> None:
    limit = types.SimpleNamespace(
        kappa=np.array([0.05, 0.15]), rate=np.array([2.0, 1.0]), multiplier=np.array([0.25, 0.75])
    )
    words, _ = describe(geco(), history(400, multiplier=0.6, noise=0), evaluations(), "", limit)
    assert "λ/λ* = 1.2." in words  # .6 over the mean of .25 and .75
    mae = Constraint("mae", lambda x, x_hat: (x - x_hat).abs().mean(), kappa=0.2)
    both, _ = describe(GECO(RE(KAPPA), mae), history(400), evaluations(), "", limit)
    assert "λ*" not in both
    limit.subset = 1000
    loose, _ = describe(geco(), history(400), evaluations(), "", limit)
    assert "λ*" not in loose and "R(κ̂) = 1.5 of 1,000 of the data, a loose bound" in loose


def test_without_constraints_the_error_is_named() -> None:
    words, hint = describe(ELBO(0.1), history(400, error=0.123), evaluations(), "settled")
    assert "Error 0.123 RMS pixel." in words and "No constraint" in hint


def test_before_the_first_step() -> None:
    words, hint = describe(geco(), History(["step"]), evaluations(), "starting")
    assert words == "No step made yet." and "play" in hint


@pytest.mark.parametrize("phase", PHASES[:5])
def test_every_phase_has_a_hint(phase: str) -> None:
    assert describe(geco(), history(400), evaluations(), phase)[1]


# On a run


def test_the_status_of_a_run_is_whole_at_every_moment_of_a_switch() -> None:
    """A new constraint has no column before its first step; another thread may look just then."""
    run = make(objective=ELBO(0.1)).train(30, progress=False)
    mae = Constraint("mae", lambda x, x_hat: (x - x_hat).abs().mean(), kappa=0.2)
    seen = []
    kept = run.loop.set_objective

    def switching(objective: Any) -> None:
        kept(objective)
        seen.append(run.status())

    run.loop.set_objective = switching  # type: ignore[method-assign]
    run.objective = GECO(mae)
    run.step()
    seen.append(run.status())
    run.train(25, progress=False)
    seen.append(run.status())
    assert len(seen) == 3
    assert not any("nan" in status.words for status in seen)
    assert "κ̂" not in seen[0].words and "κ = 0.2" in seen[1].words


def test_status_says_step_device_note_and_rest() -> None:
    run = Run("digits", {"name": "vae", "latent_dim": 2, "hidden": [8]}, device="cpu")
    run.train(3, progress=False)
    status = run.status()
    assert (status.step, status.device, status.phase, status.rate) == (3, "cpu", "stopped", 0.0)
    assert run.data.note and run.data.note in status.hint
    assert make(data=images(3)).status().words == "No step made yet."
