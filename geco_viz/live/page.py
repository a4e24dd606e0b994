"""What every widget of ours does with its pages: a pump feeds them, and they answer it."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from geco_viz.live.frames import Frames
from geco_viz.live.pump import Pump
from geco_viz.live.scripts import plotly_js
from geco_viz.live.tree import Owner, close_tree

__all__ = ["Page"]


class Page(Owner, anywidget.AnyWidget):
    """Panels on the pages of a browser. A subclass brings `_esm`, `_css` and `_told`.

    Args:
        frames: what the pages are to hold.
        panels: names of panels in its script.

    Attributes:
        pages: how many pages show the widget now; observe it to learn that the last one closed.
    """

    panels = traitlets.Tuple().tag(sync=True)
    pages = traitlets.Int(0)

    def __init__(self, frames: Frames, panels: tuple[str, ...], **options: Any) -> None:
        super().__init__(panels=panels, **options)
        self._pump = Pump(frames, self._carry, self._count_pages)
        self.on_msg(Page._on_message)

    def push(self) -> bool:
        """Send what is new now, if the page is ready for it; returns whether a frame went out."""
        return self._pump.push()

    def close(self) -> None:
        """End the pump and remove the widget from every page."""
        self._pump.stop()
        close_tree(self)

    def _carry(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.send(content, buffers=buffers)

    def _count_pages(self, pages: int) -> None:
        self.pages = pages

    def _on_message(self, content: dict[str, Any], buffers: list[Any]) -> None:
        kind, page = content.get("type"), str(content.get("view", ""))
        if kind == "ready":
            if not content.get("plotly", True):
                self._pump.say({"type": "plotly"}, [plotly_js()])
            self._pump.ready(page)
        elif kind == "ack":
            self._pump.ack(page, int(content["seq"]), bool(content.get("painted", True)))
        elif kind == "closed":
            self._pump.closed(page)
        else:
            self._told(content)

    def _told(self, content: dict[str, Any]) -> None:
        """A message that is not the transport's."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.panels))})"
