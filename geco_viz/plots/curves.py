"""What GECO does over the iterations: the multiplier with β, and the error with κ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from geco_viz.plots._columns import constraint_names, note, read, spread, thin
from geco_viz.plots._figure import curve_axis, finish, log_axis, step_markers
from geco_viz.plots.themes import theme_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["UNITS", "error", "multiplier"]

UNITS = {"re": "RMS pixel", "fre": "RMS feature", "cla": "probability", "pncc": "correlation"}
LINEAR = ("probability", "correlation")
DASHES = ("dash", "dot", "dashdot", "longdash")


def multiplier(history: Any, theme: str = "light", limit: Any = None) -> Figure:
    """Draw β (coloured by iteration) and every λ (dashed) on a log scale, each named at its end.

    β = d_x κ² / 2λ is the variance of the Gaussian decoder that weighs the two terms alike; λ is
    the multiplier of Algorithm 1. A column that an objective lacks is NaN and is left out.

    Args:
        history: columns `step`, and of `beta` (data units²) and `multiplier/<constraint>` (nats)
            those that there are, each (n,).
        theme: "light" or "dark".
        limit: if it has `.critical`, (beta, points before, points after) of each merger of the
            data's best reconstruction points, those in sight are drawn as thin lines.

    Raises:
        ValueError: `step` is missing or the theme unknown.

    Source: Algorithm 1; equations 19 and 20 of the paper for β; figure 3.

    Example:
        >>> figure = multiplier({"step": [0, 1], "beta": [0.5, 4.0], "multiplier/re": [1.0, 0.2]})
        >>> figure.layout.yaxis.type
        'log'
    """
    colours = theme_of(theme)
    columns = read(history, ("step",))
    names = [name for name in columns if name == "beta" or name.startswith("multiplier/")]
    names = [name for name in names if (np.isfinite(columns[name]) & (columns[name] > 0)).any()]
    names.sort(key=lambda name: name != "beta")
    lambdas = [name for name in names if name != "beta"]
    step = columns["step"]
    kept = thin([columns[name] for name in names] or [step])
    data: list[dict[str, Any]] = []
    ends: list[tuple[float, str]] = []
    for name in names:
        values = columns[name][kept]
        short = name.partition("/")[2]
        label = "β" if name == "beta" else ("λ" if len(lambdas) == 1 else f"λ {short.upper()}")
        unit = "data units²" if name == "beta" else "nats"
        trace: dict[str, Any] = {
            "type": "scatter",
            "x": step[kept],
            "y": values,
            "name": f"{label} ({unit})",
            "hovertemplate": f"step %{{x:,}}<br>{label} %{{y:.4g}} {unit}<extra></extra>",
        }
        if name == "beta":
            marker = step_markers(colours, step[kept], size=5)
            data.append({**trace, "mode": "markers", "marker": marker})
        else:
            dash = DASHES[lambdas.index(name) % len(DASHES)]
            line = {"color": colours["text"], "width": 2, "dash": dash}
            data.append({**trace, "mode": "lines", "line": line})
        last = values[np.isfinite(values) & (values > 0)][-1]
        ends.append((float(np.log10(last)), f"{label} = {last:.3g}"))
    span = spread(*[columns[name] for name in names] or [np.ones(1)], log=True)
    drawn = note(len(kept), len(step))
    lines, words = _critical(colours, limit if "beta" in names else None, span)
    return finish(
        colours,
        data,
        "β and λ",
        "log scale" + (f"; {drawn}" if drawn else ""),
        xaxis=curve_axis("step", _steps(step)),
        yaxis=log_axis("β (data units²), λ (nats)", span),
        annotations=[*words, *_end_labels(colours, ends, span)],
        shapes=lines,
        showlegend=False,
        margin={"l": 70, "r": 86, "t": 72, "b": 60},
    )


def error(history: Any, theme: str = "light", units: Mapping[str, str] | None = None) -> Figure:
    """Draw each constraint's error, coloured by iteration, against its κ.

    Errors are in the units of κ: for RE √(mean over pixels of (x − x̂)²) ≤ κ is the constraint. The
    scale is log, but linear for probabilities and correlations (CLA, pNCC). A κ edited during the
    run shows as a step.

    Args:
        history: columns `step`, `err/<constraint>` and, where there is one, `kappa/<constraint>`.
        theme: "light" or "dark".
        units: what κ counts, by constraint, where it is not one of Table 1's.

    Raises:
        ValueError: `step` or every `err/` column is missing, or the theme is unknown.

    Source: Table 1 and figure 3 of the paper.

    Example:
        >>> figure = error({"step": [0, 1], "err/re": [0.2, 0.1], "kappa/re": [0.1, 0.1]})
        >>> figure.layout.yaxis.title.text
        'RE error (RMS pixel)'
    """
    colours = theme_of(theme)
    columns = read(history, ("step",))
    names = constraint_names(columns)
    if not names:
        raise ValueError(f"history must have a column 'err/...', got {', '.join(columns)}")
    step = columns["step"]
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    annotations: list[dict[str, Any]] = []
    drawn = ""
    gap = 0.12
    height = (1 - gap * (len(names) - 1)) / len(names)
    for row, name in enumerate(names):
        axis = "" if row == 0 else str(row + 1)
        values = columns[f"err/{name}"]
        kappa = columns.get(f"kappa/{name}", np.full(len(step), np.nan))
        # κ's own edges must survive thinning, or an edit would look like a slope.
        moved = np.flatnonzero(np.diff(kappa) != 0)
        moved = moved[np.isfinite(kappa[moved]) & np.isfinite(kappa[moved + 1])]
        kept = thin([values])
        drawn = note(len(kept), len(step))
        unit = (UNITS | dict(units or {})).get(name, "units of κ")
        edges = np.unique(np.concatenate([[0, max(len(step) - 1, 0)], moved + 1]))
        edges = edges[edges < len(step)].astype(int)
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": step[kept],
                "y": values[kept],
                "xaxis": f"x{axis}",
                "yaxis": f"y{axis}",
                "marker": step_markers(colours, step[kept], size=5),
                "hovertemplate": f"step %{{x:,}}<br>error %{{y:.4g}} {unit}<extra></extra>",
                "name": f"{name.upper()} error",
                "showlegend": False,
            }
        )
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": step[edges],
                "y": kappa[edges],
                "xaxis": f"x{axis}",
                "yaxis": f"y{axis}",
                "line": {"color": colours["accent"], "width": 2, "dash": "dot", "shape": "hv"},
                "hovertemplate": f"κ %{{y:.4g}} {unit}<extra></extra>",
                "name": f"κ {name.upper()}",
                "showlegend": False,
            }
        )
        log = unit not in LINEAR
        span = spread(values, kappa, log=log)
        title = f"{name.upper()} error ({unit})"
        bottom = 1 - height - row * (height + gap)
        layout[f"yaxis{axis}"] = {
            **(log_axis(title, span) if log else curve_axis(title, span)),
            "domain": [max(bottom, 0.0), min(bottom + height, 1.0)],
            "anchor": f"x{axis}",
        }
        layout[f"xaxis{axis}"] = {
            **curve_axis("step" if row == len(names) - 1 else "", _steps(step)),
            "anchor": f"y{axis}",
        }
        finite = kappa[np.isfinite(kappa) & ((kappa > 0) | (not log))]
        if len(finite):
            height_of = np.log10(finite[-1]) if log else finite[-1]
            annotations.append(
                _end_label(colours, f"κ = {finite[-1]:.3g}", height_of, axis, colours["accent"])
            )
    return finish(
        colours,
        data,
        "Error against κ",
        "one batch each" + (f"; {drawn}" if drawn else ""),
        annotations=annotations,
        margin={"l": 76, "r": 86, "t": 72, "b": 60},
        **layout,
    )


def _critical(
    colours: dict[str, Any], limit: Any, span: list[float]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    lines: list[dict[str, Any]] = []
    words: list[dict[str, Any]] = []
    last = -np.inf
    for beta, before, after in getattr(limit, "critical", ()):
        height = float(np.log10(beta))
        if not span[0] < height < span[1]:
            continue
        lines.append(
            {
                "type": "line",
                "x0": 0,
                "x1": 1,
                "xref": "x domain",
                "y0": beta,
                "y1": beta,
                "line": {"color": colours["ghost"], "width": 1},
                "name": f"critical temperature {beta:.3g}",
            }
        )
        if height - last < 0.05 * (span[1] - span[0]):
            continue
        last = height
        words.append(
            {
                "x": 0,
                "xref": "x domain",
                "xanchor": "left",
                "xshift": 4,
                "y": height,
                "yanchor": "bottom",
                "text": f"βc {beta:.3g}: {before} → {after}",
                "showarrow": False,
                "font": {"size": 11, "color": colours["muted"]},
            }
        )
    return lines, words


def _steps(step: Any) -> list[float]:
    finite = step[np.isfinite(step)]
    if not len(finite):
        return [0.0, 1.0]
    low, high = float(finite.min()), float(finite.max())
    return [low - 0.01 * (high - low), high + 0.02 * (high - low) + (high == low)]


def _end_label(
    colours: dict[str, Any], text: str, y: float, axis: str = "", colour: str = ""
) -> dict[str, Any]:
    return {
        "x": 1,
        "xref": f"x{axis} domain",
        "xanchor": "left",
        "xshift": 6,
        "y": float(y),
        "yref": f"y{axis}",
        "text": text,
        "showarrow": False,
        "font": {"size": 13, "color": colour or colours["text"]},
    }


def _end_labels(
    colours: dict[str, Any], ends: list[tuple[float, str]], span: list[float]
) -> list[dict[str, Any]]:
    """Return one label per curve beside its end, moved apart where two would touch."""
    apart = 0.075 * (span[1] - span[0])
    labels, previous = [], -np.inf
    for y, text in sorted(ends):
        y = max(y, previous + apart)
        previous = y
        labels.append(_end_label(colours, text, y))
    return labels
