"""A figure as SVG text, for where no script can run: GitHub, a PDF, a page that is printed.

It knows the parts of plotly that this room's figures use, and no others: scatter, horizontal bars,
one image, straight shapes, annotations, and axes whose range is given.
"""

from __future__ import annotations

import base64
import zlib
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from geco_viz.plots._figure import plain
from geco_viz.plots._marks import Axes, draw, markers, stroke, text
from geco_viz.plots._ticks import ticks
from geco_viz.plots.overview import run_figure
from geco_viz.plots.themes import FONT, theme_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["fallback_html", "fallback_svg", "svg"]


def svg(figure: Figure, width: int | None = None, height: int | None = None) -> str:
    """Return `figure`, one of this room's, as an SVG document without scripts or addresses.

    Args:
        figure: a figure of `geco_viz.plots`.
        width: pixels; left out, the figure's own or 720.
        height: pixels; left out, the figure's own or 460.

    Example:
        >>> from geco_viz.plots import multiplier
        >>> svg(multiplier({"step": [0, 1], "beta": [1.0, 2.0]}))[:4]
        '<svg'
    """
    drawn, layout = plain(figure)
    style = layout["template"]["layout"]
    width = width or layout.get("width", 720)
    height = height or layout.get("height", 460)
    margin = style["margin"] | layout.get("margin", {})
    page = (width, height, margin["l"], margin["r"], margin["t"], margin["b"])
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for trace in drawn:
        pairs.setdefault((trace.get("xaxis", "x"), trace.get("yaxis", "y")), []).append(trace)
    parts = [f'<rect width="{width}" height="{height}" fill="{style["paper_bgcolor"]}"/>']
    axes: dict[str, Axes] = {}
    for index, ((x, y), traces) in enumerate(pairs.items()):
        place = axes[x] = axes[y] = Axes(layout, x, y, page)
        parts.append(_frame(place, style))
        marks = "".join(draw(place, trace) for trace in traces)
        # Identifiers are the whole page's, which may hold other such pictures.
        clip = f"clip-{zlib.crc32(marks.encode()):08x}-{index}"
        parts.append(
            f'<clipPath id="{clip}"><rect x="{place.left:.1f}" y="{place.top:.1f}" '
            f'width="{place.right - place.left:.1f}" height="{place.bottom - place.top:.1f}"/>'
            "</clipPath>"
        )
        parts.append(f'<g clip-path="url(#{clip})">{marks}</g>')
    parts += [_shape(axes, shape) for shape in layout.get("shapes", ())]
    parts += [_annotation(axes, each, page, style) for each in layout.get("annotations", ())]
    parts.append(_title(layout, style, margin["t"], width))
    if layout.get("showlegend", True):
        parts.append(_legend(drawn, style, margin["l"], width, height))
    title = escape(layout["title"]["text"])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{title}" '
        f'font-family="{escape(style["font"]["family"])}">' + "".join(parts) + "</svg>"
    )


def fallback_svg(source: Any, theme: str = "light") -> str:
    """Return the overview of a run as SVG text, for a reader in which no widget can run.

    Args:
        source: as for `run_figure`.
        theme: "light" or "dark".
    """
    return svg(run_figure(source, theme))


def fallback_html(source: Any, theme: str = "light") -> str:
    """Return the overview of a run as one image in HTML, with its state in words beneath.

    Args:
        source: as for `run_figure`, and with `status()` where it has a state.
        theme: "light" or "dark".
    """
    picture = base64.b64encode(fallback_svg(source, theme).encode()).decode("ascii")
    status = source.status() if hasattr(source, "status") else None
    words = "" if status is None else escape(f"{status.phase}: {status.words}")
    title = escape(str(getattr(source, "title", "") or "Run"))
    style = f"color:{theme_of(theme)['muted']};font:14px {FONT}"
    return (
        f'<figure style="margin:0"><img alt="{title}. {words}" style="max-width:100%" '
        f'src="data:image/svg+xml;base64,{picture}">'
        f'<figcaption style="{style}">{words}</figcaption></figure>'
    )


