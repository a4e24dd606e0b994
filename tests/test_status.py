"""The status in words: phases of synthetic histories, and sentences that hold the figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from tiny import images, make

from geco_viz import ELBO, GECO, RE, Constraint, History, Run
from geco_viz.training.status import phase_of

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
    assert phase_of(geco(), history(500), 490) == "adjusting"  # after an edit


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


def test_a_fall_of_the_kl_counts_beyond_twice_its_noise() -> None:
    # Deviations of 1 over windows of 200 rows: the standard error of the difference is 0.1 nats.
    wobble = np.where(np.arange(1000) % 2, 1.0, -1.0)
    for fall, phase in ((0.1, "settled"), (0.18, "settled"), (0.3, "tightening")):
        kl = 2 + wobble + np.where(np.arange(1000) < 800, fall, 0.0)
        assert phase_of(geco(), history(1000, kl=kl, noise=0), 0) == phase


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


def test_a_learned_sigma_is_settled_where_beta_is_the_error_and_at_rest() -> None:
    def phase(beta: float | np.ndarray, objective: ELBO, error: float = KAPPA) -> str:
        rows = history(1000, error=error)
        table = {name: rows[name] for name in rows.columns} | {"beta": np.broadcast_to(beta, 1000)}
        return phase_of(
            objective, History.from_rows(list(table), np.stack([*table.values()], 1)), 0
        )

    adam, ours = ELBO(kind="adam"), ELBO(floor=0.05)
    assert phase(0.01, adam) == phase(0.01, ours) == "settled"
    assert phase(0.043, adam) == "training"  # sigma is still on its way: beta is 4.3 MSE
    assert phase(0.01 * np.geomspace(100, 1, 1000), ours) == "training"
    assert phase(0.0025, ours, error=0.01) == "settled"  # at its floor
    assert phase(0.0025, ELBO(0.05), error=0.01) == "settled"  # a fixed one has not to arrive


def test_constraints_without_multipliers_settle_too() -> None:
    class Penalty(GECO):
        def record(self) -> dict[str, torch.Tensor | float]:
            row = super().record()
            return {name: v for name, v in row.items() if not name.startswith("multiplier")}

    rows = history(1000, error=0.05)
    narrow = [name for name in rows.columns if not name.startswith("multiplier")]
    plain = History.from_rows(narrow, np.stack([rows[name] for name in narrow], 1))
    assert phase_of(Penalty(RE(KAPPA)), plain, 0) == "settled"


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
