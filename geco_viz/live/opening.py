"""`explore`: a dashboard on a new run that trains, in one line."""

from __future__ import annotations

import inspect
from typing import Any

from geco_viz import data as datasets
from geco_viz._checks import choice, integer
from geco_viz.constraints import Constraint
from geco_viz.live.choosing import proposed
from geco_viz.live.dashboard import Dashboard
from geco_viz.training import Run, Settings, registry
from geco_viz.training.recipe import as_data, constraint_of

__all__ = ["explore"]


def explore(
    data: Any = ...,
    *,
    model: Any = "vae-nvp",
    constraint: Any = "re",
    kappa: float | None = None,
    objective: Any = None,
    seed: int = 0,
    device: Any = "auto",
    out: Any = None,
    play: bool = True,
    **settings: Any,
) -> Dashboard:
    """Open a dashboard on a new run that trains at once.

    It rests when the view closes, and ends with `dash.close()` or when its cell is run again.

    Args:
        data: as for `Run`; left out, Micro-MNIST, or where that cannot be had seven digits of
            scikit-learn, labelled as such.
        model: as for `Run`.
        constraint: "re", "fre", "cla", "pncc", or a `Constraint`.
        kappa: the constraint's bound; None for one that suits the data: RE 0.05 on a small set and
            0.1 on a large one, CLA 0.9, FRE and pNCC at 40 % of what the mean image gets, as
            `suggest_kappa` counts it.
        objective: instead of a constraint.
        seed, device, out, **settings: as for `Run`.
        play: whether to train at once.

    Raises:
        TypeError, ValueError: an argument is not allowed; a running session is left as it is.

    Example:
        >>> dash = explore("digits", kappa=0.1, play=False)
        >>> dash.run.kappa
        0.1
        >>> dash.close()
    """
    known = [*inspect.signature(explore).parameters][:-1]
    for setting in settings:
        choice("an argument of explore", setting, [*known, *Settings.__dataclass_fields__])
    integer("seed", seed, low=0)
    if objective is not None and kappa is not None:
        raise ValueError("kappa must be None where objective= is given: it has its own")
    chosen = as_data(datasets.micro_or_digits() if data is ... else data)
    if objective is None and isinstance(constraint, str):
        if kappa is None:
            objective = proposed(constraint, chosen)
        else:
            objective = constraint_of(constraint, kappa, len(chosen))
    elif objective is None:
        if not isinstance(constraint, Constraint):
            raise TypeError(
                "constraint must be 're', 'fre', 'cla', 'pncc' or a Constraint, "
                f"got {constraint!r}; several go into objective=GECO(...)"
            )
        if kappa is not None:
            constraint.kappa = kappa
        objective = constraint
    run = Run(chosen, model, objective, seed=seed, device=device, out=out, **settings)
    dash = Dashboard(run, pause_unseen=True)
    registry.register(dash, None)
    if play:
        run.play()
    return dash
