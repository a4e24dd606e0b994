"""What a trained model reached: the trade-off, the aggregate posterior and its tiling of the prior.

Every quantity comes with a Monte Carlo standard error. `evaluate` takes all of them from one set
of samples; the others answer for one each. `table.evaluate`, which is `gv.evaluate`, makes one
table of them for a run or a model.
"""

from geco_viz.evaluation.aggregate import (
    aggregate,
    marginal_kl,
    mutual_information,
    overlap,
    responsibilities,
)
from geco_viz.evaluation.latents import active_units, unit_activity
from geco_viz.evaluation.likelihood import quantised_nll, quantised_normal, sigma_opt
from geco_viz.evaluation.ratio import density_ratio_kl
from geco_viz.evaluation.summary import average_kl, evaluate, kappa_hat
from geco_viz.evaluation.tiling import Tiles, hole_mass, tile_masses, tiles

__all__ = [
    "Tiles",
    "active_units",
    "aggregate",
    "average_kl",
    "density_ratio_kl",
    "evaluate",
    "hole_mass",
    "kappa_hat",
    "marginal_kl",
    "mutual_information",
    "overlap",
    "quantised_nll",
    "quantised_normal",
    "responsibilities",
    "sigma_opt",
    "tile_masses",
    "tiles",
    "unit_activity",
]
