"""The paper's figures and tables from this code, each claim beside our number."""

from geco_viz.reproduce.experiment import PRESETS, Experiment, Verdict
from geco_viz.reproduce.making import reproduce
from geco_viz.reproduce.page import page
from geco_viz.reproduce.registry import EXPERIMENTS, NAMES
from geco_viz.reproduce.showing import claims, figures

__all__ = [
    "EXPERIMENTS",
    "NAMES",
    "PRESETS",
    "Experiment",
    "Verdict",
    "claims",
    "figures",
    "page",
    "reproduce",
]
