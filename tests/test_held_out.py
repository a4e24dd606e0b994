"""What a run says of data that were kept from training, and how often it looks."""

from __future__ import annotations

import math
import time
import weakref
from pathlib import Path

import pytest
import torch
from tiny import images, make, until

import geco_viz as gv
from geco_viz.training.evaluator import GLANCE, MOST, REST, Evaluator, next_samples
from geco_viz.training.recipe import test_split as split_of
from geco_viz.training.words import describe


def test_the_test_split_of_a_named_set_is_looked_at(mnist_root: Path) -> None:
    data = gv.data.load("mnist", root=mnist_root)
    run = gv.Run(data, "vae", gv.GECO(gv.RE(kappa=0.15)), device="cpu", batch=8)
    run.train(2, progress=False)
    found = run.evaluate(data=50)
    held = {name for name in found if name.startswith("held_out/")}
    assert held == {"held_out/kappa_hat/re", "held_out/kl"}
    assert run.held_out is not None and len(run.held_out) == 10000
    test = gv.data.load("mnist", split="test", root=mnist_root)
    spread = torch.arange(1000) * 10  # evenly over the set
    error, _ = gv.evaluation.kappa_hat(run.average, test.x[spread], gv.RE(0.15), samples=20)
    # One sample of each of 1000 data: se .0003 about an error of .26
    assert found["held_out/kappa_hat/re"][0] == pytest.approx(error, abs=0.003)
    assert run.evaluations["held_out/kl/se"][0] > 0
    words = run.status().words
    assert f"({found['held_out/kappa_hat/re'][0]:.3g} on held-out data) is above κ = 0.15" in words


def test_sets_without_a_test_split_have_nothing_held_out(tmp_path: Path) -> None:
    run = make()
    assert run.held_out is None
    assert not any(name.startswith("held_out") for name in run.evaluate(samples=2))
    assert split_of(gv.data.load("digits")) is None
    gone = gv.data.Dataset(images(), info={"name": "mnist", "split": "train", "root": "gone"})
    assert split_of(gone) is None


def test_held_out_data_of_ones_own() -> None:
    run = make()
    run.held_out = gv.data.from_tensors(images(5, seed=1))
    assert math.isfinite(run.evaluate(samples=2)["held_out/kappa_hat/re"][0])
    run.held_out = None
    assert "held_out/kl" not in run.evaluate(samples=2)
    with pytest.raises(TypeError, match="held_out must be a Dataset or None, got Tensor"):
        run.held_out = images()  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"images of shape \(1, 4, 4\) and contexts like"):
        run.held_out = gv.data.from_tensors(torch.rand(5, 1, 5, 4))
    with pytest.raises(ValueError, match="contexts like the training set's"):
        run.held_out = gv.data.from_tensors(images(5), context=torch.zeros(5, 2))


def test_the_status_says_both() -> None:
    history = gv.History(["step", "kl", "err/re"])
    for step in range(60):
        history.append({"step": step + 1, "kl": 2.0, "err/re": 0.1})
    evaluations = gv.History(["step"])
    row = {"step": 60, "kl": 2.0, "kappa_hat/re": 0.101, "held_out/kappa_hat/re": 0.1234}
    evaluations.append(row)
    words, _ = describe(gv.GECO(gv.RE(0.1)), history, evaluations, "settled")
    assert "κ̂ = 0.101 (0.123 on held-out data) meets κ = 0.1;" in words


def test_a_dear_evaluation_is_taken_less_often() -> None:
    class Slow:
        playing = True
        data = images()
        calls = edited = 0
        history = range(1000)

        def evaluate(self, samples: int | None = None) -> dict[str, tuple[float, float]]:
            self.calls += 1
            time.sleep(0.05)
            return {}

    run = Slow()
    evaluator = Evaluator(weakref.ref(run))
    started = time.monotonic()
    evaluator.start(0.001)
    assert until(lambda: run.calls >= 2)
    run.playing = False
    evaluator.stop()
    took = time.monotonic() - started
    assert run.calls <= 1 + took / (0.05 * (1 + REST))  # without rest it would be took / .05


def test_a_playing_runs_evaluations_are_fresh_and_take_the_samples_there_is_time_for() -> None:
    run, asked = make(objective=gv.GECO(gv.RE(0.2))), []
    evaluate = run.evaluate

    def counted(samples: int | None = None) -> dict[str, tuple[float, float]]:
        asked.append((samples, len(run.history)))
        return evaluate(samples)

    run.evaluate = counted  # type: ignore[method-assign]
    run.play(evaluate_every=0.5)
    assert until(lambda: len(asked) >= 4)
    run.stop()
    first, *others = [samples for samples, _ in asked]
    assert first == GLANCE and all(GLANCE <= samples <= MOST for samples in others)
    precise = {"kappa_hat/re": (0.2, 0.0005)}  # .25 %: no more than a glance is wanted
    assert next_samples(4000, precise, took=0.01, pause=2.0) == GLANCE
    vague = {"kappa_hat/re": (0.2, 0.01)}  # 5 %: twenty-five times as many
    assert next_samples(GLANCE, vague, took=0.001, pause=2.0) == 25 * GLANCE
    assert next_samples(GLANCE, vague, took=0.15, pause=2.0) == 2 * GLANCE  # 15 % of a core
