"""Evaluations off the hot path: a thread that looks at a playing run every few seconds."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any

import torch

from geco_viz._checks import number
from geco_viz.training.recipe import SMALL
from geco_viz.training.worker import Worker

__all__ = ["Evaluator"]

REST = 4  # rests at least so many times as long as the last evaluation took

GLANCE = 250  # samples a datum of a small set: kappa_hat within 1 %, at 2 % of a core


class Evaluator:
    """Calls `run.evaluate()` every so many seconds; holds the run by a weak reference only."""

    def __init__(self, run: weakref.ref[Any]):
        self._run = run
        self._halt = threading.Event()

    def start(self, every: float | None) -> None:
        """Begin, or go on with another interval; None ends it."""
        self.stop()
        if every is None:
            return
        seconds = number("evaluate_every", every, low=0, open_low=True)
        self._halt = threading.Event()
        Worker("evaluation", self._work, self._halt.set, (self._halt, seconds)).start()

    def stop(self) -> None:
        """End after the evaluation in hand, without waiting for it."""
        self._halt.set()

    def _work(self, halt: threading.Event, seconds: float) -> None:
        torch.set_num_threads(1)
        took = 0.0
        # A dear look is taken less often: it shares the machine with the training.
        while not halt.wait(max(seconds, REST * took)):
            run = self._run()
            if run is None or not run.playing:
                return
            start = time.monotonic()
            try:
                run.evaluate(GLANCE if len(run.data) <= SMALL else None)
            except Exception as error:
                run.evaluation_error = error
                return
            took = time.monotonic() - start
            del run
