"""The paper's theory as functions: what an ideal encoder and decoder would reach.

Float64, pure, on the device of their data. Lengths are in data units, rates in nats.
"""

from geco_viz.theory.anchors import last_transition, mean_stability
from geco_viz.theory.classification import ClassificationLimit, classification_limit
from geco_viz.theory.examples import EXAMPLES, example
from geco_viz.theory.fixed_points import FixedPoints, fixed_points
from geco_viz.theory.lagrangian import LagrangianPoints, lagrangian_fixed_points
from geco_viz.theory.lipschitz import (
    LipschitzPoints,
    lipschitz_fixed_points,
    lipschitz_step,
    tile_separation,
)
from geco_viz.theory.mergers import Mergers, mergers
from geco_viz.theory.merging import Branch, MergingTree, merging_tree
from geco_viz.theory.phase_transitions import (
    PhaseTransitions,
    curvature,
    phase_transitions,
    sharpest_bends,
    temperatures,
)
from geco_viz.theory.rate_distortion import RateDistortion, rate_distortion
from geco_viz.theory.supports import BestSupport, best_support
from geco_viz.theory.tilings import equipartition_residual, overlap_decoder, partition_kl
from geco_viz.theory.water_filling import WaterFilling, water_filling

__all__ = [
    "EXAMPLES",
    "BestSupport",
    "Branch",
    "ClassificationLimit",
    "FixedPoints",
    "LagrangianPoints",
    "LipschitzPoints",
    "Mergers",
    "MergingTree",
    "PhaseTransitions",
    "RateDistortion",
    "WaterFilling",
    "best_support",
    "classification_limit",
    "curvature",
    "equipartition_residual",
    "example",
    "fixed_points",
    "lagrangian_fixed_points",
    "last_transition",
    "lipschitz_fixed_points",
    "lipschitz_step",
    "mean_stability",
    "mergers",
    "merging_tree",
    "overlap_decoder",
    "partition_kl",
    "phase_transitions",
    "rate_distortion",
    "sharpest_bends",
    "temperatures",
    "tile_separation",
    "water_filling",
]
