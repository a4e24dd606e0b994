"""Fixed points in the plane: figures 2 and 7 of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from geco_viz.plots._figure import finish
from geco_viz.plots.themes import theme_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["fixed_points_figure", "planes"]

TILES = 300  # trajectories drawn of each panel's; a browser feels every SVG point
SIZE = 270  # pixels of a panel


def planes(
    rows: Sequence[Sequence[tuple[str, Any, Any, Any]]],
    names: Sequence[str] = (),
    title: str = "Fixed points",
    theme: str = "light",
) -> Figure:
    """Draw a table of data planes: blue data, grey trajectories of the tiles, red where they end.

    Args:
        rows: of panels (heading, x (n, 2), psi (m, 2), trajectory (T, m, 2) or None).
        names: of the rows.
        title: of the figure.
        theme: "light" or "dark".

    Raises:
        ValueError: a panel whose points are not in the plane; rows of different lengths.

    Source: figure 7 of the paper.

    Example:
        >>> square = np.array([[0.0, 0.0], [1.0, 1.0]])
        >>> figure = planes([[("beta = 1", square, square, None)]])
        >>> [trace.name for trace in figure.data]
        ['data', 'fixed points']
    """
    colours = theme_of(theme)
    across = len(rows[0])
    if any(len(row) != across for row in rows):
        raise ValueError(f"rows must be of one length, got {[len(row) for row in rows]}")
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": []}
    size = 13 if across < 5 else 19  # a wide figure is printed smaller
    for r, row in enumerate(rows):
        for c, (heading, x, psi, path) in enumerate(row):
            axis = str(r * across + c + 1) if r + c else ""
            cell = [c / across + 0.004, (c + 0.97) / across]
            rise = [1 - (r + 0.9) / len(rows), 1 - r / len(rows)]
            data += _plane(colours, axis, x, psi, path, first=not axis)
            layout |= _axes(axis, x, cell, rise)
            layout["annotations"].append(_label(colours, heading, cell, rise[1], size))
        if names:
            layout["annotations"].append(_name(colours, names[r], rise, size))
    layout["width"], layout["height"] = across * SIZE + 80, len(rows) * SIZE + 150
    layout["legend"] = {
        "orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom",
        "font": {"size": size},
    }  # fmt: skip
    layout["margin"] = {"l": 44 if names else 20, "r": 20, "t": 104, "b": 46}
    return finish(colours, data, title, "blue: data; grey: trajectories of the tiles", **layout)


def fixed_points_figure(
    x: Any, found: Any, transitions: Any = None, theme: str = "light"
) -> Figure:
    """Draw figure 2: trajectories and fixed points at some beta, u(beta) and its bend below.

    Args:
        x: data (n, 2).
        found: `FixedPoints` at B values of beta, one panel each.
        transitions: `PhaseTransitions` of the same data, for the lower row,
            where grey lines mark the sharpest bends of u; or None.
        theme: "light" or "dark".

    Raises:
        ValueError: the data do not lie in the plane.

    Source: section 3.2, figure 2 and appendix A of the paper.

    Example:
        >>> from geco_viz.theory import example, fixed_points
        >>> x = example("clusters", 14)
        >>> figure = fixed_points_figure(x, fixed_points(x, [0.01], side=8))
        >>> figure.layout.annotations[0].text[:8]
        'β = 0.01'
    """
    panels = []
    for b in range(len(found.beta)):
        path = np.asarray(found.trajectory[b]) if found.trajectory.shape[1] > 1 else None
        count = int(found.count[b])
        points = f"{count} point{'s' if count > 1 else ''}"
        heading = f"β = {float(found.beta[b]):.3g}: {points}"
        panels.append((heading, x, np.asarray(found.psi[b]), path))
    figure = planes([panels], title="Reconstruction fixed points", theme=theme)
    return figure if transitions is None else _with_curves(figure, transitions, theme, len(panels))


def _with_curves(figure: Figure, transitions: Any, theme: str, across: int) -> Figure:
    colours = theme_of(theme)
    height = figure.layout.height + 260
    share = 300 / height  # of the lower row
    moved = {}
    for axis in list(figure.layout):
        if axis.startswith("yaxis") and figure.layout[axis] is not None:
            low, high = figure.layout[axis].domain
            moved[axis] = {"domain": [share + (1 - share) * low, share + (1 - share) * high]}
    for label in figure.layout.annotations:
        label.y = share + (1 - share) * label.y
    figure.update_layout(height=height, **moved)
    beta = np.asarray(transitions.beta)
    curved = -np.asarray(transitions.curvature)
    curves = ((transitions.error, "u (data units²)"), (curved, "−d²u/d(ln β)²"))
    for k, (values, name) in enumerate(curves):
        y = np.asarray(values)
        axis = str(across + k + 1)
        figure.add_scatter(
            x=beta, y=y, mode="lines", line={"color": colours["text"], "width": 2}, name=name,
            xaxis=f"x{axis}", yaxis=f"y{axis}", showlegend=False,
            hovertemplate="β %{x:.3g}<br>%{y:.3g}<extra></extra>",
        )  # fmt: skip
        domain = [0.055 + 0.52 * k, 0.46 + 0.54 * k]
        known = y[np.isfinite(y)]
        wide = max(float(known.max() - known.min()), 1e-9)
        span = [float(known.min()) - 0.06 * wide, float(known.max()) + 0.06 * wide]
        figure.layout[f"xaxis{axis}"] = {
            "type": "log", "domain": domain, "anchor": f"y{axis}", "title": {"text": "β"},
            "range": [float(np.log10(beta[0])), float(np.log10(beta[-1]))], "dtick": 1,
        }  # fmt: skip
        figure.layout[f"yaxis{axis}"] = {
            "domain": [0, share - 0.13], "anchor": f"x{axis}", "title": {"text": name},
            "range": span,
        }  # fmt: skip
        for bend in np.asarray(transitions.bends):
            figure.add_shape(
                type="line", x0=bend, x1=bend, y0=span[0], y1=span[1], xref=f"x{axis}",
                yref=f"y{axis}", line={"color": colours["ghost"], "width": 1.5}, layer="below",
            )  # fmt: skip
    return figure


def _plane(
    colours: dict[str, Any], axis: str, x: Any, psi: Any, path: Any, first: bool
) -> list[dict[str, Any]]:
    points, ends = np.asarray(x, dtype=np.float64), np.asarray(psi, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or ends.ndim != 2 or ends.shape[1] != 2:
        raise ValueError(f"x and psi must be (., 2), got {points.shape} and {ends.shape}")
    where = {"type": "scatter", "xaxis": f"x{axis}", "yaxis": f"y{axis}", "showlegend": first}
    traces: list[dict[str, Any]] = []
    if path is not None and len(path) > 1:
        ways = np.asarray(path, dtype=np.float64)
        picked = np.unique(np.linspace(0, ways.shape[1] - 1, TILES).astype(int))
        ways = ways[:, picked].transpose(1, 0, 2)
        gap = np.full((len(ways), 1, 2), np.nan)  # lifts the pen between two tiles
        line = np.concatenate([ways, gap], 1).reshape(-1, 2)
        traces.append(
            {
                **where, "mode": "lines", "x": line[:, 0], "y": line[:, 1],
                "line": {"color": colours["ghost"], "width": 0.6}, "opacity": 0.6,
                "hoverinfo": "skip", "name": "trajectories",
            }
        )  # fmt: skip
    traces.append(
        {
            **where, "mode": "markers", "x": points[:, 0], "y": points[:, 1],
            "marker": {"color": colours["categories"][0], "size": 7},
            "hovertemplate": "datum (%{x:.3f}, %{y:.3f})<extra></extra>", "name": "data",
        }
    )  # fmt: skip
    wide = max(float(np.ptp(points)), 1e-9)
    # A thousand tiles at seven places are seven marks.
    _, kept = np.unique(np.round(ends / (0.003 * wide)), axis=0, return_index=True)
    traces.append(
        {
            **where, "mode": "markers", "x": ends[kept, 0], "y": ends[kept, 1],
            "marker": {"color": colours["accent"], "size": 5},
            "hovertemplate": "fixed point (%{x:.3f}, %{y:.3f})<extra></extra>",
            "name": "fixed points",
        }
    )  # fmt: skip
    return traces


def _axes(axis: str, x: Any, across: list[float], up: list[float]) -> dict[str, Any]:
    points = np.asarray(x, dtype=np.float64)
    middle = (points.min(0) + points.max(0)) / 2
    reach = max(0.62 * float(np.ptp(points, axis=0).max()), 1e-9)
    bare = {"showticklabels": False, "showgrid": False, "showline": True, "mirror": True}
    return {
        f"xaxis{axis}": {
            **bare, "domain": across, "anchor": f"y{axis}",
            "range": [middle[0] - reach, middle[0] + reach], "constrain": "domain",
        },
        f"yaxis{axis}": {
            **bare, "domain": up, "anchor": f"x{axis}",
            "range": [middle[1] - reach, middle[1] + reach],
            "scaleanchor": f"x{axis}", "constrain": "domain",
        },
    }  # fmt: skip


def _label(
    colours: dict[str, Any], text: str, across: list[float], y: float, size: int
) -> dict[str, Any]:
    return {
        "x": sum(across) / 2, "y": y, "xref": "paper", "yref": "paper",
        "xanchor": "center", "yanchor": "bottom",
        "text": text, "showarrow": False, "font": {"size": size, "color": colours["muted"]},
    }  # fmt: skip


def _name(colours: dict[str, Any], text: str, up: list[float], size: int) -> dict[str, Any]:
    return {
        "x": 0, "xref": "paper", "xanchor": "right", "xshift": -8, "y": sum(up) / 2,
        "yref": "paper", "text": text, "textangle": -90, "showarrow": False,
        "font": {"size": size + 1, "color": colours["text"]},
    }  # fmt: skip
