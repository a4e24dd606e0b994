"""Who steps, and when: one thread at a time steps a run, everybody else asks between two steps."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import torch

__all__ = ["Stepper"]

T = TypeVar("T")


class Stepper:
    """A background thread that steps, pauses and stops, and answers requests between two steps.

    Args:
        step: makes one step; called with the lock held, by one thread at a time.
        rest: called, between steps, whenever stepping comes to rest (a checkpoint is due then).
        threads: torch threads of whoever steps. One on a CPU: two on a busy machine stall.

    Attributes:
        lock: held for the length of a step.
        speed: steps per second at most, or None.
        error: what ended the background thread, or None.
    """

    def __init__(self, step: Callable[[], None], rest: Callable[[], None], threads: int = 1):
        self._step, self._rest, self._threads = step, rest, threads
        self.lock = threading.RLock()
        self.speed: float | None = None
        self.error: BaseException | None = None
        self._gate = threading.Lock()
        self._requests: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._owner: threading.Thread | None = None
        self._mode = "stopped"

    @property
    def playing(self) -> bool:
        """Whether the background thread is stepping."""
        return self._mode == "play" and self.alive

    @property
    def alive(self) -> bool:
        """Whether there is a background thread, stepping or paused."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def moving(self) -> bool:
        """Whether some thread is stepping, in the background or in the foreground."""
        owner = self._owner
        return owner is not None and (owner is not self._thread or self._mode == "play")

    def play(self) -> None:
        """Step in the background until told otherwise."""
        with self._gate:
            self.error = None
            if self._owner is not None and self._owner is not self._thread:
                raise RuntimeError("another thread is training this run; wait for it or stop it")
            self._mode = "play"
            if self._owner is None:
                self._thread = threading.Thread(target=self._work, name="geco-viz run", daemon=True)
                self._owner = self._thread
                self._thread.start()
        self._wake.set()

    def pause(self) -> None:
        """Come to rest after the step in hand; returns when that is so."""
        if self.alive:
            self._mode = "paused"
            self._wake.set()
            self.between_steps(lambda: None)

    def stop(self) -> None:
        """End the background thread after the step in hand; returns when it has ended."""
        self._mode = "stopped"
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def between_steps(self, function: Callable[[], T]) -> T:
        """Run a function while nothing steps, and return its value or raise its error."""
        with self._gate:
            mine = self._owner is None or self._owner is threading.current_thread()
            future: Future[T] = Future()
            if not mine:
                self._requests.append((function, future))
                self._wake.set()
        if mine:
            with self.lock:
                return function()
        return future.result()

    @contextlib.contextmanager
    def foreground(self) -> Iterator[None]:
        """Let the calling thread step by `one()`; a background thread is stopped first."""
        self.stop()
        with self._gate:
            if self._owner is not None:
                raise RuntimeError("another thread is training this run; wait for it or stop it")
            self._owner = threading.current_thread()
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
            self._leave()

    def one(self) -> None:
        """One step by the owning thread, and then the requests that came in."""
        with self.lock:
            self._step()
        if self._requests:
            self._serve()

    def _work(self) -> None:
        torch.set_num_threads(self._threads)
        resting = False
        try:
            while not self._gone():
                self._serve()
                if self._mode == "paused":
                    if not resting:
                        self._rest()
                    resting = True
                    self._wake.wait(0.5)
                    self._wake.clear()
                    continue
                resting = False
                started = time.monotonic()
                self.one()
                if self.speed:
                    self._wait_until(started + 1 / self.speed)
        except BaseException as error:
            self.error = error
        finally:
            self._leave()

    def _gone(self) -> bool:
        """Whether this thread is to end; decided under the gate, so that `play` cannot miss it."""
        with self._gate:
            if self._mode == "stopped":
                self._owner = None
            return self._owner is not threading.current_thread()

    def _wait_until(self, due: float) -> None:
        while (left := due - time.monotonic()) > 0 and self._mode == "play":
            self._wake.wait(left)
            self._wake.clear()
            self._serve()

    def _leave(self) -> None:
        """Give up ownership, answer who asked meanwhile, and rest."""
        with self._gate:
            if self._owner is threading.current_thread():
                self._owner = None
        self._serve()
        try:
            with self.lock:
                self._rest()
        except BaseException as error:
            if self.error is None:
                self.error = error

    def _serve(self) -> None:
        while self._requests:
            try:
                function, future = self._requests.popleft()
            except IndexError:
                return
            with self.lock:
                try:
                    future.set_result(function())
                except BaseException as error:
                    future.set_exception(error)
