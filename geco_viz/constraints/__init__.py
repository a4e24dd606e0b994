"""Constraints on reconstructions: the rows of Table 1, and what one of your own derives from."""

from geco_viz.constraints.base import Constraint, Similarity, check_images, full_precision
from geco_viz.constraints.cla import CLA
from geco_viz.constraints.fre import FRE, local_statistics
from geco_viz.constraints.pncc import PNCC
from geco_viz.constraints.rate import Rate
from geco_viz.constraints.re import RE
from geco_viz.constraints.suggest import KappaTable, suggest_kappa

__all__ = [
    "CLA",
    "FRE",
    "PNCC",
    "RE",
    "Constraint",
    "KappaTable",
    "Rate",
    "Similarity",
    "check_images",
    "full_precision",
    "local_statistics",
    "suggest_kappa",
]
