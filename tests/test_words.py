"""The words of a status: a table of situations, each reached by a run; figures of one moment."""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tiny
import torch

from geco_viz import ELBO, GECO, RE, Constraint, History, Run
from geco_viz.constraints.base import Similarity
from geco_viz.training.limits import wait_for
from geco_viz.training.price import price
from geco_viz.training.status import phase_of
from geco_viz.training.words import describe


class Likeness(Similarity):
    """1 - s = the mean squared error: a bound from below."""

    def __init__(self, kappa: float):
        super().__init__("like", None, kappa)

    def error(
        self, x: torch.Tensor, x_hat: torch.Tensor, y: torch.Tensor | None = None
    ) -> torch.Tensor:
        return (x - x_hat).square().mean()


def trained(steps: int, *constraints: Constraint, **settings: Any) -> Run:
    """A tiny run whose multipliers start where they are told and move as fast as they are told."""
    objective = GECO(*constraints, **{"nu": 0.0, **settings})
    return tiny.make(objective=objective, lr=1e-2).train(steps, progress=False)


def edited(what: str, value: Any) -> Run:
    run = trained(60, RE(0.2))
    run.edit(what, value)
    return run.step().step()


def binding(multiplier: float) -> Run:
    """At the error that this multiplier leads to."""
    run = trained(300, RE(0.2), lambda_init=multiplier)
    run.kappa = math.sqrt(float(np.mean(run.history["err/re"][-100:] ** 2)))
    return run.train(60, progress=False)


def evaluated(after: int, **edit: float) -> Run:
    run = trained(400, RE(0.27))
    run.evaluate()
    for what, value in edit.items():
        run.edit(what, value)
    return run.train(after, progress=False)


def with_limit(run: Run) -> Run:
    run._take_limit(wait_for(tiny.images()))
    return run


def told(run: Run) -> tuple[str, str]:
    """The phase, and all that the run would say while it moves."""
    objective, since = run.loop.objective, run._since
    phase = phase_of(objective, run.history, since, run._limit)
    words = describe(objective, run.history, run.evaluations, phase, run._limit, since, run.edits)
    return phase, " ".join([*words, price(run)])


SITUATIONS: dict[str, tuple[Callable[[], Run], str, list[str], list[str]]] = {
    # what happened: how it is reached, the phase, what is said, what is not
    "begun where multipliers start at 100": (
        lambda: trained(3, RE(0.2), lambda_init=100.0),
        "starting",
        ["λ starts at 100 and follows the error.", "Mean of the last 3 steps: error = "],
        ["λ starts at 1 "],
    ),
    "kappa edited late": (
        lambda: edited("kappa/re", 0.15),
        "adjusting",
        ["κ is 0.15 since step 60:"],
        ["starts at"],
    ),
    "another objective": (
        lambda: edited("objective", ELBO()),
        "adjusting",
        ["The objective is new since step 60"],
        ["starts at"],
    ),
    "nu edited": (lambda: edited("nu", 0.125), "adjusting", ["ν is 0.125 since step 60."], []),
    "an error above kappa": (
        lambda: trained(60, RE(0.02), nu=0.02),
        "satisfying",
        ["is above κ = 0.02;", "The error is above κ: so λ grows", "RE is not met yet: its λ = "],
        ["is below κ", "meets", "κ̂"],
    ),
    "an error above kappa while lambda is held": (
        lambda: trained(60, RE(0.02)),
        "satisfying",
        ["The error is above κ: λ rests.", "its λ = 1 rests."],
        ["grows"],
    ),
    "a likeness below kappa": (
        lambda: trained(60, Likeness(0.999), nu=0.02),
        "satisfying",
        ["LIKE = 0.9", "is below κ = 0.999;", "The similarity is below κ: so λ grows"],
        ["is above κ", "the error"],
    ),
    "two constraints, one of them missed": (
        lambda: trained(60, RE(0.9), Likeness(0.999), nu=0.02),
        "satisfying",
        ["error RE = ", "LIKE is below κ: so λ grows", "RE is slack", "LIKE is not met yet"],
        ["The error is"],
    ),
    "a multiplier at its cap": (
        lambda: trained(60, RE(0.02), lambda_init=5.0, lambda_max=5.0),
        "satisfying",
        ["λ is at its cap of 5.", "RE is not met yet: its λ is at its cap of 5."],
        ["grows"],
    ),
    "a kappa that the model cannot reach": (
        lambda: trained(900, RE(0.001), lambda_init=5.0, lambda_max=5.0),
        "infeasible",
        ["λ is at its cap of 5 and the error still above κ: this model cannot reach it. Loosen κ"],
        ["grows"],
    ),
    "a kappa with room": (
        lambda: trained(100, RE(2.0), lambda_init=1.0, nu=0.02),
        "tightening",
        ["meets κ = 2;", "There is room up to κ: λ falls", "RE is slack: its λ = "],
        ["grows"],
    ),
    "a multiplier at its floor": (
        lambda: trained(100, RE(2.0), lambda_min=0.01, lambda_init=0.01),
        "tightening",
        ["its λ is at its floor of 0.01."],
        ["until it binds"],
    ),
    "a KL near 0 while kappa asks for more": (
        lambda: with_limit(trained(300, RE(0.2), lambda_init=1e-3)),
        "collapsed",
        ["The KL is near 0, so all data share one code, while κ asks for at least R(κ) = "],
        ["reconstruction comes first", "binds"],
    ),
    "a KL near 0, and the limit unknown": (
        lambda: trained(300, Likeness(0.99), lambda_init=1e-3),
        "collapsed",
        ["while κ asks for more: λ rests."],
        ["R(κ)"],
    ),
    "a KL near 0 that kappa allows": (
        lambda: with_limit(trained(300, RE(0.3), lambda_init=1e-3)),
        "tightening",
        ["meets κ = 0.3"],
        ["near 0"],
    ),
    "a price of next to nothing": (
        lambda: binding(0.01),
        "tightening",
        ["halving its tolerance costs about", "Weight on the squared error: λ/(d κ²) = 1/2β = "],
        ["one nat buys"],
    ),
    "far above the limit": (
        lambda: with_limit(trained(2, RE(0.2))),
        "starting",
        ["above the limit R(error) = "],
        [" %)"],
    ),
    "Algorithm 1 to the letter": (
        lambda: with_limit(trained(60, RE(0.2), normalise=False, lambda_init=20.0)),
        "satisfying",
        ["Weight on the squared error: λ = 1/2β = 20."],
        ["halving", "λ/λ*", "price"],
    ),
    "evaluated just now": (
        lambda: evaluated(18),
        "tightening",
        ["Evaluated at step 400: κ̂ = "],
        ["Mean of the last"],
    ),
    "evaluated more than a twentieth of the way ago": (
        lambda: evaluated(25),
        "tightening",
        ["Mean of the last 50 steps: error = "],
        ["κ̂", "Evaluated", "±"],
    ),
    "evaluated at another kappa": (
        lambda: evaluated(1, **{"kappa/re": 0.1}),
        "adjusting",
        ["Mean of the last 50 steps: error = ", "κ is 0.1 since step 400"],
        ["κ̂", "Evaluated"],
    ),
}


