"""An EDR query, its parameters read once and strictly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.errors import ShapelyError

from ogc_api.edr import coveragejson
from ogc_api.edr.coveragejson import QUALITY_SUFFIX
from ogc_api.parameters import Parameters, y_first
from twin.crs import CRS84, BBox
from twin.errors import BadInput
from twin.model import Collection
from twin.time import TimeSpan

type Point = tuple[float, float]
#: The ways to ask: all the locations, or the values at one of them.
type Form = Literal["position", "cube", "locations", "location"]


@dataclass(frozen=True)
class EdrQuery:
    """What is asked of one collection.

    Attributes
    ----------
    crs
        CRS of ``point``, of ``bbox`` and of the answer: one of :func:`crs_codes`.
    parameters
        Names of parameters, in the order asked; all observed properties when none was named.
    time
        Span of the values; None for all.
    point
        x, y of a position.
    bbox
        Box of a cube, or of the locations listed.
    """

    crs: str
    parameters: tuple[str, ...]
    time: TimeSpan | None = None
    point: Point | None = None
    bbox: BBox | None = None

    @property
    def observed_properties(self) -> tuple[str, ...]:
        """The observed properties that ``parameters`` are about, each once."""
        return tuple(dict.fromkeys(name.removesuffix(QUALITY_SUFFIX) for name in self.parameters))


def parse(form: Form, parameters: Parameters, collection: Collection) -> EdrQuery:
    """Take the parameters of a query of one form.

    Raises
    ------
    BadInput
        When a value cannot be used.
    """
    codes = crs_codes(collection)
    crs = parameters.crs("crs", codes)
    known = coveragejson.parameters(collection)
    # OWSLib's client spells it with an underscore.
    names = parameters.names("parameter-name", known) or parameters.names("parameter_names", known)
    point = bbox = None
    if form == "position":
        point = parameters.read("coords", parse_point)
    elif form in ("cube", "locations"):
        bbox = parameters.bbox(codes, "crs")
    return EdrQuery(
        crs=crs,
        parameters=tuple(dict.fromkeys(names)) if names else observed_names(collection),
        time=parameters.time(),
        point=point,
        bbox=bbox,
    )


def parse_point(wkt: str) -> Point:
    """Read the ``coords`` of a position: one WKT point, without height."""
    try:
        geometry = shapely.from_wkt(wkt)
    except ShapelyError:
        raise BadInput(f"coords={wkt[:80]!r} is not WKT: write for instance POINT(3.87 43.61).") from None
    if geometry.geom_type != "Point" or geometry.is_empty or geometry.has_z:
        raise BadInput(f"coords of a position is one POINT(x y), not {wkt[:80]!r}.")
    if not (math.isfinite(geometry.x) and math.isfinite(geometry.y)):
        raise BadInput("coords of a position takes two finite numbers: POINT(x y).")
    return geometry.x, geometry.y


def observed_names(collection: Collection) -> tuple[str, ...]:
    """Return the names of the observed properties of a collection."""
    return tuple(observed.name for observed in collection.observed_properties)


def crs_codes(collection: Collection) -> tuple[str, ...]:
    """Return the CRS that a query may be asked in, the default first.

    The storage CRS is left out where its authority puts y first: EDR axes are named x and y.
    """
    return tuple(dict.fromkeys(code for code in (CRS84, collection.crs) if not y_first(code)))


def steps(times: NDArray[np.datetime64], span: TimeSpan | None) -> slice:
    """Return which of the ascending naive-UTC instants `times` lie in `span`, bounds included."""
    first, last = 0, len(times)
    if span and span.start:
        first = int(np.searchsorted(times, _naive(span.start), "left"))
    if span and span.end:
        last = int(np.searchsorted(times, _naive(span.end), "right"))
    return slice(first, last)


def _naive(instant: datetime) -> np.datetime64:
    return np.datetime64(instant.replace(tzinfo=None), "us")
