"""One widget that draws a run while it trains: any panels, in any order."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import numpy as np

from geco_viz._checks import choice
from geco_viz.live.fallback import with_fallback
from geco_viz.live.frames import Frames
from geco_viz.live.page import Page
from geco_viz.live.parts import plain
from geco_viz.live.planes import ACTIVE
from geco_viz.live.scripts import bundle
from geco_viz.live.source import Source, check_source

__all__ = ["PANELS", "View"]

PANELS = ("information-plane", "tiling", "error", "multiplier", "images", "status")


class View(Page):
    """Panels that follow a run while it trains, and show it whole after training or a reload.

    The charts stay Plotly's (zoom, hover, PNG and SVG export); the points that move are drawn on a
    canvas above them, coloured by iteration in one scale (Fig. 3). A thread, the `Pump`, sends
    ten frames a second, fewer where the page cannot follow, one at once after an edit.

    Args:
        source: a `Run`, a `Watch` or anything else that meets `Source`.
        panels: which panels, in which order. "information-plane": KL (nats) against error (RMS
            pixel), with the rate-distortion limit; "tiling": posterior samples in latent space;
            "error": errors against kappa; "multiplier": the multipliers (nats) and beta (data
            units squared); "images": data, reconstructions and samples; "status": the phase in
            words.

    Attributes:
        pages: how many pages show the view now; observe it to learn that the last one closed.

    Raises:
        TypeError: `source` lacks what `Source` asks for, or a panel is not a string.
        ValueError: an unknown panel, the same panel twice, or none.

    Example:
        >>> View(None, panels=["tiles"])
        Traceback (most recent call last):
        ...
        ValueError: panels must be one of 'information-plane', 'tiling', 'error', 'multiplier', \
'images', 'status', got 'tiles'; did you mean 'tiling'?
    """

    _esm = bundle("view.js")
    _css = bundle("view.css")

    def __init__(self, source: Source, panels: Iterable[str] = PANELS, **options: Any) -> None:
        names = _checked(panels)
        check_source("source", source)
        self._source = source
        self._probing = threading.Lock()
        self._listening: list[Any] = getattr(source, "listeners", [])
        super().__init__(Frames(source, names), names, **options)
        self._listening.append(self._pump.hurry)

    @property
    def source(self) -> Source:
        """What the view shows."""
        return self._source

    def close(self) -> None:
        """End the pump and remove the widget from every page; the run goes on."""
        if self._pump.hurry in self._listening:
            self._listening.remove(self._pump.hurry)
        super().close()

    def _told(self, content: dict[str, Any]) -> None:
        if content.get("type") == "plane":
            self._pump.turn(str(content.get("plane", ACTIVE)))
        elif content.get("type") == "probe":
            self._probe(str(content.get("view", "")), content)

    def _probe(self, page: str, content: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"type": "probe", "view": page, "id": content.get("id")}
        buffers: list[bytes] = []
        try:
            z = np.asarray(content["z"], np.float32)
            # One at a time: a second page's probe waits rather than piling up between two steps.
            with self._probing:
                probe = self._source.probe(z)
            image = np.ascontiguousarray(probe.image, np.uint8)
            h, w, c = image.shape
            weights = [plain(v) for v in np.asarray(probe.weights).reshape(-1)]
            reply |= {"weights": weights, "density": plain(probe.density), "hole": bool(probe.hole)}
            reply |= {"h": h, "w": w, "c": c}
            buffers = [image.tobytes()]
        # Shown beside the tiling; a page without an answer would never ask again.
        except Exception as error:
            reply["error"] = f"{type(error).__name__}: {error}"
        self._pump.say(reply, buffers)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return with_fallback(super()._repr_mimebundle_(**options), self._source)


def _checked(panels: Iterable[str]) -> tuple[str, ...]:
    names = (panels,) if isinstance(panels, str) else tuple(panels)
    for name in names:
        choice("panels", name, PANELS)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"panels must be at least one name, each once, got {names!r}")
    return names
