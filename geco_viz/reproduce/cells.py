"""Whether a GECO run holds what it was asked, cannot, or has not come so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from geco_viz.reproduce.reached import CLOSE, rows, select
from geco_viz.training import Sweep
from geco_viz.training.points import objective_of

__all__ = ["CAP", "HELD", "MISSED", "again_at_the_cap", "missed", "state"]

CAP = 1e6  # over d_x / 2 of any of the data sets: a run that never asks for anything but the error
HELD = ("held", "slack")
MISSED = ("not converged", "failed")  # "infeasible" is neither


def state(row: Mapping[str, Any], pushed: Sequence[dict[str, Any]]) -> str:
    """What a GECO run with RE came to.

    | state | meaning |
    | --- | --- |
    | held | kappa_hat on training data is within 5 % of kappa |
    | slack | it is below that with lambda at its floor: nothing asks for so small an error |
    | infeasible | it is above that, and so is the run with lambda at its cap from the first step |
    | not converged | any other: a miss |

    Args:
        row: of `reached.rows`.
        pushed: rows of the runs with lambda at its cap.

    Example:
        >>> row = {"kappa": 0.1, "kappa_hat/re": 0.08, "lambda": {"re": 0.3}}
        >>> state(row, []), state({**row, "kappa_hat/re": 0.104}, [])
        ('not converged', 'held')
    """
    reached, kappa = row["kappa_hat/re"], row["kappa"]
    if abs(reached / kappa - 1) <= CLOSE:
        return "held"
    if reached < kappa:
        usual: Any = objective_of({"name": "geco", "normalise": row.get("normalise", True)}, 1)
        floor = row.get("lambda_min") or usual.lambda_min
        # The mean of the last steps, in which it may have jumped up now and then.
        return "slack" if row["lambda"]["re"] <= 2 * floor else "not converged"
    tried = select(pushed, **{k: row.get(k) for k in ("data", "model", "kappa", "seed", "steps")})
    return "infeasible" if tried and all(missed(one) for one in tried) else "not converged"


def missed(row: Mapping[str, Any]) -> bool:
    """Whether the error stayed more than 5 % above kappa."""
    return bool(row["kappa_hat/re"] > (1 + CLOSE) * row["kappa"])


def again_at_the_cap(sweep: Sweep) -> list[dict[str, Any]]:
    """Grids of the runs that missed kappa, with lambda at its cap from the first step on."""
    grids = []
    for row, record in zip(rows(sweep), sweep.finished, strict=True):
        if row["objective"] != "geco" or not missed(row):
            continue
        point = record["point"]
        grids.append(
            {
                **{name: point[name] for name in ("data", "model", "seed", "steps")},
                **point["settings"],
                "objective": {
                    "name": "geco",
                    "constraints": [{"name": "re", "kappa": row["kappa"]}],
                    "lambda_min": CAP * (1 - 1e-6),
                    "lambda_max": CAP,
                },
            }
        )
    return grids
