"""The local frame of a tile: east, north and up in metres about a point of the WGS 84 ellipsoid.

Tiles are drawn in 32 bit floats, whose step is 0.5 m at the radius of the Earth: positions are
therefore relative to the tile, and the tile's own matrix, in 64 bits, places it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

_SEMI_MAJOR = 6_378_137.0  # WGS 84, metres
_ECCENTRICITY_2 = 6.694_379_990_141_317e-3


def geocentric(longitude: Floats, latitude: Floats) -> Floats:
    """Return Earth-centred, Earth-fixed positions of points on the ellipsoid.

    Parameters
    ----------
    longitude, latitude
        Degrees, shape (n,).

    Returns
    -------
    NDArray
        Metres, shape (n, 3) (EPSG:4978; the method is EPSG 9602).
    """
    lon, lat = np.radians(longitude), np.radians(latitude)
    sin_lat, cos_lat = np.sin(lat), np.cos(lat)
    normal = _SEMI_MAJOR / np.sqrt(1 - _ECCENTRICITY_2 * sin_lat**2)
    return np.stack(
        [normal * cos_lat * np.cos(lon), normal * cos_lat * np.sin(lon), normal * (1 - _ECCENTRICITY_2) * sin_lat],
        axis=-1,
    )


@dataclass(frozen=True)
class Frame:
    """East, north, up axes (rows of `axes`, shape (3, 3)) at `origin` (ECEF metres, shape (3,))."""

    origin: Floats
    axes: Floats

    @classmethod
    def at(cls, longitude: float, latitude: float) -> Frame:
        """Return the frame that touches the ellipsoid at a point, in degrees (EPSG method 9837)."""
        lon, lat = np.radians(longitude), np.radians(latitude)
        sin_lon, cos_lon, sin_lat, cos_lat = np.sin(lon), np.cos(lon), np.sin(lat), np.cos(lat)
        east = [-sin_lon, cos_lon, 0.0]
        north = [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat]
        up = [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
        return cls(geocentric(np.array(longitude), np.array(latitude)), np.array([east, north, up]))

    def local(self, longitude: Floats, latitude: Floats) -> Floats:
        """Return points of the ellipsoid, in degrees, as metres in this frame, shape (n, 3)."""
        return np.asarray((geocentric(longitude, latitude) - self.origin) @ self.axes.T)

    def matrix(self, outer: Frame | None = None) -> list[float]:
        """Return the 4 x 4 matrix from this frame to `outer`, or to ECEF, column by column as 3D Tiles writes it."""
        axes, origin = (self.axes.T, self.origin)
        if outer is not None:
            axes, origin = outer.axes @ axes, outer.axes @ (origin - outer.origin)
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = axes, origin
        return [float(value) for value in matrix.T.ravel()]
