"""Marks of a figure as SVG elements (dots, lines, bars, an image), and where they lie."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np

from geco_viz.plots.themes import sample_scale

__all__ = ["Axes", "draw", "markers", "stroke", "text"]

DASHES = {"dot": "2 4", "dash": "8 6", "dashdot": "8 4 2 4", "longdash": "14 6"}
LEVELS = 24
# Where an outline begins, from the middle, and its sides, in halves of a marker's size.
SHAPES = {
    "square": ((-0.9, -0.9), (1.8, 0), (0, 1.8), (-1.8, 0)),
    "triangle-up": ((0, -1.1), (1.0, 1.8), (-2.0, 0)),
    "diamond": ((0, -1.2), (1.2, 1.2), (-1.2, 1.2), (-1.2, -1.2)),
}


class Axes:
    """Where one pair of axes lies on the page, in pixels, and how data gets there."""

    def __init__(self, layout: dict[str, Any], x: str, y: str, page: tuple[float, ...]):
        width, height, left, right, top, bottom = page
        self.x, self.y = layout["xaxis" + x[1:]], layout["yaxis" + y[1:]]
        plot_w, plot_h = width - left - right, height - top - bottom
        low, high = self.x.get("domain", (0, 1))
        self.left, self.right = left + low * plot_w, left + high * plot_w
        low, high = self.y.get("domain", (0, 1))
        self.top, self.bottom = top + (1 - high) * plot_h, top + (1 - low) * plot_h
        if "scaleanchor" in self.y:
            self._square()

    def _square(self) -> None:
        across = abs(self.x["range"][1] - self.x["range"][0])
        up = abs(self.y["range"][1] - self.y["range"][0])
        unit = min((self.right - self.left) / across, (self.bottom - self.top) / up)
        if self.x.get("constraintoward") == "left":
            self.right = self.left + unit * across
        else:
            middle = (self.left + self.right) / 2
            self.left, self.right = middle - unit * across / 2, middle + unit * across / 2
        if self.y.get("constraintoward") == "top":
            self.bottom = self.top + unit * up
        else:
            middle = (self.top + self.bottom) / 2
            self.top, self.bottom = middle - unit * up / 2, middle + unit * up / 2

    def share(self, axis: dict[str, Any], values: Any) -> Any:
        values = np.asarray(values, dtype=np.float64)
        if axis.get("type") == "log":
            values = np.log10(np.where(values > 0, values, np.nan))
        low, high = axis["range"]
        return (values - low) / (high - low)

    def across(self, values: Any) -> Any:
        return self.left + self.share(self.x, values) * (self.right - self.left)

    def down(self, values: Any) -> Any:
        return self.bottom - self.share(self.y, values) * (self.bottom - self.top)


def text(
    x: float, y: float, text: str, size: float, colour: str, anchor: str = "start", more: str = ""
) -> str:
    if text.startswith("<b>"):
        text, more = text[3:-4], more + ' font-weight="bold"'
    text = text.replace("<sub>", "").replace("</sub>", "")
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}" '
        f'text-anchor="{anchor}"{more}>{escape(text)}</text>'
    )


def stroke(colour: str, width: float, dash: str | None = None) -> str:
    dashes = f' stroke-dasharray="{DASHES[dash]}"' if dash in DASHES else ""
    return f'fill="none" stroke="{colour}" stroke-width="{width:g}"{dashes}'


def draw(place: Axes, trace: dict[str, Any]) -> str:
    kind: Callable[[Axes, dict[str, Any]], str] = {"bar": _bars, "image": _image}.get(
        trace["type"], _scatter
    )
    return kind(place, trace)


def _scatter(place: Axes, trace: dict[str, Any]) -> str:
    x, y = np.asarray(place.across(trace["x"])), np.asarray(place.down(trace["y"]))
    seen = np.isfinite(x) & np.isfinite(y)
    if not seen.any():
        return ""
    if "lines" not in trace["mode"]:
        return _errors(place, trace) + markers(x, y, seen, trace["marker"])
    line, places = trace["line"], (x, y, seen)
    if line.get("shape") == "hv":
        x, y, seen = (np.repeat(values, 2) for values in (x, y, seen))
        x, y, seen = x[1:], y[:-1], seen[1:] & seen[:-1]
    path, pen = "", "M"
    for i in range(len(x)):
        path += f"{pen}{x[i]:.1f} {y[i]:.1f}" if seen[i] else ""
        pen = "L" if seen[i] else "M"
    if trace.get("fill") == "tozeroy":
        floor = float(place.down(0.0))
        closed = f"{path}L{x[seen][-1]:.1f} {floor:.1f}L{x[seen][0]:.1f} {floor:.1f}Z"
        return f'<path d="{closed}" fill="{trace["fillcolor"]}"/>'
    joined = f'<path d="{path}" {stroke(line["color"], line.get("width", 2), line.get("dash"))}/>'
    marked = "markers" in trace["mode"]
    return joined + (markers(*places, trace["marker"]) if marked else "")


def markers(x: Any, y: Any, seen: Any, marker: dict[str, Any]) -> str:
    size = np.broadcast_to(np.asarray(marker["size"], dtype=np.float64), x.shape)
    if "-open" in str(marker.get("symbol", "")):
        return "".join(_open(x[i], y[i], size[i] / 2, marker) for i in np.flatnonzero(seen))
    colour = marker["color"]
    if isinstance(colour, str):
        groups = {colour: np.flatnonzero(seen)}
    else:
        span = (marker["cmax"] - marker["cmin"]) or 1.0
        position = (np.asarray(colour, dtype=np.float64) - marker["cmin"]) / span
        level = np.clip(np.nan_to_num(position) * LEVELS, 0, LEVELS - 1).astype(int)
        scale = [[float(stop), tone] for stop, tone in marker["colorscale"]]
        groups = {
            sample_scale(scale, (each + 0.5) / LEVELS): np.flatnonzero(seen & (level == each))
            for each in np.unique(level[seen])
        }
    dots = []
    outline_of = SHAPES.get(str(marker.get("symbol", "")))
    for tone, members in groups.items():
        if outline_of is not None:
            half = float(size[0]) / 2
            steps = "l".join(f"{half * a:.1f} {half * b:.1f}" for a, b in outline_of[1:])
            a, b = (half * value for value in outline_of[0])
            path = "".join(f"M{x[i] + a:.1f} {y[i] + b:.1f}l{steps}z" for i in members)
            dots.append(f'<path d="{path}" fill="{tone}"/>')
            continue
        # A stroke without length but with round ends is a dot: one element for a whole colour.
        path = "".join(f"M{x[i]:.1f} {y[i]:.1f}h0" for i in members)
        faint = f' opacity="{marker["opacity"]:g}"' if "opacity" in marker else ""
        dots.append(
            f'<path d="{path}" {stroke(tone, float(size[0]))} stroke-linecap="round"{faint}/>'
        )
    return "".join(dots)


def _open(x: float, y: float, radius: float, marker: dict[str, Any]) -> str:
    """A circle of plotly's -open kind, with -x- a cross in it, with -dot a dot."""
    outline, symbol = stroke(marker["color"], marker["line"]["width"]), marker["symbol"]
    made = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" {outline}/>'
    if "-x-" in symbol:
        a, b = -0.7 * radius, 1.4 * radius
        cross = f"M{x + a:.1f} {y + a:.1f}l{b:.1f} {b:.1f}M{x - a:.1f} {y + a:.1f}l{-b:.1f} {b:.1f}"
        made += f'<path d="{cross}" {outline}/>'
    if symbol.endswith("-dot"):
        made += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius / 3:.1f}" fill="{marker["color"]}"/>'
    return made


