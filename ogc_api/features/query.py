"""An items query, its parameters read once and strictly (OGC API Features Part 1 and Part 2)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

import orjson
import shapely

from ogc_api.features.fields import item_fields, served_crs, typed
from ogc_api.features.geojson import rounding
from ogc_api.parameters import Parameters
from twin.crs import CRS84, BBox
from twin.errors import BadInput
from twin.model import Collection, Field, FieldType, Kind
from twin.store import Condition, Scalar, SortKey
from twin.time import TimeSpan, iso, parse_instant

DEFAULT_LIMIT = 10
#: Degrees that the extent is widened by before a box is cut to it: more than any rounding of either.
_MARGIN = 0.01


@dataclass(frozen=True)
class ItemsQuery:
    """Which items of one collection, and how they are to be given.

    Attributes
    ----------
    region
        WKB of a polygon in the CRS of storage; None for everywhere.
    nothing
        Whether the box lies outside the extent of the data, so that the answer is empty.
    after
        Cursor of the last item seen: the values of ``sort``, then its row; of an observation, its
        datastream and phenomenon time. It wins over ``offset``, which then only numbers the page.
    properties
        Names of the properties to give, in the order of the schema.
    crs
        Code of the CRS of the answer.
    """

    collection: Collection
    region: bytes | None = None
    nothing: bool = False
    time: TimeSpan | None = None
    where: tuple[Condition, ...] = ()
    sort: tuple[SortKey, ...] = ()
    after: tuple[Scalar, ...] | None = None
    offset: int = 0
    limit: int = DEFAULT_LIMIT
    properties: tuple[str, ...] = ()
    crs: str = CRS84
    with_geometry: bool = True


def parse(parameters: Parameters, collection: Collection, maximum: int) -> ItemsQuery:
    """Take the parameters of an items query.

    Parameters
    ----------
    maximum
        The longest page; a greater ``limit`` is brought down to it (``/req/core/fc-limit-response-1``).

    Raises
    ------
    BadInput
        When a value cannot be used; the message names the parameter.
    """
    fields = {field.name: field for field in item_fields(collection)}
    codes = served_crs(collection)
    limit = parameters.integer("limit", min(DEFAULT_LIMIT, maximum), minimum=1, clamp=maximum)
    offset = parameters.integer("offset", 0)
    offset = parameters.integer("startindex", offset)
    bbox = parameters.bbox(codes, around=collection.extent)
    sort = parameters.read("sortby", lambda text: _sort(text, fields)) if collection.kind is Kind.FEATURES else None
    sort = sort or ()
    after = parameters.read("cursor", lambda text: read_cursor(text, _cursor_fields(collection, sort)))
    names = parameters.names("properties", fields)
    crs = parameters.crs("crs", codes)
    time = parameters.time()
    skip_geometry = parameters.boolean("skipGeometry")
    region = bbox and region_of(bbox, collection)
    return ItemsQuery(
        collection=collection,
        region=region.wkb if region else None,
        nothing=bbox is not None and region is None,
        time=time,
        where=(*_identity(parameters, collection), *_equalities(parameters, fields)),
        sort=sort,
        after=after,
        offset=offset,
        limit=limit,
        properties=tuple(name for name in fields if names is None or name in names),
        crs=crs,
        with_geometry=not skip_geometry,
    )


def parse_one(parameters: Parameters, collection: Collection) -> ItemsQuery:
    """Take the parameters of a request for one item."""
    names = tuple(field.name for field in item_fields(collection))
    return ItemsQuery(collection=collection, properties=names, crs=parameters.crs("crs", served_crs(collection)))


def _identity(parameters: Parameters, collection: Collection) -> tuple[Condition, ...]:
    """Take ``id``, which gives every version of one object."""
    given = parameters.take("id") if collection.kind is Kind.FEATURES else None
    return () if given is None else (Condition(field="id", value=given),)


def _equalities(parameters: Parameters, fields: dict[str, Field]) -> tuple[Condition, ...]:
    """Take ``name=value`` for every property whose name is not that of a parameter."""
    conditions = []
    for name, field in fields.items():
        text = None if parameters.is_known(name) else parameters.take(name)
        if text is not None:
            conditions.append(Condition(field=name, value=typed(field, text)))
    return tuple(conditions)


def region_of(bbox: BBox, collection: Collection) -> shapely.Polygon | None:
    """Return a box as a polygon in the CRS of storage, or None when it misses the data.

    The box is widened by the rounding of the coordinates served, so that a feature meets the box
    that a client makes of its coordinates, and a box that is a point has an area. It is then cut to
    the extent of the data: a client may ask for the whole world, which no projected CRS can hold.
    """
    slack = rounding(bbox.crs)
    xmin, ymin, xmax, ymax = bbox.xmin - slack, bbox.ymin - slack, bbox.xmax + slack, bbox.ymax + slack
    if bbox.crs != collection.crs:
        if collection.extent is None:
            return None
        wide = _widened(collection.extent).to(bbox.crs)
        xmin, ymin, xmax, ymax = (
            max(xmin, wide.xmin),
            max(ymin, wide.ymin),
            min(xmax, wide.xmax),
            min(ymax, wide.ymax),
        )
        if xmin > xmax or ymin > ymax:
            return None
    return BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=bbox.crs).polygon(collection.crs)


def _widened(extent: BBox) -> BBox:
    return BBox(
        xmin=max(extent.xmin - _MARGIN, -180),
        ymin=max(extent.ymin - _MARGIN, -90),
        xmax=min(extent.xmax + _MARGIN, 180),
        ymax=min(extent.ymax + _MARGIN, 90),
    )


def _sort(text: str, fields: dict[str, Field]) -> tuple[SortKey, ...]:
    keys = []
    for part in text.split(","):
        # A plus sign that was not percent-encoded arrives as a space.
        name = part.lstrip("+- ")
        if name not in fields and name != "id":
            raise BadInput(f"sortby names {name!r}, which is not here: use some of id, {', '.join(fields)}.")
        keys.append(SortKey(field=name, descending=part.lstrip().startswith("-")))
    return tuple(keys)


def _cursor_fields(collection: Collection, sort: tuple[SortKey, ...]) -> tuple[FieldType, ...]:
    if collection.kind is Kind.TIMESERIES:
        return (FieldType.STRING, FieldType.DATETIME)
    kinds = {field.name: field.type for field in collection.all_fields}
    return (*(kinds.get(key.field, FieldType.STRING) for key in sort), FieldType.INTEGER)


def write_cursor(values: tuple[Scalar, ...]) -> str:
    """Return the values as one opaque word for an address."""
    plain = [iso(value) if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(orjson.dumps(plain)).decode().rstrip("=")


def read_cursor(text: str, kinds: tuple[FieldType, ...]) -> tuple[Scalar, ...]:
    """Return the values of a word that :func:`write_cursor` made.

    Raises
    ------
    BadInput
        When the word is not one, or belongs to another query.
    """
    accepted: dict[FieldType, type | tuple[type, ...]] = {
        FieldType.INTEGER: int,
        FieldType.NUMBER: (int, float),
        FieldType.BOOLEAN: bool,
    }
    try:
        values = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError(text)
        for value, kind in zip(values, kinds, strict=True):
            if value is not None and not isinstance(value, accepted.get(kind, str)):
                raise ValueError(text)
        return tuple(
            parse_instant(value) if kind is FieldType.DATETIME and value is not None else value
            for value, kind in zip(values, kinds, strict=True)
        )
    except (ValueError, binascii.Error, orjson.JSONDecodeError, BadInput):
        raise BadInput("The cursor is not one of this query: follow the link `next` as it was given.") from None
