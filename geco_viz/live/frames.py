"""From a source to the parts of a frame: JSON headers and little-endian buffers.

`Frames` remembers what the pages hold and makes the next frame from it; the functions below it are pure. The messages are
written down in docs/architecture.md.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geco_viz.live.source import Ghost, Pictures, Source, Status

__all__ = ["Frames", "Part", "images", "limit_curve", "rows", "setup", "status", "tiling"]

Part = tuple[dict[str, Any], bytes | None]

POINTS = 1000  # rows of a full resend; the page never holds more than twice that
NEW_BYTES = 1600  # line data of an ordinary frame: what is left of 2 kB beside headers
AVERAGE = 50  # rows behind the marked current point: one row of 32 samples is too noisy to read
SLOW = 3  # images and tiling go with every third frame at most
SHARE = 0.02  # of the wall time that pictures may cost the stepping thread,
REST = 2.0  # but never a longer pause than this many seconds
SAMPLES = 900  # points of the tiling: what a canvas draws in about a millisecond
MARKS = 200  # evaluations shown
GHOST_ROWS = 200

UNITS = {"re": "RMS pixel", "fre": "RMS feature", "cla": "probability", "pncc": "correlation"}


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
        self.forget()

    def forget(self) -> None:
        """Assume that the pages hold nothing, so that the next frame is a full one."""
        self._history: Any = None
        self._columns: list[str] = []
        self._sent = self._held = self._count = 0
        self._marks = -1
        self._version: Any = None
        self._setup: dict[str, Any] | None = None
        self._limit: Any = self
        self._ghosts: tuple[int, ...] | None = None
        self._status: dict[str, Any] | None = None
        self._looked: Any = None
        self._due = 0.0

    def look(self) -> Pictures | None:
        """Return new pictures where a slow panel is due for them.

        Waits for the step in progress. So it is not called under a lock that the stepping thread may want.
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

    def next(self, pictures: Pictures | None = None) -> list[Part]:
        """Return the parts that the pages lack, these pictures among them: none when nothing moved."""
        source = self.source
        # Read before the rest: a change that happens meanwhile is then sent once more, never lost.
        version, parts = source.version, []
        if version != self._version:
            named = setup(source)
            if named != self._setup:
                parts.append((named, None))
            self._version, self._setup = version, named
        if self._charts:
            parts += self._around() + self._lines()
        if pictures is not None and self._images:
            parts.append(images(pictures))
        if pictures is not None and self._tiling:
            parts.append(tiling(pictures))
        word = status(source.status(), self._trouble)
        if word != self._status:
            parts.append((word, None))
            self._status = word
        self._count += 1
        return parts

    def _lines(self) -> list[Part]:
        history = self.source.history
        total, columns = len(history), wanted(history.columns)
        anew = history is not self._history or total < self._sent or columns != self._columns
        full = anew or self._held > 2 * POINTS
        if not full and total == self._sent:
            return []
        budget = POINTS if full else max(16, NEW_BYTES // (4 * len(columns)))
        part = rows(history, columns, 0 if full else self._sent, total, budget, full)
        self._history, self._columns, self._sent = history, columns, total
        self._held = part[0]["n"] + (0 if full else self._held)
        return [part]

    def _around(self) -> list[Part]:
        """Return the limit, the ghosts and the evaluations where they are new."""
        source, parts = self.source, []
        if source.limit is not self._limit:
            self._limit = source.limit
            parts.append((limit_curve(self._limit), None))
        ghosts = tuple(source.ghosts)
        if self._ghosts != tuple(id(ghost) for ghost in ghosts):
            self._ghosts = tuple(id(ghost) for ghost in ghosts)
            parts.append(ghost_lines(ghosts))
        count = len(source.evaluations)
        if count != self._marks:
            self._marks = count
            parts.append(marks(source.evaluations, count))
        return parts


def wanted(columns: Sequence[str]) -> list[str]:
    """Return the columns that the charts draw, `step`, `kl`, `err/re` and `beta` first.

    Example:
        >>> wanted(("step", "loss", "kl", "err/re", "kappa/re", "multiplier/re", "beta", "lr"))
        ['step', 'kl', 'err/re', 'beta', 'kappa/re', 'multiplier/re']
    """
    first = [name for name in ("step", "kl", "err/re", "beta") if name in columns]
    heads = ("err/", "kappa/", "multiplier/")
    return first + [name for name in columns if name.startswith(heads) and name not in first]


def setup(source: Source) -> dict[str, Any]:
    """Return what names and labels need: small, since every edit of kappa sends it anew."""
    constraints = []
    for constraint in source.constraints:
        name = constraint.name
        unit = getattr(constraint, "unit", None) or UNITS.get(name, "units of kappa")
        constraints.append({"name": name, "kappa": plain(source.kappa_of(name)), "unit": unit})
    return {
        "kind": "setup",
        "title": source.title,
        "constraints": constraints,
    }


def rows(
    history: Any, columns: Sequence[str], low: int, high: int, budget: int, full: bool
) -> Part:
    """Return rows `low` to `high` of a history, decimated to `budget` of them, and the recent mean.

    Args:
        history: a `History`.
        columns: names of the columns to send, in their order.
        low: first row.
        high: one past the last row.
        budget: the most rows to send.
        full: whether they replace what the page holds.

    Returns:
        Header ``n``, ``total``, ``full``, with ``full`` the ``columns`` too, and ``now``, the mean of each column over
        the last 50 rows (None where it is not finite); buffer float32 ``(n, columns)``.
    """
    head: dict[str, Any] = {"kind": "rows", "full": full, "n": 0, "total": high}
    if full:
        head["columns"] = list(columns)
    if low >= high or not columns:
        return head, b""
    if high - low > budget:
        index = np.asarray(history.decimate(budget, low=low))
        # The writer may have gone on since `high` was read.
        index = np.append(index[index < high - 1], high - 1)
    else:
        index = np.arange(low, high)
    taken = np.stack([np.asarray(history[name])[index] for name in columns], axis=1)
    recent = slice(max(0, high - AVERAGE), high)
    head["n"] = len(index)
    head["now"] = [plain(np.mean(np.asarray(history[name])[recent])) for name in columns]
    return head, packed(taken)


def marks(evaluations: Any, count: int) -> Part:
    """Return step, kappa_hat/re and kl of the evaluations, the newest included."""
    stride = max(1, math.ceil(count / MARKS))
    index = np.arange(count)[::-1][::stride][::-1]
    names = ("step", "kappa_hat/re", "kl")
    missing = np.full(count, np.nan)
    table = [
        np.asarray(evaluations[name]) if name in evaluations.columns else missing for name in names
    ]
    taken = np.stack([column[:count][index] for column in table], axis=1)
    return {"kind": "evaluations", "n": len(index)}, packed(taken)


def limit_curve(limit: Any) -> dict[str, Any]:
    """Return the rate-distortion curve as lists: kappa (RMS pixel) and rate (nats), sorted by kappa."""
    if limit is None:
        return {"kind": "limit", "kappa": [], "rate": [], "note": ""}
    kappa, rate = np.asarray(limit.kappa, float), np.asarray(limit.rate, float)
    good = np.isfinite(kappa) & np.isfinite(rate)
    order = np.argsort(kappa[good], kind="stable")
    return {
        "kind": "limit",
        "kappa": [round(float(v), 6) for v in kappa[good][order]],
        "rate": [round(float(v), 5) for v in rate[good][order]],
        "note": str(getattr(limit, "note", "") or ""),
    }


def ghost_lines(ghosts: Sequence[Ghost]) -> Part:
    """Return earlier runs: names and counts, then all their rows of step, err/re and kl."""
    kept = [np.asarray(ghost.rows, np.float32).reshape(-1, 3) for ghost in ghosts]
    kept = [r if len(r) <= GHOST_ROWS else r[_even(len(r), GHOST_ROWS)] for r in kept]
    head = {
        "kind": "ghosts",
        "names": [ghost.name for ghost in ghosts],
        "counts": [len(r) for r in kept],
    }
    return head, packed(np.concatenate(kept)) if kept else b""


def images(pictures: Pictures) -> Part:
    """Return the grid of data, reconstructions and samples: uint8 ``(rows, n, h, w, c)``.

    A row with fewer images than the longest is filled with zeros; `counts` says how many are real.
    """
    grid = [np.asarray(g) for g in (pictures.data, pictures.reconstruction, pictures.sample)]
    n = max(len(g) for g in grid)
    h, w, c = grid[0].shape[1:]
    whole = np.zeros((len(grid), n, h, w, c), np.uint8)
    for row, g in zip(whole, grid, strict=True):
        row[: len(g)] = g
    head = {
        "kind": "images",
        "rows": ["data", "recon", "sample"],
        "counts": [len(g) for g in grid],
        "labels": [str(label) for label in pictures.labels],
        "n": n,
        "h": h,
        "w": w,
        "c": c,
        "step": int(pictures.step),
    }
    return head, whole.tobytes()


def tiling(pictures: Pictures) -> Part:
    """Return posterior samples of the first two latents: float32 ``(n, per, min(d, 2))``."""
    z = np.asarray(pictures.z, np.float32)
    n, samples, dims = z.shape
    per = min(samples, max(1, SAMPLES // max(n, 1)))
    head = {
        "kind": "tiling",
        "n": n,
        "per": per,
        "dims": dims,
        "labels": [str(label) for label in pictures.labels],
        "masses": [plain(m) for m in np.asarray(pictures.tile_mass).reshape(-1)],
        "holes": plain(pictures.holes),
        "step": int(pictures.step),
    }
    return head, packed(z[:, :per, :2])


def status(status: Status, trouble: str = "") -> dict[str, Any]:
    """Return the status line; the page shows its text as text, never as markup."""
    return {
        "kind": "status",
        "phase": str(status.phase),
        "words": str(status.words),
        "hint": trouble or str(status.hint),
        "step": int(status.step),
        "rate": plain(status.rate),
        "device": str(status.device),
    }


def plain(value: Any) -> float | None:
    """Return a float that JSON can carry: None where the value is missing or not finite.

    Example:
        >>> plain(np.float32(0.5)), plain(float("nan")), plain(None)
        (0.5, None, None)
    """
    number = math.nan if value is None else float(value)
    return float(f"{number:.6g}") if math.isfinite(number) else None


def packed(values: NDArray[Any]) -> bytes:
    """Return the values as little-endian float32, row-major."""
    return np.ascontiguousarray(values, dtype="<f4").tobytes()


def _even(length: int, points: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, length - 1, points).astype(np.int64))
