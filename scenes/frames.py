"""The binary framing of arrays for a browser: a JSON header, then the bytes a typed array reads in place."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

MEDIA_TYPE = "application/octet-stream"


def pack(header: dict[str, Any], *arrays: NDArray[Any]) -> bytes:
    """Return a frame: uint32 length of the header, the header in UTF-8, then the arrays one after another.

    All is little-endian; the header ends in spaces such that the arrays begin at a multiple of 8.
    """
    text = orjson.dumps(header)
    text += b" " * (-(4 + len(text)) % 8)
    parts = (
        np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes() for array in arrays
    )
    return struct.pack("<I", len(text)) + text + b"".join(parts)
