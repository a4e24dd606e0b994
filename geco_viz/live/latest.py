"""A worker that does the newest request only: what a slider has left behind is never computed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from geco_viz.training.worker import Worker

__all__ = ["Latest"]

REST = 30.0  # seconds without a request after which the thread ends; the next one starts another


class Latest:
    """Runs `work(request)` in a thread, always for the newest request.

    Args:
        name: of the thread.
        work: may take long, if it asks `stale` in between and returns when that is true.
        failed: is told what `work` raised.

    Example:
        >>> done = []
        >>> latest = Latest("test", done.append, print)
        >>> latest.ask(1)
        >>> latest.wait(5), done
        (True, [1])
        >>> latest.close()
    """

    def __init__(
        self, name: str, work: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        self._name, self._work, self._failed = name, work, failed
        self._wake = threading.Condition()
        self._request: tuple[Any] | None = None
        self._busy = self._closed = False
        self._thread: Worker | None = None

    def ask(self, request: Any) -> None:
        """Do this next; what was asked before and not begun is dropped."""
        with self._wake:
            if self._closed:
                return
            self._request = (request,)
            if self._thread is None:
                self._thread = Worker(self._name, self._loop, self.close)
                self._thread.start()
            self._wake.notify_all()

    def stale(self, patience: float = 0.0) -> bool:
        """Whether another request waits, or comes within `patience` seconds."""
        with self._wake:
            return self._wake.wait_for(
                lambda: self._closed or self._request is not None, timeout=patience
            )

    def wait(self, timeout: float) -> bool:
        """Wait until nothing is left to do; False if that took too long."""
        with self._wake:
            return self._wake.wait_for(
                lambda: self._request is None and not self._busy, timeout=timeout
            )

    def close(self) -> None:
        """Drop what waits and end the thread; may be called twice."""
        with self._wake:
            self._closed, self._request = True, None
            self._wake.notify_all()

    def _loop(self) -> None:
        import torch

        torch.set_num_threads(1)
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closed or self._request is not None, REST)
                if self._request is None:
                    self._thread = None
                    return
                (request,), self._request, self._busy = self._request, None, True
            try:
                self._work(request)
            except Exception as error:  # the next request may be well
                self._failed(error)
            finally:
                with self._wake:
                    self._busy = False
                    self._wake.notify_all()
