"""Final trade-offs in the information plane: a point a run, those of one kind joined."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geco_viz.plots._figure import curve_axis, finish, log_axis
from geco_viz.plots.themes import category, theme_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["Key", "Series", "trade_off"]

SYMBOLS = ("circle", "square", "triangle-up", "diamond")
LEAST = 1e-3  # nats; what a log scale shows of a KL of 0

Series = Mapping[str, Any]


@dataclass(frozen=True)
class Key:
    """A line of the legend: a colour without a kind, or a kind without a colour.

    Attributes:
        name: its words.
        colour, symbol: numbers as in the series; a colour of None is neutral.
        mark: what the symbol's name ends with, such as "-open".
    """

    name: str
    colour: int | None = None
    symbol: int = 0
    mark: str = ""


def trade_off(
    series: Sequence[Series],
    title: str,
    subtitle: str,
    theme: str,
    *,
    limits: Sequence[Series] = (),
    asked: Sequence[float] = (),
    keys: Sequence[Key] = (),
    log: bool = True,
    from_zero: bool = True,
    across: str = "reconstruction error κ̂ (RMS pixel)",
) -> Figure:
    """Draw series of final points, each a name, `x`, `y`, and `colour`, `symbol`, `joined`.

    Args:
        series: `x` (RMS pixel) and `y` (nats) of one length; `colour` and `symbol` are numbers,
            the same for what belongs together; `joined` draws a line; `marks` says of each point
            what its symbol's name ends with, such as "-open".
        title, subtitle: above the picture.
        theme: "light" or "dark".
        limits: curves R(D), dashed: `name`, `x`, `y` and `colour`.
        asked: values of kappa, dotted and labelled.
        keys: the legend instead of the series' names.
        log: whether KL is on a log scale.
        from_zero: whether the axis of errors begins at 0.
        across: title of the axis of errors.

    Example:
        >>> figure = trade_off([{"name": "GECO", "x": [0.1], "y": [12.0]}], "", "", "light")
        >>> [trace.name for trace in figure.data]
        ['GECO']
    """
    colours = theme_of(theme)
    wide = _span([x for one in series for x in one["x"]], from_zero)
    data = [_curve(colours, one, wide) for one in limits]
    for index, one in enumerate(series):
        data += _traces(one, category(colours, one.get("colour", index)), not keys)
    data += [_key(colours, key) for key in keys]
    ys = [y for trace in data for y in trace["y"] if y is not None]
    return finish(
        colours,
        data,
        title,
        subtitle,
        xaxis=curve_axis(across, wide),
        yaxis=_upward(ys, log),
        shapes=[_vertical(colours, kappa) for kappa in asked],
        annotations=[_label(colours, kappa) for kappa in asked],
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        width=900,
        height=620,
        margin={"l": 76, "r": 24, "t": 108, "b": 130},
    )


def _span(xs: Sequence[float], from_zero: bool) -> list[float]:
    low, high = min(xs, default=0.0), max(xs, default=1.0)
    if from_zero:
        return [0.0, 1.12 * high]
    edge = 0.08 * (high - low) or 0.5
    return [low - edge, high + edge]


def _upward(ys: Sequence[float], log: bool) -> dict[str, Any]:
    if not log:
        return curve_axis("average KL (nats)", [0.0, 1.12 * max(ys, default=1.0)])
    low, high = math.log10(min(ys, default=1.0)), math.log10(max(ys, default=10.0))
    return log_axis("average KL (nats)", [low - 0.15, high + 0.15])


def _traces(one: Series, colour: str, listed: bool) -> list[dict[str, Any]]:
    """The line through the points, then the points, those of one mark together."""
    x, y = list(one["x"]), [max(value, LEAST) for value in one["y"]]
    shared = {"type": "scatter", "name": one["name"]}
    made: list[dict[str, Any]] = []
    if one.get("joined") and len(x) > 1:
        line = {"color": colour, "width": 1.5}
        made.append({**shared, "mode": "lines", "x": x, "y": y, "line": line, "showlegend": False})
    marks = one.get("marks") or [""] * len(x)
    for number, mark in enumerate(dict.fromkeys(["", *marks])):
        kept = [i for i, each in enumerate(marks) if each == mark]
        if kept or (listed and not number):
            made.append(
                {
                    **shared,
                    "mode": "markers",
                    "x": [x[i] for i in kept],
                    "y": [y[i] for i in kept],
                    "marker": _marker(colour, one.get("symbol", 0), mark),
                    "showlegend": listed and not number,
                }
            )
    return made


def _marker(colour: str, symbol: int, mark: str) -> dict[str, Any]:
    found = {"color": colour, "size": 9, "symbol": SYMBOLS[symbol % len(SYMBOLS)] + mark}
    # An open mark is larger, so that it stands out from the line through it.
    return {**found, "size": 12, "line": {"color": colour, "width": 2}} if mark else found


def _key(colours: dict[str, Any], key: Key) -> dict[str, Any]:
    """A trace without points, for the legend alone."""
    line = key.colour is not None
    colour = category(colours, key.colour) if key.colour is not None else colours["muted"]
    return {
        "type": "scatter",
        "mode": "lines" if line else "markers",
        "x": [None],
        "y": [None],
        "line": {"color": colour, "width": 6},
        "marker": _marker(colour, key.symbol, key.mark),
        "name": key.name,
    }


def _curve(colours: dict[str, Any], one: Series, wide: list[float]) -> dict[str, Any]:
    """A limit, as far as the picture goes; on a log scale it would fall for ever near R = 0."""
    kept = [i for i, (x, y) in enumerate(zip(one["x"], one["y"], strict=True)) if y > 0.05]
    kept = [i for i in kept if one["x"][i] <= wide[1]]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [one["x"][i] for i in kept],
        "y": [one["y"][i] for i in kept],
        "line": {"color": category(colours, one["colour"]), "width": 2, "dash": "dash"},
        "name": one["name"],
    }


def _vertical(colours: dict[str, Any], kappa: float) -> dict[str, Any]:
    line = {"color": colours["accent"], "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "x", "yref": "y domain", "x0": kappa, "x1": kappa, "y0": 0,
            "y1": 1, "line": line}  # fmt: skip


def _label(colours: dict[str, Any], kappa: float) -> dict[str, Any]:
    return {
        "xref": "x",
        "yref": "y domain",
        "x": kappa,
        "y": 1,
        "yanchor": "bottom",
        "text": f"κ = {kappa:g}",
        "showarrow": False,
        "font": {"size": 12, "color": colours["accent"]},
    }
