"""The explorers in a real JupyterLab: sliders and pointers move, the pictures follow."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from lab import Lab, View

pytestmark = pytest.mark.browser

FIXED = """\
from geco_viz.live import FixedPoints
explorer = FixedPoints("unequal pair", beta=0.01)
explorer
"""
BLUR = "from geco_viz.live import BlurAndHoles\nexplorer = BlurAndHoles()\nexplorer"
TILINGS = """\
import geco_viz as gv
run = gv.Run("digits").train(20, progress=False)
explorer = gv.live.Tilings(run)
explorer
"""


def opened(lab: Lab, name: str, cell: str) -> View:
    lab.open(lab.server.notebook(f"{name}.ipynb", cell))
    lab.run_all()
    return lab.view().wait()


def shoot(lab: Lab, name: str) -> None:
    """Save pictures for people to look at, where GECO_VIZ_SCREENSHOTS names a folder."""
    folder = os.environ.get("GECO_VIZ_SCREENSHOTS")
    for theme in ("light", "dark") if folder else ():
        lab.theme(theme)
        time.sleep(1.5)
        lab.page.screenshot(path=Path(str(folder)) / f"{name}-{theme}.png")


def beta_slider(lab: Lab) -> object:
    row = lab.page.locator(".widget-hslider", has=lab.page.get_by_text("β", exact=True))
    return row.locator(".noUi-handle").first


def test_the_fixed_points_follow_the_slider(lab: Lab) -> None:
    view = opened(lab, "fixed", FIXED)
    view.wait_for("board.store.state?.converged")
    shoot(lab, "fixed-points")
    before = view.value("board.store.state.beta")
    assert view.ink(".gv-fixed-points .gv-live") > 1000
    # What is painted while the slider is dragged, and whether it says that it has not converged.
    view.value(
        "(window.seen = [], board.root.addEventListener('geco-viz:painted', () =>"
        " window.seen.push([performance.now(), board.store.state.beta,"
        " board.store.state.converged])))"
    )
    handle = beta_slider(lab)
    box = handle.bounding_box()  # type: ignore[attr-defined]
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    steps = 40
    for k in range(steps):
        lab.page.mouse.move(x + 30 * (k + 1) / steps, y)
        time.sleep(0.05)
    lab.page.mouse.up()
    during = lab.page.evaluate("window.seen")
    moved = {beta for _, beta, _ in during}
    # How many frames a second is the benchmark's to say; a busy machine still follows.
    assert len(moved) > 3, f"{len(during)} frames, {len(moved)} values of beta"
    assert any(not converged for *_, converged in during)
    view.wait_for(f"board.store.state.converged && board.store.state.beta > {before}")
    lab.ask_kernel("explorer.wait(60)")
    asked = float(lab.ask_kernel("print(explorer.beta.value)"))
    view.wait_for(
        f"board.store.state.converged && Math.abs(board.store.state.beta / {asked} - 1) < 1e-6"
    )
    assert lab.problems == [] and lab.errors() == []


def test_the_slider_answers_to_the_keyboard_and_points_are_drawn(lab: Lab) -> None:
    view = opened(lab, "draw", FIXED)
    view.wait_for("board.store.state?.converged")
    before = view.value("board.store.state.beta")
    beta_slider(lab).focus()  # type: ignore[attr-defined]
    lab.page.keyboard.press("ArrowRight")
    view.wait_for(f"board.store.state.converged && board.store.state.beta > {before}")
    box = view.root.locator(".gv-fixed-points .gv-body").bounding_box()
    assert box is not None
    for share in (0.4, 0.7):
        lab.page.mouse.click(box["x"] + share * box["width"], box["y"] + 0.4 * box["height"])
        time.sleep(0.3)
    view.wait_for("board.store.points.n === 2")
    lab.page.keyboard.press("Enter")  # a third in the middle: the panel has the focus
    view.wait_for("board.store.points.n === 3")
    drawn = json.loads(lab.ask_kernel("import json; print(json.dumps(explorer.points.tolist()))"))
    assert drawn[2] == [0, 0] and drawn[0][0] < drawn[1][0] and drawn[0][1] == drawn[1][1] != 0
    lab.page.keyboard.press("Backspace")
    view.wait_for("board.store.points.n === 2")
    assert lab.problems == []


def test_a_dragged_tile_blurs_the_decoder(lab: Lab) -> None:
    view = opened(lab, "blur", BLUR)
    view.wait_for("board.store.mosaic")
    shoot(lab, "blur")
    before = view.value("[board.store.blur.overlap, board.store.blur.kl]")
    canvas = view.root.locator(".gv-blur-latent canvas")
    box = canvas.bounding_box()
    assert box is not None
    place = "board.panels[0].draw.to(...[0, 1].map((k) => (b[k] + b[k + 2]) / 2))"
    at = view.value(f"(([b]) => {place})([board.store.blur.tiles[1]])")
    lab.page.mouse.move(box["x"] + at[0], box["y"] + at[1])
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + at[0] - 30, box["y"] + at[1] + 20, steps=8)
    lab.page.mouse.up()
    view.wait_for(f"board.store.blur.overlap > {before[0]} + 0.01")
    assert view.value("board.store.blur.kl") == pytest.approx(before[1])  # masses stay
    # A place between the tiles: a hole, where nobody asks for anything.
    corner = view.value("board.panels[0].draw.to(0.03, 0.03)")
    lab.page.mouse.move(box["x"] + corner[0], box["y"] + corner[1])
    view.wait_for("board.store.decoded.hole")
    canvas.focus()
    lab.page.keyboard.press("3")
    left = view.value("board.store.blur.tiles[2][0]")
    lab.page.keyboard.press("ArrowLeft")
    view.wait_for(f"board.store.blur.tiles[2][0] < {left}")
    assert lab.problems == []


def test_tilings_show_theory_beside_the_run(lab: Lab) -> None:
    view = opened(lab, "tilings", TILINGS)
    view.wait_for("board.store.means && board.store.atoms")
    shoot(lab, "tilings")
    for panel in ("part-theory", "part-trained", "part-shares"):
        assert view.ink(f".gv-{panel} canvas") > 1000
    assert view.root.locator(".gv-part-masses .gv-pair").count() == 7
    lab.ask_kernel("run.train(10, progress=False)")
    assert lab.problems == []
