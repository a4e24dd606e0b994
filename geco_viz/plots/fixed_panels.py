"""The four panels of the explorer of fixed points, as a picture that stands still."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from geco_viz.plots._figure import curve_axis, log_axis
from geco_viz.plots.fixed import planes
from geco_viz.plots.themes import theme_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["fixed_panels_figure"]


def fixed_panels_figure(
    x: Any,
    psi: Any,
    curve: Mapping[str, Any],
    tree: Any,
    *,
    paths: Any = None,
    heading: str = "",
    theme: str = "light",
) -> Figure:
    """Draw the fixed points at one beta, and over beta their places, u and its bend.

    Args:
        x: data (n, 2).
        psi: (m, 2), the tiles at one beta.
        curve: "beta", "error" (u) and "bend" (-d^2 u / d (ln beta)^2, None at the ends), as far as
            they are known, and "bends", the sharpest bends.
        tree: (k, 4) rows beta, x1, x2 and the share of the tiles, the fixed points at each beta.
        paths: (T, m, 2), the tiles' trajectories, or None.
        heading: of the plane.
        theme: "light" or "dark".

    Raises:
        ValueError: the data do not lie in the plane.

    Source: section 3.2 and figure 2 of the paper.

    Example:
        >>> known = {"beta": [0.1, 1.0], "error": [0.0, 1.0], "bend": [None, None], "bends": []}
        >>> figure = fixed_panels_figure([[0.0, 1.0]], [[0.0, 1.0]], known, [[0.1, 0.0, 1.0, 1.0]])
        >>> [trace.name for trace in figure.data]
        ['data', 'fixed points', 'merging tree', 'u(β)', '−d²u/d(ln β)²']
    """
    colours = theme_of(theme)
    figure = planes([[(heading, x, psi, paths)]], title="Reconstruction fixed points", theme=theme)
    places = np.asarray(tree, dtype=np.float64).reshape(-1, 4)
    beta = np.asarray(curve["beta"], dtype=np.float64)
    lines = [np.asarray(curve[name], dtype=np.float64) for name in ("error", "bend")]
    # A slant keeps places apart that are above each other.
    columns = [
        (places[:, 0], places[:, 1] + places[:, 2] / 4, "merging tree", "x₁ + x₂/4"),
        (beta, lines[0], "u(β)", "u (data units²)"),
        (beta, lines[1], "−d²u/d(ln β)²", "−d²u/d(ln β)²"),
    ]
    known = np.log10(beta) if len(beta) else np.array([-4.0, 0.0])
    left, right, low, high = [0.0, 0.44], [0.56, 1.0], [0.0, 0.42], [0.56, 0.98]
    for k, (at, values, name, title) in enumerate(columns):
        axis = str(k + 2)
        marker = {"color": colours["accent"], "size": 2.4 + 6 * np.sqrt(places[:, 3])}
        figure.add_scatter(
            x=at, y=values, name=name, showlegend=False, xaxis=f"x{axis}", yaxis=f"y{axis}",
            hovertemplate="β %{x:.3g}<br>%{y:.3g}<extra></extra>",
            **({"mode": "lines", "line": {"color": colours["text"], "width": 2}} if k
               else {"mode": "markers", "marker": marker}),
        )  # fmt: skip
        finite = values[np.isfinite(values)] if np.isfinite(values).any() else np.zeros(1)
        pad = 0.06 * max(float(np.ptp(finite)), 1e-9)
        span = [float(finite.min()) - pad, float(finite.max()) + pad]
        across, up = (left if k == 1 else right), (low if k else high)
        figure.layout[f"xaxis{axis}"] = {
            **log_axis("β (data units²)", [float(known.min()), float(known.max())]),
            "domain": across, "anchor": f"y{axis}",
        }  # fmt: skip
        figure.layout[f"yaxis{axis}"] = {
            **curve_axis(title, span), "domain": up, "anchor": f"x{axis}"
        }  # fmt: skip
        for place in curve["bends"]:
            figure.add_shape(
                type="line", x0=place, x1=place, y0=span[0], y1=span[1], xref=f"x{axis}",
                yref=f"y{axis}", line={"color": colours["ghost"], "width": 1.5}, layer="below",
            )  # fmt: skip
    figure.update_layout(
        width=860, height=760, xaxis_domain=left, yaxis_domain=high,
        margin={"l": 70, "r": 24, "t": 104, "b": 92},
    )  # fmt: skip
    figure.layout.annotations[0].update(x=sum(left) / 2, y=high[1])
    return figure