def _errors(place: Axes, trace: dict[str, Any]) -> str:
    path = ""
    x, y = np.asarray(trace["x"], float), np.asarray(trace["y"], float)
    for key in ("error_x", "error_y"):
        if key not in trace:
            continue
        half = np.nan_to_num(np.asarray(trace[key]["array"], float))
        dx, dy = (half, 0 * half) if key == "error_x" else (0 * half, half)
        for a, b, c, d in zip(
            place.across(x - dx), place.down(y - dy), place.across(x + dx), place.down(y + dy),
            strict=True,
        ):  # fmt: skip
            if math.isfinite(a + b + c + d):
                path += f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}"
    return f'<path d="{path}" {stroke(trace["marker"]["color"], 1.2)}/>' if path else ""


def _bars(place: Axes, trace: dict[str, Any]) -> str:
    zero, thick = float(place.across(0.0)), 0.8 * abs(float(place.down(1) - place.down(0)))
    return "".join(
        f'<rect x="{zero:.1f}" y="{float(place.down(y)) - thick / 2:.1f}" '
        f'width="{max(float(place.across(x)) - zero, 0):.1f}" height="{thick:.1f}" fill="{tone}"/>'
        for x, y, tone in zip(trace["x"], trace["y"], trace["marker"]["color"], strict=True)
    )


def _image(place: Axes, trace: dict[str, Any]) -> str:
    return (
        f'<image x="{place.left:.1f}" y="{place.top:.1f}" width="{place.right - place.left:.1f}" '
        f'height="{place.bottom - place.top:.1f}" style="image-rendering:pixelated" '
        f'preserveAspectRatio="none" href="{trace["source"]}"/>'
    )
