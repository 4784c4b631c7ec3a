"""Instants as RFC 3339 texts, by whole arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rfc3339(times: NDArray[np.datetime64]) -> list[str]:
    """Return UTC instants as RFC 3339 with ``Z``, to the second unless the data is finer."""
    seconds = times.astype("M8[s]")
    exact = seconds if (seconds == times).all() else times.astype("M8[us]")
    return [f"{text}Z" for text in np.datetime_as_string(exact).tolist()]
