"""What the pages hold, and the next frame from it; docs/architecture.md has the messages."""

from __future__ import annotations

import operator
import time
from collections.abc import Iterable
from typing import Any

from geco_viz.live import parts
from geco_viz.live.parts import Part
from geco_viz.live.planes import ACTIVE
from geco_viz.live.source import Ghost, Pictures, Source

__all__ = ["Frames"]

POINTS = 1000  # rows of a full resend; a page never holds more than about twice that
NEW_BYTES = 1400  # line data of an ordinary frame: what headers leave of 2 kB, with some room
SLOW = 3  # images and tiling go with every third frame at most,
SHARE = 0.02  # and cost the stepping thread at most this share of the time,
REST = 2.0  # but never pause for more than this many seconds


class Frames:
    """The next frame for the pages of one view.

    All pages of a view get the same messages, so one record of what they hold serves them all.
    Not thread-safe: the pump calls `next` and `forget` under its lock, `look` outside it.

    Args:
        source: what is shown.
        panels: the panels shown; parts that none of them draws are not asked for.
    """

    def __init__(self, source: Source, panels: Iterable[str]) -> None:
        self.source = source
        shown = set(panels)
        self._charts = bool(shown & {"information-plane", "error", "multiplier"})
        self._images = "images" in shown
        self._tiling = "tiling" in shown
        self._trouble = ""
        self.plane = ACTIVE  # of latent space, for all pages of the view
        self.forget()

    def forget(self) -> None:
        """Assume that the pages hold nothing, so that the next frame is a full one."""
        self._history: Any = None
        self._columns: list[str] = []
        self._sent = self._held = self._count = 0
        self._marks: tuple[Any, int] | None = None
        self._version: Any = None
        self._setup: dict[str, Any] | None = None
        self._limit: Any = self
        self._ghosts: tuple[Ghost, ...] | None = None
        self._status: dict[str, Any] | None = None
        self._looked: Any = None
        self._due = 0.0

    def look(self) -> Pictures | None:
        """Return new pictures where a slow panel is due for them.

        It waits for the step in progress, so it is not called under a lock that the stepping
        thread may want.
        """
        if not (self._images or self._tiling) or self._count % SLOW:
            return None
        key = (len(self.source.history), self.source.version)
        start = time.monotonic()
        if key == self._looked or start < self._due:
            return None
        try:
            pictures = self.source.pictures()
            self._trouble = ""
        except Exception as error:  # a broken picture must not silence the charts: say it instead
            pictures, self._trouble = None, f"no pictures: {type(error).__name__}: {error}"
        end = time.monotonic()
        self._looked, self._due = key, end + min((end - start) / SHARE, REST)
        return pictures

    def turn(self, plane: str) -> None:
        """Show another plane of latent space, with the next frame."""
        self.plane = plane
        self._looked, self._due, self._count = None, 0.0, 0

    def next(self, pictures: Pictures | None = None) -> list[Part]:
        """Return the parts that the pages lack, with these pictures; none when nothing moved."""
        source = self.source
        # Read before the rest: a change that happens meanwhile is then sent once more, never lost.
        version = source.version
        found: list[Part] = []
        if version != self._version:
            named = parts.setup(source)
            if named != self._setup:
                found.append((named, None))
            self._version, self._setup = version, named
        if self._charts:
            found += self._around() + self._lines()
        if pictures is not None and self._images:
            found.append(parts.images(pictures))
        if pictures is not None and self._tiling:
            found.append(parts.tiling(pictures, self.plane))
        word = parts.status(source.status(), self._trouble)
        if word != self._status:
            found.append((word, None))
            self._status = word
        self._count += 1
        return found

    def _lines(self) -> list[Part]:
        history = self.source.history
        total, columns = len(history), parts.wanted(history.columns)
        anew = history is not self._history or total < self._sent or columns != self._columns
        full = anew or self._held > 2 * POINTS
        if not full and total == self._sent:
            return []
        budget = POINTS if full else max(16, NEW_BYTES // (4 * len(columns)))
        part = parts.rows(history, columns, 0 if full else self._sent, total, budget, full)
        self._history, self._columns, self._sent = history, columns, total
        self._held = part[0]["n"] + (0 if full else self._held)
        return [part]

    def _around(self) -> list[Part]:
        """Return the limit, the ghosts and the evaluations where they are new."""
        source = self.source
        found: list[Part] = []
        if source.limit is not self._limit:
            self._limit = source.limit
            found.append((parts.limit_curve(self._limit), None))
        ghosts = tuple(source.ghosts)
        if self._ghosts is None or not _same(ghosts, self._ghosts):
            self._ghosts = ghosts
            found.append(parts.ghost_lines(ghosts))
        evaluations = source.evaluations
        count = len(evaluations)
        if (evaluations, count) != self._marks:
            self._marks = (evaluations, count)
            found.append(parts.marks(evaluations, count))
        return found


def _same(some: tuple[Ghost, ...], others: tuple[Ghost, ...]) -> bool:
    return len(some) == len(others) and all(map(operator.is_, some, others))
