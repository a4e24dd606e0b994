"""The foreground loop's manners: a progress bar, and an interrupt that waits for the step's end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["bar", "deferred_interrupt"]


@contextlib.contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a flag, and raise it as `KeyboardInterrupt` on leaving.

    A second one interrupts at once. Outside the main thread, where no signal arrives, it does
    nothing.
    """
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return

    def handle(number: int, frame: Any) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield pressed.is_set
    finally:
        # None: a handler that was not set from Python, which cannot be put back.
        signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)
    if pressed.is_set():
        raise KeyboardInterrupt("training stopped after the step in hand; the run is usable")


@contextlib.contextmanager
def bar(steps: int, run: Any, show: bool) -> Iterator[Callable[[], None]]:
    """A tqdm bar with the KL and the errors, or nothing at all."""
    if not show:
        yield lambda: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=steps, unit="step", mininterval=0.2) as progress:

        def advance() -> None:
            # tqdm decides when to draw; the figures are read only then.
            if progress.update():
                progress.set_postfix(_figures(run), refresh=False)

        try:
            yield advance
        finally:  # the bar is drawn a last time when it closes
            progress.set_postfix(_figures(run), refresh=False)


def _figures(run: Any) -> dict[str, str]:
    history = run.history
    if not len(history):
        return {}
    names = [name for name in history.columns if name == "kl" or name.startswith("err/")]
    return {name: f"{float(history[name][-1]):.3g}" for name in names}
