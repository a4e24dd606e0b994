"""The view in a real JupyterLab: every panel draws, follows, survives a reload, and goes away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab import Lab

pytestmark = pytest.mark.browser

RUNNING = """\
from fake_source import FakeSource, ghost
from geco_viz.live import View
source = FakeSource().walk(1500)
source.ghosts = [ghost("κ = 0.1")]
source.play(rate=100)
view = View(source)
view
"""
RESTING = RUNNING.replace("source.play(rate=100)\n", "")


def shoot(lab: Lab, name: str) -> None:
    """Save a picture for people to look at, where GECO_VIZ_SCREENSHOTS names a folder."""
    folder = os.environ.get("GECO_VIZ_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        lab.page.screenshot(path=Path(folder) / f"{name}.png")


def test_all_panels_draw_and_follow(lab: Lab) -> None:
    lab.open(lab.server.notebook("all.ipynb", RUNNING))
    lab.run_all()
    view = lab.view().wait()
    for panel in ("information-plane", "error", "multiplier"):
        assert view.root.locator(f".gv-{panel} .js-plotly-plot").count() == 1
        assert view.ink(f".gv-{panel} .gv-live") > 300
    assert view.ink(".gv-latent") > 1000
    assert view.ink(".gv-images canvas") > 1000
    assert view.root.locator(".gv-pill").inner_text() == "settled"
    before = view.value("[board.store.total, board.seq]")
    view.wait_for(f"board.store.total > {before[0] + 50} && board.seq > {before[1] + 5}")
    view.wait_for("board.panels[1].draw.facts.textContent.includes('q/π')")
    held = view.value("[board.store.n, board.store.names.includes('err/re')]")
    assert held[0] <= 2200 and held[1]
    shoot(lab, "view")
    assert lab.problems == [] and lab.errors() == []


def test_earlier_runs_do_not_set_the_axes(lab: Lab) -> None:
    code = RESTING.replace('ghost("κ = 0.1")', 'ghost("κ = 3", error=3.0, kl=300.0)')
    lab.open(lab.server.notebook("axes.ipynb", code))
    lab.run_all()
    view = lab.view().wait()
    view.wait_for("board.store.ghosts.length === 1 && board.panels[0].draw.ranges")
    right, top = view.value("['x', 'y'].map((axis) => board.panels[0].draw.ranges[axis][1])")
    assert right < 1 and top < 30


def test_a_reload_shows_the_whole_state_while_it_runs_and_after(lab: Lab) -> None:
    lab.open(lab.server.notebook("reload.ipynb", RUNNING))
    lab.run_all()
    lab.view().wait()
    lab.command("docmanager:save")
    lab.ask_kernel("asked = []; view.on_msg(lambda w, content, buffers: asked.append(content))")
    lab.reload()
    view = lab.view().wait()
    # Asked for with the first word, not after a wait: the whole state stands there at once.
    first = "next(content for content in asked if content['type'] == 'ready')"
    assert lab.ask_kernel(f"print({first}['plotly'])") == "False"
    first, total = view.value("[board.store.columns.step[0], board.store.total]")
    assert first == 1 and total > 1500
    view.wait_for(f"board.store.total > {total + 20}")
    assert lab.ask_kernel("source.stop(); print(len(source.history))").isdigit()
    steps = int(lab.ask_kernel("print(len(source.history))"))
    lab.reload()
    view = lab.view().wait()
    view.wait_for(f"board.store.total === {steps}")
    assert view.value("board.store.lastStep") == steps
    assert view.ink(".gv-information-plane .gv-live") > 300
    assert view.ink(".gv-latent") > 1000
    assert view.root.locator(".gv-pill").inner_text() == "paused"


def test_closed_frees_the_page_and_the_kernel(lab: Lab) -> None:
    lab.open(lab.server.notebook("close.ipynb", RUNNING))
    lab.run_all()
    view = lab.view().wait()
    view.value("window.kept = board")
    assert lab.ask_kernel("print(view.pages)") == "1"
    lab.command("notebook:clear-all-cell-outputs")
    view.root.wait_for(state="detached")
    gone = "[kept.gone, kept.panels[0].draw.plot, document.querySelectorAll('.gv-live').length]"
    assert lab.page.evaluate(gone) == [True, None, 0]
    pumps = "sum(t.name == 'geco-viz pump' for t in __import__('threading').enumerate())"
    asked = f"import time; time.sleep(.5); print(view.pages, {pumps})"
    assert lab.ask_kernel(asked) == "0 0"
    assert lab.problems == []


def test_close_from_python_removes_the_view(lab: Lab) -> None:
    lab.open(lab.server.notebook("python-close.ipynb", RESTING))
    lab.run_all()
    view = lab.view().wait()
    lab.ask_kernel("view.close()")
    view.root.wait_for(state="detached")
    assert lab.problems == []


def test_two_views_of_one_widget_and_one_plotly(lab: Lab) -> None:
    lab.open(lab.server.notebook("two.ipynb", RESTING, "view"))
    lab.run_all()
    first, second = lab.view(0).wait(), lab.view(1).wait()
    assert lab.ask_kernel("print(view.pages)") == "2"
    lab.ask_kernel("source.walk(10)")
    for view in (first, second):
        view.wait_for("board.store.total === 1510")
        assert view.ink(".gv-error .gv-live") > 300
    # A new view of the same page finds plotly.js there: it asks for none.
    sent = "view._pump._send = lambda c, b, s=view._pump._send: (log.append(c['type']), s(c, b))"
    lab.ask_kernel(f"log = []; {sent}")
    lab.command("notebook:run-cell")
    lab.ask_kernel("from IPython.display import display; display(view)")
    view = lab.view(1).wait()
    assert "plotly" not in lab.ask_kernel("print(log)")


def test_the_theme_is_followed_at_once(lab: Lab) -> None:
    lab.open(lab.server.notebook("theme.ipynb", RESTING))
    lab.theme("light")
    lab.run_all()
    view = lab.view().wait()
    colours = (
        "[board.root.dataset.theme, board.panels[1].draw.theme.dark,"
        " board.panels[0].draw.plot.layout.font.color,"
        " getComputedStyle(board.root).getPropertyValue('--gv-paper')]"
    )
    light = view.value(colours)
    lab.theme("dark")
    view.wait_for("board.panels[1].draw.theme.dark")
    dark = view.value(colours)
    assert light[0] == "light" and dark[0] == "dark"
    assert all(a != b for a, b in zip(light, dark, strict=True))
    shoot(lab, "dark")
    lab.theme("light")
    view.wait_for("!board.panels[1].draw.theme.dark")
    assert view.value(colours) == light


def test_a_zoom_into_a_live_chart_is_kept_until_a_double_click(lab: Lab) -> None:
    lab.open(lab.server.notebook("zoom.ipynb", RUNNING))
    lab.run_all()
    view = lab.view().wait()
    view.wait_for("board.panels[2].draw.ready")
    ranges = "board.panels[2].draw.plot.layout.xaxis.range.map(Math.round)"
    before = view.value(ranges)
    place = view.root.locator(".gv-error .draglayer .nsewdrag").bounding_box()
    assert place is not None
    x, y = place["x"] + 0.3 * place["width"], place["y"] + 0.3 * place["height"]
    mouse = lab.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 60, y + 40, steps=4)
    # Frames and a refresh that come in the middle of the drag must not end it.
    view.value("board.panels[2].draw.refresh()")
    view.wait_for(f"board.seq > {view.value('board.seq')}")
    mouse.up()
    view.wait_for("board.panels[2].draw.zoomed")
    zoomed = view.value(ranges)
    assert zoomed[1] < before[1]
    total = view.value("board.store.total")
    view.wait_for(f"board.store.total > {max(total, before[1]) + 50}")
    assert view.value(ranges) == zoomed
    mouse.dblclick(x, y)
    view.wait_for("!board.panels[2].draw.zoomed")
    assert view.value(ranges)[1] > before[1]


def test_export_holds_the_live_points(lab: Lab, tmp_path: Path) -> None:
    lab.open(lab.server.notebook("export.ipynb", RESTING))
    lab.run_all()
    view = lab.view().wait()
    view.root.locator(".gv-information-plane").hover()
    for format in ("svg", "png"):
        button = view.root.locator(f".gv-information-plane [aria-label='Save as {format.upper()}']")
        with lab.page.expect_download() as download:
            button.click()
        saved = tmp_path / f"plane.{format}"
        download.value.save_as(saved)
        assert saved.stat().st_size > 10_000
    drawn = (tmp_path / "plane.svg").read_text(encoding="utf-8")
    # Plotly leaves out what is off the axes.
    inside = view.value(
        "(({ store, ranges: { x, y } }) => {"
        " const e = store.columns['err/re'], k = store.columns.kl;"
        " let n = 0; for (let i = 0; i < store.n; i++)"
        " n += e[i] > x[0] && e[i] < x[1] && k[i] > y[0] && k[i] < y[1]; return n; })"
        "(board.panels[0].draw)"
    )
    assert drawn.count('class="point"') >= inside > 300
    assert "κ = 0.05" in drawn and "below R(D)" in drawn


def test_the_probe_answers_pointer_and_keyboard_one_at_a_time(lab: Lab) -> None:
    lab.open(lab.server.notebook("probe.ipynb", RESTING))
    lab.run_all()
    view = lab.view().wait()
    canvas = view.root.locator(".gv-latent")
    facts = view.root.locator(".gv-facts")
    box = canvas.bounding_box()
    assert box is not None
    lab.page.mouse.move(box["x"] + 40, box["y"] + 20)
    view.wait_for("/z = .(−2|−3)/.test(board.panels[1].draw.facts.textContent)")
    assert "no hole" not in facts.inner_text()
    canvas.focus()
    view.value("board.panels[1].draw.move([0, 0])")
    for _ in range(5):
        lab.page.keyboard.press("ArrowRight")
    view.wait_for("board.panels[1].draw.facts.textContent.includes('z = (0.5, 0.0)')")
    assert "no hole" in facts.inner_text()
    # A burst of moves asks far less often than it moves, and ends at the last place.
    asked = int(lab.ask_kernel("print(source.probes)"))
    view.value("Array.from({ length: 200 }, (_, i) => board.panels[1].draw.move([i / 100, 1]))")
    view.wait_for("board.panels[1].draw.facts.textContent.includes('z = (2.0, 1.0)')")
    assert int(lab.ask_kernel("print(source.probes)")) - asked < 20


@pytest.mark.parametrize(
    ("panels", "made"),
    [
        (("status",), "FakeSource().walk(3)"),
        (("multiplier", "information-plane"), "FakeSource(('re', 'cla')).walk(300)"),
        (("error", "multiplier", "information-plane"), "FakeSource(()).walk(300)"),
        (("images", "tiling"), "FakeSource(dims=5, channels=3, data=12).walk(3)"),
        (("tiling",), "FakeSource(dims=1).walk(3)"),
        (
            ("information-plane", "error", "multiplier", "images", "tiling", "status"),
            "FakeSource()",
        ),
    ],
)
def test_any_panels_of_any_source(lab: Lab, panels: tuple[str, ...], made: str) -> None:
    code = f"from fake_source import FakeSource\nfrom geco_viz.live import View\nsource = {made}\n"
    lab.open(lab.server.notebook("some.ipynb", code + f"View(source, {panels!r})"))
    lab.run_all()
    view = lab.view().wait()
    assert view.value("board.panels.map((p) => p.name)") == list(panels)
    shoot(lab, "-".join(panels) + ("" if "()" not in made else "-empty"))
    assert lab.problems == [] and lab.errors() == []


def test_text_of_the_run_is_never_markup(lab: Lab) -> None:
    evil = "<img src=x onerror=window.hacked=1><b>bold</b>"
    code = RESTING.replace("view = ", f"source.words = source.title = {evil!r}\nview = ")
    code = code.replace('ghost("κ = 0.1")', f"ghost({evil!r})")
    lab.open(lab.server.notebook("evil.ipynb", code))
    lab.run_all()
    view = lab.view().wait()
    assert evil in view.root.locator(".gv-words").inner_text()
    view.value("board.panels[0].draw.refresh()")
    assert view.root.locator(".gv-words img").count() == 0
    assert lab.page.evaluate("window.hacked") is None


def test_a_dead_kernel_is_said_quietly(lab: Lab) -> None:
    lab.open(lab.server.notebook("dead.ipynb", RUNNING))
    lab.run_all()
    view = lab.view().wait()
    lab.server.shut_kernels()
    # A page may miss the kernel's word before it is told that the kernel has gone.
    view.wait_for("board.panels.at(-1).draw.pill.textContent === 'kernel gone'", timeout=60_000)
    assert view.value("board.root.classList.contains('gv-quiet')")
    assert view.ink(".gv-information-plane .gv-live") > 300


def test_silence_is_named_by_its_cause(lab: Lab) -> None:
    lab.open(lab.server.notebook("silent.ipynb", RESTING))
    lab.run_all()
    view = lab.view().wait()
    lab.ask_kernel("view._pump.stop()")
    pill = "board.panels.at(-1).draw.pill.textContent"
    view.wait_for(f"{pill} === 'no word'", timeout=60_000)
    kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    code = "import time; time.sleep(10)"
    lab.page.evaluate(f"() => {{ {kernel}.requestExecute({{ code: '{code}' }}); }}")
    view.wait_for(f"{pill} === 'kernel busy'")
    view.wait_for(f"{pill} === 'no word'")


@pytest.mark.parametrize("width", [1100, 1280, 1920])
def test_nothing_overlaps_or_is_cut(lab: Lab, width: int) -> None:
    lab.page.set_viewport_size({"width": width, "height": 1000})
    lab.open(lab.server.notebook("width.ipynb", RESTING))
    lab.run_all()
    view = lab.view().wait()
    shoot(lab, f"width-{width}")
    boxes = view.value(
        "board.panels.map(({ section }) => section.getBoundingClientRect().toJSON())"
    )
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            beside = a["left"] >= b["right"] or b["left"] >= a["right"]
            assert beside or a["top"] >= b["bottom"] or b["top"] >= a["bottom"]
    # What does not fit makes its box scroll: text, bars and canvases all must.
    cut = view.value(
        "[...board.root.querySelectorAll('.gv-body, .gv-side, .gv-head, .gv-pill')]"
        ".filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)"
        ".map((e) => e.className)"
    )
    assert cut == []


def test_latent_planes_are_chosen_where_there_are_more_than_two_latents(lab: Lab) -> None:
    code = RESTING.replace("FakeSource()", "FakeSource(dims=5)")
    lab.open(lab.server.notebook("planes.ipynb", code))
    lab.run_all()
    view = lab.view().wait()
    chooser = view.root.locator(".gv-plane")
    assert chooser.input_value() == "active"
    chooser.select_option("principal")
    view.wait_for("board.store.tiling.plane === 'principal'")
    # The probe goes to the place shown, not to the first two latents.
    view.value("board.panels[1].draw.move([1, 2])")
    z = view.value("board.panels[1].draw.point(board.store.tiling)")
    a, b = view.value("board.store.tiling.axes")
    assert all(abs(v - (p + 2 * q)) < 1e-6 for v, p, q in zip(z, a, b, strict=True))
    assert "principal" in view.root.locator(".gv-tiling .gv-unit").inner_text()
    shoot(lab, "planes")
    assert lab.problems == []
