"""The phase of a run: what its figures show."""

from __future__ import annotations

from typing import Any

import numpy as np

from geco_viz.constraints import Constraint
from geco_viz.geco import GECO
from geco_viz.objectives import ELBO, Objective
from geco_viz.rate_limit import RateLimit
from geco_viz.training.history import History
from geco_viz.training.moment import FEWEST, ROWS
from geco_viz.training.schedule import is_settled, mean_constraint, sigma_settled

__all__ = ["VIOLATED", "is_relative", "phase_of", "rate_at", "star_of"]

VIOLATED = 0.1  # c from which on a constraint counts as violated: below it is a batch's noise
AT_CAP = 200  # rows of a multiplier at its cap
SHARE = 0.1  # of the nats that kappa asks for: a KL below it is near 0
UNKNOWN = 0.5  # nats taken for what kappa asks for where no limit says it


def phase_of(objective: Objective, history: History, since: int, limit: Any = None) -> str:
    """The phase that the figures show: Fig. 3's satisfying and tightening, settled or infeasible.

    Without constraints there is nothing to satisfy: "training" until it has settled. After an edit
    it is "adjusting" until there are rows enough to tell.

    Collapsed: the KL is near 0 while a constraint is violated and, where the limit is known,
    R(kappa) says that nats are needed. Infeasible: a multiplier has stood at its cap for 200 rows,
    and its constraint is still violated and no longer on its way down.

    Args:
        objective: that trains.
        history: of the run.
        since: the row at which kappa or the objective was last edited.
        limit: a rate-distortion curve with `.kappa` and `.rate`, or None.
    """
    if len(history) - since < FEWEST:
        return "adjusting" if since else "starting"
    constraints = objective.constraints
    rows = min(ROWS, len(history) - since)
    values = [mean_constraint(history, constraint, rows=rows) for constraint in constraints]
    violated = [c for c, value in zip(constraints, values, strict=True) if value > VIOLATED]
    if violated and _is_collapsed(objective, history, rows, limit):
        return "collapsed"
    if isinstance(objective, GECO):
        for constraint in violated:
            recent = history[f"multiplier/{constraint.name}"][since:][-AT_CAP:]
            at_cap = recent.size == AT_CAP and recent.min() >= 0.99 * objective.lambda_max
            if at_cap and not _falling(history[f"err/{constraint.name}"][-AT_CAP:], constraint):
                return "infeasible"
    if violated:
        return "satisfying"
    rests = is_settled(history, since, constraints)
    if isinstance(objective, ELBO) and objective.sigma is None:
        rests = rests and sigma_settled(history, objective.floor)
    if rests:
        return "settled"
    return "tightening" if constraints else "training"


def _is_collapsed(objective: Objective, history: History, rows: int, limit: Any) -> bool:
    """Whether nothing is encoded though the constraints, which are not met, ask for it."""
    if isinstance(objective, RateLimit) or rows < ROWS:
        return False
    asked = [rate_at(limit, c.kappa) for c in objective.constraints if c.name == "re"]
    needed = asked[0] if asked and asked[0] is not None else UNKNOWN
    return bool(np.nanmean(history["kl"][-rows:]) < SHARE * needed)


def rate_at(limit: Any, error: float) -> float | None:
    """R(error) in nats, None where no curve says it.

    Example:
        >>> from types import SimpleNamespace
        >>> rate_at(SimpleNamespace(kappa=[0.1, 0.2], rate=[2.0, 1.0]), 0.15)
        1.5
    """
    if limit is None or len(np.asarray(limit.kappa)) < 2 or not np.isfinite(error):
        return None
    return float(np.interp(error, np.asarray(limit.kappa), np.asarray(limit.rate)))


def star_of(objective: Objective, limit: Any, error: float) -> float | None:
    """lambda* of the data at an error inside the curve, nats, where RE is the one constraint."""
    alone = [constraint.name for constraint in objective.constraints] == ["re"]
    slope = getattr(limit, "multiplier", None)
    if (
        slope is None
        or not alone
        or bool(getattr(limit, "subset", 0))
        or not is_relative(objective)
    ):
        return None
    kappa = np.asarray(limit.kappa)
    if len(kappa) < 2 or not kappa[0] < error < kappa[-1]:
        return None
    return float(np.interp(error, kappa, np.asarray(slope)))


def is_relative(objective: Objective) -> bool:
    """Whether lambda is in nats a factor e of the tolerance; Algorithm 1's own is one of a sum."""
    return bool(getattr(objective, "normalise", True))


def _falling(errors: np.ndarray, constraint: Constraint) -> bool:
    """Whether the excess over the tolerance fell by a tenth or more from one half to the next.

    A large set can keep lambda at its cap for thousands of steps on which the model still learns.
    """
    before, after = (
        float(constraint.tolerance(float(half.mean()))) / constraint.tolerance(constraint.kappa) - 1
        for half in np.array_split(errors, 2)
    )
    return after < 0.9 * before
