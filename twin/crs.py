"""Coordinate reference systems: a box that knows its own, and cached transforms.

Axis order is x, y everywhere (easting, northing; longitude, latitude): ``CRS84`` stands for
lon/lat, and ``always_xy`` is set on every transformer, so that no authority's axis order leaks in.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Self

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from twin.errors import BadInput

CRS84 = "OGC:CRS84"
_CRS_URIS = {
    CRS84: "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
    "OGC:CRS84h": "http://www.opengis.net/def/crs/OGC/0/CRS84h",
}
# Both are written by French producers for RGF93 v1 / Lambert-93.
_ALIASES = {"IGNF:LAMB93": "EPSG:2154", "CRS84": CRS84}


@lru_cache(maxsize=256)
def normalise(name: str) -> str:
    """Return the ``AUTHORITY:CODE`` form of a CRS given by code, alias or OGC URI.

    Raises
    ------
    BadInput
        When PROJ does not know the CRS.
    """
    text = name.strip().strip("[]")
    for code, uri in _CRS_URIS.items():
        if text == uri:
            return code
    if text.startswith(("http://www.opengis.net/def/crs/", "https://www.opengis.net/def/crs/")):
        authority, _version, code = text.rstrip("/").split("/")[-3:]
        text = f"{authority}:{code}"
    text = _ALIASES.get(text.upper(), text.upper().replace("CRS84H", "CRS84h"))
    _definition(text)
    return text


@lru_cache(maxsize=64)
def _definition(code: str) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_user_input(code)
    except pyproj.exceptions.CRSError as error:
        raise BadInput(
            f"Unknown coordinate reference system {code!r}: use a code such as EPSG:2154 or OGC:CRS84."
        ) from error


def definition(code: str) -> pyproj.CRS:
    """Return the PROJ definition of a normalised CRS code."""
    return _definition(normalise(code))


def area_of_use(code: str) -> BBox | None:
    """Return where a CRS is meant to be used, in CRS84, or None where its authority does not say."""
    area = definition(code).area_of_use
    return None if area is None else BBox(xmin=area.west, ymin=area.south, xmax=area.east, ymax=area.north)


def uri(code: str) -> str:
    """Return the OGC URI of a CRS code, e.g. ``http://www.opengis.net/def/crs/EPSG/0/2154``."""
    code = normalise(code)
    if code in _CRS_URIS:
        return _CRS_URIS[code]
    authority, number = code.split(":")
    return f"http://www.opengis.net/def/crs/{authority}/0/{number}"


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> pyproj.Transformer:
    """Return a cached x, y transformer between two CRS codes (PROJ set-up costs milliseconds)."""
    return pyproj.Transformer.from_crs(definition(source), definition(target), always_xy=True)


