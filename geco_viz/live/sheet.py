"""The widget of an explorer: panels fed by a `Feed`, with the transport of the live view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import anywidget
import traitlets

from geco_viz.live.feed import Feed
from geco_viz.live.frames import Frames
from geco_viz.live.pump import Pump
from geco_viz.live.view import SCRIPTS, STATIC, View, script

__all__ = ["Sheet"]

OWN = ("explorer.js", "fixed.js", "blur.js", "partition.js")
STYLES = ("view.css", "explorer.css")


class Sheet(anywidget.AnyWidget):
    """Panels of an explorer on the page.

    Args:
        feed: what the pages are to hold.
        panels: names of `PANEL_SPECS` in `explorer.js` and its neighbours.
        told: called with the messages of the page that are not the transport's.
    """

    _esm = script((*SCRIPTS, *OWN, "explore.js"))
    _css = "\n".join((STATIC / name).read_text("utf-8") for name in STYLES)

    panels = traitlets.Tuple().tag(sync=True)
    pages = traitlets.Int(0)

    def __init__(
        self, feed: Feed, panels: tuple[str, ...], told: Callable[[dict[str, Any]], None]
    ) -> None:
        super().__init__(panels=panels)
        self._told = told
        self._pump = Pump(cast(Frames, feed), self._carry, self._count_pages)
        self.on_msg(Sheet._on_message)

    def push(self) -> bool:
        """Send what is new now, if the page is ready for it."""
        return self._pump.push()

    def close(self) -> None:
        """End the pump and remove the widget from every page."""
        pump = getattr(self, "_pump", None)
        if pump is not None:
            pump.stop()
        super().close()

    _carry = View._carry
    _count_pages = View._count_pages
    _transport = View._transport

    def _on_message(self, content: dict[str, Any], buffers: list[Any]) -> None:
        if not self._transport(content):
            self._told(content)

    def __repr__(self) -> str:
        return f"Sheet({', '.join(map(repr, self.panels))})"
