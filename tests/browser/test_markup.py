"""A stranger's run is opened in a real JupyterLab: no name and no text of it runs as a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hostile
import pytest
from lab import Lab, View

pytestmark = pytest.mark.browser

SHOW = """\
import tempfile, hostile, geco_viz as gv
from geco_viz import live
run = hostile.opened(tempfile.mkdtemp())
dash = run.dashboard()
dash.stage.say(hostile.TAG)
display(dash)
"""
MORE = """\
tilings, fixed, blur = live.Tilings(run), live.FixedPoints("ring"), live.BlurAndHoles()
for explorer in (tilings, fixed, blur):
    explorer.wait()
    explorer.say(hostile.TAG, hostile.TAG, hostile.TAG)
display(tilings, fixed, blur, run.controls(), run.view())
"""
PICTURES = """\
from IPython.display import HTML
from geco_viz import plots
display(HTML(plots.fallback_html(run)), plots.information_plane(run.history, ghosts=run.ghosts))
display(gv.evaluate(run))
"""
# Any element that the tag has made, in the page, or the mark that its script leaves.
PLANTED = "() => [window.owned ?? 0, document.querySelectorAll('img[src=\"x\"], [onerror]').length]"


def test_no_name_of_a_strangers_run_becomes_markup(lab: Lab) -> None:
    lab.open(lab.server.notebook("markup.ipynb", SHOW, MORE, PICTURES))
    assert lab.page.evaluate(PLANTED) == [0, 0]
    lab.run_all()
    for index in (0, 1, 2, 3):
        View(lab.page, index).wait()
    shown = "() => document.body.innerText.split('<img src=x onerror').length"
    lab.page.wait_for_function(f"({shown})() > 5")  # the names are there, as text
    lab.page.mouse.move(400, 400)  # what is only made on hovering
    lab.page.wait_for_timeout(1500)
    assert lab.page.evaluate(PLANTED) == [0, 0] and lab.errors() == []


def test_the_tag_would_run(lab: Lab) -> None:
    """The check sees it where it stands as markup, so that the test above can fail."""
    cell = "import ipywidgets, hostile\nipywidgets.HTML(f'<b>{hostile.TAG}</b>')"
    lab.open(lab.server.notebook("planted.ipynb", cell))
    lab.run_all()
    lab.page.wait_for_function(f"({PLANTED})()[1] > 0")
    lab.page.wait_for_function("window.owned === 1")


def test_the_report_of_a_strangers_run_runs_nothing_of_theirs(tmp_path: Path, context: Any) -> None:
    run = hostile.opened(tmp_path / "run")
    page = context.browser.new_page()
    page.goto(run.report(tmp_path / "run.html").as_uri())
    page.wait_for_selector(".live .main-svg")
    page.click("#toggle")
    page.wait_for_timeout(500)
    planted = page.evaluate(PLANTED)
    page.close()
    assert planted == [0, 0]
