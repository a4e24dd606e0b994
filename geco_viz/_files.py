"""Files that are there whole or not at all, and folders that one process at a time works in."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
import weakref
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout

__all__ = ["LOCK", "FolderInUse", "Hold", "hold", "write_through", "write_whole"]

LOCK = ".geco_viz.lock"
PID = ".geco_viz.pid"
PAUSE = 0.2  # seconds between looks at a lock that somebody holds


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


class FolderInUse(OSError):
    """Another run is saved in this folder."""


class Hold:
    """A folder that is held until `release()`, or until nothing refers to this any more.

    Attributes:
        owner: what `close()` ends where another of this process wants the folder; None: it waits.
    """

    def __init__(self, folder: Path, lock: Any):
        self.folder = folder
        self.owner: weakref.ref[Any] | None = None
        self.pid, self.thread, self._depth = os.getpid(), threading.get_ident(), 1
        self._lock = lock

    @property
    def shared(self) -> bool:
        """Whether it was taken more than once."""
        return self._depth > 1

    def again(self) -> Self:
        """Hold it once more, in the thread that has it."""
        self._depth += 1
        return self

    def release(self, wholly: bool = False) -> None:
        """Let go, once for each time that it was taken."""
        with _gate:
            self._depth = 0 if wholly else max(0, self._depth - 1)
            if not self._depth and self._lock.is_locked:
                _holds.pop(self.folder, None)
                (self.folder / PID).unlink(missing_ok=True)
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


_gate = threading.RLock()
_holds: weakref.WeakValueDictionary[Path, Hold] = weakref.WeakValueDictionary()


def hold(folder: Path, *, wait: bool = False, ends: bool = False) -> Hold:
    """Be the one that writes in a folder: the operating system's lock, which ends with the process.

    What holds it in the calling thread without an owner, as a sweep's worker does, shares it.

    Args:
        folder: is there. On a file system of several machines, one whose locks are shared too.
        wait: until whoever holds it lets go.
        ends: close the owner that holds it in this process.

    Raises:
        FolderInUse: somebody else holds it; the message has the process's id.
        OSError: the lock's file cannot be made, or the file system has no locks.
    """
    path = folder.resolve()
    while True:
        with _gate:
            here = _holds.get(path)
            if here is not None and here.pid != os.getpid():  # of the process that forked this one
                here = None
            if here is not None and here.owner is None and here.thread == threading.get_ident():
                return here.again()
            taken = _taken(path) if here is None else None
        if taken is not None:
            return taken
        if here is not None and here.owner is not None and ends:
            owner = here.owner()
            if owner is not None:
                owner.close()
            here.release(wholly=True)
        elif wait:
            time.sleep(PAUSE)
        else:
            raise FolderInUse(
                errno.EBUSY,
                f"{str(folder)!r} is in use by process {_pid(path)}, whose run is saved there; "
                "end that run, or choose another folder",
            )


def _taken(path: Path) -> Hold | None:
    lock = FileLock(path / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    _holds[path] = taken = Hold(path, lock)
    with contextlib.suppress(OSError):  # of a full disk; the lock holds without it
        write_whole(path / PID, f"{os.getpid()}\n".encode())
    return taken


def _pid(path: Path) -> str:
    try:
        return str(int((path / PID).read_bytes()[:20]))
    except (OSError, ValueError):
        return "unknown"