@pytest.mark.train
@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_said_in_a_situation(situation: str) -> None:
    reach, phase, said, unsaid = SITUATIONS[situation]
    run = reach()
    shown, text = told(run)
    assert shown == phase, text
    for words in said:
        assert words in text, text
    for words in unsaid:
        assert words not in text, text
    # No exponent, no share of hundreds of percent, nothing that is missing.
    assert not re.search(r"\de[+-]\d|[+-]?\d{3,} %|\bnan\b|\binf\b", text), text


@pytest.mark.train
def test_tile_masses_are_told_of_data_that_have_a_tile() -> None:
    assert np.isnan(trained(300, RE(0.2), lambda_init=1e-3).pictures().tile_mass).all()
    # Reconstruction alone: every image has a code of its own.
    own = trained(900, RE(0.02), lambda_init=50.0, lambda_max=50.0).pictures().tile_mass
    assert np.isfinite(own).all() and own.sum() == pytest.approx(1)
    # Two images that are one share their codes; the others do not.
    twice = torch.cat([tiny.images(4), tiny.images(1)])
    objective = GECO(RE(0.02), nu=0.0, lambda_init=50.0)
    run = tiny.make(twice, objective, lr=1e-2).train(900, progress=False)
    assert np.isnan(run.pictures().tile_mass).tolist() == [True, False, False, False, True]


def test_the_words_of_an_edit_say_what_lambda_did() -> None:
    """At the step of the edit: by the root of the ratio of tolerances, or by the error alone."""
    run = edited("kappa/re", 0.4)
    before, after = run.history["multiplier/re"][[-3, -2]]
    went = abs(after / before - 2) < 0.2
    assert ("λ went with the root of its tolerance at once" in told(run)[1]) == went


# Figures of one moment


def synthetic(n: int, error: float = 0.1, kl: float = 2.0, multiplier: float = 1.0) -> History:
    names = ("step", "err/re", "kl", "multiplier/re")
    made = History(names)
    for step in range(1, n + 1):
        made.append(dict(zip(names, (step, error, kl, multiplier), strict=True)))
    return made


def evaluations(**row: float) -> History:
    made = History(["step"])
    if row:
        made.append({name.replace("hat", "kappa_hat/re"): value for name, value in row.items()})
    return made


def sentence(history: History, limit: Any = None, since: int = 0, **row: float) -> str:
    return describe(GECO(RE(0.1)), history, evaluations(**row), "settled", limit, since)[0]


