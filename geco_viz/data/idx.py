"""IDX, the file format of MNIST: a magic number, the sizes, the bytes; gzipped or not."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["parse_idx", "read_bytes"]

_GZIP = b"\x1f\x8b"
_UNSIGNED_BYTE = 0x08


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes, unpacked if it is gzipped, whatever it is called.

    Raises:
        ValueError: the archive is truncated or damaged.
        OSError: the file cannot be read.
    """
    raw = path.read_bytes()
    if raw[:2] != _GZIP:
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is a damaged gzip archive ({error}); get it again") from error


def parse_idx(content: bytes, ndim: int, where: str = "content") -> NDArray[np.uint8]:
    """Return the array of an IDX file of unsigned bytes with `ndim` dimensions.

    The format: two zero bytes, the type (8 for unsigned bytes), the number of dimensions, each
    size as a big-endian 32-bit number, then the values, row by row.

    Raises:
        ValueError: another magic number, or more or fewer bytes than the sizes say.

    Example:
        >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 6, 7]), ndim=1)
        array([5, 6, 7], dtype=uint8)
    """
    magic = bytes([0, 0, _UNSIGNED_BYTE, ndim])
    if content[:4] != magic:
        raise ValueError(
            f"{where} must be an IDX file of bytes with {ndim} dimensions (magic number "
            f"{magic.hex()}), got {content[:4].hex() or 'an empty file'}"
        )
    start = 4 + 4 * ndim
    if len(content) < start:
        raise ValueError(f"{where} is truncated: it ends within its header")
    shape = struct.unpack(f">{ndim}I", content[4:start])
    expected, found = math.prod(shape), len(content) - start
    if found != expected:
        state = "truncated" if found < expected else "too long"
        raise ValueError(
            f"{where} is {state}: its header {shape} promises {expected} bytes, it holds {found}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
