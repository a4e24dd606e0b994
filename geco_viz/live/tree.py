"""A widget with all the widgets inside it: how they end, together or with Python."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets

__all__ = ["Owner", "close_tree", "members"]


class Owner(widgets.Widget):
    """A widget whose `close` ends threads: its finaliser only takes it off the pages.

    ipywidgets' own finaliser calls `close`, and calls it while Python ends, when a thread that is
    started never runs and whoever waits for one hangs.
    """

    def __del__(self) -> None:
        widgets.Widget.close(self)


def members(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """The widgets that this one's synchronised traits hold, layouts and styles too; itself last."""
    for key in widget.keys:
        for held in _flat(getattr(widget, key)):
            yield from members(held)
    yield widget


def close_tree(*roots: widgets.Widget) -> None:
    """Take widgets and all they hold off the pages: ipywidgets keeps those that are not closed.

    What an `Owner` among them has running ends with its own `close`, which comes first.
    """
    for root in roots:
        for widget in list(members(root)):
            widgets.Widget.close(widget)


def _flat(value: Any) -> Iterator[widgets.Widget]:
    if isinstance(value, widgets.Widget):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _flat(item)
