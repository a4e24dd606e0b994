"""The foreground loop's manners: a progress bar, and an interrupt that waits for the step's end."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

__all__ = ["bar", "deferred_interrupt", "patient"]

T = TypeVar("T")
PATIENCE = 2.0  # seconds of silence before a bar


@contextlib.contextmanager
def deferred_interrupt(terminable: bool = False) -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a flag, and raise it as `KeyboardInterrupt` on leaving.

    A second one interrupts at once. Outside the main thread, where no signal arrives, it does
    nothing.

    Args:
        terminable: do so with SIGTERM too, which leaves as exit code 143; not where it is ignored,
            nor in a notebook's kernel, whose handlers are its own.
    """
    pressed: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def handle(number: int, frame: Any) -> None:
        pressed.append(number)
        if len(pressed) > 1:
            raise _ending(number)

    signals = [signal.SIGINT]
    ignored = signal.getsignal(signal.SIGTERM) in (signal.SIG_IGN, None)
    if terminable and not ignored and not _in_kernel():
        signals.append(signal.SIGTERM)
    before = {each: signal.signal(each, handle) for each in signals}
    try:
        yield lambda: bool(pressed)
    finally:
        for each, handler in before.items():
            # None: a handler that was not set from Python, which cannot be put back.
            signal.signal(each, signal.default_int_handler if handler is None else handler)
    if pressed:
        raise _ending(pressed[0])


def _ending(number: int) -> BaseException:
    if number == signal.SIGTERM:
        return SystemExit(128 + number)
    return KeyboardInterrupt("training stopped after the step in hand; the run is usable")


def _in_kernel() -> bool:
    ipython: Any = sys.modules.get("IPython")
    return hasattr(ipython and ipython.get_ipython(), "kernel")


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


def patient(items: Iterable[T], total: int, words: str) -> Iterable[T]:
    """The items, with a bar that says what is done once they have taken `PATIENCE` seconds.

    Example:
        >>> list(patient([1, 2], 2, "counting"))
        [1, 2]
    """
    from tqdm.auto import tqdm

    counted: Iterable[T] = tqdm(items, desc=words, total=total, leave=False, delay=PATIENCE)
    return counted
