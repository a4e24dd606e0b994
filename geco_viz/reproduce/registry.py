"""The figures and tables, in the paper's order."""

from __future__ import annotations

from geco_viz.reproduce.baselines import BASELINES
from geco_viz.reproduce.experiment import Experiment
from geco_viz.reproduce.fig1 import FIG1
from geco_viz.reproduce.fig2 import FIG2
from geco_viz.reproduce.fig3 import FIG3
from geco_viz.reproduce.fig4 import FIG4
from geco_viz.reproduce.fig5 import FIG5
from geco_viz.reproduce.fig7 import FIG7
from geco_viz.reproduce.fig8 import FIG8
from geco_viz.reproduce.propositions import PROPOSITIONS
from geco_viz.reproduce.samples import SAMPLES
from geco_viz.reproduce.table1 import TABLE1
from geco_viz.reproduce.table2 import TABLE2

__all__ = ["EXPERIMENTS", "NAMES", "SAME"]

_ALL = (
    *(PROPOSITIONS, FIG1, FIG2, FIG3, FIG4, FIG5, FIG7, FIG8),
    *(SAMPLES, TABLE1, TABLE2, BASELINES),
)
EXPERIMENTS: dict[str, Experiment] = {each.name: each for each in _ALL}
SAME = {"fig6": "samples"}  # figures 6, 9, 10 and 11 are blocks of one kind
NAMES = (*EXPERIMENTS, *SAME)
