"""Instants as RFC 3339 texts, by whole arrays."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_LONG = 10_000


def rfc3339(times: NDArray[np.datetime64]) -> list[str]:
    """Return UTC instants as RFC 3339 with ``Z``, to the second unless the data is finer."""
    # Every position of a coverage tells the same instants.
    return list(_known(times.dtype.str, times.tobytes())) if times.size <= _LONG else _texts(times)


@lru_cache(maxsize=16)
def _known(dtype: str, times: bytes) -> tuple[str, ...]:
    return tuple(_texts(np.frombuffer(times, dtype)))


def _texts(times: NDArray[np.datetime64]) -> list[str]:
    seconds = times.astype("M8[s]")
    exact = seconds if (seconds == times).all() else times.astype("M8[us]")
    return [f"{text}Z" for text in np.datetime_as_string(exact).tolist()]
