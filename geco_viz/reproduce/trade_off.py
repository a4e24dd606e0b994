"""Final trade-offs in the information plane: a point a run, those of one kind joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from geco_viz.plots._figure import curve_axis, finish, log_axis
from geco_viz.plots.themes import category, theme_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["trade_off"]

SYMBOLS = ("circle", "square", "triangle-up", "diamond")

Series = Mapping[str, Any]


def trade_off(
    series: Sequence[Series],
    title: str,
    subtitle: str,
    theme: str,
    limit: tuple[Sequence[float], Sequence[float]] | None = None,
    log: bool = True,
    across: str = "reconstruction error κ̂ (RMS pixel)",
) -> Figure:
    """Draw series of final points, each a name, `x`, `y`, and `colour`, `symbol`, `joined`.

    Args:
        series: `x` (RMS pixel) and `y` (nats) of one length; `colour` and `symbol` are numbers,
            the same for what belongs together; `joined` draws a line.
        title, subtitle: above the picture.
        theme: "light" or "dark".
        limit: R(D) as error and rate, or None.
        log: whether KL is on a log scale.
        across: title of the axis of errors.

    Example:
        >>> figure = trade_off([{"name": "GECO", "x": [0.1], "y": [12.0]}], "", "", "light")
        >>> figure.data[0].name
        'GECO'
    """
    colours = theme_of(theme)
    data: list[dict[str, Any]] = []
    xs = [x for one in series for x in one["x"]]
    ys = [max(y, 1e-3) for one in series for y in one["y"]]
    if limit is not None:
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": list(limit[0]),
                "y": [max(y, 1e-3) for y in limit[1]],
                "line": {"color": colours["accent"], "width": 2},
                "name": "limit R(D)",
            }
        )
    for index, one in enumerate(series):
        colour = category(colours, one.get("colour", index))
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if one.get("joined") else "markers",
                "x": list(one["x"]),
                "y": [max(y, 1e-3) for y in one["y"]],
                "line": {"color": colour, "width": 1.5},
                "marker": {
                    "color": colour,
                    "size": 9,
                    "symbol": SYMBOLS[one.get("symbol", 0) % len(SYMBOLS)],
                },
                "name": one["name"],
            }
        )
    import math

    wide = [0.0, 1.12 * max(xs, default=1.0)]
    if log:
        spans = [math.log10(min(ys, default=1.0)) - 0.15, math.log10(max(ys, default=10.0)) + 0.15]
        up = log_axis("average KL (nats)", spans)
    else:
        up = curve_axis("average KL (nats)", [0.0, 1.12 * max(ys, default=1.0)])
    return finish(
        colours,
        data,
        title,
        subtitle,
        xaxis=curve_axis(across, wide),
        yaxis=up,
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        width=900,
        height=620,
        margin={"l": 76, "r": 24, "t": 84, "b": 130},
    )
