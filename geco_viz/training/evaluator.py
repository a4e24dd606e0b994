"""Evaluations off the hot path: a thread that looks at a playing run every few seconds."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

import torch

from geco_viz._checks import number
from geco_viz.training.moment import FRESH
from geco_viz.training.recipe import SMALL
from geco_viz.training.worker import Worker

__all__ = ["Evaluator", "next_samples"]

REST = 4  # rests at least so many times as long as the last evaluation took
SHARE = 0.15  # of a core that evaluations of a small set may take

GLANCE = 250  # samples a datum of a small set, at least and at first
MOST = 8000
PRECISION = 0.01  # the standard error wanted of kappa_hat, relative


def next_samples(
    samples: int, found: Mapping[str, tuple[float, float]], took: float, pause: float
) -> int:
    """How many samples a datum give kappa_hat to 1 %, or as many as there is time for.

    At kappa = .05 the error of seven digits has a long tail: 250 samples a digit leave kappa_hat a
    standard error of 3 to 6 %, and some 2500 are wanted.

    Args:
        samples: of the evaluation just made.
        found: what it found: each value and its standard error.
        took: seconds that it took.
        pause: seconds to the next one.

    Example:
        >>> next_samples(250, {"kappa_hat/re": (0.05, 0.0015)}, took=0.04, pause=2.0)
        1875
        >>> next_samples(1000, {"kappa_hat/re": (0.05, 0.0006)}, took=0.1, pause=2.0)
        1440
    """
    shares = [se / value for name, (value, se) in found.items() if name.startswith("kappa_hat/")]
    wanted = samples * (max(shares, default=0.0) / PRECISION) ** 2
    affordable = samples * SHARE * pause / max(took, 1e-3)
    return round(min(max(min(wanted, affordable), GLANCE), MOST))


class Evaluator:
    """Calls `run.evaluate()` every so many seconds; holds the run by a weak reference only."""

    def __init__(self, run: weakref.ref[Any]):
        self._run = run
        self._halt = threading.Event()

    @staticmethod
    def check(every: float | None) -> float | None:
        """The interval, or what is wrong with it."""
        return None if every is None else number("evaluate_every", every, low=0, open_low=True)

    def start(self, seconds: float | None) -> None:
        """Begin, or go on with another interval, checked before; None ends it."""
        self.stop()
        if seconds is None:
            return
        self._halt = threading.Event()
        Worker("evaluation", self._work, self._halt.set, (self._halt, seconds)).start()

    def stop(self) -> None:
        """End after the evaluation in hand, without waiting for it."""
        self._halt.set()

    def _work(self, halt: threading.Event, seconds: float) -> None:
        torch.set_num_threads(1)
        samples, pause, since = GLANCE, seconds, (time.monotonic(), 0)
        while not halt.wait(pause):
            run = self._run()
            if run is None or not run.playing:
                return
            small, start = len(run.data) <= SMALL, time.monotonic()
            try:
                found = run.evaluate(samples if small else None)
            except Exception as error:
                run.evaluation_error = error
                return
            now, made = time.monotonic(), len(run.history)
            took = now - start
            # Before the last one is too old to be quoted; but a dear look is taken less often: it
            # shares the machine with the training.
            pace = (made - since[1]) / (now - since[0])
            lasts = FRESH * (made - run.edited) / max(pace, 1e-9)
            pause = max(min(seconds, 0.8 * lasts), REST * took)
            samples, since = next_samples(samples, found, took, pause), (now, made)
            del run
