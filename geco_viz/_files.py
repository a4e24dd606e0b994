"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name, force it to the disk, and give it its name.

    Raises:
        OSError: it cannot be written; what was there remains.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_whole(Path(folder) / "a", b"1")
        ...     os.listdir(folder)
        ['a']
    """
    # Not tempfile, whose files nobody else in the group may read.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{time.time_ns()}")
    try:
        write_through(temporary, data)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_through(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, to the disk itself."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
