"""What the explorers share: a column of controls, a sheet of panels, a worker for the newest."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from geco_viz.live.column import WIDE, column_layout, heading, style
from geco_viz.live.feed import Feed
from geco_viz.live.latest import Latest
from geco_viz.live.sheet import Sheet
from geco_viz.live.tree import Owner, close_tree

__all__ = ["Explorer", "choice_of"]


class Explorer(Owner, widgets.VBox):
    """A title, controls at the left and panels at the right; computation in a thread of its own.

    A subclass makes its controls, calls this with them, and implements `_work` (in the worker's
    thread, for the newest request), `_told` (messages of its panels) and `figure`.
    """

    _closed = True

    def __init__(self, title: str, panels: tuple[str, ...], controls: list[widgets.Widget]):
        self.feed = Feed()
        self._latest = Latest("explorer", self._safely, self._failed)
        self.sheet = Sheet(self.feed, panels, self._told)
        self.controls = widgets.VBox([*controls, style()], layout=column_layout())
        self.controls.add_class("geco-viz-controls")
        self._header = heading(title)
        body = widgets.HBox([self.controls, self.sheet])
        body.add_class("geco-viz-body")
        header = widgets.HBox([self._header])
        header.add_class("geco-viz-header")
        super().__init__([header, body])
        self.add_class("geco-viz-dashboard")
        self.title = title
        self.error: Exception | None = None
        self._closed = False
        self.feed.put("setup", {"title": title, "constraints": []})
        self.say("working", "Computing.")

    def wait(self, timeout: float = 60.0) -> bool:
        """Wait until what was asked last is computed; False if it takes longer."""
        return self._latest.wait(timeout)

    def say(self, phase: str, words: str, hint: str = "") -> None:
        """Write the status line."""
        self.feed.put("status", {"phase": phase, "words": words, "hint": hint})

    def figure(self, theme: str = "light") -> Any:
        """What the panels show now, as a plotly figure."""
        raise NotImplementedError

    def close(self) -> None:
        """End the worker and remove every widget."""
        if self._closed:
            return
        self._closed = True
        self._latest.close()
        self.sheet.close()
        close_tree(self)

    def _ask(self, request: Any) -> None:
        self._latest.ask(request)

    def _safely(self, request: Any) -> None:
        self.error = None
        self._work(request)

    def _work(self, request: Any) -> None:
        raise NotImplementedError

    def _told(self, message: dict[str, Any]) -> None:
        """A panel said something."""

    def _failed(self, error: Exception) -> None:
        self.error = error
        self.say("failed", f"{error}", "What is drawn here came before.")

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/html"] = self._still()
        return bundle

    def _still(self) -> str:
        """A picture for readers without widgets, or a line of text before there is anything."""
        words = f"<p><b>{escape(self.title)}</b>: an explorer. Run its cell in JupyterLab.</p>"
        try:
            from geco_viz.plots import svg

            return svg(self.figure())
        # Whoever displays the widget wants the widget: no picture must not stop it.
        except Exception:
            return words

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def choice_of(label: str, options: Any, act: Callable[[], None]) -> widgets.Dropdown:
    """A labelled menu that calls `act` when another entry is chosen."""
    menu = widgets.Dropdown(description=label, options=options, layout=WIDE)
    menu.style.description_width = "70px"
    menu.observe(lambda _: act(), "value")
    return menu
