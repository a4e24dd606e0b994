"""A run on disk: tensors as safetensors, the rest as JSON; what is there stays whole at any moment.

`run.json` names the file with the tensors and its checksum, and is replaced last and atomically:
a killed process leaves the previous checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from torch import Tensor

from geco_viz import _checks

__all__ = ["CheckpointError", "prepare", "read", "write"]

FORMAT = 1


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged or of another version."""


def prepare(folder: str | os.PathLike[str], argument: str = "out") -> Path:
    """Make sure that `folder` can be written, and that it is there.

    Raises:
        TypeError: it is no path.
        OSError: the folder cannot be made or written, with the argument's name in the message.
    """
    try:
        path = Path(folder).expanduser()
    except TypeError as error:
        raise TypeError(f"{argument} must be the path of a folder, got {folder!r}") from error
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise OSError(
            f"{argument} must be a folder that can be written, got {str(folder)!r}: "
            f"{error.strerror}"
        ) from error
    return path


def set_aside(path: Path) -> Path | None:
    """Move an earlier run's files to `earlier/<time>` in the folder; returns where, or None."""
    files = [path / "run.json", path / "run.html", *path.glob("state-*.safetensors")]
    files = [file for file in files if file.exists()]
    if not files:
        return None
    base = path / "earlier" / time.strftime("%Y%m%d-%H%M%S")
    target, count = base, 1
    while target.exists():
        target, count = base.with_name(f"{base.name}-{count}"), count + 1
    target.mkdir(parents=True)
    for file in files:
        file.rename(target / file.name)
    return target


def write(path: Path, tensors: dict[str, Tensor], plain: dict[str, Any]) -> None:
    """Save atomically: either the old checkpoint or the new one is there, whole.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old checkpoint remains.
    """
    from safetensors.torch import save

    path.mkdir(parents=True, exist_ok=True)
    # Clones, since safetensors refuses tensors that share memory, as tied weights do.
    data = save({k: value.detach().cpu().contiguous().clone() for k, value in tensors.items()})
    name = f"state-{plain['loop']['step']}-{os.getpid()}-{time.time_ns()}.safetensors"
    document = {
        "format": FORMAT,
        "state": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "saved": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        **plain,
    }
    text = json.dumps({**document, "checksum": _checksum(document)}, indent=1).encode()
    # What a killed process left half-written goes with what is replaced.
    old = [
        file for pattern in ("state-*", ".state-*", ".run.json.*") for file in path.glob(pattern)
    ]
    replace(path / name, data)
    try:
        replace(path / "run.json", text)
    except BaseException:
        (path / name).unlink(missing_ok=True)
        raise
    for file in old:
        file.unlink(missing_ok=True)


def _checksum(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def replace(path: Path, data: bytes) -> None:
    """Write a file under another name, force it to the disk, and give it its name."""
    # Not tempfile, whose files nobody else in the group may read.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{time.time_ns()}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read(folder: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Load what `write` saved, also while another process or thread writes.

    Raises:
        CheckpointError: nothing there, not a run, another version's format, or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = _checks.path("path", folder)
    plain = _document(path)
    while True:
        file = path / str(plain.get("state"))
        try:
            data = file.read_bytes()
            break
        except OSError as error:
            # A newer state may have replaced it since run.json was read.
            newer = _document(path)
            if newer.get("state") == plain.get("state"):
                raise CheckpointError(
                    f"{file} is missing or unreadable: {error.strerror}"
                ) from error
            plain = newer
    if hashlib.sha256(data).hexdigest() != plain.get("sha256"):
        raise CheckpointError(
            f"{file} is damaged: its checksum is not the one in run.json; "
            f"earlier runs of this folder are under {path / 'earlier'}"
        )
    try:
        return load(data), plain
    except SafetensorError as error:
        raise CheckpointError(f"{file} is damaged: {error}") from error


def _document(path: Path) -> dict[str, Any]:
    """What run.json says, checked."""
    try:
        plain = json.loads((path / "run.json").read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(
            f"path must be a folder with a saved run (run.json), got {str(path)!r}"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path / 'run.json'} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CheckpointError(f"{path / 'run.json'} is damaged: {error}") from error
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        found = plain.get("format") if isinstance(plain, dict) else None
        raise CheckpointError(
            f"{path / 'run.json'} must have format {FORMAT}, got {found!r}; "
            f"it was written by another version of geco_viz"
        )
    if plain.pop("checksum", None) != _checksum(plain):
        raise CheckpointError(
            f"{path / 'run.json'} is damaged or was changed by hand: its checksum does not fit"
        )
    return plain
