"""The widget of an explorer: panels fed by a `Feed`, with the transport of the live view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from geco_viz.live.feed import Feed
from geco_viz.live.frames import Frames
from geco_viz.live.page import Page
from geco_viz.live.scripts import bundle

__all__ = ["Sheet"]


class Sheet(Page):
    """Panels of an explorer on the page.

    Args:
        feed: what the pages are to hold.
        panels: names of panels in `js/explorers/`.
        told: called with the messages of the page that are not the transport's.
    """

    _esm = bundle("explorers.js")
    _css = bundle("explorers.css")

    def __init__(
        self, feed: Feed, panels: tuple[str, ...], told: Callable[[dict[str, Any]], None]
    ) -> None:
        self._pass_on = told
        layout = {"flex": "1 1 0", "min_width": "0", "width": "auto"}
        super().__init__(cast(Frames, feed), panels, layout=layout)

    def _told(self, content: dict[str, Any]) -> None:
        self._pass_on(content)
