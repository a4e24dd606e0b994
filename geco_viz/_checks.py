"""Argument checks: every error names the argument, the value that came and what is allowed."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["Closed", "choice", "integer", "number", "path"]


def number(
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """Return `value` as a finite float inside the interval, or say what is wrong with it.

    Raises:
        TypeError: `value` is not a real number.
        ValueError: `value` is NaN, infinite or outside the interval.

    Example:
        >>> number("kappa", 0.1, low=0, open_low=True)
        0.1
        >>> number("kappa", -1, low=0, open_low=True)
        Traceback (most recent call last):
        ...
        ValueError: kappa must be a finite number > 0, got -1
    """
    allowed = "a finite number"
    if low > -math.inf:
        allowed += f" {'>' if open_low else '>='} {low:g}"
    if high < math.inf:
        joint = " and" if low > -math.inf else ""
        allowed += f"{joint} {'<' if open_high else '<='} {high:g}"
    if isinstance(value, (str, bytes, bool)) or value is None:
        raise TypeError(f"{name} must be {allowed}, got {value!r}")
    try:
        result = float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be {allowed}, got {value!r}") from error
    inside = math.isfinite(result)
    inside = inside and (result > low if open_low else result >= low)
    inside = inside and (result < high if open_high else result <= high)
    if not inside:
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
    return result


def integer(name: str, value: Any, *, low: int | None = None, high: int | None = None) -> int:
    """Return `value` as an int inside [low, high], or say what is wrong with it.

    Raises:
        TypeError: `value` is not a whole number.
        ValueError: `value` is outside the interval.

    Example:
        >>> integer("steps", 0, low=1)
        Traceback (most recent call last):
        ...
        ValueError: steps must be a whole number >= 1, got 0
    """
    allowed = "a whole number"
    if low is not None:
        allowed += f" >= {low}"
    if high is not None:
        allowed += f"{' and' if low is not None else ''} <= {high}"
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be {allowed}, got {value!r}")
    result = int(value)
    if (low is not None and result < low) or (high is not None and result > high):
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
    return result


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of `allowed`; the error suggests the nearest name.

    Raises:
        TypeError: `value` is not a string.
        ValueError: `value` is not among `allowed`.

    Example:
        >>> choice("data", "mnits", ["mnist", "digits"])
        Traceback (most recent call last):
        ...
        ValueError: data must be one of 'mnist', 'digits', got 'mnits'; did you mean 'mnist'?
    """
    options = list(allowed)
    listed = ", ".join(repr(option) for option in options)
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {listed}, got {value!r}")
    if value in options:
        return value
    raise ValueError(f"{name} must be one of {listed}, got {value!r}{_nearest(value, options)}")


def _nearest(value: str, options: Iterable[str]) -> str:
    near = difflib.get_close_matches(value.lower(), list(options), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""


def path(name: str, value: Any) -> Path:
    """Return `value` as a path, `~` expanded.

    Raises:
        TypeError: `value` is no path.

    Example:
        >>> path("root", 3)
        Traceback (most recent call last):
        ...
        TypeError: root must be the path of a file or folder, got 3
    """
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} must be the path of a file or folder, got {value!r}")
    return Path(value).expanduser()


class Closed:
    """An object that refuses new attributes once made: a misspelt setting would do nothing.

    Attributes:
        assignable: what to do instead, in words, for the error.

    Raises:
        AttributeError: by an assignment; it suggests the nearest name.

    Example:
        >>> class Lamp(Closed):
        ...     assignable = "assign brightness"
        ...     def __init__(self):
        ...         self.brightness = 1
        ...         self._closed = True
        >>> Lamp().brigthness = 2
        Traceback (most recent call last):
        ...
        AttributeError: Lamp has no 'brigthness': assign brightness; did you mean 'brightness'?
    """

    assignable = ""
    _closed = False

    def __setattr__(self, name: str, value: Any) -> None:
        if name[:1] != "_" and self._closed and name not in self.__dict__:
            kind = type(self)
            if not hasattr(kind, name) and not self._holds(name):
                names = [n for n in dir(kind) if not callable(getattr(kind, n))]
                near = _nearest(name, [n for n in (*names, *self.__dict__) if n[0] != "_"])
                raise AttributeError(f"{kind.__name__} has no {name!r}: {self.assignable}{near}")
        super().__setattr__(name, value)

    def _holds(self, name: str) -> bool:
        """Whether an attribute lies elsewhere than in `__dict__`."""
        return False
