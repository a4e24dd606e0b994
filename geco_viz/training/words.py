"""Every word of a run's status: one sentence of one moment, and a hint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from geco_viz.constraints import Constraint
from geco_viz.geco import GECO
from geco_viz.objectives import Objective
from geco_viz.rate_limit import RateLimit
from geco_viz.training.history import History
from geco_viz.training.moment import FEWEST, Moment, current, plain, recent, with_error
from geco_viz.training.status import VIOLATED, is_relative, rate_at, star_of

__all__ = ["Now", "describe"]

HEAVY = 0.25  # share of the KL's variance in one sample: of thousands, a light tail's has 1 %
SETTINGS = {"nu": "ν", "alpha": "α"}


def describe(
    objective: Objective,
    history: History,
    evaluations: History,
    phase: str,
    limit: Any = None,
    since: int = 0,
    edits: Sequence[dict[str, Any]] = (),
) -> tuple[str, str]:
    """The sentence, whose figures all are of the moment that it names, and the hint for a phase.

    Args:
        objective: that trains.
        history, evaluations: of the run; the newest evaluation is quoted where it still counts.
        phase: as shown.
        limit: a rate-distortion curve with `.kappa` and `.rate`, or None.
        since: the row at which kappa or the objective was last edited.
        edits: of the run, each with its `step`, `what` and `value`.
    """
    if not len(history):
        return "No step made yet.", ""
    moment = current(history, evaluations, objective.constraints, since)
    now = Now(objective, history, limit, since, edits)
    if not objective.constraints and phase != "adjusting":
        hint = "No constraint holds the error: the KL goes where the likelihood sends it."
    else:
        hint = _HINTS[phase](now) if phase in _HINTS else ""
    if "kl_tail" in moment and moment["kl_tail"] > HEAVY:
        hint = f"{hint} {_heavy(moment)}".lstrip()
    return _sentence(objective, moment, limit), hint


def _heavy(moment: Moment) -> str:
    share = plain(100 * moment["kl_tail"])
    return (
        f"One posterior sample carries {share} % of the spread of the KL's samples: the posterior "
        "has a far tail, and neither the KL nor its ± can be trusted."
    )


def _sentence(objective: Objective, moment: Moment, limit: Any) -> str:
    several = len(objective.constraints) > 1
    evaluated = not moment.rows
    hat = "κ̂" if evaluated else "error"
    words = []
    for constraint in objective.constraints:
        name = f"err/{constraint.name}"
        if name not in moment:  # its first step is still to come
            continue
        bound = "C" if constraint.name == "rate" else "κ"
        symbol = "KL" if constraint.name == "rate" else hat
        if constraint.worse == "below" and not evaluated:  # a likeness is no error
            label = constraint.label
        else:
            label = f"{symbol} {constraint.label}" if several else symbol
        reached = with_error(moment[name], moment.se(name) if evaluated else 0.0)
        if f"held_out/{name}" in moment:
            reached += f" ({plain(moment[f'held_out/{name}'])} on held-out data)"
        verdict = _verdict(constraint, moment[name], moment.se(name) if evaluated else 0.0)
        unit = " nats" if constraint.name == "rate" else ""
        words.append(f"{label} = {reached} {verdict} {bound} = {plain(constraint.kappa)}{unit}")
    if "err/re" in moment and (not words or isinstance(objective, RateLimit)):
        words.append(f"{hat} = {plain(moment['err/re'])} RMS pixel")
    if "kl" in moment:
        kl = (
            "" if isinstance(objective, RateLimit) and words else f"KL = {plain(moment['kl'])} nats"
        )
        words.append(", ".join(filter(None, [kl, _over_limit(moment, hat, limit)])))
    words.append(_share_of_price(objective, moment, limit))
    if "holes" in moment:
        words.append(f"holes in {plain(100 * moment['holes'], 2)} % of the prior")
    when = (
        f"Evaluated at step {moment.step:,}"
        if evaluated
        else f"Mean of the last {moment.rows} steps"
        if moment.rows > 1
        else f"At step {moment.step:,}"
    )
    return f"{when}: {'; '.join(filter(None, words))}."


def _verdict(constraint: Constraint, value: float, error: float) -> str:
    """Whether kappa is met, within a tenth of the tolerance, beyond two standard errors."""
    ends = [constraint.tolerance(max(value + side * error, 0.0)) for side in (-2, 2)]
    most = (1 + VIOLATED) * constraint.tolerance(constraint.kappa)
    if max(ends) <= most:
        return "meets"
    return f"is {constraint.worse}" if min(ends) > most else "may meet"


def _over_limit(moment: Moment, hat: str, limit: Any) -> str:
    rate = rate_at(limit, moment["err/re"])
    if rate is None:
        return ""
    gap = moment["kl"] - rate
    side = "above" if gap >= 0 else "below"
    subset = int(getattr(limit, "subset", 0))
    if subset:  # a gap to it says little, and a share of it nothing
        bound = f"R({hat}) = {plain(rate)} of {subset:,} of the data, a loose bound"
        return f"{plain(abs(gap), 2)} {side} {bound}"
    # Beyond twice the limit in nats alone: of next to nothing it would be thousands of percent.
    share = f" ({100 * gap / rate:+.0f} %)" if abs(gap) < 0.99 * rate else ""
    return f"{plain(abs(gap), 2)} {side} the limit R({hat}) = {plain(rate)}{share}"


def _share_of_price(objective: Objective, moment: Moment, limit: Any) -> str:
    """lambda over lambda* = -dR / d ln kappa^2 at the error reached: 1 once the run has converged.

    Only where RE is the one constraint, whose limit is the curve's, and the curve has a slope.
    """
    star = star_of(objective, limit, moment["err/re"])
    if star is None or star < 0.01 or "multiplier/re" not in moment:
        return ""
    return f"λ/λ* = {plain(moment['multiplier/re'] / star, 2)}"


class Now:
    """What the hints are made of: the newest rows, whatever has been evaluated."""

    def __init__(
        self,
        objective: Objective,
        history: History,
        limit: Any,
        since: int,
        edits: Sequence[dict[str, Any]],
    ):
        self.objective, self.limit = objective, limit
        self.history, self.since, self.edits = history, since, edits
        self.moment = recent(history, objective.constraints, since)

    @property
    def first(self) -> Constraint:
        """The constraint that is furthest from being met."""
        return max(self.objective.constraints, key=self.excess)

    def excess(self, constraint: Constraint) -> float:
        """c of the last steps; NaN counts as met."""
        error = self.moment[f"err/{constraint.name}"]
        c = constraint.tolerance(error) / constraint.tolerance(constraint.kappa) - 1
        return c if math.isfinite(c) else -math.inf

    def name(self, constraint: Constraint) -> str:
        """What is bounded, as the subject of a sentence."""
        if constraint.name == "rate":
            return "the KL"
        several = len(self.objective.constraints) > 1
        if constraint.worse == "below":
            return constraint.label if several else f"the {constraint.unit}"
        return f"the {constraint.label} error" if several else "the error"

    def said(self, constraint: Constraint, where: str = "") -> str:
        """The beginning of a sentence: on which side of its bound a constraint is."""
        subject = self.name(constraint)
        bound = "C" if constraint.name == "rate" else "κ"
        return f"{subject[0].upper()}{subject[1:]} is {where or constraint.worse} {bound}"

    @property
    def cap(self) -> float:
        return float(getattr(self.objective, "lambda_max", math.inf))

    def moves(self, constraint: Constraint) -> str:
        """What lambda has done over the last steps."""
        column = f"multiplier/{constraint.name}"
        if column not in self.history:
            return "has no λ"
        values = self.history[column][self.since :][-FEWEST:]
        last = float(values[-1]) if values.size else math.nan
        if isinstance(self.objective, GECO):
            if last >= 0.99 * self.cap:
                return f"is at its cap of {plain(self.cap)}"
            if last <= 1.01 * self.objective.lambda_min:
                return f"is at its floor of {plain(self.objective.lambda_min)}"
        ratio = last / float(values[0]) if values.size else 1.0
        return "grows" if ratio > 1.005 else "falls" if ratio < 0.995 else "rests"


def _starting(now: Now) -> str:
    followed = "KL" if isinstance(now.objective, RateLimit) else "error"
    start = f"multiplier/{now.first.name}"
    at = f" at {plain(float(now.history[start][0]))}" if start in now.history else ""
    return f"λ starts{at} and follows the {followed}."


def _adjusting(now: Now) -> str:
    step = int(now.history["step"][now.since - 1])
    aside = ("step", "train", "play")
    made = [edit for edit in now.edits if edit["step"] == step and edit["what"] not in aside]
    what, value = (made[-1]["what"], made[-1]["value"]) if made else ("", 0.0)
    if what.startswith("kappa/"):
        bound = "C" if what == "kappa/rate" else "κ"
        follows = getattr(getattr(now.objective, "edits", None), "follow", 0)
        follows = follows and is_relative(now.objective)
        so = "λ went with the root of its tolerance at once" if follows else "λ follows the error"
        return f"{bound} is {plain(value)} since step {step:,}: {so}."
    if what == "objective":
        return f"The objective is new since step {step:,}; the weights are kept."
    if what in SETTINGS:
        return f"{SETTINGS[what]} is {plain(value)} since step {step:,}."
    return f"Training goes on at the full learning rate since step {step:,}."


def _satisfying(now: Now) -> str:
    constraint = now.first
    then = (
        "the code is shortened first" if constraint.name == "rate" else "reconstruction comes first"
    )
    moves = now.moves(constraint)
    so = f"so λ grows and {then}" if moves == "grows" else f"λ {moves}"
    return f"{now.said(constraint)}: {so}."


def _tightening(now: Now) -> str:
    if isinstance(now.objective, RateLimit):
        return "The KL is at C: now the error falls."
    if now.excess(now.first) < -VIOLATED:
        moves = now.moves(now.first)
        return (
            f"There is room up to κ: λ {moves}{', and the KL with it' if moves == 'falls' else ''}."
        )
    return f"{now.said(now.first, 'at')}: now the KL falls, and λ finds its price."


def _settled(now: Now) -> str:
    if isinstance(now.objective, RateLimit):
        return "Raise C and the error falls; lower it and tiles merge."
    constraint = now.first
    if constraint.name != "re" or len(now.objective.constraints) > 1:
        return "Loosen κ and the KL falls; tighten it and the KL rises."
    weight = "the error's weight λ/(d κ²) = 1/2β rises"
    here, lower = (star_of(now.objective, now.limit, k * constraint.kappa) for k in (1.0, 0.5))
    if here is None or lower is None:
        return f"Raise κ and tiles merge; lower it and {weight}."
    way = "falls" if lower < here else "rises"
    return f"At half of κ {weight}, and λ* {way} from {plain(here, 2)} to {plain(lower, 2)}."


def _collapsed(now: Now) -> str:
    rate = rate_at(now.limit, now.first.kappa) if now.first.name == "re" else None
    asked = "more" if rate is None else f"at least R(κ) = {rate:.2g} nats"
    return (
        f"The KL is near 0, so all data share one code, while κ asks for {asked}: "
        f"λ {now.moves(now.first)}."
    )


def _infeasible(now: Now) -> str:
    constraint = now.first
    told = f"λ is at its cap of {plain(now.cap)} and {now.name(constraint)} still"
    if constraint.name == "rate":
        return f"{told} above C."
    return (
        f"{told} {constraint.worse} κ: this model cannot reach it. Loosen κ, or use a larger model."
    )


_HINTS = {
    "starting": _starting,
    "adjusting": _adjusting,
    "satisfying": _satisfying,
    "tightening": _tightening,
    "settled": _settled,
    "collapsed": _collapsed,
    "infeasible": _infeasible,
}
