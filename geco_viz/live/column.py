"""The column of controls at a dashboard's left: its stylesheet, its width, its words."""

from __future__ import annotations

from html import escape
from pathlib import Path

import ipywidgets as widgets

__all__ = ["WIDE", "Words", "column_layout", "heading", "style"]

STYLE = Path(__file__).parent / "static" / "controls.css"
WIDE = {"width": "100%"}  # plain: each widget makes a layout of its own of it


def column_layout() -> widgets.Layout:
    """The width and the edges of the column."""
    return widgets.Layout(width="250px", min_width="250px", padding="4px 8px", overflow="hidden")


def style() -> widgets.HTML:
    """A widget that is not seen and brings the stylesheet to the page."""
    sheet = widgets.HTML(f"<style>{STYLE.read_text('utf-8')}</style>")
    sheet.layout.display = "none"
    return sheet


class Words(widgets.HTML):
    """Words as they are: names and messages may be anybody's, and are never taken for markup.

    The one widget of ours that makes HTML of text.

    Args:
        text: what it says at first.
        tag: the element around it, "small" or "b".

    Example:
        >>> words = Words("<i>κ</i>")
        >>> words.value
        '<small>&lt;i&gt;κ&lt;/i&gt;</small>'
        >>> words.close()
    """

    def __init__(self, text: str = "", tag: str = "small"):
        self._tag = tag
        super().__init__()
        self.say(text)

    def say(self, text: str) -> None:
        """Show another text."""
        self.value = f"<{self._tag}>{escape(text)}</{self._tag}>"


def heading(text: str) -> Words:
    """A heading in the column."""
    return Words(text, "b")
