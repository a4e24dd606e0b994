"""A PNG of an array, as a data address: small, lossless and readable without any other file."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["data_address", "png"]


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return the PNG file of `pixels` (h, w, 4), uint8 RGBA.

    Example:
        >>> png(np.zeros((1, 1, 4), np.uint8))[1:4]
        b'PNG'
    """
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 4 * width), np.uint8)  # a leading 0: a row without a filter
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def data_address(pixels: NDArray[np.uint8]) -> str:
    """Return the PNG of `pixels` (h, w, 4) as a `data:` address."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode("ascii")