def _frame(place: Axes, style: dict[str, Any]) -> str:
    """Return grid, ticks and axis titles."""
    parts = []
    muted = style["xaxis"]["tickfont"]["color"]
    grid = stroke(style["xaxis"]["gridcolor"], 1)
    left, right, top, bottom = place.left, place.right, place.top, place.bottom
    for value, label in ticks(place.x):
        at = float(place.across(value))
        if place.x.get("showgrid", True):
            parts.append(f'<path d="M{at:.1f} {top:.1f}V{bottom:.1f}" {grid}/>')
        y = top - 6 if place.x.get("side") == "top" else bottom + 18
        if place.x.get("showticklabels", True):
            parts.append(text(at, y, label, 13, muted, "middle"))
    for value, label in ticks(place.y):
        at = float(place.down(value))
        if place.y.get("showgrid", True):
            parts.append(f'<path d="M{left:.1f} {at:.1f}H{right:.1f}" {grid}/>')
        if place.y.get("showticklabels", True):
            parts.append(text(left - 6, at + 4.5, label, 13, muted, "end"))
    if place.x.get("showline", True):
        parts.append(f'<path d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}" {grid}/>')
    across = place.x.get("title", {}).get("text", "")
    if across:
        parts.append(text((left + right) / 2, bottom + 38, across, 15, muted, "middle"))
    up = place.y.get("title", {}).get("text", "")
    if up:
        x, y = left - 46, (top + bottom) / 2
        turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"'
        parts.append(text(x, y, up, 15, muted, "middle", turn))
    return "".join(parts)


def _place(axes: dict[str, Axes], ref: str, value: float) -> float:
    name, _, domain = ref.partition(" ")
    place = axes[name]
    if name[0] == "x":
        if domain:
            return place.left + value * (place.right - place.left)
        return float(place.across(value))
    if domain:
        return place.bottom - value * (place.bottom - place.top)
    value = 10**value if place.y.get("type") == "log" else value
    return float(place.down(value))


def _shape(axes: dict[str, Axes], shape: dict[str, Any]) -> str:
    x = [_place(axes, shape.get("xref", "x"), shape[key]) for key in ("x0", "x1")]
    y = [_place(axes, shape.get("yref", "y"), shape[key]) for key in ("y0", "y1")]
    line = shape["line"]
    path = f"M{x[0]:.1f} {y[0]:.1f}L{x[1]:.1f} {y[1]:.1f}"
    return f'<path d="{path}" {stroke(line["color"], line["width"], line.get("dash"))}/>'


def _annotation(
    axes: dict[str, Axes], each: dict[str, Any], page: tuple[float, ...], style: dict[str, Any]
) -> str:
    width, height, left, right, top, bottom = page
    if each.get("xref", "x") == "paper":
        x = left + each["x"] * (width - left - right)
        y = top + (1 - each["y"]) * (height - top - bottom)
    else:
        x = _place(axes, each.get("xref", "x"), each["x"])
        y = _place(axes, each.get("yref", "y"), each["y"])
    size = each["font"]["size"]
    drop = {"top": size, "bottom": -4.0}.get(each.get("yanchor", "middle"), 0.35 * size)
    anchor = {"left": "start", "right": "end"}.get(each.get("xanchor", "center"), "middle")
    colour = each["font"].get("color", style["font"]["color"])
    x, y = x + each.get("xshift", 0), y - each.get("yshift", 0) + drop
    angle = each.get("textangle", 0)
    if angle:  # plotly turns the text about its middle
        x, anchor = x - 0.5 * size, "middle"
    turn = f' transform="rotate({angle} {x:.1f} {y:.1f})"' if angle else ""
    return text(x, y, each["text"], size, colour, anchor, turn)


def _title(layout: dict[str, Any], style: dict[str, Any], top: float, width: float) -> str:
    title, fonts = layout["title"], style["title"]
    head = text(16, min(32, top), title["text"], 18, fonts["font"]["color"])
    below = title.get("subtitle", {}).get("text", "")
    size = min(13.0, (width - 32) / (0.55 * max(len(below), 1)))
    return head + text(16, 54, below, size, fonts["subtitle"]["font"]["color"]) if below else head


def _legend(
    traces: list[dict[str, Any]], style: dict[str, Any], left: float, width: float, height: float
) -> str:
    """Return the names of the traces in rows above the lower edge."""
    shown = [
        trace
        for trace in traces
        if trace["type"] == "scatter" and trace.get("showlegend", True) is not False
    ]
    places, x, row = [], float(left), 0
    for trace in shown:
        wide = 52 + 7.5 * len(trace["name"])
        if x > left and x + wide > width:
            x, row = float(left), row + 1
        places.append((x, row))
        x += wide
    parts = []
    for trace, (x, line_of) in zip(shown, places, strict=True):
        y = height - 16 - 20 * (row - line_of)
        if "lines" in trace["mode"]:
            line = trace["line"]
            pen = stroke(line["color"], line.get("width", 2), line.get("dash"))
            parts.append(f'<path d="M{x:.1f} {y}h26" {pen}/>')
        if "markers" in trace["mode"]:
            one, seen = np.array([x + 13]), np.array([True])
            marker = {**trace["marker"], "size": 8}
            parts.append(markers(one, np.array([float(y)]), seen, marker))
        parts.append(text(x + 32, y + 4.5, trace["name"], 13, style["font"]["color"]))
    return "".join(parts)
