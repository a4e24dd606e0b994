"""What a trained model reached: the trade-off, the aggregate posterior and its tiling of the prior.

Every quantity comes with a Monte Carlo standard error. `evaluate` takes all of them from one set
of samples; the others answer for one each.
"""

from geco_viz.evaluation.aggregate import (
    aggregate,
    marginal_kl,
    mutual_information,
    overlap,
    responsibilities,
)
from geco_viz.evaluation.summary import average_kl, evaluate, kappa_hat
from geco_viz.evaluation.tiling import Tiles, hole_mass, tile_masses, tiles

__all__ = [
    "Tiles",
    "aggregate",
    "average_kl",
    "evaluate",
    "hole_mass",
    "kappa_hat",
    "marginal_kl",
    "mutual_information",
    "overlap",
    "responsibilities",
    "tile_masses",
    "tiles",
]
