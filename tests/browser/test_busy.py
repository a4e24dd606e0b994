"""Steering while a cell runs: what the hand does arrives before the cell ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import Lab, Server, View, button, drag, kernel

pytestmark = pytest.mark.browser

EXPLORE = "import geco_viz as gv\ndash = gv.explore('digits')\ndash"
SLEEP = """
import pathlib, time
while not pathlib.Path({over!r}).exists():
    time.sleep(0.5)
"""
WATCH = """
import torch, geco_viz as gv
geco = gv.GECO(gv.RE(kappa=0.05))
live = gv.watch(geco)
live"""
LOOP = """
import pathlib, time
x, x_hat = torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.2)
while not pathlib.Path({over!r}).exists():
    geco(torch.tensor(1.0), x, x_hat)
    geco.step()
    live.step(torch.tensor(1.0), x, x_hat)
    time.sleep(0.01)
"""


@pytest.mark.parametrize(
    ("cells", "kappa"),
    [
        ((EXPLORE, SLEEP), "dash.run.kappa"),
        ((EXPLORE, "dash.run.wait(10**9)"), "dash.run.kappa"),
        ((WATCH, LOOP), "live.kappa_of('re')"),
    ],
    ids=["sleep", "wait", "watch"],
)
def test_kappa_is_dragged_while_a_cell_runs(
    lab: Lab, server: Server, tmp_path: Path, cells: tuple[str, str], kappa: str
) -> None:
    over = tmp_path / "over"
    shown, busy = cells
    lab.open(server.notebook("busy.ipynb", shown, busy.format(over=str(over)), "ended = True"))
    lab.run_all()
    # During Run All: the charts stand and draw while the next cell runs.
    view = View(lab.page, 0).wait()
    view.wait_for("board.store.n > 5")
    drag(lab)
    last = "board.store.columns['kappa/re'][board.store.n - 1]"
    view.wait_for(f"{last} > 0.051")
    assert lab.page.locator(".jp-InputPrompt", has_text="[*]").count() == 2  # it runs, one waits
    if busy.startswith("dash"):
        button(lab, "pause").click()  # ends the waiting
    over.touch()
    assert kernel(lab, f"{kappa} > 0.051 and ended")
    assert lab.problems == [] and lab.errors() == []
