"""MNIST, and Micro-MNIST: seven digits of its test set, the smallest set that shows everything."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from geco_viz._checks import choice, integer
from geco_viz.data.dataset import Dataset, count_info, first
from geco_viz.data.download import cache_folder, download
from geco_viz.data.idx import parse_idx, read_bytes

__all__ = ["at_hand", "micro_mnist", "mnist", "read", "root_info", "scaled"]

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


class _File(NamedTuple):
    stem: str
    archive_md5: str  # of the gzipped file that the mirrors serve
    content_md5: str  # of the bytes inside, which survive another packing


_FILES = {
    "train": (
        _File(
            "train-images-idx3-ubyte",
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "6bbc9ace898e44ae57da46a324031adb",
        ),
        _File(
            "train-labels-idx1-ubyte",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "a25bea736e30d166cdddb491f175f624",
        ),
    ),
    "test": (
        _File(
            "t10k-images-idx3-ubyte",
            "9fb629c4189551a2d022fa330f9573f3",
            "2646ac647ad5339dbf082846283269ea",
        ),
        _File(
            "t10k-labels-idx1-ubyte",
            "ec29112dd5afa0611ce80d1b7f02629c",
            "27ae3e4e09519cfbb04c329615203637",
        ),
    ),
}


def mnist(
    split: str = "train",
    root: str | os.PathLike[str] | None = None,
    count: int | None = None,
) -> Dataset:
    """The MNIST digits: 60,000 for training or 10,000 for testing, (n, 1, 28, 28).

    The files are looked for in `root` if it is given, else in the folder that GECO_VIZ_DATA names,
    else in the cache, into which they are downloaded once. They may be gzipped or not, and lie in
    the folder itself, in `mnist/` or in `MNIST/raw/`. Other well-formed files of 28x28 images, such
    as Fashion-MNIST's, are taken too; `note` says so.

    With `count` only the first so many; `note` says so.

    Raises:
        FileNotFoundError: `root` was given and the files are not there.
        TypeError, ValueError: a file is truncated, damaged, or not what its name says; `count` is
            no whole number >= 1.
        ConnectionError: the files are not at hand and no mirror could be reached.

    Source: LeCun, Cortes and Burges' MNIST, as used in section 4.
    """
    images, labels, note = read(split, root)
    kept, words = first(count, len(images))
    info = {"name": "mnist", "split": split} | root_info(root) | count_info(count)
    return Dataset(
        scaled(images[:kept]),
        _whole(labels[:kept]),
        name="mnist",
        note="; ".join(filter(None, [note, words])),
        info=info,
    )


def micro_mnist(draw: int = 0, root: str | os.PathLike[str] | None = None) -> Dataset:
    """Seven digits drawn from MNIST's test set: (7, 1, 28, 28), so KL is at most ln 7 = 1.95 nats.

    Args:
        draw: seed of the draw, `numpy.random.RandomState(draw).choice(10000, 7, replace=False)`.
        root: as for `mnist`.

    Raises:
        TypeError, ValueError: `draw` is not a whole number from 0 to 2**32 - 1.
        FileNotFoundError, ConnectionError: as `mnist`.

    Source: section 4.1's Micro-MNIST.
    """
    integer("draw", draw, low=0, high=2**32 - 1)
    images, labels, note = read("test", root)
    chosen = np.random.RandomState(draw).choice(len(images), 7, replace=False)
    info = {"name": "micro-mnist", "draw": draw} | root_info(root)
    return Dataset(
        scaled(images[chosen]), _whole(labels[chosen]), name="micro-mnist", note=note, info=info
    )


def at_hand() -> bool:
    """Whether Micro-MNIST's files are on this machine."""
    return _folder("test", None) is not None or all(
        (_cache() / f"{file.stem}.gz").is_file() for file in _FILES["test"]
    )


def read(
    split: str, root: str | os.PathLike[str] | None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], str]:
    """Images (n, 28, 28) and labels (n,) as the files have them, and a note on whose they are.

    Raises:
        as `mnist`.
    """
    files = _FILES[choice("split", split, _FILES)]
    folder = _folder(split, root)
    if folder is not None:
        paths = [_find(folder, file.stem) for file in files]
        missing = [file.stem for file, path in zip(files, paths, strict=True) if path is None]
        if missing:
            raise FileNotFoundError(f"{folder} lacks {missing[0]}(.gz), which belongs to MNIST")
    else:
        paths = [_fetch(file) for file in files]
    found = [path for path in paths if path is not None]
    contents = [read_bytes(path) for path in found]
    images = parse_idx(contents[0], 3, str(found[0]))
    labels = parse_idx(contents[1], 1, str(found[1]))
    if images.shape[1:] != (28, 28) or len(images) < 7:
        raise ValueError(
            f"{found[0]} must hold at least 7 images of 28x28 pixels, got shape {images.shape}"
        )
    if len(images) != len(labels) or labels.max() > 9:
        raise ValueError(
            f"{found[1]} must hold {len(images)} labels from 0 to 9, "
            f"got {len(labels)} up to {labels.max(initial=0)}"
        )
    same = all(
        hashlib.md5(content, usedforsecurity=False).hexdigest() == file.content_md5
        for content, file in zip(contents, files, strict=True)
    )
    return images, labels, "" if same else f"the files in {found[0].parent} are not MNIST's own"


def _folder(split: str, root: str | os.PathLike[str] | None) -> Path | None:
    named = root if root is not None else os.environ.get("GECO_VIZ_DATA")
    if not named:
        return None
    tried = [Path(named), Path(named) / "mnist", Path(named) / "MNIST" / "raw"]
    for folder in tried:
        if _find(folder, _FILES[split][0].stem):
            return folder
    if root is not None:
        raise FileNotFoundError(
            f"root={str(root)!r} must hold MNIST's files: no {_FILES[split][0].stem}(.gz) in "
            + ", ".join(str(folder) for folder in tried)
        )
    return None


def _find(folder: Path, stem: str) -> Path | None:
    # The files were first published with a dot: train-images.idx3-ubyte.
    dotted = stem.replace("-idx", ".idx")
    for name in (stem, f"{stem}.gz", dotted, f"{dotted}.gz"):
        if (folder / name).is_file():
            return folder / name
    return None


def _cache() -> Path:
    return cache_folder() / "mnist"


def _fetch(file: _File) -> Path:
    try:
        return download(f"{file.stem}.gz", MIRRORS, f"md5:{file.archive_md5}", _cache())
    except ConnectionError as error:
        named = os.environ.get("GECO_VIZ_DATA")
        looked = f" nor in GECO_VIZ_DATA={named}" if named else ""
        raise ConnectionError(
            f"MNIST is neither in {_cache()}{looked}, and {error}. With the files on this machine "
            'pass root= or set GECO_VIZ_DATA to their folder; data="digits" needs no files.'
        ) from error


def root_info(root: str | os.PathLike[str] | None) -> dict[str, Any]:
    """What `Dataset.info` says of the folder."""
    return {} if root is None else {"root": os.path.abspath(root)}


def scaled(images: NDArray[np.uint8]) -> torch.Tensor:
    """Images (n, H, W) as a tensor (n, 1, H, W) in [0, 1]."""
    return torch.from_numpy(images.astype(np.float32) / 255)[:, None]


def _whole(labels: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(labels.astype(np.int64))
