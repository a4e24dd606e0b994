"""The page's side: the bundles that esbuild makes of `js/`, and plotly.js."""

from __future__ import annotations

import functools
import gzip
import os
from pathlib import Path

__all__ = ["STATIC", "bundle", "plotly_js"]

STATIC = Path(__file__).parent / "static"


def bundle(name: str) -> str | Path:
    """Return a bundle's text; with ANYWIDGET_HMR=1 its path, so that live pages follow new ones.

    Not always the path: anywidget ties each widget to the file that it watches, and none would end.
    """
    path = STATIC / name
    return path if os.environ.get("ANYWIDGET_HMR") == "1" else path.read_text("utf-8")


@functools.cache
def plotly_js() -> bytes:
    """Return plotly.js as the installed plotly package carries it, gzipped."""
    from plotly.offline import get_plotlyjs

    return gzip.compress(get_plotlyjs().encode(), compresslevel=6, mtime=0)
