"""The limit R(D) in the information plane: its curve, the impossible side, the words on that."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["limit_marks"]


def limit_marks(
    colours: dict[str, Any], limit: Any, kappa: float | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the traces of R(D) and of the side that is impossible, and the words on it.

    Args:
        colours: of a theme.
        limit: as for `information_plane`.
        kappa: of the vertical line beside which the words have to fit, RMS pixel; None without.
    """
    order = np.argsort(np.asarray(limit.kappa, dtype=np.float64))
    across = np.asarray(limit.kappa, dtype=np.float64)[order]
    rate = np.asarray(limit.rate, dtype=np.float64)[order]
    slack = np.broadcast_to(np.nan_to_num(np.asarray(limit.certificate, np.float64)), rate.shape)
    proven = np.maximum(rate - slack[order], 0.0)
    # R falls in kappa, so its first known value bounds everything to the left of it too.
    edge = np.concatenate([[0.0], across])
    shade = {
        "type": "scatter",
        "mode": "lines",
        "x": edge,
        "y": np.concatenate([proven[:1], proven]),
        "fill": "tozeroy",
        "fillcolor": colours["shade"],
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
        "name": "impossible",
    }
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": across,
        "y": rate,
        "line": {"color": colours["accent"], "width": 3},
        "name": "limit R(D)",
        "hovertemplate": "limit: at least %{y:.3f} nats<br>for error %{x:.4f} RMS pixel"
        "<extra></extra>",
    }
    reached = float(across[rate > 0].max()) if (rate > 0).any() else float(across[-1])
    left, right = (0.0, reached) if kappa is None or kappa > reached else (kappa, reached)
    if kappa is not None and kappa > reached - kappa:
        left, right = 0.0, min(kappa, reached)
    middle = left + 0.45 * (right - left)
    subset = getattr(limit, "subset", 0)
    label = {
        "x": middle,
        "y": 0.32 * float(np.interp(middle, across, proven)),
        "text": "impossible: below R(D)" + (f" of {subset:,} data" if subset else ""),
        "showarrow": False,
        "font": {"color": colours["accent"], "size": 13},
    }
    return [shade, line], [label]
