"""Who steps, and when: one thread at a time steps a run, everybody else asks between two steps."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any, TypeVar

import torch

from geco_viz.training.worker import Worker

__all__ = ["Stepper"]

T = TypeVar("T")


class Stepper:
    """A background thread that steps, pauses and stops, and answers requests between two steps.

    Args:
        step: makes one step; called with the lock held, by one thread at a time.
        rest: called with the lock held whenever stepping has come to rest, again and again while
            it is paused (a checkpoint may be due).
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
        self._raised = False
        self._gate = threading.Lock()  # of who owns the stepping, and of the mode
        self._requests: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._owner: threading.Thread | None = None
        self._mode = "stopped"  # play, paused, foreground

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
        return self._owner is not None and self._mode in ("play", "foreground")

    @property
    def mine(self) -> bool:
        """Whether the calling thread steps in its foreground, and nobody asked it to end."""
        return self._owner is threading.current_thread() and self._mode == "foreground"

    def check_free(self) -> None:
        """Raise a RuntimeError while another thread steps in its foreground."""
        if self._owner is not None and self._owner is not self._thread:
            raise RuntimeError("the run is being trained in the foreground; stop that first")

    def raise_error(self, again: bool = True) -> None:
        """Raise what ended the background thread; with `again` False only if nobody saw it yet."""
        if self.error is not None and (again or not self._raised):
            self._raised = True
            raise self.error

    def play(self) -> None:
        """Step in the background until told otherwise."""
        with self._gate:
            self.check_free()
            self.error, self._raised = None, False
            self._mode = "play"
            if self._owner is None:
                self._thread = self._owner = Worker("run", self._work, self._halt)
                self._thread.start()
        self._wake.set()

    def pause(self) -> None:
        """Come to rest after the step in hand; returns when that is so."""
        with self._gate:
            if self._mode == "play":
                self._mode = "paused"
        self._wake.set()
        if self.alive:
            self.between_steps(lambda: None)

    def stop(self) -> None:
        """End stepping after the step in hand; returns when the background thread has ended.

        It does not wait where it cannot: in the thread itself, with the lock held, or once
        somebody else has asked for play.
        """
        self._halt()
        thread = self._thread
        if thread is None or thread is threading.current_thread() or self._inside():
            return
        while thread.is_alive() and self._mode == "stopped":
            thread.join(0.05)

    def _halt(self) -> None:
        with self._gate:
            if self._owner is threading.current_thread() and self._mode == "foreground":
                self._owner = None  # from the body of a `steps()` loop that may never go on
            self._mode = "stopped"
        self._wake.set()

    def between_steps(self, function: Callable[[], T]) -> T:
        """Run a function while nothing steps, and return its value or raise its error."""
        if self._inside():
            return function()
        with self._gate:
            mine = self._owner is None or self._owner is threading.current_thread()
            future: Future[T] = Future()
            if not mine:
                self._requests.append((function, future))
                self._wake.set()
        if mine:
            with self.lock:
                return function()
        while not wait([future], timeout=0.05).done:
            # A foreground thread may be anywhere between two of its steps, for ever even: then
            # nothing moves, and the lock can be had.
            if self.lock.acquire(blocking=False):
                try:
                    self._serve()
                finally:
                    self.lock.release()
        return future.result()

    def _inside(self) -> bool:
        """Whether this thread holds the lock: to wait for another one would be for ever."""
        return bool(self.lock._is_owned())  # type: ignore[attr-defined]  # as threading.Condition

    @contextlib.contextmanager
    def threads(self) -> Iterator[None]:
        """Compute with the run's number of torch threads, which decides how sums are rounded."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    @contextlib.contextmanager
    def foreground(self) -> Iterator[None]:
        """Let the calling thread step by `one()`; a background thread is stopped first."""
        self.check_free()
        self.stop()
        with self._gate:
            if self._owner is not None:
                raise RuntimeError("the run is being stepped by another thread; stop that first")
            self._owner, self._mode = threading.current_thread(), "foreground"
            self.error, self._raised = None, False
        try:
            with self.threads():
                yield
        except BaseException:
            with contextlib.suppress(Exception):  # the first error is the one to tell
                self._leave()
            raise
        self._leave()

    def one(self) -> None:
        """One step by the owning thread, and then the requests that came in."""
        with self.lock:
            self._step()
        if self._requests:
            self._serve()

    def _work(self) -> None:
        torch.set_num_threads(self._threads)
        try:
            while not self._gone():
                self._serve()
                if self._mode == "paused":
                    with self.lock:
                        self._rest()
                    self._wake.wait(0.5)
                    self._wake.clear()
                    continue
                started = time.monotonic()
                self.one()
                if self.speed:
                    self._wait_until(started)
        except BaseException as error:
            with self._gate:  # together: a `play` that comes now must start a thread
                self.error, self._owner = error, None
        try:
            self._leave()
        except BaseException as error:
            if self.error is None:
                self.error = error

    def _gone(self) -> bool:
        """Whether this thread is to end; decided under the gate, so that `play` cannot miss it."""
        with self._gate:
            if self._mode == "stopped":
                self._owner = None
            return self._owner is not threading.current_thread()

    def _wait_until(self, started: float) -> None:
        """Hold the speed, which may be changed meanwhile."""
        while self._mode == "play" and (speed := self.speed):
            left = started + 1 / speed - time.monotonic()
            if left <= 0:
                return
            self._wake.wait(min(left, 0.1))
            self._wake.clear()
            self._serve()

    def _leave(self) -> None:
        """Give up ownership, answer who asked meanwhile, and rest."""
        with self._gate:
            if self._owner is threading.current_thread():
                self._owner = None
                if self._mode == "foreground":
                    self._mode = "stopped"
        self._serve()
        with self.lock:
            self._rest()

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
                    if not isinstance(error, Exception):  # an interrupt is this thread's own
                        raise
