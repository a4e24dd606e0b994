"""CelebA from its published layout: aligned JPEGs, cropped to the face and reduced."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from geco_viz._checks import choice, integer
from geco_viz.data.dataset import Dataset, first

__all__ = ["celeba"]

FOLDER, PARTITION = "img_align_celeba", "list_eval_partition.txt"
WIDTH, HEIGHT = 178, 218  # of the aligned images
_SPLITS = {"train": "0", "valid": "1", "test": "2"}


def celeba(
    split: str = "train",
    root: str | os.PathLike[str] | None = None,
    size: int = 64,
    crop: int = 148,
    count: int | None = None,
) -> Dataset:
    """CelebA's aligned faces, (n, 3, size, size): 162,770 to train, 19,867 to validate, 19,962.

    Each 178x218 image is cut to the square of `crop` pixels about its centre and reduced to `size`
    with a box filter. The whole training set takes 12 * size**2 bytes an image: 8.0 GB at 64,
    2.0 GB at 32. CelebA is not downloaded: its terms ask for consent, which only you can give.

    Args:
        split: "train", "valid" or "test".
        root: the folder that holds `img_align_celeba/` and `list_eval_partition.txt`, itself or in
            `celeba/`; by default the one that GECO_VIZ_DATA names.
        size: pixels of a side, at most `crop`.
        crop: pixels of the square's side, at most 178.
        count: only the first so many images of the split; `note` says so.

    Raises:
        FileNotFoundError: no folder, no partition file, or an image that the partition lists is
            not there.
        TypeError, ValueError: a number out of its range; a partition file of another format; an
            image that is damaged or of another size.

    Source: Liu et al. (2015), as used in section 4; the paper does not give its crop and size.
    """
    code = _SPLITS[choice("split", split, _SPLITS)]
    integer("crop", crop, low=1, high=WIDTH)
    integer("size", size, low=1, high=crop)
    base = _find(root)
    names = _partition(base / PARTITION, code)
    kept, words = first(count, len(names))
    wanted = names[:kept]
    if not wanted:
        raise ValueError(f"{base / PARTITION} must list images of {split!r}, got none")
    missing = [name for name in wanted if not (base / FOLDER / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{base / FOLDER} lacks {len(missing)} of the {len(wanted)} images that {PARTITION} "
            f"lists for {split!r}, {missing[0]} first"
        )
    x = torch.empty(len(wanted), 3, size, size)

    def fill(index: int) -> None:
        pixels = _read(base / FOLDER / wanted[index], crop, size)
        x[index] = torch.from_numpy(pixels).movedim(-1, 0).float().div_(255)

    # Threads, since the decoder works outside the interpreter's lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(fill, range(len(wanted))):
            pass
    return Dataset(
        x,
        name="celeba",
        note=words,
        info={
            "name": "celeba",
            "split": split,
            "size": size,
            "crop": crop,
            "count": count,
            **({} if root is None else {"root": os.path.abspath(root)}),
        },
    )


def _find(root: str | os.PathLike[str] | None) -> Path:
    named = root if root is not None else os.environ.get("GECO_VIZ_DATA")
    where = f"root={str(root)!r}" if root is not None else f"GECO_VIZ_DATA={named or ''}"
    for base in (Path(named), Path(named) / "celeba") if named else ():
        if (base / FOLDER).is_dir():
            if not (base / PARTITION).is_file():
                raise FileNotFoundError(
                    f"{base} has {FOLDER}/ but not {PARTITION}, which says what is for training"
                )
            return base
    raise FileNotFoundError(
        f"{where} must hold CelebA: no {FOLDER}/ in it or in its celeba/. Get {FOLDER}.zip and "
        f"{PARTITION} from the data set's page, unpack the archive, and pass root= or set "
        "GECO_VIZ_DATA."
    )


def _partition(path: Path, code: str) -> list[str]:
    """The names of one split's images: lines of a name and 0, 1 or 2."""
    names = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        parts = line.split()
        if not parts:
            continue
        # A name is a file of the folder and nothing else: no path leads out of it.
        if len(parts) != 2 or parts[1] not in _SPLITS.values() or Path(parts[0]).name != parts[0]:
            raise ValueError(
                f"{path} must have lines of an image's name and 0, 1 or 2, got {line[:80]!r} in "
                f"line {number}"
            )
        if parts[1] == code:
            names.append(parts[0])
    return names


def _read(path: Path, crop: int, size: int) -> NDArray[np.uint8]:
    """One image as (size, size, 3)."""
    from PIL import Image, UnidentifiedImageError

    left, top = (WIDTH - crop) // 2, (HEIGHT - crop) // 2
    try:
        with Image.open(path) as image:
            if image.size != (WIDTH, HEIGHT):
                raise ValueError(
                    f"{path} must be {WIDTH}x{HEIGHT} pixels, as CelebA's aligned images are, got "
                    f"{image.size[0]}x{image.size[1]}"
                )
            face = image.convert("RGB").resize(
                (size, size), Image.Resampling.BOX, (left, top, left + crop, top + crop)
            )
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"{path} is a damaged image ({error})") from error
    return np.array(face)
