"""The page's side: its scripts and styles, joined, and plotly.js."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Iterable
from pathlib import Path

from geco_viz.plots.themes import FONT, THEMES

__all__ = ["EXPLORER", "VIEW", "plotly_js", "script", "style"]

STATIC = Path(__file__).parent / "static"
# One scope, in this order: each file uses only what stands above it.
PANELS = (
    "theme.js",
    "plotly.js",
    "store.js",
    "axes.js",
    "pieces.js",
    "canvas.js",
    "panel.js",
    "chart.js",
    "export.js",
    "ghosts.js",
    "plane.js",
    "curves.js",
    "tiling.js",
    "images.js",
    "status.js",
    "view.js",
)
VIEW = (*PANELS, "main.js")
EXPLORER = (*PANELS, "explorer.js", "fixed.js", "blur.js", "partition.js", "explore.js")


def script(names: Iterable[str]) -> str:
    """Return a page's module: the colours of `plots.themes`, then files; the last one exports."""
    constants = f"const THEMES = {json.dumps(THEMES)};\nconst FONT = {json.dumps(FONT)};\n"
    return constants + "\n".join((STATIC / name).read_text("utf-8") for name in names)


def style(*names: str) -> str:
    """Return style sheets, joined."""
    return "\n".join((STATIC / name).read_text("utf-8") for name in names)


@functools.cache
def plotly_js() -> bytes:
    """Return plotly.js as the installed plotly package carries it, gzipped."""
    from plotly.offline import get_plotlyjs

    return gzip.compress(get_plotlyjs().encode(), compresslevel=6, mtime=0)
