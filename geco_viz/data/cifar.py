"""CIFAR-10 from its binary archive; the Python version's pickles, which run code, are refused."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from geco_viz._checks import choice
from geco_viz.data.dataset import Dataset, count_info, first
from geco_viz.data.download import cache_folder, download

__all__ = ["CLASSES", "cifar10"]

MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
ARCHIVE, MD5 = "cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"
FOLDER = "cifar-10-batches-bin"
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_BATCHES = {
    "train": tuple(f"data_batch_{k}.bin" for k in range(1, 6)),
    "test": ("test_batch.bin",),
}
_IMAGE = 3 * 32 * 32
_RECORD = 1 + _IMAGE  # a label, then the red, green and blue planes, row by row
_WHOLE = 10000  # records of a whole batch


def cifar10(
    split: str = "train",
    root: str | os.PathLike[str] | None = None,
    partial: bool = False,
    count: int | None = None,
) -> Dataset:
    """CIFAR-10: 50,000 images for training or 10,000 for testing, (n, 3, 32, 32), ten classes.

    The binary version, as an archive or unpacked, is looked for in `root` if it is given, else in
    the folder that GECO_VIZ_DATA names, else in the cache, into which it is downloaded once.

    Args:
        split: "train" or "test".
        root: the folder that holds `cifar-10-batches-bin/` or the archive, or that folder itself.
        partial: take what is there of the batches; `note` says how much it is. It also says where
            an archive's checksum is not the published one: its pixels may be others then.
        count: only the first so many images of the split; `note` says so.

    Raises:
        FileNotFoundError: `root` was given and holds no CIFAR-10, or lacks batches and `partial`
            is False.
        TypeError, ValueError: `partial` is not True or False, or `count` no whole number >= 1.
        ValueError: a file is damaged or of another kind, such as the Python version's pickles.
        ConnectionError: the files are not at hand and the archive cannot be downloaded.

    Source: Krizhevsky (2009), as used in section 4.
    """
    wanted = _BATCHES[choice("split", split, _BATCHES)]
    if not isinstance(partial, bool):
        raise TypeError(f"partial must be True or False, got {partial!r}")
    place = _find(root)
    contents = _read(place, wanted)
    missing = [name for name in wanted if name not in contents]
    if missing and (not partial or not contents):
        advice = "" if not contents else "; partial=True takes what is there"
        raise FileNotFoundError(f"{place} lacks {', '.join(missing)} of CIFAR-10{advice}")
    records = np.concatenate([_parse(data, f"{place}: {name}") for name, data in contents.items()])
    whole = len(records) == _WHOLE * len(wanted)
    if not whole and not partial:
        raise ValueError(
            f"{place} must hold {_WHOLE * len(wanted)} images for {split!r}, got {len(records)}; "
            "partial=True takes what is there"
        )
    notes = [] if whole else [f"{len(records)} of CIFAR-10's {_WHOLE * len(wanted)} images"]
    if place.is_file() and _md5(place) != MD5:
        notes.append(f"{place.name} is not the published archive")
    kept, words = first(count, len(records))
    records = records[:kept]
    notes += [words] if words else []
    info = {"name": "cifar10", "split": split, "partial": partial} | count_info(count)
    if root is not None:
        info["root"] = os.path.abspath(root)
    pixels = torch.from_numpy(records[:, 1:].astype(np.float32)).div_(255)
    return Dataset(
        pixels.reshape(-1, 3, 32, 32),
        torch.from_numpy(records[:, 0].astype(np.int64)),
        name="cifar10",
        note="; ".join(notes),
        info=info,
    )


def _find(root: str | os.PathLike[str] | None) -> Path:
    """The folder with the batches, or the archive."""
    named = root if root is not None else os.environ.get("GECO_VIZ_DATA")
    if named:
        base = Path(named)
        places = [base / FOLDER, base / "cifar10" / FOLDER, base]
        for place in places:
            if any((place / name).is_file() for names in _BATCHES.values() for name in names):
                return place
        for folder in (base, base / "cifar10"):
            for archive in (ARCHIVE, f"{FOLDER}.tar.gz"):
                if (folder / archive).is_file():
                    return folder / archive
        for pickled in ("cifar-10-batches-py", "cifar-10-python.tar.gz", "data_batch_1"):
            if (base / pickled).exists():
                raise ValueError(
                    f"{base / pickled} is CIFAR-10's Python version, whose pickles can run code; "
                    f"get the binary version, {ARCHIVE}"
                )
        if root is not None:
            raise FileNotFoundError(
                f"root={str(root)!r} must hold CIFAR-10's binary version: neither {FOLDER}/ nor "
                f"{ARCHIVE} is in it"
            )
    try:
        return download(ARCHIVE, MIRRORS, f"md5:{MD5}", cache_folder() / "cifar10")
    except ConnectionError as error:
        raise ConnectionError(
            f"CIFAR-10 is not at hand, and {error}. With the binary version on this machine pass "
            "root= or set GECO_VIZ_DATA to its folder."
        ) from error


def _read(place: Path, wanted: tuple[str, ...]) -> dict[str, bytes]:
    """The bytes of those batches that are there, by name."""
    if place.is_dir():
        return {n: (place / n).read_bytes() for n in wanted if (place / n).is_file()}
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(place.read_bytes()), mode="r:*") as archive:
            for member in archive:
                name = member.name.rsplit("/", 1)[-1]
                if name in wanted and (file := archive.extractfile(member)) is not None:
                    found[name] = file.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise ValueError(f"{place} is a damaged archive ({error}); get it again") from error
    return {name: found[name] for name in wanted if name in found}


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _parse(data: bytes, where: str) -> NDArray[np.uint8]:
    """Records (n, 3073) of one batch."""
    # A pickle of any protocol since 2 begins so; a batch begins with a label, 0 to 9.
    if data[:1] == b"\x80":
        raise ValueError(f"{where} is a pickle, not a batch of the binary version; get {ARCHIVE}")
    if not data or len(data) % _RECORD:
        raise ValueError(
            f"{where} must be records of {_RECORD} bytes, got {len(data)} bytes: truncated, or "
            "not of CIFAR-10's binary version"
        )
    records = np.frombuffer(data, np.uint8).reshape(-1, _RECORD)
    if records[:, 0].max() > 9:
        raise ValueError(f"{where} must have labels from 0 to 9, got {records[:, 0].max()}")
    return records
