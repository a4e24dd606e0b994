"""Colours and type of every picture, light and dark, as plain data.

They stand in palette.json, which the live page's scripts read too. Categories are Okabe and Ito's
palette without its vermillion: κ and the rate-distortion limit, drawn in the accent, never share a
colour with a tile. Yellow is darkened on white and black lightened on dark, where the originals
cannot be read; the accent is a vermillion moved away from that yellow, so that the two differ for
red- and green-blind eyes as well. Iterations use viridis, cut where it would vanish into the
background.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from geco_viz._checks import choice

__all__ = ["FONT", "THEMES", "category", "sample_scale", "template", "theme_of"]

_PALETTE: dict[str, Any] = json.loads(Path(__file__).with_name("palette.json").read_text("utf-8"))
FONT: str = _PALETTE["FONT"]
THEMES: dict[str, dict[str, Any]] = _PALETTE["THEMES"]


def theme_of(name: str) -> dict[str, Any]:
    """Return a copy of the named theme's colours.

    Raises:
        ValueError: `name` is neither "light" nor "dark".

    Example:
        >>> theme_of("light")["accent"]
        '#B5402A'
    """
    return copy.deepcopy(THEMES[choice("theme", name, THEMES)])


def category(theme: dict[str, Any], index: int) -> str:
    """Return the colour of datum or class `index`; after seven the colours come round again.

    Example:
        >>> category(theme_of("dark"), 7) == category(theme_of("dark"), 0)
        True
    """
    colours: list[str] = theme["categories"]
    return colours[index % len(colours)]


def sample_scale(scale: list[list[Any]], position: float) -> str:
    """Return the colour at `position` in [0, 1] of a scale, linear between its stops.

    Example:
        >>> sample_scale([[0.0, "#000000"], [1.0, "#FF8000"]], 0.5)
        '#804000'
    """
    position = min(max(float(position), 0.0), 1.0)
    low = max((stop for stop in scale if stop[0] <= position), key=lambda stop: stop[0])
    high = min((stop for stop in scale if stop[0] >= position), key=lambda stop: stop[0])
    share = 0.0 if high[0] == low[0] else (position - low[0]) / (high[0] - low[0])
    channels = [
        int((1 - share) * int(low[1][i : i + 2], 16) + share * int(high[1][i : i + 2], 16) + 0.5)
        for i in (1, 3, 5)
    ]
    return "#" + "".join(f"{channel:02X}" for channel in channels)


def template(theme: dict[str, Any]) -> dict[str, Any]:
    """Return the plotly template of a theme as plain data, complete without plotly's own defaults.

    Example:
        >>> template(theme_of("dark"))["layout"]["paper_bgcolor"]
        '#1E2128'
    """
    axis = {
        "gridcolor": theme["grid"],
        "linecolor": theme["grid"],
        "zeroline": False,
        "showline": True,
        "ticks": "",
        "automargin": True,
        "title": {"standoff": 8, "font": {"size": 15, "color": theme["muted"]}},
        "tickfont": {"size": 13, "color": theme["muted"]},
    }
    return {
        "layout": {
            "font": {"family": FONT, "size": 14, "color": theme["text"]},
            "title": {
                "x": 0,
                "xref": "container",
                "xanchor": "left",
                "pad": {"l": 16},
                "font": {"size": 18, "color": theme["text"]},
                "subtitle": {"font": {"size": 13, "color": theme["muted"]}},
            },
            "paper_bgcolor": theme["paper"],
            "plot_bgcolor": theme["paper"],
            "colorway": theme["categories"],
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"bgcolor": "rgba(0,0,0,0)", "font": {"size": 13}},
            "hoverlabel": {
                "bgcolor": theme["paper"],
                "bordercolor": theme["muted"],
                "font": {"family": FONT, "size": 13, "color": theme["text"]},
            },
            "margin": {"l": 70, "r": 24, "t": 72, "b": 60},
        }
    }
