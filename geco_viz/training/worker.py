"""Background threads that have ended before the interpreter does."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable
from typing import Any

__all__ = ["Worker"]

PATIENCE = 10.0  # seconds that leaving Python waits for a worker
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


@atexit.register
def _end_all() -> None:
    alive = [worker for worker in list(_workers) if worker.is_alive()]
    for worker in alive:
        if worker.halt is not None:
            worker.halt()
    for worker in alive:
        worker.join(PATIENCE)
