"""Training: the loop, its history, the `Run` that people steer, and sweeps of many."""

from geco_viz.training.checkpoint import CheckpointError
from geco_viz.training.history import History
from geco_viz.training.loop import Diverged, Loop
from geco_viz.training.run import Run
from geco_viz.training.settings import Settings
from geco_viz.training.sweep import Sweep, sweep

__all__ = ["CheckpointError", "Diverged", "History", "Loop", "Run", "Settings", "Sweep", "sweep"]
