"""An items query, its parameters read once and strictly (OGC API Features Part 1 and Part 2)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import orjson

from ogc_api.features.cql2 import FILTER_LANGUAGES, read_filter
from ogc_api.features.fields import in_store, item_properties, queryables, served_crs, sortables, typed
from ogc_api.features.regions import Region, region
from ogc_api.parameters import Parameters
from twin.crs import CRS84
from twin.errors import BadInput
from twin.model import LOOKED_AT, Collection, FieldType, Kind
from twin.store import Condition, Filter, Logic, Scalar, SortKey, Spatial
from twin.store.filters import GEOMETRY
from twin.time import TimeSpan, iso, parse_instant

DEFAULT_LIMIT = 10
_PLACELESS = Condition(field=GEOMETRY, operator="is null")
#: Beyond the number of any row.
_ROWS = 2**63


@dataclass(frozen=True)
class Selection:
    """Which items are kept, whatever their order and page; see :class:`ItemsQuery`."""

    region: Region | None
    nowhere: bool
    time: TimeSpan | None
    where: tuple[Filter, ...]

    @cached_property
    def _hash(self) -> int:
        return hash((self.region, self.nowhere, self.time, self.where))

    def __hash__(self) -> int:
        """Return a hash that is worked out once: that of a filter costs more than a page."""
        return self._hash


@dataclass(frozen=True)
class ItemsQuery:
    """Which items of one collection, and how they are to be given.

    Attributes
    ----------
    region
        None for everywhere. What has no geometry meets any
        (Features Part 1, requirement ``/req/core/fc-bbox-response``, C).
    nowhere
        Whether the box lies outside the extent of the data, so that what has no geometry alone meets it.
    after
        Cursor of the last item seen: the values of ``sort``, then its row; of an observation, its
        datastream and phenomenon time; in a whole collection, the rows that lead, then its row.
        It wins over ``offset``, which then only numbers the page.
    properties
        Names of the properties to give, in the order of the schema.
    crs
        Code of the CRS of the answer.
    """

    collection: Collection
    region: Region | None = None
    nowhere: bool = False
    time: TimeSpan | None = None
    where: tuple[Filter, ...] = ()
    sort: tuple[SortKey, ...] = ()
    after: tuple[Scalar, ...] | None = None
    offset: int = 0
    limit: int = DEFAULT_LIMIT
    properties: tuple[str, ...] = ()
    crs: str = CRS84
    with_geometry: bool = True

    @cached_property
    def selection(self) -> Selection | None:
        """Which items are kept; None when all are."""
        if not (self.region or self.nowhere or self.time or self.where):
            return None
        return Selection(self.region, self.nowhere, self.time, self.where)

    @property
    def is_whole(self) -> bool:
        """Whether these are all the features of a collection, in the order of the store."""
        return self.selection is None and not self.sort and self.collection.kind is Kind.FEATURES

    @property
    def conditions(self) -> tuple[Filter, ...]:
        """What must hold of an item: the filters, and where it lies."""
        if self.nowhere:
            return (*self.where, _PLACELESS)
        if self.region is None:
            return self.where
        meets = Spatial(relation="intersects", right=self.region.wkb)
        return (*self.where, Logic(operator="or", filters=(meets, _PLACELESS)))

    @cached_property
    def leading(self) -> tuple[int, ...]:
        """Rows that come before the others; whoever follows `next` keeps those of the first page."""
        if not self.is_whole:
            return ()
        return self.collection.leading if self.after is None else self.after[:-1]  # type: ignore[return-value]

    @property
    def last(self) -> tuple[Scalar, ...] | None:
        """The cursor without the rows that lead."""
        return self.after[-1:] if self.after is not None and self.is_whole else self.after


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
    every = item_properties(collection)
    codes = served_crs(collection)
    limit = parameters.integer("limit", min(DEFAULT_LIMIT, maximum), minimum=1, clamp=maximum)
    offset = parameters.integer("offset", 0)
    offset = parameters.integer("startindex", offset)
    boxes = parameters.boxes(codes)
    sort = parameters.read("sortby", lambda text: _sort(text, sortables(collection))) or ()
    names = parameters.names("properties", every)
    crs = parameters.crs("crs", codes)
    time = parameters.time()
    skip_geometry = parameters.boolean("skipGeometry")
    near = region(boxes, collection)
    query = ItemsQuery(
        collection=collection,
        region=near,
        nowhere=bool(boxes) and near is None,
        time=time,
        where=(*_filter(parameters, collection, codes), *_equalities(parameters, collection)),
        sort=sort,
        offset=offset,
        limit=limit,
        properties=every if names is None else tuple(name for name in every if name in names),
        crs=crs,
        with_geometry=not skip_geometry,
    )
    led = LOOKED_AT if query.is_whole else 0
    after = parameters.read("cursor", lambda text: read_cursor(text, _cursor_fields(collection, sort), led))
    return query if after is None else replace(query, after=after)


def parse_one(parameters: Parameters, collection: Collection) -> ItemsQuery:
    """Take the parameters of a request for one item."""
    crs = parameters.crs("crs", served_crs(collection))
    return ItemsQuery(collection=collection, properties=item_properties(collection), crs=crs)


def _filter(parameters: Parameters, collection: Collection, codes: Sequence[str]) -> tuple[Filter, ...]:
    """Take ``filter`` and what tells how to read it (Features Part 3, section 7)."""
    text = parameters.take("filter")
    language = parameters.choice("filter-lang", FILTER_LANGUAGES)
    crs = parameters.crs("filter-crs", codes)
    if text is None:
        if language or parameters.take("filter-crs"):
            raise BadInput("filter-lang or filter-crs is given without filter: give the filter, or neither.")
        return ()
    return (read_filter(text, language or FILTER_LANGUAGES[0], collection, crs),)


def _equalities(parameters: Parameters, collection: Collection) -> tuple[Filter, ...]:
    """Take ``name=value`` for every property whose name is not that of a parameter."""
    conditions = []
    fields = queryables(collection)
    for name, text in parameters.left(fields).items():
        field = fields[name]
        known = [category.value for category in field.categories]
        if collection.kind is Kind.TIMESERIES and known and text not in known:
            raise BadInput(f"{name}={text!r} is none of {', '.join(map(str, known))}.")
        conditions.append(Condition(field=in_store(collection, name), value=typed(field, text)))
    return tuple(conditions)


def _sort(text: str, names: Sequence[str]) -> tuple[SortKey, ...]:
    keys = []
    for part in text.split(","):
        # A plus sign that was not percent-encoded arrives as a space.
        name = part.lstrip("+- ")
        if name not in names:
            raise BadInput(f"sortby names {name!r}, which cannot be sorted by: use some of {', '.join(names)}.")
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


def read_cursor(text: str, kinds: tuple[FieldType, ...], led: int = 0) -> tuple[Scalar, ...]:
    """Return the values of a word that :func:`write_cursor` made.

    Parameters
    ----------
    led
        How many numbers of rows may stand before the values of `kinds`.

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
        if not isinstance(values, list) or not 0 <= len(values) - len(kinds) <= led:
            raise ValueError(text)
        rows = values[: len(values) - len(kinds)]
        if not all(type(row) is int and 0 <= row < _ROWS for row in rows):
            raise ValueError(text)
        kinds = (FieldType.INTEGER,) * len(rows) + kinds
        for value, kind in zip(values, kinds, strict=True):
            if value is not None and not isinstance(value, accepted.get(kind, str)):
                raise ValueError(text)
        return tuple(
            parse_instant(value) if kind is FieldType.DATETIME and value is not None else value
            for value, kind in zip(values, kinds, strict=True)
        )
    except (ValueError, binascii.Error, orjson.JSONDecodeError, BadInput):
        raise BadInput("The cursor is not one of this query: follow the link `next` as it was given.") from None
