"""Pure functions from arrays to plotly figures, and the report of a run.

Nothing here imports plotly before the first figure is made.
"""

from geco_viz.plots.blur import blur_figure
from geco_viz.plots.curves import error, multiplier
from geco_viz.plots.fixed import fixed_points_figure, planes
from geco_viz.plots.fixed_panels import fixed_panels_figure
from geco_viz.plots.information import information_plane
from geco_viz.plots.overview import figures_of, run_figure
from geco_viz.plots.pictures import images
from geco_viz.plots.report import report, report_html
from geco_viz.plots.svg import fallback_html, fallback_svg, svg
from geco_viz.plots.tiles import tiling
from geco_viz.plots.tree import merging_tree_figure

__all__ = [
    "blur_figure",
    "error",
    "fallback_html",
    "fallback_svg",
    "figures_of",
    "fixed_panels_figure",
    "fixed_points_figure",
    "images",
    "information_plane",
    "merging_tree_figure",
    "multiplier",
    "planes",
    "report",
    "report_html",
    "run_figure",
    "svg",
    "tiling",
]
