"""Multipliers in words: which constraint binds, what a nat buys, and the weight on the error."""

from __future__ import annotations

import math
from typing import Any

from geco_viz.constraints import Constraint
from geco_viz.rate_limit import RateLimit
from geco_viz.training.moment import plain
from geco_viz.training.status import VIOLATED, is_relative, star_of
from geco_viz.training.words import Now

__all__ = ["price"]


def price(run: Any) -> str:
    """Each multiplier as a price, over the last steps; empty without constraints or history.

    lambda_l = -dKL / d ln tol_l at the optimum, so halving a tolerance costs about
    lambda_l ln 2 nats, and one nat buys a factor exp(-1 / lambda_l) in it. A constraint that is
    slack by more than a tenth of its tolerance costs nothing. Beside the price stands the weight
    that the squared error has in the loss, lambda / (d kappa^2) = 1 / 2 beta, nats.

    Args:
        run: a `Run` or a `Watch`.
    """
    history, objective = run.history, run.objective
    columns = [f"multiplier/{c.name}" for c in run.constraints]
    if not len(history) or not columns or any(name not in history for name in columns):
        return ""
    now = Now(objective, history, run.limit, 0, ())
    if isinstance(objective, RateLimit):
        return _worth(now)
    relative = is_relative(objective)
    lines = [f"At step {now.moment.step:,} λ is the price of accuracy."] if relative else []
    lines += [_priced(now, constraint) for constraint in run.constraints if relative]
    star = star_of(objective, run.limit, run.constraints[0].kappa)
    if star is not None:
        lines.append(f"Theory: λ* = {star:.2g}.")
    if "beta" in now.moment:
        form = "λ/(d κ²)" if relative else "λ"
        weight = plain(0.5 / now.moment["beta"])
        lines.append(f"Weight on the squared error: {form} = 1/2β = {weight}.")
    return " ".join(filter(None, lines))


def _priced(now: Now, constraint: Constraint) -> str:
    multiplier = now.moment[f"multiplier/{constraint.name}"]
    if not math.isfinite(multiplier):
        return ""
    c, label = now.excess(constraint), constraint.label
    moves = now.moves(constraint)
    if abs(c) > VIOLATED:
        state, end = ("is not met yet", "it is") if c > 0 else ("is slack", "it binds")
        until = f" until {end}" if moves == ("grows" if c > 0 else "falls") else ""
        value = "" if " at its " in moves else f" = {plain(multiplier)}"
        return f"{label} {state}: its λ{value} {moves}{until}."
    words = f"{label} binds: " if len(now.objective.constraints) > 1 else ""
    words += (
        f"λ = {plain(multiplier)} nats: halving its tolerance costs about "
        f"{plain(multiplier * math.log(2))} nats"
    )
    bought = -100 * math.expm1(-1 / multiplier)
    # The price holds nearby: how far a nat goes where it is next to nothing, it does not say.
    return words + (f"; one nat buys a tolerance {bought:.2g} % smaller." if bought < 99 else ".")


def _worth(now: Now) -> str:
    """What a nat is worth where the rate is held: the error is D / D_0 + lambda KL / C at rest."""
    (rate,) = now.objective.constraints
    multiplier = now.moment["multiplier/rate"]
    if not math.isfinite(multiplier) or "err/rate" not in now.moment:
        return ""
    value = plain(multiplier)
    heading = "λ is what the rate is worth."
    if now.excess(rate) < -VIOLATED:
        words = f"{heading} The limit is slack: λ = {value} {now.moves(rate)}"
        return f"{words} until the rate is worth its error." if "falls" in words else f"{words}."
    return (
        f"{heading} λ = {value}: one nat more lowers the squared error by about "
        f"{plain(100 * multiplier / rate.kappa)} % of the mean image's."
    )
