"""A widget with all the widgets inside it: how they are reached, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets

__all__ = ["Owner", "close_tree", "heed", "members"]


class Owner(widgets.Widget):
    """A widget of ours with what it holds: heard while a cell runs, and taken apart as a whole.

    Its `close` ends threads; its finaliser only takes it off the pages. ipywidgets' own calls
    `close`, also while Python ends, when a thread that is started never runs and whoever waits
    for one hangs.
    """

    def open(self) -> None:
        """Open the comms, and see to it that they are heard."""
        super().open()
        heed(self)

    def __del__(self) -> None:
        widgets.Widget.close(self)


def members(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """The widgets that this one's synchronised traits hold, layouts and styles too; itself last."""
    for key in widget.keys:
        for held in _flat(getattr(widget, key)):
            yield from members(held)
    yield widget


def heed(*roots: widgets.Widget) -> None:
    """Let the pages' messages to widgets and all that they hold arrive while a cell runs.

    JupyterLab addresses them to a thread of their own. ipykernel 7.4 turns them back to the shell
    that last spoke through the comm, mostly the main one, which may be busy for minutes.
    """
    for root in roots:
        for widget in members(root):
            if hasattr(widget.comm, "_reply_subshell_for"):
                widget.comm._reply_subshell_for = _as_addressed


def _as_addressed(data: Any, shell: str | None) -> str | None:
    return shell


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
