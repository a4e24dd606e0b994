"""The paper's theory as functions: what an ideal encoder and decoder would reach.

Float64, pure, on the device of their data. Lengths are in data units, rates in nats.
"""

from geco_viz.theory.classification import ClassificationLimit, classification_limit
from geco_viz.theory.fixed_points import FixedPoints, fixed_points
from geco_viz.theory.lagrangian import LagrangianPoints, lagrangian_fixed_points
from geco_viz.theory.rate_distortion import RateDistortion, rate_distortion
from geco_viz.theory.water_filling import WaterFilling, water_filling

__all__ = [
    "ClassificationLimit",
    "FixedPoints",
    "LagrangianPoints",
    "RateDistortion",
    "WaterFilling",
    "classification_limit",
    "fixed_points",
    "lagrangian_fixed_points",
    "rate_distortion",
    "water_filling",
]
