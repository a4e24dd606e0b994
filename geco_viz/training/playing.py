"""Stepping a run: in the foreground with a progress bar, or in a thread of its own."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Generator
from typing import Any, Self, TypeVar

from geco_viz._checks import choice, integer, number
from geco_viz.training.hearing import hear
from geco_viz.training.loop import STEPS
from geco_viz.training.progress import bar, deferred_interrupt
from geco_viz.training.steering import Steering

__all__ = ["Playing"]

T = TypeVar("T")
AUTOSAVE = 60.0  # seconds


class Playing(Steering):
    """Train, play, pause, step, wait and stop."""

    def autosave(self) -> None:
        """Save to `out`, by the stepping thread; `Keeping` says how."""

    def _one_step(self, what: str = "both") -> None:
        if self._asked:
            self._apply()
        self.loop.advance(what)
        if self.out is not None and time.monotonic() - self._saved > AUTOSAVE:
            self.autosave()

    def _at_rest(self) -> None:
        self.loop.flush()
        if self.out is None:
            return
        again = self.save_error is not None and time.monotonic() - self._saved > AUTOSAVE
        if self._saved_step != self.loop.step or again:
            self.autosave()

    def steps(self, count: int | None = None) -> Generator[Self]:
        """Make `count` steps in the foreground; yields the run after each.

        The learning rate falls over the last half. Leaving the loop early is allowed, and `stop()`
        from any thread ends it after the step in hand. Without `count` the steps that an
        interrupted `train` or `steps` has left are made, as if nothing had interrupted it.

        Raises:
            ValueError: no `count`, and the run was not interrupted in the foreground.
            Exception: what ended a background thread, if nobody has been told yet.
        """
        fresh = count is not None
        count = integer("steps", self._left() if count is None else count, low=1 if fresh else 0)
        self._stepper.raise_error(again=False)
        with self._stepper.foreground():
            self._apply()
            if fresh:
                self.loop.schedule.stretch(self.loop.step, count)
                self._log("train", count)
            for _ in range(count):
                self._stepper.one()
                hear()
                yield self
                if not self._stepper.mine:
                    break

    def _left(self) -> int:
        left = self.loop.schedule.left(self.loop.step)
        if left is None:
            raise ValueError("steps must be given: no train() or steps() was interrupted")
        return left

    def train(self, steps: int, progress: bool = True) -> Self:
        """Train in the foreground, with a progress bar; the run itself is returned.

        The learning rate falls to 0.3 % over the last half of the steps. An interrupt stops after
        the step in hand and leaves a usable run. A run that plays in the background is stopped.

        Raises:
            Diverged: a value is not finite; the step that met it has changed no weight and left
                no row. What the steps before it did is kept, also where they led there.
            KeyboardInterrupt: after an interrupt.
            SystemExit: 143, after SIGTERM in the main thread of a process that is no notebook's
                kernel; the run is saved to `out` then.
            OSError: the run could not be saved to `out`; the run itself is unharmed.
            Exception: what ended a background thread, if nobody has been told yet.
        """
        integer("steps", steps, low=1)
        with (
            deferred_interrupt(terminable=True) as interrupted,
            bar(steps, self, progress) as advance,
            contextlib.closing(self.steps(steps)) as made,
        ):
            for _ in made:
                advance()
                if interrupted():
                    break
        if self.save_error is not None:
            raise self.save_error
        return self

    def step(self, what: str = "both") -> Self:
        """One step: of the weights ("theta"), of the multipliers ("lambda"), or of both."""
        choice("what", what, STEPS)
        if self._stepper.playing:
            self.pause()

        def single() -> None:
            self._apply()
            self._log("step", what)
            with self._stepper.threads():
                self._one_step(what)
            self.loop.flush()

        self._stepper.between_steps(single)
        return self

    def play(self, evaluate_every: float | None = 2.0) -> Self:
        """Train in the background until `pause()` or `stop()`; returns at once.

        The learning rate is held, lowered once the run has settled, and restored by an edit.

        Args:
            evaluate_every: seconds between evaluations of the averaged weights, or None.

        Raises:
            TypeError, ValueError: `evaluate_every` is not > 0; the run is as it was.
            RuntimeError: another thread trains the run in its foreground.
        """
        seconds = self._evaluator.check(evaluate_every)
        if not self._stepper.playing:
            self._stepper.check_free()

            def begin() -> None:
                if self.loop.schedule.state["mode"] != "hold":
                    self._since = len(self.history)
                self.loop.schedule.hold(self.loop.step)
                self._log("play", None)

            self._stepper.between_steps(begin)
            self._stepper.play()
        self._evaluator.start(seconds)
        self._changed()
        return self

    def pause(self) -> Self:
        """Rest after the step in hand; `play()` goes on."""
        self._stepper.pause()
        self._evaluator.stop()
        self._changed()
        return self

    def stop(self) -> Self:
        """End the background threads; the run stays whole, and `play()` starts again.

        A thread that trains in its foreground ends after the step in hand; it is not waited for.
        """
        self._stepper.stop()
        self._evaluator.stop()
        self._changed()
        return self

    def wait(self, steps: int, timeout: float | None = None) -> Self:
        """Wait until the playing run has made `steps` more steps, or has come to rest.

        Raises:
            RuntimeError: the run is not playing.
            TimeoutError: `timeout` seconds were not enough.
            Exception: what ended the background thread.
        """
        target = self.loop.step + integer("steps", steps, low=1)
        seconds = math.inf if timeout is None else number("timeout", timeout, low=0)
        deadline = time.monotonic() + seconds
        if not self._stepper.playing and self.error is None:
            raise RuntimeError("the run is not playing: call run.play() before run.wait()")
        while self.loop.step < target and self._stepper.playing:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.loop.step} of {target} steps after {timeout} s")
            time.sleep(0.01)
            hear()
        self._stepper.raise_error()
        self.between_steps(self.loop.flush)
        return self

    def between_steps(self, function: Callable[[], T]) -> T:
        """Run a function while nothing steps, and return its value."""
        return self._stepper.between_steps(function)

    def _repeat(self, edits: list[dict[str, Any]]) -> None:
        """One step, after the edits that were logged at this step."""
        what = "both"
        while edits and edits[0]["step"] <= self.loop.step:
            edit = edits.pop(0)
            if edit["what"] == "train":
                self._log("train", edit["value"])
                self.loop.schedule.stretch(self.loop.step, edit["value"])
            elif edit["what"] == "play":
                self._log("play", None)
                self.loop.schedule.hold(self.loop.step)
            elif edit["what"] == "step":
                self._log("step", edit["value"])
                what = edit["value"]
                break
            elif edit["what"] == "objective":
                self.edit("objective", edit["value"])
                self._apply()
            else:
                self.edit(edit["what"], edit["value"])
                self._apply()
        with self.lock:
            self._one_step(what)
