"""Data, reconstructions and samples, in one grid of one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geco_viz.plots._figure import finish
from geco_viz.plots._png import data_address
from geco_viz.plots.themes import theme_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["as_pixels", "images", "mosaic"]

WIDEST = 16


def as_pixels(name: str, values: Any) -> NDArray[np.uint8]:
    """Return `values` as uint8 (n, H, W, C), from uint8 or from floats in [0, 1].

    Raises:
        ValueError: it is not a set of images with 1 or 3 channels, or a float is outside [0, 1].
    """
    array = np.asarray(values)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] not in (1, 3):
        raise ValueError(
            f"{name} must be images of shape (n, H, W) or (n, H, W, C) with C = 1 or 3, "
            f"got shape {array.shape}"
        )
    if array.dtype == np.uint8:
        return array
    if array.size and not (array.min() >= 0 and array.max() <= 1):
        raise ValueError(
            f"{name} must be uint8 or floats in [0, 1], "
            f"got values from {array.min():g} to {array.max():g}"
        )
    return (255 * array + 0.5).astype(np.uint8)


def mosaic(rows: Sequence[NDArray[np.uint8]], gap: int = 2) -> NDArray[np.uint8]:
    """Return rows of images (n, H, W, C) as one RGBA picture with clear gaps of `gap` pixels."""
    height, width = rows[0].shape[1:3]
    count = max(len(row) for row in rows)
    shape = (len(rows) * (height + gap) - gap, max(count * (width + gap) - gap, 1), 4)
    canvas = np.zeros(shape, np.uint8)
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = i * (height + gap), j * (width + gap)
            tile = canvas[top : top + height, left : left + width]
            tile[..., :3] = image
            tile[..., 3] = 255
    return canvas


def images(
    data: Any,
    reconstruction: Any = None,
    sample: Any = None,
    labels: Any = None,
    theme: str = "light",
    step: int | None = None,
    context: Sequence[Any] = (),
) -> Figure:
    """Draw rows of data, reconstructions and samples of the prior, as one image trace.

    Args:
        data: (n, H, W) or (n, H, W, C), uint8 or floats in [0, 1], C = 1 or 3; the first 16
            are drawn.
        reconstruction: the same shape, or None.
        sample: (any number, H, W, C), or None.
        labels: (n,) names above the columns, or None.
        theme: "light" or "dark".
        step: the iteration of the pictures, named in the heading.
        context: what a conditional model was told: rows of images above the data.

    Raises:
        ValueError: a row is no set of images, or its images differ in size from the data's.

    Source: figures 4 to 6 of the paper show such rows.

    Example:
        >>> digits = np.zeros((2, 28, 28), np.uint8)
        >>> list(images(digits, digits).layout.yaxis.ticktext)
        ['data', 'recon']
    """
    colours = theme_of(theme)
    told = {f"told {i + 1}" if len(context) > 1 else "told": c for i, c in enumerate(context)}
    given = {**told, "data": data, "recon": reconstruction, "samples": sample}
    rows = {
        name: as_pixels(name, values)[:WIDEST]
        for name, values in given.items()
        if values is not None
    }
    for name, row in rows.items():
        if row.shape[1:] != rows["data"].shape[1:]:
            raise ValueError(
                f"{name} must have images of shape {rows['data'].shape[1:]} like data, "
                f"got {row.shape[1:]}"
            )
    gap = max(1, rows["data"].shape[1] // 14)
    picture = mosaic(list(rows.values()), gap)
    height, width = (size + gap for size in rows["data"].shape[1:3])
    across = [j * width + (width - gap - 1) / 2 for j in range(len(rows["data"]))]
    down = [i * height + (height - gap - 1) / 2 for i in range(len(rows))]
    names = [] if labels is None else [str(label) for label in np.asarray(labels)[: len(across)]]
    bare: dict[str, Any] = {"showgrid": False, "showline": False, "zeroline": False}
    whole = len(np.asarray(data))
    subtitle = [] if step is None else [f"step {step:,}"]
    subtitle += [f"first {WIDEST} of {whole:,}"] if whole > WIDEST else []
    if sample is not None and not subtitle:
        subtitle = ["samples are decoded from the prior"]
    words = {"data": "data", "recon": "reconstructions", "samples": "samples"}
    heading = ", ".join(words[name] for name in rows if name in words)
    return finish(
        colours,
        [{"type": "image", "source": data_address(picture), "hoverinfo": "skip", "name": "images"}],
        heading.capitalize(),
        "; ".join(subtitle),
        xaxis={
            **bare,
            "side": "top",
            "tickvals": across[: len(names)],
            "ticktext": names,
            "range": [-0.5, picture.shape[1] - 0.5],
            "constrain": "domain",
            "constraintoward": "left",
        },
        yaxis={
            **bare,
            "tickvals": down,
            "ticktext": list(rows),
            "range": [picture.shape[0] - 0.5, -0.5],
            "scaleanchor": "x",
            "constrain": "domain",
            "constraintoward": "top",
        },
        margin={"l": 84, "r": 24, "t": 96, "b": 20},
    )
