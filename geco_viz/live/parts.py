"""The parts of a frame: pure functions from what a source shows to a JSON header and a buffer.

Numbers in buffers are little-endian; docs/architecture.md has the messages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geco_viz.live.planes import ACTIVE, axes, choices
from geco_viz.live.source import Ghost, Pictures, Source, Status

__all__ = [
    "Part",
    "ghost_lines",
    "images",
    "limit_curve",
    "marks",
    "plain",
    "rows",
    "setup",
    "status",
    "tiling",
    "wanted",
]

Part = tuple[dict[str, Any], bytes | None]

AVERAGE = 50  # rows behind the marked current point: one row of 32 samples is too noisy to read
SAMPLES = 900  # points of the tiling: what a canvas draws in about a millisecond
MARKS = 200  # evaluations shown
GHOST_ROWS = 200


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
        kappa = plain(source.kappa_of(name))
        constraints.append({"name": name, "kappa": kappa, "unit": constraint.unit})
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
        Header ``n``, ``total``, ``full``, with ``full`` the ``columns`` too, and ``now``, the mean
        of each column over the last 50 rows (None where it is not finite); buffer float32
        ``(n, columns)``.
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
    """Return the rate-distortion curve sorted by kappa: kappa (RMS pixel) and rate (nats).

    With it, where the limit knows them: `subset`, of how many data it is (0: of all), and
    `critical`, triples of beta (data units squared) and the points before and after a merger.
    """
    if limit is None:
        none: list[float] = []
        return {
            "kind": "limit", "kappa": none, "rate": none, "note": "", "subset": 0, "critical": none
        }  # fmt: skip
    kappa, rate = np.asarray(limit.kappa, float), np.asarray(limit.rate, float)
    good = np.isfinite(kappa) & np.isfinite(rate)
    order = np.argsort(kappa[good], kind="stable")
    return {
        "kind": "limit",
        "kappa": [round(float(v), 6) for v in kappa[good][order]],
        "rate": [round(float(v), 5) for v in rate[good][order]],
        "note": str(getattr(limit, "note", "") or ""),
        "subset": int(getattr(limit, "subset", 0)),
        "critical": [[plain(value) for value in row] for row in getattr(limit, "critical", ())],
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
    """Return the grid of contexts, data, reconstructions and samples: uint8 ``(rows, n, h, w, c)``.

    A row with fewer images than the longest is filled with zeros; `counts` says how many are real.
    """
    grid = [np.asarray(g) for g in (pictures.data, pictures.reconstruction, pictures.sample)]
    n = max(len(g) for g in grid)
    h, w, c = grid[0].shape[1:]
    # A context of another size has no place in a grid of equal cells.
    told = [np.asarray(g) for g in pictures.context if np.shape(g)[1:3] == (h, w)]
    c = max([c, *(g.shape[3] for g in told)])
    names = ["told" if len(told) == 1 else f"told {i + 1}" for i in range(len(told))]
    whole = np.zeros((len(told) + len(grid), n, h, w, c), np.uint8)
    for row, g in zip(whole, [*told, *grid], strict=True):
        row[: len(g)] = g
    head = {
        "kind": "images",
        "rows": [*names, "data", "recon", "sample"],
        "counts": [len(g) for g in (*told, *grid)],
        "labels": [str(label) for label in pictures.labels],
        "n": n,
        "h": h,
        "w": w,
        "c": c,
        "step": int(pictures.step),
    }
    return head, whole.tobytes()


def tiling(pictures: Pictures, plane: str = ACTIVE) -> Part:
    """Return posterior samples in a plane of latent space: float32 ``(n, per, min(d, 2))``.

    Args:
        pictures: with samples ``(n, S, d)``.
        plane: where d > 2, see `planes.axes`.
    """
    z = np.asarray(pictures.z, np.float32)
    n, samples, dims = z.shape
    per = min(samples, max(1, SAMPLES // max(n, 1)))
    head: dict[str, Any] = {
        "kind": "tiling",
        "n": n,
        "per": per,
        "dims": dims,
        "labels": [str(label) for label in pictures.labels],
        "masses": [plain(m) for m in np.asarray(pictures.tile_mass).reshape(-1)],
        "holes": plain(pictures.holes),
        "step": int(pictures.step),
    }
    shown = z[:, :per]
    if dims > 2 and n:
        directions, names = axes(z, plane)
        head |= {"plane": plane, "planes": choices(dims), "names": names}
        head["axes"] = directions.round(6).tolist()
        shown = shown @ directions.T.astype(np.float32)
    return head, packed(shown[..., :2])


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
