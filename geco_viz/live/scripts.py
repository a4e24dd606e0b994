"""The page's side: the bundles that esbuild makes of `js/`, and plotly.js."""

from __future__ import annotations

import functools
import gzip
from pathlib import Path

__all__ = ["STATIC", "plotly_js"]

STATIC = Path(__file__).parent / "static"


@functools.cache
def plotly_js() -> bytes:
    """Return plotly.js as the installed plotly package carries it, gzipped."""
    from plotly.offline import get_plotlyjs

    return gzip.compress(get_plotlyjs().encode(), compresslevel=6, mtime=0)
