"""Figures of one moment: those of an evaluation that still counts, or means of the last steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from geco_viz.constraints import Constraint
from geco_viz.training.history import History

__all__ = ["FEWEST", "ROWS", "Moment", "current", "plain", "recent", "with_error"]

ROWS = 50  # rows of a batch mean: a longer one would lag behind the passage through kappa
FEWEST = 20  # rows since an edit from which on they speak for themselves
FRESH = 0.05  # of the steps since the last edit: what an evaluation may be old


@dataclass(frozen=True)
class Moment:
    """Figures with their standard errors, all of one moment.

    Attributes:
        step: they belong to, or end at.
        rows: steps whose batches they are the mean of; 0 for an evaluation.
        figures: `err/<constraint>` in the units of its kappa, `err/re`, `kl`, `multiplier/<...>`,
            `beta`, and of an evaluation `held_out/err/<...>` and `holes`: (value, standard error).
    """

    step: int
    rows: int
    figures: Mapping[str, tuple[float, float]]

    def __contains__(self, name: str) -> bool:
        return math.isfinite(self[name])

    def __getitem__(self, name: str) -> float:
        return self.figures.get(name, (math.nan, math.nan))[0]

    def se(self, name: str) -> float:
        """The standard error of a figure; 0 where nobody knows it."""
        error = self.figures.get(name, (math.nan, math.nan))[1]
        return error if math.isfinite(error) else 0.0


def current(
    history: History, evaluations: History, constraints: Sequence[Constraint], since: int
) -> Moment:
    """The newest evaluation where it still counts, else the mean of the last steps.

    It counts if it was made after the last edit, so at these kappas and under this objective, and
    no more than 5 % of the steps since then have been made after it.

    Args:
        history, evaluations: of the run.
        constraints: the objective's.
        since: the row at which kappa or the objective was last edited.
    """
    if len(evaluations):
        seen = float(evaluations["step"][-1])
        steps = history["step"]
        edited, now = float(steps[since - 1]) if since else 0.0, float(steps[-1])
        if seen > edited and now - seen <= FRESH * (now - edited):
            return _evaluated(history, evaluations, constraints)
    return recent(history, constraints, since)


def recent(history: History, constraints: Sequence[Constraint], since: int = 0) -> Moment:
    """The mean of the last 50 rows at most, of those since the last edit where they are enough.

    An error is averaged as the constraint averages it, RE's as mean squares.
    """
    rows = min(ROWS, len(history))
    if len(history) - since >= FEWEST:
        rows = min(rows, len(history) - since)
    return Moment(
        int(history["step"][-1]), rows, _averages(history, constraints, len(history), rows)
    )


def _averages(
    history: History, constraints: Sequence[Constraint], end: int, rows: int
) -> dict[str, tuple[float, float]]:
    by_name = {f"err/{constraint.name}": constraint for constraint in constraints}
    figures = {}
    for name in history.columns:
        values = history[name][max(0, end - rows) : end].astype(np.float64)
        values = values[~np.isnan(values)]
        if values.size:
            figures[name] = _mean(values, by_name.get(name), squared=name == "err/re")
    return figures


def _mean(
    values: np.ndarray, constraint: Constraint | None, squared: bool = False
) -> tuple[float, float]:
    if constraint is not None:
        raw = np.asarray(constraint.tolerance(values))  # type: ignore[arg-type]  # elementwise
    else:
        raw = values**2 if squared else values
    mean = float(raw.mean())
    se = float(raw.std() / math.sqrt(len(raw)))
    if constraint is not None:
        value, beside = (float(constraint.as_kappa(v)) for v in (mean, mean + se))
    elif squared:
        value, beside = math.sqrt(mean), math.sqrt(mean + se)
    else:
        value, beside = mean, mean + se
    return value, abs(beside - value)


def _evaluated(history: History, evaluations: History, constraints: Sequence[Constraint]) -> Moment:
    seen = float(evaluations["step"][-1])
    end = int(np.searchsorted(history["step"], seen, "right"))
    # Only the price is of the steps that led there: an evaluation has none.
    figures = {
        name: figure
        for name, figure in _averages(history, constraints, end, ROWS).items()
        if name.startswith("multiplier/") or name == "beta"
    }
    columns = evaluations.columns
    for name in columns:
        if not name.endswith("/se"):
            se = float(evaluations[f"{name}/se"][-1]) if f"{name}/se" in columns else math.nan
            figures[name.replace("kappa_hat/", "err/")] = (float(evaluations[name][-1]), se)
    return Moment(int(seen), 0, figures)


def with_error(value: float, error: float) -> str:
    """A figure with as many digits as its standard error allows."""
    if not abs(value) / 2000 < error < abs(value):  # no error, or one below three digits
        return plain(value)
    digits = max(0, -math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def plain(value: float, digits: int = 3) -> str:
    """A figure to so many digits, as a person writes it: without an exponent.

    Example:
        >>> plain(0.25), plain(-99.96), plain(12345.6), plain(0.0000123), plain(0.0)
        ('0.25', '-100', '12,346', '0.00001', '0')
    """
    size = abs(value)
    if size >= 10**digits - 0.5:
        return f"{value:,.0f}"
    if size >= 1e-4 or not value:
        return f"{value:.{digits}g}"
    return np.format_float_positional(value, precision=1, fractional=False)
