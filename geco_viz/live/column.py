"""The column of controls at a dashboard's left: its stylesheet, its width, its headings."""

from __future__ import annotations

from html import escape
from pathlib import Path

import ipywidgets as widgets

__all__ = ["WIDE", "column_layout", "heading", "style"]

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


def heading(text: str) -> widgets.HTML:
    """A heading in the column."""
    return widgets.HTML(f"<b>{escape(text)}</b>")
