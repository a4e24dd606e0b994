"""Live: widgets that follow a run while it trains, and controls that steer it."""

from geco_viz.live.blur import BlurAndHoles
from geco_viz.live.controls import Controls
from geco_viz.live.dashboard import Dashboard
from geco_viz.live.fixed import FixedPoints
from geco_viz.live.opening import explore
from geco_viz.live.partition import Tilings
from geco_viz.live.presets import PRESETS
from geco_viz.live.stage import Stage
from geco_viz.live.view import PANELS, View
from geco_viz.live.watching import Watch, watch

__all__ = [
    "PANELS",
    "PRESETS",
    "BlurAndHoles",
    "Controls",
    "Dashboard",
    "FixedPoints",
    "Stage",
    "Tilings",
    "View",
    "Watch",
    "explore",
    "watch",
]
