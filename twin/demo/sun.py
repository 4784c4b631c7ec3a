"""The height of the sun."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.demo.plan import Floats


def elevation(time: NDArray[np.datetime64], longitude: float, latitude: float) -> Floats:
    """Return the elevation of the sun's centre above the horizon, in degrees, without refraction.

    Parameters
    ----------
    time
        UTC instants.
    longitude, latitude
        Degrees, east and north positive.

    Notes
    -----
    The Astronomical Almanac's low-precision formulas (good to 0.01 degree from 1950 to 2050).
    """
    day = (time - np.datetime64("2000-01-01T12:00")) / np.timedelta64(1, "D")
    anomaly = np.radians(357.528 + 0.9856003 * day)
    mean = 280.460 + 0.9856474 * day
    ecliptic = np.radians(mean + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    tilt = np.radians(23.439 - 4.0e-7 * day)
    ascension = np.arctan2(np.cos(tilt) * np.sin(ecliptic), np.cos(ecliptic))
    declination = np.arcsin(np.sin(tilt) * np.sin(ecliptic))
    sidereal = np.radians(280.46062 + 360.98564737 * day + longitude)
    hour = sidereal - ascension
    phi = np.radians(latitude)
    return np.asarray(
        np.degrees(np.arcsin(np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour)))
    )
