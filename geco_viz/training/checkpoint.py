"""A run on disk: tensors as safetensors, the rest as JSON; what is there stays whole at any moment.

`run.json` names the file with the tensors and its checksum, and is replaced last and atomically:
a killed process leaves the previous checkpoint.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from geco_viz import _checks
from geco_viz._files import write_through
from geco_viz.training.schema import STATE, check_document

__all__ = ["CheckpointError", "blamed", "prepare", "read", "write"]

FORMAT = 2  # 1, or none: the folders of 0.1
LARGEST = {"run.json": 2**26, "state": 2**32}  # bytes that are read


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
    files = [path / "run.json", path / "run.html", *_states(path / "run.json")]
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

    Only files that `write` made are deleted: the tensors that the `run.json` before names, and
    those that a killed process had announced in `.run.json.new` or was about to delete.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old checkpoint remains.
    """
    from safetensors.torch import save

    # Clones, since safetensors refuses tensors that share memory, as tied weights do.
    data = save({k: value.detach().cpu().contiguous().clone() for k, value in tensors.items()})
    name = f"state-{plain['loop']['step']}-{os.getpid()}-{time.time_ns()}.safetensors"
    announced = path / ".run.json.new"
    stale = [*_states(path / "run.json"), *_states(announced)]
    document = {
        "format": FORMAT,
        "state": name,
        "replaces": [file.name for file in stale],
        "sha256": hashlib.sha256(data).hexdigest(),
        "saved": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        **plain,
    }
    text = json.dumps({**document, "checksum": _checksum(document)}, indent=1).encode()
    try:
        path.mkdir(parents=True, exist_ok=True)
        try:
            # Before the tensors, so that a name of theirs is known whenever they are there.
            announced.unlink(missing_ok=True)
            write_through(announced, text)
            write_through(path / name, data)
            os.replace(announced, path / "run.json")
        except BaseException:
            for file in (announced, path / name):
                file.unlink(missing_ok=True)
            raise
        for file in stale:
            file.unlink(missing_ok=True)
    except OSError as error:
        words = f"the run could not be saved in {str(path)!r}: {error.strerror}"
        raise type(error)(error.errno, words) from error


@contextlib.contextmanager
def blamed(path: Any) -> Iterator[None]:
    """Whatever a folder makes go wrong is the folder's, and is called so."""
    try:
        yield
    except CheckpointError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as e:
        raise CheckpointError(
            f"the run in {str(path)!r} does not fit the data, model and objective: {e}"
        ) from e


def _states(document: Path) -> list[Path]:
    """The files with tensors that a document says `write` made, as far as they are there."""
    try:
        plain = json.loads(_bytes(document, LARGEST["run.json"]))
        names = [plain["state"], *plain.get("replaces", [])]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []
    # A document may be anybody's: it must not name what `write` never makes.
    ours = [name for name in names if isinstance(name, str) and STATE.fullmatch(name)]
    files = [document.parent / name for name in ours]
    return [file for file in files if file.is_file() and not file.is_symlink()]


def _checksum(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def read(folder: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Load what `write` saved, also while another process or thread writes.

    Only regular files in the folder itself are read, and none that is larger than a run's.

    Raises:
        CheckpointError: nothing there, not a run, another version's format, damaged, or made by
            hand so that it says what no run says.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = _checks.path("path", folder)
    plain = _document(path)
    while True:
        file = path / plain["state"]
        try:
            data = _bytes(file, LARGEST["state"])
            break
        except OSError as error:
            # A newer state may have replaced it since run.json was read.
            newer = _document(path)
            if newer["state"] == plain["state"]:
                raise CheckpointError(
                    f"{file} is missing or unreadable: {error.strerror}"
                ) from error
            plain = newer
    if hashlib.sha256(data).hexdigest() != plain["sha256"]:
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
        plain = json.loads(_bytes(path / "run.json", LARGEST["run.json"]))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"path must be a folder with a saved run (run.json), got {str(path)!r}"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path / 'run.json'} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path / 'run.json'} is damaged: {error}") from error
    if not isinstance(plain, dict):
        raise CheckpointError(f"{path / 'run.json'} is damaged: it holds no object")
    version = plain.get("format", 1)
    if type(version) is not int or not 1 <= version <= FORMAT:
        raise CheckpointError(
            f"{path / 'run.json'} must have format 1 to {FORMAT}, got {version!r}; "
            f"a newer version of geco_viz may have written it"
        )
    if plain.pop("checksum", None) != _checksum(plain):
        raise CheckpointError(
            f"{path / 'run.json'} is damaged or was changed by hand: its checksum does not fit"
        )
    try:
        check_document(plain)
    except ValueError as error:
        raise CheckpointError(f"{path / 'run.json'} is no saved run: {error}") from error
    return {**plain, "format": version}


def _bytes(path: Path, most: int) -> bytes:
    """What a regular file holds; a link, a pipe or a device is none."""
    flags = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    with open(os.open(path, os.O_RDONLY | sum(flags)), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"it is larger than {most} bytes")
        return file.read(most)