def transform(
    x: NDArray[np.float64], y: NDArray[np.float64], source: str, target: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Transform x and y of any equal shape from `source` to `target`; heights are not touched."""
    if source == target:
        return x, y
    out_x, out_y = transformer(source, target).transform(x, y)
    return np.asarray(out_x), np.asarray(out_y)


def transform_geometry[T](geometry: T, source: str, target: str) -> T:
    """Transform a shapely geometry, or an array of them, keeping Z as it is."""
    if source == target:
        return geometry

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = transform(points[:, 0], points[:, 1], source, target)
        return np.column_stack([x, y, *points.T[2:]])

    has_z = bool(np.any(shapely.has_z(geometry)))
    return shapely.transform(geometry, move, include_z=has_z)  # type: ignore[no-any-return]


@lru_cache(maxsize=8)
def _unit_sides(segments: int) -> NDArray[np.float64]:
    """Return the shares of the lower and of the upper bound along the sides: shape (x and y, 2, 4, segments + 1)."""
    along = np.linspace(0, 1, segments + 1)
    low, high = np.zeros_like(along), np.ones_like(along)
    x, y = np.array([along, high, along[::-1], low]), np.array([low, along, high, along[::-1]])
    return np.array([[1 - x, x], [1 - y, y]])


def enclosed(sides: NDArray[np.float64]) -> shapely.Polygon:
    """Return the polygon that the sides of a box are the outline of; see :meth:`BBox.sides`."""
    return shapely.polygons(sides[:, :, :-1].reshape(2, -1).T)


class BBox(BaseModel):
    """A box in a known CRS, x before y; ``xmin <= xmax`` and ``ymin <= ymax``.

    A box that crosses the antimeridian is two of them.
    """

    model_config = ConfigDict(frozen=True)

    xmin: float
    ymin: float
    xmax: float
    ymax: float
    crs: str = CRS84

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not all(map(math.isfinite, (self.xmin, self.ymin, self.xmax, self.ymax))):
            raise ValueError("a bbox takes four finite numbers: xmin,ymin,xmax,ymax")
        if self.xmin > self.xmax or self.ymin > self.ymax:
            raise ValueError("a bbox goes from its lower left to its upper right corner: xmin,ymin,xmax,ymax")
        return self

    @classmethod
    def parse(cls, text: str, crs: str = CRS84) -> BBox:
        """Read ``xmin,ymin,xmax,ymax`` (or six numbers, whose heights are left out).

        Raises
        ------
        BadInput
            When the text is not four or six finite, ordered numbers.
        """
        try:
            numbers = [float(part) for part in text.split(",")]
        except ValueError:
            raise BadInput(f"bbox={text!r} is not a list of numbers: write xmin,ymin,xmax,ymax.") from None
        if len(numbers) == 6:
            numbers = [*numbers[:2], *numbers[3:5]]
        if len(numbers) != 4:
            raise BadInput(f"bbox takes 4 or 6 numbers, not {len(numbers)}: write xmin,ymin,xmax,ymax.")
        try:
            xmin, ymin, xmax, ymax = numbers
            return cls(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=normalise(crs))
        except ValueError as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"bbox={text!r} cannot be used: the box must be finite, and lower left first.") from None

    def polygon(self, crs: str, segments: int = 32) -> shapely.Polygon:
        """Return the box as a polygon in `crs`, its edges cut in `segments` before the transform.

        A straight edge in one CRS is a curve in another: two corners are not enough.

        Raises
        ------
        BadInput
            When the box lies outside the area where `crs` is defined.
        """
        return enclosed(self.sides(crs, segments))

    def sides(self, crs: str, segments: int = 32) -> NDArray[np.float64]:
        """Return the south, east, north and west side in `crs`, anticlockwise, each cut in `segments` before.

        Returns
        -------
        Their x, then their y: shape (2, 4, segments + 1); of a box in `crs` itself, shape (2, 4, 2).

        Raises
        ------
        BadInput
            When the box lies outside the area where `crs` is defined.
        """
        (x0, x1), (y0, y1) = _unit_sides(1 if self.crs == crs else segments)
        x, y = x0 * self.xmin + x1 * self.xmax, y0 * self.ymin + y1 * self.ymax
        sides = np.array(transform(x, y, self.crs, crs))
        if not np.isfinite(sides).all():
            raise BadInput(f"The bbox lies outside the area of {crs}.")
        return sides

    def to(self, crs: str) -> BBox:
        """Return the smallest box in `crs` that holds this one."""
        if self.crs == crs:
            return self
        xmin, ymin, xmax, ymax = self.polygon(crs).bounds
        return BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=crs)

    def within(self, other: BBox) -> bool:
        """Whether this box lies in `other`, which is in the same CRS."""
        return (
            self.xmin >= other.xmin and self.ymin >= other.ymin and self.xmax <= other.xmax and self.ymax <= other.ymax
        )

    def grown(self, share: float) -> BBox:
        """Return the box with a margin on each side, as a share of its width and height."""
        x, y = (self.xmax - self.xmin) * share, (self.ymax - self.ymin) * share
        return BBox(xmin=self.xmin - x, ymin=self.ymin - y, xmax=self.xmax + x, ymax=self.ymax + y, crs=self.crs)

    def as_list(self) -> list[float]:
        """Return ``[xmin, ymin, xmax, ymax]``."""
        return [self.xmin, self.ymin, self.xmax, self.ymax]
