"""The dashboard in a real JupyterLab: steering, steps, reload, re-run, interrupt, close, loss."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, Server, View, button, drag, handle, kernel

import geco_viz as gv

pytestmark = pytest.mark.browser

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
EXPLORE = "import geco_viz as gv\ndash = gv.explore('digits')\ndash"
THREADS = """
import threading
print(sorted(t.name for t in threading.enumerate() if t.name.startswith("geco-viz")))
"""


def until(check: Callable[[], Any], what: str, timeout: float = 60) -> Any:
    """Poll until `check` is true; the last value is returned."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = check()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {timeout} s: {what}")


@pytest.fixture
def dash(lab: Lab, server: Server) -> tuple[Lab, View]:
    """A notebook whose one cell shows `explore()` on the bundled digits."""
    lab.open(server.notebook("dash.ipynb", EXPLORE))
    lab.run_all()
    return lab, View(lab.page, 0).wait()


def kappa_reached(lab: Lab, view: View, before: float, above: bool) -> float:
    """Wait until the loop trains under another kappa, at rest, and the page draws it."""
    sign = 1 if above else -1

    def settled() -> float | None:
        """kappa, if the loop has it, it moved the right way and no other comes for a second."""
        state = "[float(dash.run.history['kappa/re'][-1]), dash.run.kappa]"
        value, asked = kernel(lab, state)
        time.sleep(1.0)
        moved = (value - before) * sign > 1e-4 and abs(value - asked) < 1e-4 * asked
        return value if moved and kernel(lab, state) == [value, asked] else None

    value = until(settled, "kappa in the loop's history")
    view.wait_for(f"Math.abs(board.store.kappa('re') - {value}) < 1e-3 * {value}")
    column = "board.store.columns['kappa/re'][board.store.n - 1]"
    view.wait_for(f"Math.abs({column} - {value}) < 1e-3 * {value}")
    return float(value)


def test_kappa_moves_by_mouse_and_by_keyboard(dash: tuple[Lab, View]) -> None:
    lab, view = dash
    view.wait_for("board.store.n > 5")
    knob = handle(lab, "κ RE")
    drag(lab)
    dragged = kappa_reached(lab, view, before=0.05, above=True)
    knob.focus()
    for _ in range(3):
        lab.page.keyboard.press("ArrowLeft")
    kappa_reached(lab, view, before=dragged, above=False)
    assert any(edit["what"] == "kappa/re" for edit in kernel(lab, "dash.run.edits"))
    assert lab.problems == [] and lab.errors() == []


def test_kappa_set_in_code_moves_the_slider_and_does_not_echo(dash: tuple[Lab, View]) -> None:
    lab, view = dash
    view.wait_for("board.store.n > 5")
    lab.ask_kernel("dash.run.kappa = 0.123")
    kappa_reached(lab, view, before=0.05, above=True)
    lab.ask_kernel("dash.run.kappa = 0.05; dash.run.wait(3); dash.run.kappa = 0.123")
    time.sleep(2.0)  # a page that echoes does it within this time
    edits = kernel(lab, "[e['value'] for e in dash.run.edits if e['what'] == 'kappa/re']")
    assert edits == [0.123, 0.05, 0.123]
    assert kernel(lab, "dash.controls.kappas['re'].value") == pytest.approx(0.123, rel=0.02)


def test_pause_each_kind_of_step_play_and_stop(dash: tuple[Lab, View]) -> None:
    lab, view = dash
    view.wait_for("board.store.n > 5")
    button(lab, "pause").click()
    button(lab, "play").wait_for()
    view.wait_for("board.store.status.phase === 'paused'")
    rest = kernel(lab, "len(dash.run.history)")
    time.sleep(0.5)
    assert kernel(lab, "len(dash.run.history)") == rest
    state = (
        "[float(sum(p.detach().double().abs().sum() for p in dash.run.model.parameters())), "
        "dash.run.objective.multiplier['re']]"
    )
    for name, moves in (("step θ,φ", (1, 0)), ("step λ", (0, 1)), ("step both", (1, 1))):
        weights, multiplier = kernel(lab, state)
        rest += 1
        button(lab, name).click()
        until(lambda rest=rest: kernel(lab, "len(dash.run.history)") == rest, name)
        after = kernel(lab, state)
        assert (after[0] != weights, after[1] != multiplier) == tuple(map(bool, moves)), name
        view.wait_for(f"board.store.total === {rest}")
    button(lab, "play").click()
    until(lambda: kernel(lab, "len(dash.run.history)") > rest + 3, "steps after play")
    lab.ask_kernel("dash.run.stop()")
    view.wait_for("board.store.status.phase === 'stopped'")
    assert "geco-viz run" not in lab.ask_kernel(THREADS)
    assert lab.problems == []


def test_reload_shows_the_whole_state_during_and_after_training(dash: tuple[Lab, View]) -> None:
    lab, view = dash
    view.wait_for("board.store.total > 30")
    lab.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    lab.reload()
    view = View(lab.page, 0).wait()
    seen = view.value("[board.store.total, board.store.columns.step[0]]")
    assert seen[0] > 30 and seen[1] == 1
    view.wait_for(f"board.store.total > {seen[0]}")
    lab.ask_kernel("dash.run.stop()")
    total = kernel(lab, "len(dash.run.history)")
    lab.reload()
    view = View(lab.page, 0).wait()
    view.wait_for(f"board.store.total === {total} && board.store.images && board.store.tiling")
    assert view.value("board.store.status.phase") == "stopped"
    assert lab.problems == []


