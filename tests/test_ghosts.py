"""What a run leaves behind: a smooth trail, on the same data, named by what differs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tiny

from geco_viz import GECO, RE, History
from geco_viz.live.dashboard import Dashboard
from geco_viz.live.stage import Stage
from geco_viz.training.ghosts import POINTS, trail


def noisy(moving: int, resting: int) -> tuple[History, float]:
    """A way from (.25, 6) to (.05, 2) in so many steps, then rest; and the length of that way."""
    random = np.random.default_rng(0)
    way = np.r_[np.linspace(1, 0, moving), np.zeros(resting)]
    error = (0.05 + 0.2 * way) * (1 + 0.1 * random.normal(size=len(way)))
    kl = 2 + 4 * way + 0.3 * random.normal(size=len(way))
    rows = np.stack([np.arange(1, len(way) + 1), error, kl], 1)
    return History.from_rows(["step", "err/re", "kl"], rows.astype(np.float32)), np.hypot(1, 1)


def length(points: np.ndarray) -> float:
    steps = np.diff(points[:, 1:] / [0.2, 4], axis=0)
    return float(np.hypot(*steps.T).sum())


@pytest.mark.parametrize(("moving", "resting"), [(500, 500), (1000, 20_000)])
def test_a_trail_is_thinned_along_the_way_and_does_not_zigzag(moving: int, resting: int) -> None:
    history, true = noisy(moving, resting)
    points = trail(history)
    # The mean of 50 rows wanders by about 1 % of the way and less; thinning at 2 % hides most.
    assert length(points) < 2 * true
    kept = history.decimate(300)
    rows = np.stack([history[name][kept] for name in ("step", "err/re", "kl")], 1)
    assert length(rows) > 5 * true  # the extremes of each stretch, as charts of a column want them
    assert len(points) <= POINTS and points[-1, 0] == len(history)
    if resting > moving:  # where the run has been long it leaves no more than where it was short
        assert np.mean(points[:, 0] <= moving) > 0.3


def test_the_trail_of_a_few_steps_is_whole() -> None:
    run = tiny.make().train(5, progress=False)
    assert run.ghost().rows.shape == (5, 3) and run.ghost("mine").name == "mine"
    assert trail(History(["step", "err/re", "kl"])).shape == (0, 3)


def test_earlier_runs_are_named_by_what_differs() -> None:
    stage = Stage(tiny.make(objective=GECO(RE(0.05))).train(4, progress=False))
    stage.show(tiny.make(objective=GECO(RE(0.1))))
    data: Any = stage.run.data
    assert not stage.ghosts  # two tensors are two sets, though they be equal
    stage = Stage(tiny.make(data, GECO(RE(0.05))).train(4, progress=False))
    stage.show(tiny.make(data, GECO(RE(0.1))).train(6, progress=False))
    assert [ghost.name for ghost in stage.ghosts] == ["κ = 0.05"]
    stage.show(tiny.make(data, GECO(RE(0.1)), seed=3))
    assert [ghost.name for ghost in stage.ghosts] == ["κ = 0.05 · seed 0", "seed 0"]
    stage.show(tiny.make(tiny.images(5), GECO(RE(0.1))).train(2, progress=False))
    assert not stage.ghosts
    stage.show(tiny.make(data, GECO(RE(0.1))))
    assert [ghost.name for ghost in stage.ghosts] == ["κ = 0.05", "earlier, to step 6"]
    stage.run.kappa = 0.2
    assert stage.ghosts[1].name == "κ = 0.1"


def test_a_forks_ghost_ends_where_the_fork_began(monkeypatch: pytest.MonkeyPatch) -> None:
    dash = Dashboard(tiny.make().train(10, progress=False))
    old, fork = dash.run, dash.run.fork

    def late() -> Any:
        copy = fork()
        old.train(7, progress=False)  # it plays on while the copy is made
        return copy

    monkeypatch.setattr(old, "fork", late)
    dash.fork()
    (ghost,) = dash.stage.ghosts
    assert len(old.history) == 17 and ghost.rows[-1, 0] == 10
    dash.close()
