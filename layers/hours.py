"""Hours, and the arrays of hourly values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Values of shape (stations, hours), not-a-number where unknown.
type Matrix = NDArray[np.float64]


def nearest_hour(times: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Return the hour nearest to each instant, a half hour being of the next."""
    return (times + np.timedelta64(30, "m")).astype("M8[h]")