def test_running_a_cell_again_leaves_one_training_thread(dash: tuple[Lab, View]) -> None:
    lab, view = dash
    view.wait_for("board.store.n > 5")
    first = lab.ask_kernel("print(id(dash)); first = dash")
    lab.run_all()
    until(lambda: lab.ask_kernel("print(id(dash))") not in ("", first), "a new dashboard")
    until(lambda: lab.ask_kernel(THREADS).count("'geco-viz run'") == 1, "one training thread")
    assert not kernel(lab, "first.run.playing") and kernel(lab, "dash.run.playing")
    assert kernel(lab, "len(first.run.history)") > 5
    View(lab.page, 0).wait().wait_for("board.store.n > 5")
    assert lab.errors() == []


def test_two_dashboards_live_side_by_side_and_closing_one_frees_it(
    lab: Lab, server: Server
) -> None:
    second = EXPLORE.replace("dash", "other")
    lab.open(server.notebook("two.ipynb", EXPLORE, second))
    lab.run_all()
    for index in (0, 1):
        View(lab.page, index).wait().wait_for("board.store.n > 5")
    mine = "len(__import__('ipywidgets').widgets.widget._instances)"
    both = kernel(lab, mine)
    lab.ask_kernel("dash.close()")
    lab.page.locator(".gv-view").nth(1).wait_for(state="detached")
    before = kernel(lab, "len(other.run.history)")
    until(lambda: kernel(lab, "len(other.run.history)") > before, "the other one goes on")
    threads = lab.ask_kernel(THREADS)
    assert threads.count("'geco-viz run'") == 1 and threads.count("'geco-viz pump'") == 1
    assert kernel(lab, mine) < both
    lab.ask_kernel("other.close()")
    assert lab.problems == []


def test_a_page_that_goes_away_lets_the_explored_run_rest(lab: Lab, server: Server) -> None:
    lab.open(server.notebook("rest.ipynb", EXPLORE))
    lab.run_all()
    View(lab.page, 0).wait().wait_for("board.store.n > 5")
    lab.command("notebook:clear-all-cell-outputs")
    until(lambda: not kernel(lab, "dash.run.playing"), "the run rests")
    assert kernel(lab, "len(dash.run.history)") > 5


def test_an_interrupt_leaves_a_usable_run(lab: Lab, server: Server) -> None:
    train = """
import geco_viz as gv
run = gv.Run("digits").train(3, progress=False)
print("three steps made", flush=True)
run.train(100_000, progress=False)"""
    lab.open(server.notebook("interrupt.ipynb", train))
    lab.run_all()
    session = "window.jupyterapp.shell.currentWidget.sessionContext.session"
    lab.page.get_by_text("three steps made", exact=True).wait_for()
    time.sleep(0.5)
    lab.page.evaluate(f"() => {session}.kernel.interrupt()")
    until(lambda: any("KeyboardInterrupt" in e for e in lab.errors()), "the interrupt is shown")
    before = kernel(lab, "len(run.history)")
    assert before >= 3
    assert kernel(lab, "len(run.train(2, progress=False).history)") == before + 2


def test_a_run_that_turns_nan_says_so_and_keeps_its_history(lab: Lab, server: Server) -> None:
    code = """
import geco_viz as gv, torch
class Breaks(gv.RE):
    def error(self, x, x_hat, y=None):
        # Not in evaluations, which run beside the training.
        broken = torch.is_grad_enabled() and run.loop.step >= 40
        return super().error(x, x_hat) * (float("nan") if broken else 1.0)
run = gv.Run("digits", objective=gv.GECO(Breaks(0.05)))
dash = run.dashboard()
run.play()
dash"""
    lab.open(server.notebook("nan.ipynb", code))
    lab.run_all()
    view = View(lab.page, 0).wait()
    view.wait_for("board.store.status.phase === 'failed'")
    assert "diverged at step 41" in view.value("board.store.status.words")
    view.wait_for("board.store.total === 40")
    assert kernel(lab, "bool(run.history['kl'][-1] == run.history['kl'][-1])")


def test_a_killed_kernel_loses_only_what_came_after_the_last_save(
    lab: Lab, server: Server, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    code = f"""
import geco_viz as gv
from geco_viz.training import playing
playing.AUTOSAVE = 1.0
dash = gv.explore("digits", out={str(out)!r})
dash"""
    lab.open(server.notebook("kill.ipynb", code))
    lab.run_all()
    View(lab.page, 0).wait()
    until((out / "run.json").exists, "an autosave")
    until(lambda: kernel(lab, "dash.run.loop.step") > 60, "60 steps")
    rate = 1.0 + kernel(lab, "dash.run.status().rate")
    reached = kernel(lab, "dash.run.loop.step")
    pid = kernel(lab, "__import__('os').getpid()")
    os.kill(pid, signal.SIGKILL)
    run = gv.Run.load(out)
    # One interval of one second, and the time that the questions above took.
    assert reached - run.loop.step <= 10 * rate
    assert len(run.history) == run.loop.step > 0
    run.train(2, progress=False)


def test_the_start_notebook_runs(lab: Lab, server: Server, mnist_root: Path) -> None:
    shutil.copy(NOTEBOOKS / "00_start_here.ipynb", server.root / "start.ipynb")
    lab.open("start.ipynb")
    lab.command("notebook:run-cell-and-select-next")
    lab.command("notebook:run-cell-and-select-next")
    View(lab.page, 0).wait().wait_for("board.store.n > 5")
    lab.run_all_below()
    # Asked of the model: JupyterLab takes cells that are scrolled away out of the page.
    cells = (
        "window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells"
        ".filter((cell) => cell.cell_type === 'code')"
    )
    lab.page.wait_for_function(
        f"() => {cells}.every((cell) => cell.execution_count)", timeout=400_000
    )
    outputs = lab.page.evaluate(f"() => {cells}.flatMap((cell) => cell.outputs)")
    bad = [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"]
    assert len(outputs) > 6 and bad == [] and lab.problems == []
