"""The posterior tiling: how the data share the prior among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from geco_viz.plots._figure import curve_axis, finish
from geco_viz.plots.themes import category, theme_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["tiling"]

CLASSES = 14
SYMBOLS = ("circle", "triangle-up", "square")


def tiling(
    z: Any,
    labels: Any = None,
    tile_mass: Any = None,
    holes: float | None = None,
    theme: str = "light",
    points: int = 1400,
    step: int | None = None,
) -> Figure:
    """Draw posterior samples coloured by datum over the prior, and each tile's mass against 1/n.

    Tile i is where q(z | x_i) is the largest of all; its mass under the prior is 1/n where tiles
    are equiprobable, as they are for κ → 0. Up to 14 data have a colour (and then a symbol) each;
    more are coloured by label. Of too many samples an even share per datum is drawn.

    Args:
        z: (n, S, d) posterior samples, S per datum; the first two dimensions are drawn.
        labels: (n,) names of the data, or None.
        tile_mass: (n,) prior mass of each tile, NaN for a datum that shares its codes and has none;
            None or empty where nobody computed it.
        holes: prior mass where q(z) / prior(z) < 0.1; None or NaN where nobody computed it.
        theme: "light" or "dark".
        points: the most samples drawn.
        step: the iteration of the samples, named in the heading.

    Raises:
        ValueError: `z` is not (n, S, d) with d ≥ 2, or `labels` or `tile_mass` is not (n,).

    Source: section 3.4 and figure 8 of the paper.

    Example:
        >>> figure = tiling(np.zeros((3, 5, 2)), labels=[4, 7, 7])
        >>> [trace.name for trace in figure.data if trace.mode == "markers"]
        ['4', '7', '7']
    """
    colours = theme_of(theme)
    z = np.asarray(z, dtype=np.float64)
    if z.ndim != 3 or z.shape[2] < 2 or not z.shape[0]:
        raise ValueError(f"z must have shape (n, S, d) with n >= 1 and d >= 2, got {z.shape}")
    count, samples, latent = z.shape
    names = _row("labels", np.arange(count) if labels is None else labels, count)
    known = tile_mass is not None and len(tile_mass) > 0
    masses = np.asarray(_row("tile_mass", tile_mass, count), float) if known else None
    share = max(1, points // count)
    picked = np.unique(np.linspace(0, samples - 1, min(share, samples)).astype(int))
    apart = count <= CLASSES
    kinds = [str(name) for name in names] if apart else sorted({str(name) for name in names})
    data = _prior(colours)
    for index, kind in enumerate(kinds):
        members = [index] if apart else np.flatnonzero([str(name) == kind for name in names])
        cloud = z[members][:, picked].reshape(-1, latent)
        cloud = cloud[:: max(1, len(kinds) * len(cloud) // points)]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": cloud[:, 0],
                "y": cloud[:, 1],
                "marker": {
                    "color": category(colours, index),
                    "size": 4.5,
                    "symbol": SYMBOLS[index // len(colours["categories"]) % len(SYMBOLS)],
                },
                "name": kind,
                "hovertemplate": f"{kind}<br>z = (%{{x:.2f}}, %{{y:.2f}})<extra></extra>",
            }
        )
    layout: dict[str, Any] = {"showlegend": masses is None or not apart}
    beside = masses is not None and apart
    if beside and masses is not None:
        data.append(_bars(colours, kinds, masses * count))
        layout |= _beside(colours, kinds, masses * count)
    tail = f" of {latent}" if latent > 2 else ""
    subtitle = ["circles: prior at 1, 2, 3 σ"]
    subtitle += [] if holes is None or np.isnan(holes) else [f"holes {100 * holes:.3g} %"]
    subtitle += [] if step is None else [f"step {step:,}"]
    return finish(
        colours,
        data,
        "Posterior tiling",
        "; ".join(subtitle),
        xaxis={
            **curve_axis(f"z₁{tail}", [-3.6, 3.6]),
            "domain": [0, 0.72 if beside else 1],
            "constrain": "domain",
            "dtick": 1,
        },
        yaxis={
            **curve_axis("z₂", [-3.6, 3.6]),
            "scaleanchor": "x",
            "constrain": "domain",
            "dtick": 1,
        },
        **layout,
    )


def _row(name: str, values: Any, count: int) -> Any:
    row = np.asarray(values)
    if row.shape != (count,):
        raise ValueError(f"{name} must have shape ({count},), one for each datum, got {row.shape}")
    return row


def _prior(colours: dict[str, Any]) -> list[dict[str, Any]]:
    turn = np.linspace(0, 2 * np.pi, 121)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": radius * np.cos(turn),
            "y": radius * np.sin(turn),
            "line": {"color": colours["muted"], "width": 1, "dash": "dash"},
            "hoverinfo": "skip",
            "showlegend": False,
            "name": f"prior {radius} σ",
        }
        for radius in (1, 2, 3)
    ]


def _bars(colours: dict[str, Any], kinds: list[str], relative: Any) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "x": np.nan_to_num(relative),  # NaN: a datum without a tile of its own
        "y": np.arange(len(kinds)),
        "xaxis": "x2",
        "yaxis": "y2",
        "marker": {"color": [category(colours, index) for index in range(len(kinds))]},
        "hovertemplate": "n × tile mass %{x:.3f}<extra></extra>",
        "name": "tile mass × n",
        "showlegend": False,
    }


def _beside(colours: dict[str, Any], kinds: list[str], relative: Any) -> dict[str, Any]:
    return {
        "xaxis2": {
            **curve_axis(
                "tile mass × n", [0, 1.6 * max(float(np.nan_to_num(relative).max()), 1.0)]
            ),
            "domain": [0.8, 1],
            "anchor": "y2",
            "tickvals": [0, 1],
        },
        "yaxis2": {
            "anchor": "x2",
            "range": [len(kinds) - 0.5, -0.5],
            "tickvals": list(range(len(kinds))),
            "ticktext": kinds,
            "showgrid": False,
            "tickfont": {"size": 14, "color": colours["text"]},
        },
        "annotations": [
            {
                "x": 1,
                "xref": "x2 domain",
                "xanchor": "right",
                "y": index,
                "yref": "y2",
                "text": "–" if np.isnan(value) else f"{value:.2f}",
                "showarrow": False,
                "font": {"size": 13, "color": colours["text"]},
            }
            for index, value in enumerate(relative)
        ],
        "shapes": [
            {
                "type": "line",
                "x0": 1,
                "x1": 1,
                "xref": "x2",
                "y0": 0,
                "y1": 1,
                "yref": "y2 domain",
                "line": {"color": colours["muted"], "width": 1.5, "dash": "dash"},
                "name": "equal shares",
            }
        ],
    }
