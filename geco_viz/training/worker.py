"""Background threads and processes that end before, or with, what they work for."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["Worker", "end_with_parent"]

PATIENCE = 60.0  # seconds that leaving Python waits for a worker; a starved core takes over ten
_workers: weakref.WeakSet[Worker] = weakref.WeakSet()


class Worker(threading.Thread):
    """A daemon thread; at the interpreter's end it is told to halt and waited for.

    A daemon thread that is inside torch when the interpreter goes aborts the process, exit code
    134; a thread that is no daemon would keep a forgotten `play()` from ever ending.

    Args:
        name: what it does, for debuggers.
        target: runs in the thread.
        halt: makes `target` return soon, or None where it ends by itself.
        args: for `target`.
    """

    def __init__(
        self,
        name: str,
        target: Callable[..., None],
        halt: Callable[[], None] | None = None,
        args: tuple[Any, ...] = (),
    ):
        super().__init__(target=target, name=f"geco-viz {name}", args=args, daemon=True)
        self.halt = halt
        _workers.add(self)


def end_with_parent() -> None:
    """End this process when the one that started it has ended, however that ended.

    For a pool of processes: `ProcessPoolExecutor(4, initializer=end_with_parent)`. Its workers
    would otherwise outlive a coordinator that was killed, waiting for work for ever. A run that is
    trained meanwhile loses what came after its last checkpoint.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="geco-viz parent", daemon=True).start()


@atexit.register
def _end_all() -> None:
    alive = [worker for worker in list(_workers) if worker.is_alive()]
    for worker in alive:
        if worker.halt is not None:
            worker.halt()
    for worker in alive:
        worker.join(PATIENCE)
