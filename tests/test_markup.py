"""A name is never markup: not in a widget, a report or a picture. In a browser: browser/."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import hostile
import ipywidgets as widgets
import pytest
from hostile import TAG

import geco_viz as gv
from geco_viz import plots
from geco_viz.live import BlurAndHoles, Controls, Dashboard, FixedPoints, Tilings, View

PACKAGE = Path(gv.__file__).parent


class Tags(HTMLParser):
    """The pictures of a page whose source is the one that fails and runs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.planted: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if dict(attrs).get("src") == "x" or "onerror" in dict(attrs):
            self.planted.append(tag)


def markup(text: str) -> list[str]:
    return Tags(text).planted


def tree(widget: Any) -> list[Any]:
    return [widget, *(each for child in getattr(widget, "children", ()) for each in tree(child))]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gv.Run:
    return hostile.opened(tmp_path_factory.mktemp("hostile"))


def test_the_tag_is_one() -> None:
    assert markup(f"<b>{TAG}</b>") == ["img"] and not markup(f"<b>{TAG.replace('<', '&lt;')}</b>")


@pytest.mark.parametrize("make", [Dashboard, Controls, View, Tilings], ids=lambda m: m.__name__)
def test_no_widget_takes_a_name_for_markup(make: Any, run: gv.Run) -> None:
    shown = make(run)
    try:
        if isinstance(shown, Dashboard):
            shown.stage.say(TAG)
        parts = tree(shown)
        texts = [part.value for part in parts if isinstance(part, widgets.HTML)]
        assert not any(markup(text) for text in texts)
        if make in (Dashboard, Controls):
            assert "&lt;img src=x" in "".join(texts)  # it is there, as text
        assert not any(getattr(part, "description_allow_html", False) for part in parts)
        bundle = shown._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        assert not markup((data or {}).get("text/html", ""))
    finally:
        shown.close()


def test_no_explorer_takes_a_name_for_markup() -> None:
    for make in (lambda: FixedPoints("ring"), BlurAndHoles):
        explorer = make()
        try:
            explorer.say(TAG, TAG, TAG)
            assert not any(markup(p.value) for p in tree(explorer) if isinstance(p, widgets.HTML))
        finally:
            explorer.close()


def test_no_file_takes_a_name_for_markup(run: gv.Run, tmp_path: Path) -> None:
    pages = [
        run.report(tmp_path / "run.html").read_text(encoding="utf-8"),
        plots.fallback_html(run),
        plots.fallback_svg(run),
        plots.svg(plots.information_plane(run.history, ghosts=run.ghosts, limit=run.limit)),
    ]
    for page in pages:
        assert not markup(page) and TAG not in page


def test_one_widget_alone_makes_html_of_text() -> None:
    """Whoever needs a widget of HTML takes `Words`, which escapes."""
    makers = {
        path.name
        for path in (PACKAGE / "live").glob("*.py")
        if re.search(r"\b(HTML|HTMLMath|_repr_html_|description_allow_html)\b\(?", code(path))
    }
    assert makers == {"column.py"}
    for path in PACKAGE.rglob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", code(path))


def code(path: Path) -> str:
    """A file without its docstrings and comments."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r'"""[\s\S]*?"""|#.*', "", text)
