"""What the paper derives from MNIST: sets of digit triplets, with or without a context."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from geco_viz._checks import choice, integer
from geco_viz.data.dataset import Dataset, count_info, first
from geco_viz.data.mnist import read, root_info, scaled

__all__ = ["TRIPLETS", "rotated", "triplets"]

STEP = 30.0  # degrees that MNIST-rotate turns for each unit of its second label


class _Kind(NamedTuple):
    """How a set is made of triplets (I_0, I_1, I_2) with labels (l_0, l_1, l_2)."""

    third: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.int64]] | None
    target: tuple[int, ...]
    context: tuple[int, ...]
    turns: bool = False


def _sum(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    return (first + second) % 10


TRIPLETS = {
    "color-mnist": _Kind(None, (0, 1, 2), ()),
    "mnist-triplets": _Kind(_sum, (0, 1, 2), ()),
    "mnist-sum": _Kind(_sum, (2,), (0, 1)),
    "mnist-sum-hard": _Kind(_sum, (0, 1), (2,)),
    "mnist-rotate": _Kind(lambda first, second: first, (2,), (0, 1), turns=True),
}


def triplets(
    name: str,
    split: str = "train",
    root: str | os.PathLike[str] | None = None,
    seed: int = 0,
    count: int | None = None,
) -> Dataset:
    """One of the sets made of triplets (I_0, I_1, I_2) of MNIST digits with labels l_0, l_1, l_2.

    | name | x | context | the third digit |
    | --- | --- | --- | --- |
    | color-mnist | I_0, I_1, I_2 as RGB (3, 28, 28) | | any: 1000 modes |
    | mnist-triplets | I_0, I_1, I_2 (3, 28, 28) | | l_2 = (l_0 + l_1) mod 10 |
    | mnist-sum | I_2 (1, 28, 28) | I_0, I_1 (2, 28, 28) | l_2 = (l_0 + l_1) mod 10 |
    | mnist-sum-hard | I_0, I_1 (2, 28, 28) | I_2 (1, 28, 28) | l_2 = (l_0 + l_1) mod 10 |
    | mnist-rotate | I_2 turned by l_1 * 30 degrees | I_0, I_1 (2, 28, 28) | l_2 = l_0, not I_0 |

    There are as many triplets as the split has digits, or the first `count` of them, drawn with
    replacement: I_0 and I_1 from all digits, I_2 from those of its label. A positive angle turns
    counter-clockwise, about the image's centre, with bilinear interpolation and black from outside.

    `y` is the label of the target: its digits read as one number, the first channel's first, so
    0 to 999 for three channels, 0 to 99 for two, the digit itself for one. `factors` holds
    `digits` (n, 3), the three labels; `source` (n, 3), which images of the split they are; and for
    mnist-rotate `angle` (n,) in degrees.

    Raises:
        TypeError, ValueError: an unknown name or split, `seed` is no whole number >= 0, or `count`
            none >= 1.
        FileNotFoundError, ConnectionError: as `mnist`.

    Source: section 4.1; Color-MNIST after Metz et al. (2017).
    """
    kind = TRIPLETS[choice("name", name, TRIPLETS)]
    integer("seed", seed, low=0)
    pixels, digits_of, note = read(split, root)
    labels = digits_of.astype(np.int64)
    # The split and the set are part of the seed: one seed gives each of them triplets of its own.
    random = np.random.default_rng([seed, split == "test", list(TRIPLETS).index(name)])
    kept, words = first(count, len(labels))
    source = _draw(labels, kind, random)[:kept]
    digits = labels[source]
    images = scaled(pixels[source].reshape(-1, 28, 28)).reshape(-1, 3, 28, 28)
    factors = {"digits": torch.from_numpy(digits), "source": torch.from_numpy(source)}
    if kind.turns:
        factors["angle"] = STEP * factors["digits"][:, 1].float()
        images[:, 2:] = rotated(images[:, 2:], factors["angle"])
    shown = digits[:, kind.target]
    y = (shown * 10 ** np.arange(shown.shape[1])[::-1]).sum(1)
    info = {"name": name, "split": split, "seed": seed} | root_info(root) | count_info(count)
    return Dataset(
        images[:, kind.target].clone() if len(kind.target) < 3 else images,
        torch.from_numpy(y),
        images[:, kind.context].clone() if kind.context else None,
        name=name,
        note="; ".join(filter(None, [note, words])),
        info=info,
        factors=factors,
    )


def _draw(labels: NDArray[np.int64], kind: _Kind, random: np.random.Generator) -> NDArray[np.int64]:
    """Indices (n, 3) of the triplets' images."""
    count = len(labels)
    source = random.integers(count, size=(count, 3))
    if kind.third is None:
        return source
    wanted = kind.third(labels[source[:, 0]], labels[source[:, 1]])
    for digit in range(10):
        rows, of_digit = np.flatnonzero(wanted == digit), np.flatnonzero(labels == digit)
        picked = random.integers(len(of_digit), size=len(rows))
        if kind.turns:
            # Never I_0 itself: step past it, all other instances stay equally likely.
            own = np.searchsorted(of_digit, source[rows, 0])
            picked = (own + 1 + random.integers(len(of_digit) - 1, size=len(rows))) % len(of_digit)
        source[rows, 2] = of_digit[picked]
    return source


def rotated(images: Tensor, degrees: Tensor) -> Tensor:
    """Images turned counter-clockwise about their centre, bilinear, black from outside.

    Args:
        images: (n, C, H, W), H = W.
        degrees: (n,).

    Returns:
        (n, C, H, W).

    Example:
        >>> corner = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
        >>> rotated(corner, torch.tensor([90.0])).round()[0, 0].tolist()
        [[0.0, 0.0], [1.0, 0.0]]
    """
    radians = degrees.to(images) * (math.pi / 180)
    cos, sin, zero = radians.cos(), radians.sin(), torch.zeros_like(radians)
    # The map from each output place to where it is read, the y axis pointing down.
    rows = [torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)]
    turned = []
    for part, image in zip(torch.stack(rows, 1).split(4096), images.split(4096), strict=True):
        grid = F.affine_grid(part, list(image.shape), align_corners=False)
        turned.append(F.grid_sample(image, grid, align_corners=False).clamp(0, 1))
    return torch.cat(turned)
