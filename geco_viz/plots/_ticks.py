"""Where an axis has ticks and what they say, for the renderer that has no plotly to ask."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["ticks"]


def ticks(axis: dict[str, Any]) -> list[tuple[float, str]]:
    """Return (value, label) of the ticks inside the axis' range.

    Example:
        >>> ticks({"range": [0, 1.1], "type": "linear"})
        [(0.0, '0'), (0.2, '0.2'), (0.4, '0.4'), (0.6, '0.6'), (0.8, '0.8'), (1.0, '1')]
        >>> ticks({"range": [-2, 1], "type": "log", "dtick": 1})
        [(0.01, '0.01'), (0.1, '0.1'), (1.0, '1'), (10.0, '10')]
    """
    low, high = sorted(float(end) for end in axis["range"])
    if "tickvals" in axis:
        names = axis.get("ticktext", [f"{value:g}" for value in axis["tickvals"]])
        return [(float(v), str(t)) for v, t in zip(axis["tickvals"], names, strict=True)]
    if axis.get("type") == "log":
        return _log(low, high, axis.get("dtick", 1))
    step = float(axis["dtick"]) if "dtick" in axis else _round_step((high - low) / 7)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    values = [round(k * step, 12) for k in range(first, last + 1)]
    return [(value, f"{value:g}".replace("-", "−")) for value in values]


def _round_step(rough: float) -> float:
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * m for m in (1, 2, 5, 10) if size * m >= 0.999 * rough)


def _log(low: float, high: float, dtick: Any) -> list[tuple[float, str]]:
    whole = range(math.floor(low), math.ceil(high) + 1)
    if dtick == "D2":
        values = [m * 10.0**k for k in whole for m in (1, 2, 5)]
    else:
        values = [10.0**k for k in whole if k % int(dtick) == 0]
    inside = [value for value in values if low - 1e-9 <= math.log10(value) <= high + 1e-9]
    return [(float(f"{value:.6g}"), f"{value:g}") for value in inside]
