"""Multipliers in words: which constraint binds, and what a nat buys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["price"]

ROWS = 50  # rows averaged: one batch is too noisy to say that a constraint binds
SLACK = 0.1  # |c| up to this is taken for c = 0, within the noise of a batch


def price(run: Any) -> str:
    """Each multiplier as a price, in HTML; empty without constraints or history.

    lambda_l = -dKL / d ln tol_l at the optimum, so halving a tolerance costs about
    lambda_l ln 2 nats, and one nat buys a factor exp(-1 / lambda_l) in it. A constraint that is
    slack by more than a tenth of its tolerance costs nothing.

    Args:
        run: a `Run` or a `Watch`.
    """
    history = run.history
    columns = {c.name: f"multiplier/{c.name}" for c in run.constraints}
    if not len(history) or not columns or any(c not in history.columns for c in columns.values()):
        return ""
    if list(columns) == ["rate"]:
        return _worth(run)
    lines = ["<b>λ is the price of accuracy.</b>"]
    for constraint in run.constraints:
        name = constraint.name
        recent = history[columns[name]][-ROWS:]
        multiplier = float(recent[-1])
        if not math.isfinite(multiplier):
            continue
        error = float(np.nanmean(history[f"err/{name}"][-ROWS:]))
        kappa = run.kappa_of(name)
        c = float(constraint.tolerance(error)) / constraint.tolerance(kappa) - 1
        label = constraint.label
        if c < -SLACK:
            lines.append(f"{label} is slack: its λ = {multiplier:.2g} nats falls until it binds.")
            continue
        if c > SLACK:
            lines.append(
                f"{label} is not met yet: its λ = {_plain(multiplier)} nats grows until it is."
            )
            continue
        words = f"{label} binds: " if len(columns) > 1 else ""
        words += (
            f"λ = {_plain(multiplier)} nats: halving its tolerance costs about "
            f"{_plain(multiplier * math.log(2))} nats"
        )
        bought = -100 * math.expm1(-1 / multiplier) if multiplier > 0 else 0.0
        lines.append(f"{words}; one nat buys a tolerance {min(bought, 99.9):.2g} % smaller.")
    star = _theory(run)
    if star is not None:
        lines.append(f"Theory: λ* = {star:.2g}.")
    return f"<small>{' '.join(lines)}</small>"


def _worth(run: Any) -> str:
    """What a nat is worth where the rate is held: the error is D / D_0 + lambda KL / C at rest."""
    recent = float(run.history["multiplier/rate"][-1])
    limit, rate = run.kappa_of("rate"), float(np.nanmean(run.history["err/rate"][-ROWS:]))
    if not math.isfinite(recent) or not math.isfinite(rate):
        return ""
    if rate < (1 - SLACK) * limit:
        words = f"The limit is slack: λ = {recent:.2g} falls until the rate is worth its error."
    else:
        words = (
            f"λ = {recent:.2g}: one nat more lowers the squared error by about "
            f"{100 * recent / limit:.2g} % of the mean image's."
        )
    return f"<small><b>λ is what the rate is worth.</b> {words}</small>"


def _plain(value: float) -> str:
    """Three digits, and no exponent where a person would write none."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _theory(run: Any) -> float | None:
    """lambda* = -dR / d ln kappa^2 of the data, where RE is the one constraint."""
    limit = run.limit
    if (
        limit is None
        or getattr(limit, "subset", False)
        or [c.name for c in run.constraints] != ["re"]
    ):
        return None
    order = np.argsort(np.asarray(limit.kappa, float))
    kappa, slope = (np.asarray(v, float)[order] for v in (limit.kappa, limit.multiplier))
    return float(np.interp(run.kappa_of("re"), kappa, slope))
