"""The overview, its fallback without scripts, and the report that opens offline."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from geco_viz import plots
from geco_viz.plots._ticks import ticks

RNG = np.random.default_rng(1)
ROWS = 30


def a_run(**more):
    history = {
        "step": np.arange(ROWS, dtype=float),
        "kl": 1.5 + RNG.random(ROWS),
        "err/re": 0.05 + 0.01 * RNG.random(ROWS),
        "kappa/re": np.full(ROWS, 0.05),
        "multiplier/re": np.full(ROWS, 0.2),
        "beta": np.full(ROWS, 4.0),
    }
    digits = RNG.integers(0, 256, (3, 8, 8, 1), np.uint8)
    pictures = SimpleNamespace(
        data=digits,
        reconstruction=digits,
        sample=digits,
        labels=["8", "7", "1</script>"],
        z=RNG.normal(size=(3, 20, 2)),
        tile_mass=np.array([0.3, 0.3, 0.4]),
        holes=0.001,
        step=ROWS,
    )
    status = SimpleNamespace(
        phase="settled", words="κ̂ <meets> κ.", hint="Raise κ.", step=ROWS, rate=9.0, device="cpu"
    )
    fields = {
        "title": "A <run> & more </script>",
        "history": history,
        "evaluations": {
            "step": [10.0, 20.0],
            "kappa_hat/re": [0.0512, 0.0501],
            "kappa_hat/re/se": [0.0004, 0.0002],
            "kl": [1.9, 1.81],
            "kl/se": [0.02, 0.01],
        },
        "constraints": (SimpleNamespace(name="re", unit="RMS pixel"),),
        "limit": SimpleNamespace(
            kappa=np.array([0.05, 0.2]), rate=np.array([1.0, 0.0]), certificate=0.0, note="a subset"
        ),
        "ghosts": (),
        "spec": {"data": {"name": "digits"}, "objective": {"constraints": [{"kappa": 0.05}]}},
        "edits": [{"step": 12, "what": "kappa/re", "value": 0.07}],
        "status": lambda: status,
        "pictures": lambda: pictures,
    }
    return SimpleNamespace(**(fields | more))


class References(HTMLParser):
    """The addresses that a page would fetch, and its words."""

    def __init__(self, html):
        super().__init__()
        self.fetched, self.tags, self.words = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "srcset", "href", "xlink:href", "data", "poster", "action"):
                self.fetched.append(value)

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def page():
    return plots.report_html(a_run())


def test_the_report_opens_without_a_network(page):
    found = References(page)
    assert all(address.startswith("data:") for address in found.fetched)
    assert "link" not in found.tags and "iframe" not in found.tags
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", page.split("<script")[0])
    assert "default-src 'none'" in page


def test_the_report_has_plotly_once_and_no_text_ends_its_scripts(page):
    assert page.count("plotly.js v") == 1
    assert References(page).tags.count("script") == 3
    assert page.count("</script>") == 3


def test_the_report_shows_settings_evaluations_edits_and_words(page):
    words = " ".join(References(page).words)
    for expected in (
        "A <run> & more </script>",
        "κ̂ <meets> κ.",
        "Raise κ.",
        "a subset",
        "κ̂ RE (RMS pixel)",
        "0.05010 ± 0.00020",
        "1.810 ± 0.010",
        "objective.constraints[0].kappa",
        "kappa/re",
        "0.07",
    ):
        assert expected in words


def test_the_report_replaces_the_file_whole(tmp_path):
    target = tmp_path / "run.html"
    target.write_text("old")
    assert plots.report(a_run(), target) == target
    assert target.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_the_old_report_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "run.html"
    target.write_text("old")
    with pytest.raises(ValueError, match="err/re"):
        plots.report(a_run(history={"step": [1.0], "kl": [1.0]}), target)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"path must be a file .*run\.html.*No space left"):
        plots.report(a_run(), target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("where", ["", "missing/run.html", "file/run.html"])
def test_a_path_that_cannot_be_written_is_named(tmp_path, where):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="path must be a file that can be written, got "):
        plots.report(a_run(), tmp_path / where)


def test_a_bare_history_is_enough_for_a_report(tmp_path):
    columns = {"step": [0.0, 1.0], "kl": [1.0, 2.0], "err/re": [0.2, 0.1]}
    path = plots.report(SimpleNamespace(history=columns), str(tmp_path / "bare.html"))
    assert isinstance(path, Path)
    assert "Evaluations" not in path.read_text(encoding="utf-8").split("<script")[0]


def test_the_overview_keeps_each_panel_in_its_own_cell():
    source = a_run()
    figure = plots.run_figure(source)
    panels = plots.figures_of(source)
    assert len(figure.data) == sum(len(panel.data) for panel in panels.values())
    boxes = []
    for x in {each.xaxis or "x" for each in figure.data}:
        axis = figure.layout["xaxis" + x[1:]]
        boxes.append((*axis.domain, *figure.layout["yaxis" + axis.anchor[1:]].domain))
    for i, (left, right, low, high) in enumerate(boxes):
        assert left < right and low < high
        for other in boxes[:i]:
            beside = right <= other[0] or other[1] <= left
            above = high <= other[2] or other[3] <= low
            assert beside or above
    points = next(each for each in figure.data if each.name == "training steps")
    np.testing.assert_array_equal(points.y, source.history["kl"])
    texts = " ".join(note.text for note in figure.layout.annotations)
    for title in ("Information plane", "Posterior tiling", "Error against κ", "β and λ"):
        assert f"<b>{title}</b>" in texts


def test_the_fallback_is_one_svg_with_every_point_and_no_address():
    source = a_run()
    text = plots.fallback_svg(source)
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    alone = plots.svg(plots.error(source.history))
    dots = [
        path.get("d")
        for path in ElementTree.fromstring(alone).iter("{http://www.w3.org/2000/svg}path")
        if path.get("stroke-linecap") == "round"
    ]
    assert sum(path.count("h0") for path in dots) == ROWS
    assert "<script" not in text
    assert set(re.findall(r'href="([^,]+),', text)) == {"data:image/png;base64"}
    words = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"KL (nats)", "β (data units²), λ (nats)", "κ = 0.05", "data", "tile mass × n"} <= set(
        words
    )


def test_two_fallbacks_on_one_page_do_not_share_identifiers():
    history = a_run().history
    found = [
        set(re.findall(r'id="([^"]+)"', plots.svg(draw(history))))
        for draw in (plots.error, plots.multiplier)
    ]
    assert found[0] and not found[0] & found[1]


def test_the_fallback_html_says_the_state_in_words():
    found = plots.fallback_html(a_run())
    assert "settled: κ̂ &lt;meets&gt; κ." in found
    assert all(address.startswith("data:image/svg+xml") for address in References(found).fetched)


@pytest.mark.parametrize(
    ("axis", "labels"),
    [
        ({"range": [-3.6, 3.6], "dtick": 1}, ["−3", "−2", "−1", "0", "1", "2", "3"]),
        ({"range": [5, -0.5], "tickvals": [0, 1], "ticktext": ["a", "b"]}, ["a", "b"]),
        ({"range": [-1.5, -0.2], "type": "log", "dtick": "D2"}, ["0.05", "0.1", "0.2", "0.5"]),
        ({"range": [-5, 2], "type": "log", "dtick": 2}, ["0.0001", "0.01", "1", "100"]),
    ],
)
def test_ticks_are_round_and_inside(axis, labels):
    assert [label for _, label in ticks(axis)] == labels
