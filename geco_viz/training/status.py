"""What a run is doing, in words: its phase, one sentence with the figures, and a hint."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from geco_viz.constraints import Constraint
from geco_viz.geco import GECO
from geco_viz.objectives import Objective
from geco_viz.rate_limit import RateLimit
from geco_viz.training.history import History
from geco_viz.training.schedule import is_settled, mean_constraint

__all__ = ["describe", "phase_of"]


def phase_of(objective: Objective, history: History, since: int) -> str:
    """The phase that the figures show: Fig. 3's satisfying and tightening, settled or infeasible.

    Without constraints there is nothing to satisfy: "training" until it has settled.

    Infeasible: a multiplier has stood at its cap for 200 rows, and its constraint is still violated
    and no longer on its way down.
    """
    if len(history) - since < 20:
        return "starting"
    constraints = objective.constraints
    # A short window follows the passage through kappa; a long one would lag by hundreds of steps.
    rows = min(50, len(history) - since)
    values = [mean_constraint(history, constraint, rows=rows) for constraint in constraints]
    violated = [c for c, value in zip(constraints, values, strict=True) if value > 0.1]
    if isinstance(objective, GECO):
        for constraint in violated:
            recent = history[f"multiplier/{constraint.name}"][since:][-200:]
            at_cap = recent.size == 200 and recent.min() >= 0.99 * objective.lambda_max
            if at_cap and not _falling(history[f"err/{constraint.name}"][-200:], constraint):
                return "infeasible"
    if violated:
        return "satisfying"
    if is_settled(history, since, constraints):
        return "settled"
    return "tightening" if constraints else "training"


def _falling(errors: np.ndarray, constraint: Constraint) -> bool:
    """Whether the excess over the tolerance fell by a tenth or more from one half to the next.

    A large set can keep lambda at its cap for thousands of steps on which the model still learns.
    """
    before, after = (
        float(constraint.tolerance(float(half.mean()))) / constraint.tolerance(constraint.kappa) - 1
        for half in np.array_split(errors, 2)
    )
    return after < 0.9 * before


def describe(
    objective: Objective,
    history: History,
    evaluations: History,
    phase: str,
    limit: Any = None,
) -> tuple[str, str]:
    """The sentence and the hint for a phase.

    Args:
        objective: that trains.
        history, evaluations: of the run; an evaluation, where there is one, is what is quoted.
        phase: as shown.
        limit: a rate-distortion curve with `.kappa` and `.rate`, or None.
    """
    if not len(history):
        return "No step made yet.", "Press play."
    fresh = len(evaluations) and _fresh(float(evaluations["step"][-1]), float(history["step"][-1]))
    kl = float(evaluations["kl"][-1]) if fresh else _recent(history, "kl")
    words = []
    for constraint in objective.constraints:
        name, kappa = constraint.name, constraint.kappa
        column = f"kappa_hat/{name}"
        if fresh and column in evaluations.columns:
            error = float(evaluations[column][-1])
        else:
            error = _recent(history, f"err/{name}")
        if math.isnan(error):  # its first step is still to come
            continue
        met = constraint.tolerance(error) <= 1.1 * constraint.tolerance(kappa)
        if name == "rate":
            words.append(f"The rate {'keeps to' if met else 'is above'} C = {kappa:.3g} nats.")
            continue
        symbol = "κ̂" if len(objective.constraints) == 1 else f"κ̂ {constraint.label}"
        seen = f"held_out/{column}"
        unseen = ""
        if fresh and seen in evaluations.columns and math.isfinite(evaluations[seen][-1]):
            unseen = f" ({float(evaluations[seen][-1]):.3g} on held-out data)"
        verdict = "meets" if met else "misses"
        words.append(f"{symbol} = {error:.3g}{unseen} {verdict} κ = {kappa:.3g}.")
    error = _recent(history, "err/re")
    if fresh and "kappa_hat/re" in evaluations:
        error = float(evaluations["kappa_hat/re"][-1])
    if not words or isinstance(objective, RateLimit):
        words.append(f"Error {error:.3g} RMS pixel.")
    words.append(f"KL = {kl:.3g} nats{_over_limit(kl, error, limit)}.")
    words.append(_price(objective, history, error, limit))
    if fresh and "holes" in evaluations.columns and math.isfinite(evaluations["holes"][-1]):
        words.append(f"Holes: {100 * float(evaluations['holes'][-1]):.3g} % of the prior.")
    return " ".join(filter(None, words)), _hint(objective, phase)


def _fresh(looked: float, step: float) -> bool:
    """Whether what was seen at one step still says something: half of the way may not lie since."""
    return looked > step - min(500, step / 2)


def _recent(history: History, column: str) -> float:
    """The mean of a column over the last 50 rows that have it; NaN if none has."""
    if column not in history:
        return math.nan
    values = history[column][-50:]
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else math.nan


def _over_limit(kl: float, error: float, limit: Any) -> str:
    if limit is None or len(np.asarray(limit.kappa)) < 2 or math.isnan(error):
        return ""
    rate = float(np.interp(error, np.asarray(limit.kappa), np.asarray(limit.rate)))
    gap = kl - rate
    side = "above" if gap >= 0 else "below"
    subset = int(getattr(limit, "subset", 0))
    if subset:  # a gap to it says little, and a share of it nothing
        return f", {abs(gap):.2g} {side} R(κ̂) = {rate:.3g} of {subset:,} of the data, a loose bound"
    share = f" ({100 * gap / rate:+.0f} %)" if rate > 0.05 else ""
    return f", {abs(gap):.2g} {side} the limit R(κ̂) = {rate:.3g}{share}"


def _price(objective: Objective, history: History, error: float, limit: Any) -> str:
    """lambda over lambda* = -dR / d ln kappa^2 at the error reached: 1 once the run has converged.

    Only where RE is the one constraint, whose limit is the curve's, and the curve has a slope.
    """
    alone = [constraint.name for constraint in objective.constraints] == ["re"]
    star = getattr(limit, "multiplier", None)
    if star is None or not alone or getattr(limit, "subset", False):
        return ""
    kappa = np.asarray(limit.kappa)
    if len(kappa) < 2 or not kappa[0] < error < kappa[-1]:
        return ""
    slope = float(np.interp(error, kappa, np.asarray(star)))
    price = _recent(history, "multiplier/re")
    return f"λ/λ* = {price / slope:.3g}." if slope > 0.01 and math.isfinite(price) else ""


def _hint(objective: Objective, phase: str) -> str:
    if not objective.constraints:
        return "No constraint holds the error: the KL goes where the likelihood sends it."
    hints = _RATE_HINTS if isinstance(objective, RateLimit) else _HINTS
    return hints.get(phase, "")


_HINTS = {
    "starting": "λ starts at 1 and follows the error.",
    "satisfying": "The error is above κ, so λ grows and reconstruction comes first.",
    "tightening": "The error is at κ: now the KL falls, and λ finds its price.",
    "settled": "Raise κ and the tiles merge; lower it and λ climbs.",
    "infeasible": "λ is at its cap and the error still above κ: this model cannot reach "
    "this κ. Raise κ, or use a larger model.",
}
_RATE_HINTS = {
    "starting": "λ starts at 1 and follows the rate.",
    "satisfying": "The rate is above C, so λ grows and the code is shortened first.",
    "tightening": "The rate is at C: now the error falls.",
    "settled": "Raise C and the error falls; lower it and tiles merge.",
    "infeasible": "λ is at its cap and the rate still above C.",
}
