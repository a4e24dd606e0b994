"""What the pointer and the keyboard find: question marks, values, a kappa typed."""

from __future__ import annotations

import pytest
from lab import Lab, Server, View, kernel

pytestmark = pytest.mark.browser

EXPLORE = "import geco_viz as gv\ndash = gv.explore('digits')\ndash"
CHARTS = ("information-plane", "error", "multiplier")


@pytest.fixture
def view(lab: Lab, server: Server) -> View:
    lab.open(server.notebook("hand.ipynb", EXPLORE))
    lab.run_all()
    view = View(lab.page, 0).wait()
    view.wait_for("board.store.n > 20")
    return view


@pytest.mark.parametrize("width", [1024, 1280, 1440])
def test_no_tool_bar_lies_over_a_question_mark(lab: Lab, view: View, width: int) -> None:
    lab.page.set_viewport_size({"width": width, "height": 900})
    for name in CHARTS:
        panel = view.root.locator(f".gv-{name}")
        panel.locator(".gv-plotly").hover()
        panel.locator(".gv-help").click(timeout=10_000)  # fails where something lies over it
        mark = panel.locator(".gv-help").bounding_box()
        bars = [b.bounding_box() for b in panel.locator(".modebar-btn").all()]
        assert bars and min(bar["x"] for bar in bars) > mark["x"] + mark["width"], name


def test_a_resting_pointer_shows_step_and_values_while_it_trains(lab: Lab, view: View) -> None:
    words = {"information-plane": "KL", "error": "RMS pixel", "multiplier": "β"}
    for name in CHARTS:
        view.root.locator(f".gv-{name} .gv-plotly .nsewdrag").hover()
        index = f"board.panels.findIndex((p) => p.name === '{name}')"
        text = f"board.panels[{index}].draw.plot.querySelector('.hoverlayer').textContent"
        shows = f"({text}.includes('step') && {text}.includes('{words[name]}'))"
        view.wait_for(shows, timeout=20_000)
        # Over several new layouts, one a second at most.
        seen = view.value("board.store.total")
        view.wait_for(f"board.store.total > {seen + 100} && {shows}", timeout=60_000)


def test_a_kappa_that_is_typed_moves_slider_and_run(lab: Lab, view: View) -> None:
    box = lab.page.locator(".geco-viz-controls input[type=number]").first
    assert box.input_value() == "0.05"
    box.fill("0.0777")
    box.press("Enter")
    view.wait_for("Math.abs(board.store.kappa('re') - 0.0777) < 1e-6")
    slider = kernel(lab, "[dash.run.kappa, dash.controls.kappas['re'].value]")
    assert slider == [0.0777, pytest.approx(0.0777, rel=0.012)]  # a hundredth of a decade
    box.fill("-1")
    box.press("Enter")
    view.wait_for("board.store.status.hint.includes('kappa must be')")
    assert kernel(lab, "dash.run.kappa") == 0.0777
    lab.page.wait_for_function("(box) => box.value === '0.0777'", arg=box.element_handle())
    assert lab.problems == [] and lab.errors() == []
