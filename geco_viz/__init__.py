"""Watch and steer a constrained VAE while it trains (Taming VAEs, Rezende & Viola 2018)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

# Names load their room when first used, so that `import geco_viz` costs torch and numpy and a
# headless node needs no Jupyter.
_ROOMS = {
    "GECO": "geco",
    "RateLimit": "rate_limit",
    "RE": "constraints",
    "FRE": "constraints",
    "CLA": "constraints",
    "PNCC": "constraints",
    "Constraint": "constraints",
    "suggest_kappa": "constraints",
    "ELBO": "objectives",
    "BetaVAE": "objectives",
    "Annealed": "objectives",
    "Objective": "objectives",
    "evaluate": "evaluation.gather",
    "Run": "training",
    "History": "training",
    "Sweep": "training",
    "sweep": "training",
    "explore": "live",
    "watch": "live",
}
_MODULES = ("data", "evaluation", "live", "models", "plots", "theory", "training")

__all__ = ["__version__", *_ROOMS, *_MODULES]  # noqa: PLE0604  built from the tables above

if TYPE_CHECKING:
    from geco_viz import data, evaluation, live, models, plots, theory, training
    from geco_viz.constraints import CLA, FRE, PNCC, RE, Constraint, suggest_kappa
    from geco_viz.evaluation.gather import evaluate
    from geco_viz.geco import GECO
    from geco_viz.live import explore, watch
    from geco_viz.objectives import ELBO, Annealed, BetaVAE, Objective
    from geco_viz.rate_limit import RateLimit
    from geco_viz.training import History, Run
    from geco_viz.training.sweep import Sweep, sweep


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        value = getattr(importlib.import_module(f"geco_viz.{_ROOMS[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"geco_viz.{name}")
    else:
        raise AttributeError(f"module 'geco_viz' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
