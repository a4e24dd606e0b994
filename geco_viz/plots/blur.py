"""Blur and holes: figure 1 of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from geco_viz.plots._figure import curve_axis, finish
from geco_viz.plots._png import data_address
from geco_viz.plots.pictures import as_pixels, mosaic
from geco_viz.plots.themes import category, theme_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["blur_figure"]


def blur_figure(tiles: Any, decoded: Any, theme: str = "light") -> Figure:
    """Draw tiles in a latent square, and beside them what the best decoder makes of each place.

    Args:
        tiles: (n, 4) boxes in the unit square: left, bottom, right, top.
        decoded: (s, s, C, H, W) images in [0, 1] at s x s places, z1 first; NaN in holes, which
            are drawn hatched: the ELBO does not say what is there.
        theme: "light" or "dark".

    Raises:
        ValueError: other shapes.

    Source: figure 1 and Prop. 3 of the paper.

    Example:
        >>> figure = blur_figure([[0, 0, 0.5, 1]], np.zeros((2, 2, 1, 8, 8)))
        >>> [trace.name for trace in figure.data]
        ['Ω1', 'decoder']
    """
    colours = theme_of(theme)
    boxes, images = np.asarray(tiles, float), np.asarray(decoded, float)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or images.ndim != 5:
        raise ValueError(
            f"tiles must be (n, 4) and decoded (s, s, C, H, W), got {boxes.shape}, {images.shape}"
        )
    data: list[dict[str, Any]] = []
    words: list[dict[str, Any]] = []
    for i, (a, b, c, d) in enumerate(boxes):
        colour = category(colours, i)
        data.append(
            {
                "type": "scatter", "mode": "lines", "x": [a, c, c, a, a], "y": [b, b, d, d, b],
                "fill": "toself", "fillcolor": _faint(colour), "name": f"Ω{i + 1}",
                "line": {"color": colour, "width": 2}, "hoverinfo": "name", "showlegend": False,
            }
        )  # fmt: skip
        words.append(
            {
                "x": a, "y": d, "xanchor": "left", "yanchor": "top", "text": f"Ω<sub>{i + 1}</sub>",
                "showarrow": False, "font": {"size": 16, "color": colours["text"]},
            }
        )  # fmt: skip
    picture = _mosaic(images)
    data.append(
        {
            "type": "image", "source": data_address(picture), "xaxis": "x2", "yaxis": "y2",
            "hoverinfo": "skip", "name": "decoder",
        }
    )  # fmt: skip
    high, wide = picture.shape[:2]
    bare = {"showgrid": False, "showline": False, "showticklabels": False}
    return finish(
        colours, data, "Blur and holes",
        "left: supports of the posteriors; right: the best decoder, hatched where nothing asks",
        xaxis={**curve_axis("z₁", [0, 1]), "domain": [0, 0.46], "constrain": "domain"},
        yaxis={**curve_axis("z₂", [0, 1]), "scaleanchor": "x", "constrain": "domain"},
        xaxis2={
            **bare, "domain": [0.54, 1], "anchor": "y2", "range": [-0.5, wide - 0.5],
            "constrain": "domain",
        },
        yaxis2={
            **bare, "anchor": "x2", "range": [high - 0.5, -0.5], "scaleanchor": "x2",
            "constrain": "domain",
        },
        annotations=words, width=900, height=500,
    )  # fmt: skip


def _mosaic(images: Any) -> Any:
    """The images, z2 upwards; holes hatched by diagonal lines."""
    side, _, _, h, w = images.shape
    hatch = np.where((np.add.outer(np.arange(h), np.arange(w)) % 6) < 2, 0.55, 0.82)
    filled = np.where(np.isnan(images), hatch, images)
    rows = [as_pixels("decoded", np.moveaxis(filled[:, side - 1 - j], 1, -1)) for j in range(side)]
    return mosaic(rows, 1)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.45)"
