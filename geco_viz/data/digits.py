"""Seven digits that need no network: scikit-learn's bundled set, brought to MNIST's size."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import interpolate, pad

from geco_viz._checks import integer
from geco_viz.data.dataset import Dataset

__all__ = ["NOTE", "digits"]

NOTE = "seven 8x8 digits of scikit-learn's bundled set, enlarged: not MNIST"


def digits(draw: int = 0) -> Dataset:
    """Seven digits of seven different classes, (7, 1, 28, 28), without files or network.

    8x8 pixels are enlarged to 24x24 in a margin of two, with the contrast raised, so that strokes
    are about as sharp, and pixels vary as much over a draw, as MNIST's (RMS .20 to .27): the same
    kappas make sense.

    Args:
        draw: seed of the draw of classes and digits.

    Raises:
        TypeError, ValueError: `draw` is not a whole number from 0 to 2**32 - 1.

    Source: scikit-learn's `load_digits`, after Alpaydin and Kaynak's optical digits (UCI).

    Example:
        >>> digits(draw=0)
        Dataset('digits', n=7, shape=(1, 28, 28), note="seven 8x8 digits ...: not MNIST")
    """
    integer("draw", draw, low=0, high=2**32 - 1)
    table = _table()
    small, labels = table[:, :64].reshape(-1, 1, 8, 8) / 16, table[:, 64]
    random = np.random.RandomState(draw)
    classes = np.sort(random.permutation(10)[:7])
    chosen = [random.choice(np.flatnonzero(labels == label)) for label in classes]
    large = interpolate(
        torch.tensor(small[chosen], dtype=torch.float32), size=(24, 24), mode="bicubic"
    )
    x = pad(large.sub(0.5).mul(1.6).add(0.5).clamp(0, 1), (2, 2, 2, 2))
    y = torch.tensor(labels[chosen], dtype=torch.int64)
    return Dataset(x, y, name="digits", note=NOTE, info={"name": "digits", "draw": draw})


def _table() -> np.ndarray:
    # sklearn.datasets.load_digits reads this very file, after two seconds of imports.
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the digits come with scikit-learn: pip install scikit-learn")
    package = Path(spec.submodule_search_locations[0])
    return np.loadtxt(package / "datasets" / "data" / "digits.csv.gz", delimiter=",")
