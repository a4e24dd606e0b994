"""The merging tree: fixed points over beta, followed upwards and downwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from geco_viz.plots._figure import curve_axis, finish, log_axis
from geco_viz.plots.themes import theme_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["merging_tree_figure"]


def merging_tree_figure(tree: Any, theme: str = "light") -> Figure:
    """Draw where the fixed points are at each beta, and u(beta), on the way up and the way down.

    The upper panel shows the coordinate along which the points spread most. Where up and down
    differ both states are stable: a transition of first order, with hysteresis.

    Args:
        tree: `MergingTree`: `.up` and `.down`, each with `.beta`, `.error`, `.places`, `.masses`.
        theme: "light" or "dark".

    Source: section 3.2 and figure 2 of the paper.

    Example:
        >>> from geco_viz.theory import merging_tree
        >>> tree = merging_tree([[-1.0], [1.0]], [0.5, 0.9, 1.1], side=4)
        >>> [trace.name for trace in merging_tree_figure(tree).data]
        ['β rising', 'β falling', 'u rising', 'u falling']
    """
    colours = theme_of(theme)
    ways = (
        ("rising", tree.up, colours["accent"]),
        ("falling", tree.down, colours["categories"][0]),
    )
    found = (*tree.up.places, *tree.down.places)
    every = np.concatenate([np.asarray(place).reshape(len(place), -1) for place in found])
    centre = every.mean(0)
    axis = np.linalg.svd(every - centre, full_matrices=False)[2][0]
    data: list[dict[str, Any]] = []
    for name, branch, colour in ways:
        x, y, size = [], [], []
        for beta, place, mass in zip(branch.beta, branch.places, branch.masses, strict=True):
            across = (np.asarray(place).reshape(len(place), -1) - centre) @ axis
            x += [float(beta)] * len(across)
            y += across.tolist()
            size += (3 + 9 * np.sqrt(np.asarray(mass))).tolist()
        data.append(
            {
                "type": "scatter", "mode": "markers", "x": x, "y": y, "name": f"β {name}",
                "marker": {
                    "color": colour, "size": size, "symbol": "circle-open",
                    "line": {"width": 1.6, "color": colour},
                },
                "hovertemplate": f"{name}: β %{{x:.3g}}<br>at %{{y:.3g}}<extra></extra>",
            }
        )  # fmt: skip
    for name, branch, colour in ways:
        data.append(
            {
                "type": "scatter", "mode": "lines", "x": np.asarray(branch.beta),
                "y": np.asarray(branch.error), "xaxis": "x2", "yaxis": "y2",
                "line": {"color": colour, "width": 2}, "showlegend": False, "name": f"u {name}",
                "hovertemplate": f"{name}: β %{{x:.3g}}<br>u %{{y:.3g}}<extra></extra>",
            }
        )  # fmt: skip
    beta = np.log10(np.asarray(tree.up.beta))
    span = [float(beta.min()) - 0.03, float(beta.max()) + 0.03]
    heights = np.concatenate([np.asarray(trace["y"]) for trace in data[:2]])
    reach = 1.15 * max(float(np.abs(heights).max()), 1e-9)
    top = 1.1 * max(float(np.asarray(branch.error).max()) for _, branch, _ in ways)
    return finish(
        colours, data, "Merging tree", "size: prior mass of the tiles at a point",
        xaxis={**log_axis("", span), "domain": [0, 1], "anchor": "y"},
        yaxis={**curve_axis("first principal coordinate", [-reach, reach]), "domain": [0.44, 1]},
        xaxis2={**log_axis("β (data units²)", span), "domain": [0, 1], "anchor": "y2"},
        yaxis2={**curve_axis("u(β)", [-0.04 * top, top]), "domain": [0, 0.34], "anchor": "x2"},
        width=820, height=620,
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        margin={"l": 70, "r": 24, "t": 72, "b": 92},
    )  # fmt: skip
