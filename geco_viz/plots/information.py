"""The information plane: the rate a run pays for its distortion, above the limit R(D)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geco_viz.plots._columns import Columns, newest, note, read, thin
from geco_viz.plots._figure import curve_axis, finish, step_markers
from geco_viz.plots._limit import limit_marks
from geco_viz.plots.themes import theme_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["information_plane"]

# Ghosts are there for their place, not their detail.
GHOSTLY = 240
WALK = 0.99  # the share of the steps that the axes take in


def information_plane(
    history: Any,
    limit: Any = None,
    evaluations: Any = None,
    ghosts: Iterable[Any] = (),
    kappa: float | None = None,
    theme: str = "light",
) -> Figure:
    """Draw KL against reconstruction error, coloured by iteration, over the rate-distortion limit.

    No model can be below R(D) = min I(x; z) subject to E[err] ≤ κ²; the side below it, less the
    certificate, is shaded. At most 1000 steps are drawn, with the extremes of every stretch kept.

    Args:
        history: columns `step`, `kl` (nats) and `err/re` (RMS pixel), each (n,).
        limit: has `.kappa` (m,) RMS pixel, `.rate` (m,) nats, `.certificate` nats, scalar or (m,).
        evaluations: columns `kappa_hat/re` and `kl`, with `/se` columns drawn as error bars.
        ghosts: earlier runs, each with `.name` and `.rows` (k, 3): step, err/re, kl.
        kappa: the vertical line, RMS pixel; left out, the history's newest `kappa/re`.
        theme: "light" or "dark".

    Raises:
        ValueError: a column is missing or the theme unknown.

    Source: section 3.1 and figure 3 of the paper; the limit is that of the empirical distribution.

    Example:
        >>> run = {"step": [0, 1], "kl": [0.1, 1.8], "err/re": [0.2, 0.05]}
        >>> figure = information_plane(run)
        >>> figure.layout.xaxis.title.text
        'reconstruction error (RMS pixel)'
    """
    colours = theme_of(theme)
    columns = read(history, ("step", "kl", "err/re"))
    error, kl, step = columns["err/re"], columns["kl"], columns["step"]
    kept = thin([error, kl])
    kappa = newest(columns, "kappa/re") if kappa is None else kappa
    shots = read(evaluations, ("step", "kappa_hat/re", "kl")) if evaluations is not None else {}
    data, annotations, shapes = [], [], []
    if limit is not None:
        traces, label = limit_marks(colours, limit, kappa)
        data += traces
        annotations += label
    data += [_ghost(colours, ghost) for ghost in ghosts]
    data.append(
        {
            "type": "scatter",
            "mode": "lines",
            "x": error[kept],
            "y": kl[kept],
            "line": {"color": colours["grid"], "width": 1},
            "hoverinfo": "skip",
            "showlegend": False,
            "name": "path",
        }
    )
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "x": error[kept],
            "y": kl[kept],
            "marker": step_markers(colours, step[kept], bar=True),
            "customdata": step[kept],
            "hovertemplate": "step %{customdata:,}<br>error %{x:.4f} RMS pixel<br>"
            "KL %{y:.3f} nats (one batch)<extra></extra>",
            "name": "training steps",
            "showlegend": False,
        }
    )
    if shots and len(shots["step"]):
        data.append(_evaluations(colours, shots))
    elif len(error):
        data.append(_last(colours, error[-1:], kl[-1:]))
    data += _tangent(colours, columns)
    if kappa is not None:
        shapes.append(_vertical(colours, kappa))
        annotations.append(_kappa_label(colours, kappa))
    across, up = _ranges(columns, limit, kappa, shots)
    outside = int(((error > across[1]) | (kl > up[1])).sum())
    words = ["coloured by iteration", note(len(kept), len(step))]
    words += [f"{outside:,} of {len(step):,} steps lie outside"] if outside else []
    words.append(str(getattr(limit, "note", "") or ""))
    return finish(
        colours,
        data,
        "Information plane",
        "; ".join(each for each in words if each),
        xaxis=curve_axis("reconstruction error (RMS pixel)", across),
        yaxis=curve_axis("KL (nats)", up),
        shapes=shapes,
        annotations=annotations,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
        },
        margin={"l": 70, "r": 24, "t": 72, "b": 92},
    )


def _ghost(colours: dict[str, Any], ghost: Any) -> dict[str, Any]:
    rows = np.asarray(ghost.rows, dtype=np.float64).reshape(-1, 3)
    rows = rows[thin([rows[:, 1], rows[:, 2]], GHOSTLY)] if len(rows) else rows
    return {
        "type": "scatter",
        "mode": "lines",
        "x": rows[:, 1],
        "y": rows[:, 2],
        "line": {"color": colours["ghost"], "width": 1.4},
        "customdata": rows[:, 0],
        "hovertemplate": "step %{customdata:,}<br>error %{x:.4f} RMS pixel<br>KL %{y:.3f} nats"
        f"<extra>{ghost.name}</extra>",
        "name": f"earlier: {ghost.name}",
    }


def _evaluations(colours: dict[str, Any], shots: Columns) -> dict[str, Any]:
    bars = {
        name: {"type": "data", "array": shots[f"{column}/se"], "thickness": 1.2, "width": 0}
        for name, column in (("error_x", "kappa_hat/re"), ("error_y", "kl"))
        if f"{column}/se" in shots
    }
    size = np.full(len(shots["step"]), 8.0)
    size[-1:] = 14.0
    return {
        "type": "scatter",
        "mode": "markers",
        "x": shots["kappa_hat/re"],
        "y": shots["kl"],
        "marker": _ring(colours, size),
        **{name: {**bar, "color": colours["text"]} for name, bar in bars.items()},
        "customdata": shots["step"],
        "hovertemplate": "evaluation at step %{customdata:,}<br>κ̂ %{x:.4f} RMS pixel<br>"
        "average KL %{y:.3f} nats<extra></extra>",
        "name": "evaluations",
    }


def _last(
    colours: dict[str, Any], x: NDArray[np.float64], y: NDArray[np.float64]
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "marker": _ring(colours, 14),
        "hoverinfo": "skip",
        "name": "newest step",
    }


def _ring(colours: dict[str, Any], size: Any) -> dict[str, Any]:
    line = {"width": 1.8, "color": colours["text"]}
    return {"symbol": "circle-open", "size": size, "color": colours["text"], "line": line}


def _tangent(colours: dict[str, Any], columns: Columns) -> list[dict[str, Any]]:
    """Return lambda as the slope dKL/derr = -2 lambda/err at the mean of the last 50 steps."""
    priced = [name for name in columns if name.startswith("multiplier/")]
    if priced != ["multiplier/re"] or len(columns["step"]) < 2:
        return []
    recent = (columns[name][-50:] for name in ("err/re", "kl", "multiplier/re"))
    error, kl, price = (float(np.nanmean(v)) if np.isfinite(v).any() else np.nan for v in recent)
    if not np.isfinite(error * kl * price) or error <= 0:
        return []
    across = error * np.array([0.85, 1.15])
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": across,
            "y": kl - 2 * price / error * (across - error),
            "line": {"color": colours["text"], "width": 2},
            "name": "slope −λ (along R(D) at rest)",
            "hovertemplate": f"dKL/derr = −2λ/err, λ = {price:.3g} nats<extra></extra>",
        }
    ]


def _vertical(colours: dict[str, Any], kappa: float) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": kappa,
        "x1": kappa,
        "xref": "x",
        "y0": 0,
        "y1": 1,
        "yref": "y domain",
        "line": {"color": colours["accent"], "width": 2, "dash": "dot"},
        "name": "kappa",
    }


def _kappa_label(colours: dict[str, Any], kappa: float) -> dict[str, Any]:
    return {
        "x": kappa,
        "y": 1,
        "yref": "y domain",
        "yanchor": "top",
        "xanchor": "left",
        "xshift": 4,
        "text": f"κ = {kappa:.3g}",
        "showarrow": False,
        "font": {"color": colours["accent"], "size": 14},
    }


def _ranges(
    columns: Columns, limit: Any, kappa: float | None, shots: Columns
) -> tuple[list[float], list[float]]:
    """Return axis ranges around the limit and all of the walk but its wildest steps."""
    spans = []
    for name, shot, curve, extra in (
        ("err/re", "kappa_hat/re", "kappa", [] if kappa is None else [1.6 * kappa]),
        ("kl", "kl", "rate", []),
    ):
        walk = columns[name][np.isfinite(columns[name])]
        tops = list(extra)
        # One early batch can cost a hundred times the rest, which would then be a dot.
        tops += [float(np.quantile(walk, WALK))] if len(walk) else []
        tops += [float(np.nanmax(np.asarray(getattr(limit, curve))))] if limit is not None else []
        tops += [float(np.nanmax(shots[shot]))] if shots and len(shots[shot]) else []
        top = max([top for top in tops if np.isfinite(top)], default=1.0)
        floor = min(0.0, float(walk.min())) if len(walk) else 0.0
        spans.append([floor * 1.1, 1.15 * max(top, 1e-6)])
    return spans[0], spans[1]
