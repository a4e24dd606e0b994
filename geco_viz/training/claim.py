"""One process at a time works in a folder; a killed one lets go by itself."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["claim"]

PAUSE = 0.2  # seconds between looks at a lock that somebody holds


@contextlib.contextmanager
def claim(path: Path) -> Iterator[None]:
    """Hold the lock on a file; waits while another process or thread does.

    The operating system holds it, so it ends with its process, however that ends. On a file system
    shared by several machines it needs one whose locks are shared too.

    Raises:
        OSError: the file cannot be opened or the file system has no locks.
    """
    with path.open("ab") as file:
        while not _taken(file):
            time.sleep(PAUSE)
        yield


def _taken(file: IO[bytes]) -> bool:
    try:
        try:
            import fcntl
        except ImportError:  # Windows
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True
