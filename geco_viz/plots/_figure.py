"""From plain traces and layout to a plotly figure: only here does this room import plotly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from geco_viz.plots.themes import template

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["curve_axis", "finish", "log_axis", "plain", "step_markers"]


def finish(
    theme: dict[str, Any], data: list[dict[str, Any]], title: str, subtitle: str, **layout: Any
) -> Figure:
    """Return the figure, its template passed explicitly."""
    from plotly.graph_objects import Figure

    heading = {"text": title, "subtitle": {"text": subtitle}}
    return Figure(data=data, layout={"template": template(theme), "title": heading, **layout})


def plain(figure: Figure) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the traces and the layout of a figure as dictionaries, arrays still arrays."""
    return [trace.to_plotly_json() for trace in figure.data], figure.layout.to_plotly_json()


def step_markers(
    theme: dict[str, Any], steps: Any, *, size: float = 6, bar: bool = False
) -> dict[str, Any]:
    """Return plotly's marker options for points coloured by iteration."""
    finite = steps[np.isfinite(steps)]
    marker: dict[str, Any] = {
        "color": steps,
        "colorscale": theme["iterations"],
        "cmin": 0.0,
        "cmax": float(finite.max()) if len(finite) and finite.max() > 0 else 1.0,
        "size": size,
        "showscale": bar,
    }
    if bar:
        marker["colorbar"] = {
            "title": {"text": "step", "side": "top", "font": {"size": 13, "color": theme["muted"]}},
            "thickness": 12,
            "outlinewidth": 0,
            "tickfont": {"size": 12, "color": theme["muted"]},
            "nticks": 6,
            "tickformat": "~s",
        }
    return marker


def curve_axis(title: str, span: list[float]) -> dict[str, Any]:
    """Return a linear axis over `span`."""
    return {"title": {"text": title}, "range": span, "type": "linear"}


def log_axis(title: str, span: list[float]) -> dict[str, Any]:
    """Return a log axis over `span` (in log10), labelled at 1, 2, 5 where few decades show."""
    decades = span[1] - span[0]
    tick: str | int = "D2" if decades < 2.2 else (1 if decades < 6 else 2)
    return {
        "title": {"text": title},
        "range": span,
        "type": "log",
        "dtick": tick,
        "tickformat": "~g",
    }
