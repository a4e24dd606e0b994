"""The view without a browser: what it refuses, what it answers, what a saved notebook keeps."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_source import FakeSource, until

from geco_viz.live.scripts import plotly_js
from geco_viz.live.view import PANELS, View


class Sent:
    """A view whose messages are kept instead of sent."""

    def __init__(self, source: Any, panels: Any = PANELS) -> None:
        self.messages: list[tuple[dict[str, Any], list[Any]]] = []
        self.view = View(source, panels)
        self.view._pump._send = lambda content, buffers: self.messages.append((content, buffers))

    def receive(self, **content: Any) -> None:
        self.view._handle_custom_msg(content, [])

    def types(self) -> list[str]:
        return [content["type"] for content, _ in self.messages]


@pytest.fixture
def sent() -> Iterator[Sent]:
    sent = Sent(FakeSource().walk(30))
    yield sent
    sent.view.close()


@pytest.mark.parametrize("panels", [(), ("tiling", "tiling")])
def test_panels_are_named_once_and_at_least_one(panels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"panels must be at least one name, each once, got \("):
        View(FakeSource(), panels)


def test_an_unknown_panel_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="did you mean 'error'"):
        View(FakeSource(), ["errors"])


def test_what_is_no_source_is_refused_with_what_it_lacks() -> None:
    with pytest.raises(TypeError, match=r"source must be a Run.*without .*'pictures'"):
        View(SimpleNamespace(title="", history=None))  # type: ignore[arg-type]


def test_a_limit_is_not_asked_for_by_looking_at_a_source() -> None:
    class Costly(FakeSource):
        asked = 0

        @property
        def limit(self) -> Any:
            self.asked += 1

        @limit.setter
        def limit(self, value: Any) -> None: ...

    source = Costly()
    View(source).close()
    assert source.asked == 0


def test_repr_is_the_same_every_time() -> None:
    view = View(FakeSource(), ("tiling", "status"))
    assert repr(view) == "View('tiling', 'status')"
    view.close()


def test_a_saved_notebook_keeps_a_picture_or_a_line_and_no_plotly(sent: Sent) -> None:
    data = sent.view._repr_mimebundle_()[0]
    assert "data:image/svg+xml" in data["text/html"] and "satisfying" in data["text/html"]
    assert data["text/plain"] == repr(sent.view)
    assert "application/vnd.jupyter.widget-view+json" in data
    source = FakeSource()
    source.title = "<b>fresh</b>"
    fresh = View(source)
    line = fresh._repr_mimebundle_()[0]["text/html"]
    assert "Open this notebook in JupyterLab" in line and "&lt;b&gt;fresh" in line
    fresh.close()
    # plotly.js is 5 MB; the widget's state is saved with every notebook that keeps widgets.
    assert len(str(View._esm)) < 100_000


def test_a_picture_that_cannot_be_drawn_leaves_the_line(sent: Sent) -> None:
    sent.view.source.status = lambda: 1 / 0  # type: ignore[method-assign]
    assert "Open this notebook" in sent.view._repr_mimebundle_()[0]["text/html"]


def test_ready_is_answered_with_plotly_where_it_is_missing(sent: Sent) -> None:
    sent.receive(type="ready", view="a", plotly=False)
    assert sent.types()[:2] == ["plotly", "frame"]
    assert b"plotly.js v" in gzip.decompress(sent.messages[0][1][0])[:200]
    sent.receive(type="ready", view="b", plotly=True)
    assert sent.types().count("plotly") == 1 and sent.view.pages == 2


def test_pages_are_counted_and_observed(sent: Sent) -> None:
    seen: list[int] = []
    sent.view.observe(lambda change: seen.append(change["new"]), "pages")
    sent.receive(type="ready", view="a", plotly=True)
    sent.receive(type="ack", view="a", seq=1)
    sent.receive(type="closed", view="a")
    assert seen == [1, 0] and until(lambda: not sent.view._pump.running)


def test_a_probe_is_answered_with_an_image(sent: Sent) -> None:
    sent.receive(type="probe", view="a", id=7, z=[1.0, 0.0])
    content, buffers = sent.messages[-1]
    assert (content["id"], content["view"], content["hole"]) == (7, "a", False)
    image = np.frombuffer(buffers[0], np.uint8).reshape(content["h"], content["w"], content["c"])
    assert image.shape == (28, 28, 1) and image[0, 0, 0] == 40
    assert sum(content["weights"]) == pytest.approx(1, abs=1e-4)


def test_a_probe_that_fails_is_answered_too(sent: Sent) -> None:
    sent.receive(type="probe", view="a", id=8, z=[1.0])
    content, buffers = sent.messages[-1]
    assert content["id"] == 8 and content["error"].startswith("AssertionError") and not buffers


def test_close_is_final_and_ends_the_thread() -> None:
    sent = Sent(FakeSource().walk(5))
    sent.receive(type="ready", view="a", plotly=True)
    assert sent.view._pump.running
    sent.view.close()
    sent.view.close()
    count = len(sent.messages)
    sent.receive(type="ready", view="b", plotly=True)
    assert not sent.view._pump.running and len(sent.messages) == count


def test_plotly_js_is_packed_once() -> None:
    assert plotly_js() is plotly_js()
