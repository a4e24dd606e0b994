"""What an explorer's pages hold: named parts, each sent when it has changed, the newest only."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from geco_viz.live.parts import Part, packed
from geco_viz.training.observer import as_uint8

__all__ = ["Feed"]


class Feed:
    """Parts of a frame by their kind, for a `Pump`; put by any thread.

    A part that was put twice before a frame went out is sent once, as it is by then.

    Example:
        >>> feed = Feed()
        >>> feed.put("curve", {"n": 2}, [0.0, 1.0])
        >>> [head for head, _ in feed.next()], feed.next()
        ([{'kind': 'curve', 'n': 2}], [])
    """

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}
        self._unsent: set[str] = set()
        self._gate = threading.Lock()

    def put(self, kind: str, head: dict[str, Any], values: Any = None) -> None:
        """Replace a part: plain data, and numbers that go as float32, or as they are if uint8."""
        raw = getattr(values, "dtype", None) == np.uint8
        whole = {"kind": kind, **head, **({"raw": True} if raw else {})}
        data = None if values is None else values.tobytes() if raw else packed(np.asarray(values))
        with self._gate:
            self._parts[kind] = (whole, data)
            self._unsent.add(kind)

    def put_images(self, kind: str, images: Tensor, **head: Any) -> None:
        """Replace a part by images (n, C, H, W) in [0, 1]; its head tells n, h, w and c."""
        pixels = as_uint8(images)
        n, h, w, c = pixels.shape
        self.put(kind, {**head, "n": n, "h": h, "w": w, "c": c}, pixels)

    def get(self, kind: str) -> dict[str, Any]:
        """The plain data of a part, empty where there is none."""
        with self._gate:
            return dict(self._parts[kind][0]) if kind in self._parts else {}

    def array(self, kind: str) -> NDArray[np.float32]:
        """The numbers of a part, flat; none where there are none."""
        with self._gate:
            _, data = self._parts.get(kind, ({}, None))
        return np.frombuffer(data or b"", dtype="<f4")

    def forget(self) -> None:
        """Assume that the pages hold nothing."""
        with self._gate:
            self._unsent = set(self._parts)

    def look(self) -> None:
        """Nothing waits for a step here."""

    def next(self, pictures: None = None) -> list[Part]:
        """The parts that the pages lack."""
        with self._gate:
            found = [part for kind, part in self._parts.items() if kind in self._unsent]
            self._unsent.clear()
        return found
