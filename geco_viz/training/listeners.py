"""Who is told of a change: none of them can undo it, or hold up another thread's."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable

__all__ = ["Listeners"]


class Listeners(list[Callable[[], None]]):
    """Functions without arguments, called by `tell` after something has changed.

    One that raises is warned of, and the others are told all the same. One that is still at work
    is not waited for: the thread that is in it calls it again, once for all changes meanwhile.

    Example:
        >>> heard = []
        >>> listeners = Listeners([lambda: heard.append("edit")])
        >>> listeners.tell(); heard
        ['edit']
    """

    def __init__(self, functions: tuple[Callable[[], None], ...] | list[Callable[[], None]] = ()):
        super().__init__(functions)
        self._gate = threading.Lock()
        self._again: dict[Callable[[], None], bool] = {}  # of those at work: has more changed?

    def tell(self) -> None:
        """Call them all."""
        errors = [error for listener in list(self) for error in self._call(listener)]
        for error in errors:
            words = f"a listener failed, the change is made all the same: {error!r}"
            warnings.warn(words, RuntimeWarning, stacklevel=2)

    def _call(self, listener: Callable[[], None]) -> list[Exception]:
        with self._gate:
            if listener in self._again:
                self._again[listener] = True
                return []
            self._again[listener] = True
        errors: list[Exception] = []
        try:
            while self._is_due(listener):
                try:
                    listener()
                except Exception as error:
                    errors.append(error)
        except BaseException:  # an interrupt
            with self._gate:
                del self._again[listener]
            raise
        return errors

    def _is_due(self, listener: Callable[[], None]) -> bool:
        """Whether to call it (again); else it is at rest, in the same moment."""
        with self._gate:
            due = self._again[listener]
            if due:
                self._again[listener] = False
            else:
                del self._again[listener]
            return due
