"""The explorers without a page: what they compute, for the newest request, and how they end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _instances

import geco_viz as gv
from geco_viz import theory
from geco_viz.live import BlurAndHoles, FixedPoints, Tilings
from geco_viz.live.blur import LAYOUTS, layout
from geco_viz.live.feed import Feed
from geco_viz.live.latest import Latest


@pytest.fixture
def opened() -> Iterator[list[Any]]:
    """Explorers put here are closed."""
    made: list[Any] = []
    yield made
    for explorer in made:
        explorer.close()


def square() -> np.ndarray[Any, Any]:
    return np.array([[-0.3, -0.3], [0.3, -0.3], [-0.3, 0.3], [0.3, 0.3]])


# The worker and the feed


def test_only_the_newest_request_is_done() -> None:
    gate, done = threading.Event(), []

    def work(request: int) -> None:
        gate.wait(60)
        done.append(request)

    latest = Latest("test", work, print)
    latest.ask(0)
    while not latest._busy:
        time.sleep(0.001)
    for request in range(1, 9):
        latest.ask(request)
    assert latest.stale()
    gate.set()
    assert latest.wait(60) and done == [0, 8] and not latest.stale()
    latest.close()
    latest.ask(9)
    assert latest.wait(60) and done == [0, 8]


def test_a_failure_is_told_and_the_next_request_is_done() -> None:
    told: list[str] = []
    latest = Latest("test", lambda n: 1 // n, lambda error: told.append(type(error).__name__))
    latest.ask(0)
    assert latest.wait(60)
    latest.ask(1)
    assert latest.wait(60) and told == ["ZeroDivisionError"]
    latest.close()


def test_a_feed_sends_each_part_once_and_all_after_a_reload() -> None:
    feed = Feed()
    feed.put("a", {"v": 1})
    feed.put("b", {}, [1.0, 2.0])
    feed.put("a", {"v": 2})
    first = feed.next()
    assert [head for head, _ in first] == [{"kind": "a", "v": 2}, {"kind": "b"}]
    assert np.frombuffer(first[1][1] or b"", "<f4").tolist() == [1.0, 2.0]
    feed.put("c", {}, np.array([3, 4], np.uint8))
    assert feed.next() == [({"kind": "c", "raw": True}, b"\x03\x04")]
    feed.forget()
    assert len(feed.next()) == 3


# Fixed points


def test_the_state_at_rest_is_the_librarys(opened: list[Any]) -> None:
    explorer = FixedPoints(square(), beta=0.01)
    opened.append(explorer)
    assert explorer.wait(60)
    beta = explorer.beta.value
    direct = theory.fixed_points(square(), beta, side=24)
    state = explorer.state
    assert state["converged"] and state["count"] == int(direct.count[0]) == 4
    assert state["error"] == pytest.approx(float(direct.error[0]), rel=1e-9)
    curve = explorer.feed.get("curve")
    assert len(curve["beta"]) == curve["total"]
    # u grows with beta, up to the variance where one point is left.
    assert (np.diff(curve["error"]) > -1e-12).all()
    assert curve["error"][-1] == pytest.approx(0.18, rel=1e-4)
    # Two steps of the grid from the temperature at which the mean loses stability.
    assert max(curve["bends"]) == pytest.approx(theory.mean_stability(square()), rel=0.25)


def test_the_figure_has_the_four_panels_of_the_screen(opened: list[Any]) -> None:
    explorer = FixedPoints(square(), beta=0.01)
    opened.append(explorer)
    explorer.figure()  # at any moment
    assert explorer.wait(60)
    traces = {trace.name: trace for trace in explorer.figure("dark").data}
    assert traces.keys() == {
        *("trajectories", "data", "fixed points", "merging tree", "u(β)", "−d²u/d(ln β)²")
    }
    assert len(traces["fixed points"].x) == 4
    curve, tree = explorer.feed.get("curve"), explorer.feed.array("tree").reshape(-1, 4)
    np.testing.assert_array_equal(traces["u(β)"].y, curve["error"])
    np.testing.assert_array_equal(np.unique(traces["merging tree"].x), np.unique(tree[:, 0]))
    bend = np.array(traces["−d²u/d(ln β)²"].y, dtype=float)
    np.testing.assert_array_equal(bend, np.array(curve["bend"], dtype=float))
    explorer.tied.value = "local"
    assert explorer.wait(60)
    assert "local Lipschitz" in explorer.figure().layout.annotations[0].text


def test_a_moved_slider_is_answered_at_once_and_marked(opened: list[Any]) -> None:
    explorer = FixedPoints(square(), beta=0.01)
    opened.append(explorer)
    seen: list[tuple[float, bool]] = []
    put = explorer.feed.put

    def spy(kind: str, head: dict[str, Any], values: Any = None) -> None:
        if kind == "state":
            seen.append((head["beta"], head["converged"]))
        put(kind, head, values)

    explorer.feed.put = spy  # type: ignore[method-assign]
    explorer.beta.put(0.05)
    assert explorer.wait(60)
    assert seen[-2:] == [(explorer.beta.value, False), (explorer.beta.value, True)]


def test_drawn_points_replace_the_example(opened: list[Any]) -> None:
    explorer = FixedPoints("clusters")
    opened.append(explorer)
    explorer._told({"type": "draw", "points": [[0.1, 0.1]]})
    assert explorer.wait(60) and explorer.points.tolist() == [[0.1, 0.1]]
    assert explorer.feed.get("status")["phase"] == "drawing"
    explorer._told({"type": "draw", "points": [[-0.2, 0.0], [0.2, 0.0]]})
    assert explorer.wait(60) and explorer.state["count"] == 2
    with pytest.raises(ValueError, match="within"):
        explorer._told({"type": "draw", "points": [[0.9, 0.0]]})


@pytest.mark.parametrize("tied", ["local", "global"])
def test_a_lipschitz_bound_holds_in_the_explorer(opened: list[Any], tied: str) -> None:
    explorer = FixedPoints(square(), beta=0.01)
    opened.append(explorer)
    explorer.tied.value = tied
    assert explorer.wait(60) and explorer.state["converged"] and explorer.error is None
    words = explorer.feed.get("status")["words"]
    slope = float(words.split("largest slope ")[1].split(",")[0])
    assert slope <= explorer.bound.value * 1.01


def test_bad_points_and_names_are_refused() -> None:
    with pytest.raises(ValueError, match="name must be one of"):
        FixedPoints("cluster")
    with pytest.raises(ValueError, match="within"):
        FixedPoints([[0.0, 0.7]])


# Blur and holes


@pytest.mark.parametrize("n", [2, 5])
def test_equal_tiles_cost_ln_n_and_unequal_ones_more(opened: list[Any], n: int) -> None:
    explorer = BlurAndHoles(torch.rand(n, 1, 4, 4), "equal tiles")
    opened.append(explorer)
    explorer.count.put(n)
    assert explorer.wait(60)
    assert explorer.figures["kl"] == pytest.approx(np.log(n))
    assert explorer.figures["holes"] == explorer.figures["overlap"] == 0
    assert explorer.figures["error"] == 0
    explorer.layout_menu.value = "unequal tiles"
    assert explorer.wait(60) and explorer.figures["kl"] > np.log(n)


def test_what_stands_in_holes_changes_no_figure(opened: list[Any]) -> None:
    explorer = BlurAndHoles(torch.rand(3, 1, 4, 4))
    opened.append(explorer)
    explorer.wait(60)
    before, mosaic = dict(explorer.figures), explorer.feed._parts["mosaic"][1]
    explorer.holes.value = "black"
    assert explorer.wait(60) and explorer.figures == before
    assert explorer.feed._parts["mosaic"][1] != mosaic


def test_a_moved_tile_blurs_what_it_overlaps(opened: list[Any]) -> None:
    explorer = BlurAndHoles(torch.rand(2, 1, 4, 4), "equal tiles")
    opened.append(explorer)
    explorer.wait(60)
    explorer._told({"type": "tiles", "tiles": [[0, 0, 0.5, 1], [0.25, 0, 0.75, 1]]})
    assert explorer.wait(60)
    assert explorer.figures["overlap"] == pytest.approx(0.25)
    assert explorer.figures["holes"] == pytest.approx(0.25)
    assert explorer.figures["error"] > 0
    # Half of each tile shows the mean of the two: the error is theirs to it, over half the mass.
    x = explorer.x
    expected = float(((x[0] - x[1]) / 2).square().mean().mul(0.5).sqrt())
    assert explorer.figures["error"] == pytest.approx(expected)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("n", [2, 3, 7])
def test_layouts_stay_in_the_square(name: str, n: int) -> None:
    boxes = np.array(layout(name, n))
    assert boxes.shape == (n, 4) and boxes.min() >= 0 and boxes.max() <= 1 + 1e-12
    assert (boxes[:, 2] > boxes[:, 0]).all() and (boxes[:, 3] > boxes[:, 1]).all()


# Tilings


def test_tilings_compare_masses_and_shares(opened: list[Any]) -> None:
    run = gv.Run("digits").train(3, progress=False)
    explorer = Tilings(run)
    opened.append(explorer)
    assert explorer.wait(60) and explorer.error is None
    figures = explorer.figures
    assert sum(figures["theory"]) == pytest.approx(1)
    assert sum(figures["trained"]) + figures["holes"] == pytest.approx(1)
    shares = np.frombuffer(explorer.feed._parts["shares"][1] or b"", "<f4")
    rows = shares.reshape(2 * len(run.data), len(figures["theory"])).sum(1)
    np.testing.assert_allclose(rows, 1, atol=1e-5)  # float32
    explorer.kappa.put(0.25)  # beyond the digits' spread: one tile for all
    assert explorer.wait(60) and not explorer.follow.value and len(figures) == 7
    assert explorer.figures["theory"] == [1.0]


def test_tilings_refuse_what_they_cannot_draw() -> None:
    with pytest.raises(ValueError, match="at most 64 data"):
        Tilings(gv.Run(torch.rand(80, 1, 8, 8)))


@pytest.mark.parametrize("make", [lambda: FixedPoints(square()), BlurAndHoles])
def test_close_ends_the_threads_and_a_fallback_is_there(make: Any) -> None:
    before = set(_instances)
    explorer = make()
    explorer.wait(60)
    html = explorer._repr_mimebundle_()
    data = html[0] if isinstance(html, tuple) else html
    assert "<svg" in data["text/html"]
    explorer.close()
    explorer.close()
    assert [widget for key, widget in _instances.items() if key not in before] == []
    end = time.monotonic() + 60
    while any(t.name == "geco-viz explorer" for t in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_best_support_solves_its_equations() -> None:
    x = torch.rand(6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = theory.best_support(x, 0.05)
    residual = theory.equipartition_residual(x, found.psi, found.masses, 0.05)
    assert float(residual.abs().max()) < 1e-8  # Prop. 5
    q = found.posterior
    torch.testing.assert_close(q.sum(1), torch.ones(6).double())
    torch.testing.assert_close(q.T @ x / q.sum(0)[:, None], found.psi, atol=1e-8, rtol=0)  # eq. 18
    limit = theory.rate_distortion(x, found.kappa)
    assert found.rate == pytest.approx(float(limit.rate), abs=2e-7)
    with pytest.raises(ValueError, match="at most 100"):
        theory.best_support(torch.rand(101, 2), 1.0)
