"""Training: the loop, its history, and the `Run` that people steer."""

from geco_viz.training.checkpoint import CheckpointError
from geco_viz.training.history import History
from geco_viz.training.loop import Diverged, Loop, Settings
from geco_viz.training.run import Run

__all__ = ["CheckpointError", "Diverged", "History", "Loop", "Run", "Settings"]
