"""What stands in a saved notebook for a widget where none can run: GitHub, nbviewer, untrusted."""

from __future__ import annotations

from html import escape
from typing import Any

from geco_viz.live.source import Source

__all__ = ["with_fallback"]


def with_fallback(bundle: Any, source: Source) -> Any:
    """Return a widget's MIME bundle with HTML beside it for readers that have no widgets.

    The HTML is a picture of the run as it is now, or before its first steps a line of text.

    Args:
        bundle: what the widget's `_repr_mimebundle_` returned: data, or data and metadata.
        source: what the widget shows.
    """
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    if data is None:
        return bundle
    data["text/html"] = _picture(source) or (
        f"<p><b>{escape(source.title)}</b>: a live view. "
        "Open this notebook in JupyterLab and run its cells to see it.</p>"
    )
    return bundle


def _picture(source: Source) -> str:
    if len(source.history) < 2:
        return ""
    from geco_viz.plots import fallback_html

    # Whoever displays the widget wants the widget: a picture that cannot be drawn must not stop it.
    try:
        return fallback_html(source)
    except Exception:
        return ""