def test_an_evaluation_counts_for_a_twentieth_of_the_steps_since_the_edit() -> None:
    row = {"step": 950, "hat": 0.0987, "kl": 1.23, "holes": 0.0042}
    said = "Evaluated at step 950: κ̂ = 0.0987 meets κ = 0.1; KL = 1.23 nats; holes in 0.42 % of the"
    assert said in sentence(synthetic(1000), **row)
    mean = "Mean of the last 50 steps: error = 0.1 meets κ = 0.1; KL = 2 nats."
    assert sentence(synthetic(1001), **row) == mean
    assert sentence(synthetic(1000), since=1, **row) == mean  # 50 of 999 steps
    assert sentence(synthetic(1000), since=950, **row) == mean  # made before the edit
    assert sentence(synthetic(950), since=950, **row) == mean  # at its very step
    assert sentence(synthetic(960), since=940, **row) == mean.replace("50 steps", "20 steps")


def test_the_price_is_of_the_evaluations_moment_too() -> None:
    limit = types.SimpleNamespace(
        kappa=np.array([0.05, 0.15]), rate=np.array([2.0, 1.0]), multiplier=np.array([0.25, 0.75])
    )
    history = synthetic(990, multiplier=0.6)
    for step in range(991, 1001):
        history.append({"step": step, "err/re": 0.3, "kl": 9.0, "multiplier/re": 60.0})
    said = sentence(history, limit, step=990, hat=0.1, kl=1.8)
    assert "0.3 above the limit R(κ̂) = 1.5 (+20 %); λ/λ* = 1.2." in said
    limit.subset = 1000
    said = sentence(history, limit, step=990, hat=0.1, kl=1.8)
    assert "R(κ̂) = 1.5 of 1,000 of the data, a loose bound" in said and "λ*" not in said


@pytest.mark.parametrize(
    ("kappa_hat", "error", "said"),
    [
        (0.1, 0.001, "κ̂ = 0.100 ± 0.001 meets κ = 0.1"),
        (0.104, 0.002, "κ̂ = 0.104 ± 0.002 may meet κ = 0.1"),  # within a tenth of kappa^2: .1049
        (0.106, 0.002, "κ̂ = 0.106 ± 0.002 may meet κ = 0.1"),
        (0.11, 0.002, "κ̂ = 0.110 ± 0.002 is above κ = 0.1"),
    ],
)
def test_meets_is_said_beyond_two_standard_errors(
    kappa_hat: float, error: float, said: str
) -> None:
    row = {"step": 400, "hat": kappa_hat, "hat/se": error, "kl": 2.0}
    assert said in sentence(synthetic(400), **row)


def test_a_batch_mean_is_of_squares() -> None:
    history = synthetic(25, error=0.06)
    for step in range(26, 51):
        history.append({"step": step, "err/re": 0.08, "kl": 2.0, "multiplier/re": 1.0})
    assert "error = 0.0707 " in sentence(history)  # the root of (.0036 + .0064) / 2


def test_settled_says_which_way_the_price_goes() -> None:
    """Below the steepest place of R over ln kappa the price falls with kappa; the weight rises."""
    limit = types.SimpleNamespace(
        kappa=np.array([0.02, 0.05, 0.1, 0.15]),
        rate=np.array([1.9, 1.72, 1.26, 0.65]),
        multiplier=np.array([0.05, 0.182, 0.54, 0.9]),
    )
    hint = describe(GECO(RE(0.1)), synthetic(400), evaluations(), "settled", limit)[1]
    assert hint.startswith("At half of κ the error's weight λ/(d κ²) = 1/2β rises, and")
    assert hint.endswith("λ* falls from 0.54 to 0.18.")
    hint = describe(GECO(RE(0.1)), synthetic(400), evaluations(), "settled")[1]
    assert "1/2β rises." in hint and "λ*" not in hint


def test_without_constraints_the_error_is_named() -> None:
    words, hint = describe(ELBO(0.1), synthetic(400), evaluations(), "settled")
    assert "error = 0.1 RMS pixel" in words and "No constraint" in hint


def test_before_the_first_step() -> None:
    words, hint = describe(GECO(RE(0.1)), History(["step"]), evaluations(), "starting")
    assert (words, hint) == ("No step made yet.", "")


def test_a_far_tail_is_an_alarm() -> None:
    run = trained(100, RE(0.2))
    run.evaluate()
    row = {name: float(run.evaluations[name][-1]) for name in run.evaluations.columns}
    phase = phase_of(run.objective, run.history, 0)

    def hint(share: float) -> str:
        run.evaluations.append(row | {"kl_tail": share})
        return describe(run.objective, run.history, run.evaluations, phase)[1]

    assert "far tail" not in hint(0.01)
    assert "One posterior sample carries 97 % of the spread of the KL's samples" in hint(0.97)
    assert "neither the KL nor its ± can be trusted" in hint(0.97)
