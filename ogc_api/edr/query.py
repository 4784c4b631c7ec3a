"""An EDR query, its parameters read once and strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from ogc_api.edr import periods, shapes
from ogc_api.edr.answer import QUALITY_SUFFIX, variables
from ogc_api.edr.periods import Aggregation
from ogc_api.edr.shapes import Area
from ogc_api.parameters import Parameters, y_first
from twin.crs import CRS84, BBox
from twin.errors import BadInput, TooLarge
from twin.model import Collection, Kind
from twin.settings import Bounds
from twin.time import TimeSpan

#: The ways to ask: all the locations, or the values at one of them.
type Form = Literal["position", "radius", "area", "cube", "trajectory", "corridor", "locations", "location"]
#: Polygons aggregated over in one answer: each is a question of its own to the store.
_AREAS = 100
_LEVEL = r"[+-]?\d+(\.\d+)?"
#: What ``z`` is (EDR 1.1, ``/req/edr/z-response``): levels, an interval, or levels that repeat.
LEVELS = re.compile(rf"{_LEVEL}(,{_LEVEL})*|{_LEVEL}/({_LEVEL}|\.\.)|\.\./{_LEVEL}|R\d+/{_LEVEL}/{_LEVEL}", re.ASCII)


@dataclass(frozen=True)
class EdrQuery:
    """What is asked of one collection.

    Attributes
    ----------
    crs
        CRS of the answer and of ``coords``: one of :func:`crs_codes`.
    parameters
        Names of parameters, in the order asked; all observed properties when none was named.
    time
        Span of the values; None for all.
    coords
        Points of a position, or lines of a trajectory (with M, their times in seconds since 1970).
    areas
        The polygons of an area, or of what lies around points or lines; none where all lie far from the data.
    boxes
        Box of a cube or of the locations listed, two where it crosses the antimeridian; they have a CRS of their own.
    aggregation
        What is to be computed of the values; None for the values themselves.
    """

    crs: str
    parameters: tuple[str, ...]
    time: TimeSpan | None = None
    coords: shapely.Geometry | None = None
    areas: tuple[Area, ...] = ()
    boxes: tuple[BBox, ...] = ()
    aggregation: Aggregation | None = None

    @property
    def observed_properties(self) -> tuple[str, ...]:
        """The observed properties that ``parameters`` are about, each once."""
        return tuple(dict.fromkeys(name.removesuffix(QUALITY_SUFFIX) for name in self.parameters))


def parse(
    form: Form, parameters: Parameters, collection: Collection, bounds: Bounds, *, native: bool = False
) -> EdrQuery:
    """Take the parameters of a query of one form.

    Parameters
    ----------
    native
        Whether the answer is in the CRS of storage when none is asked.

    Raises
    ------
    BadInput
        When a value cannot be used.
    """
    if form not in ("locations", "location"):
        parameters.read("z", _levels)
    codes = crs_codes(collection)
    crs = parameters.crs("crs", codes)
    target = collection.crs if native and collection.crs in codes and parameters.take("crs") is None else crs
    known = variables(collection)
    # OWSLib's client spells it with an underscore.
    names = parameters.names("parameter-name", known) or parameters.names("parameter_names", known)
    time = parameters.time()
    aggregation = (
        None if form == "locations" else periods.parse(parameters, collection, by_area=by_area(form, collection.kind))
    )
    if aggregation and any(known[name].quality for name in names or ()):
        raise BadInput("Quality flags have no aggregate: aggregates are of good values only.")
    coords: shapely.Geometry | None = None
    areas: tuple[Area, ...] = ()
    boxes: tuple[BBox, ...] = ()
    if form in ("cube", "locations"):
        boxes = parameters.boxes(codes, "crs")
        if form == "cube" and not boxes:
            raise BadInput("A cube query needs a bbox, lower left first: write bbox=xmin,ymin,xmax,ymax.")
        if form == "cube" and aggregation and aggregation.area:
            areas = shapes.boxed(boxes, collection, target, bounds)
    elif form != "location":
        coords, areas = _where(form, parameters, collection, bounds, crs, target)
    if aggregation and aggregation.area and len(areas) > _AREAS:
        raise TooLarge(f"There are {len(areas)} polygons to aggregate over and the bound is {_AREAS}: ask fewer.")
    return EdrQuery(
        crs=target,
        parameters=tuple(dict.fromkeys(names)) if names else observed_names(collection),
        time=time,
        coords=coords,
        areas=areas,
        boxes=boxes,
        aggregation=aggregation,
    )


def _levels(text: str) -> None:
    """Check ``z``, which is ignored where nothing has a vertical extent (EDR 1.1, ``/req/edr/z-response``, A)."""
    if not LEVELS.fullmatch(text):
        raise BadInput(f"z={text[:80]!r} is no level: write for instance 10, 2,10, 10/100 or R5/0/10.")


def _where(
    form: Form, parameters: Parameters, collection: Collection, bounds: Bounds, crs: str, target: str
) -> tuple[shapely.Geometry | None, tuple[Area, ...]]:
    geometry = parameters.read("coords", lambda text: shapes.read(text, form, crs, bounds))
    if geometry is None:
        raise BadInput(f"A {form} query needs coords: write for instance coords={shapes.COORDS[form][0]}.")
    if form == "area":
        return None, shapes.areas(geometry, crs, target, collection, bounds)
    if form == "radius":
        within = _distance(parameters, "within", "within-units")
        return None, shapes.buffers(geometry, within, crs, target, collection, bounds)
    if form == "corridor":
        width = _distance(parameters, "corridor-width", "width-units")
        _height(parameters)
        return None, shapes.buffers(geometry, width / 2, crs, target, collection, bounds)
    return geometry, ()


def _height(parameters: Parameters) -> None:
    """Take the height of a corridor: where nothing has a height, any one holds everything, and so does none.

    The standard requires it (``/req/edr/REQ_rc-corridor``), the OGC's own suite leaves it out and expects values.
    """
    text, unit = parameters.take("corridor-height"), parameters.choice("height-units", shapes.UNITS)
    if text is not None or unit is not None:
        _distance(parameters, "corridor-height", "height-units")


def _distance(parameters: Parameters, name: str, units_name: str) -> float:
    """Take a distance and its unit, in metres."""
    text, unit = parameters.take(name), parameters.choice(units_name, shapes.UNITS)
    if text is None or unit is None:
        raise BadInput(f"{name} and {units_name} are needed: write for instance {name}=500&{units_name}=m.")
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not 0 < value < 1e7:
        raise BadInput(f"{name}={text[:80]!r} is no distance: write a number greater than 0.")
    return float(value * shapes.UNITS[unit])


def by_area(form: str, kind: Kind) -> bool:
    """Whether a query is about areas, over which values may be aggregated."""
    return form in ("radius", "area", "cube", "corridor") or (form == "location" and kind is Kind.COVERAGE)


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
        first = int(np.searchsorted(times, naive(span.start), "left"))
    if span and span.end:
        last = int(np.searchsorted(times, naive(span.end), "right"))
    return slice(first, last)


def naive(instant: datetime) -> np.datetime64:
    """Return an aware UTC instant as naive UTC."""
    return np.datetime64(instant.replace(tzinfo=None), "us")
