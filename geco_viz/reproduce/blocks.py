"""Pictures of runs in the numbers of a figure: small, plain text, and back to arrays."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geco_viz.training import Run

__all__ = ["block", "packed", "unpacked"]

SHOWN = 8


def packed(values: NDArray[Any]) -> dict[str, Any]:
    """An array as plain data.

    Example:
        >>> bool((unpacked(packed(np.arange(6).reshape(2, 3))) == [[0, 1, 2], [3, 4, 5]]).all())
        True
    """
    content = base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes(), 9))
    return {"shape": list(values.shape), "dtype": str(values.dtype), "zlib": content.decode()}


def unpacked(kept: dict[str, Any]) -> NDArray[Any]:
    """The array that `packed` was given."""
    content = zlib.decompress(base64.b64decode(kept["zlib"]))
    return np.frombuffer(content, kept["dtype"]).reshape(kept["shape"])


def block(run: Run) -> dict[str, Any]:
    """Data, reconstructions and samples of a run, as in figures 6 and 9 to 11."""
    shown = run.pictures()
    rows = {
        "data": shown.data,
        "reconstruction": shown.reconstruction,
        "sample": shown.sample,
    }
    return {name: packed(row[:SHOWN]) for name, row in rows.items()} | {
        "labels": list(shown.labels[:SHOWN])
    }
