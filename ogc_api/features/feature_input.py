"""A GeoJSON feature that a client sends: read strictly, checked against the schema, made a row of the store."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import orjson
import pyarrow as pa
import shapely

from ogc_api.features.geojson import rounding
from ogc_api.parameters import swap_if_y_first
from twin.crs import CRS84, area_of_use, transform_geometry
from twin.errors import BadInput
from twin.model import LIFESPAN_FIELDS, Collection, Field, FieldType
from twin.tables import feature_schema
from twin.time import iso, parse_instant

type Json = dict[str, Any]

_MEMBERS = ("type", "id", "geometry", "properties", "links", "bbox")
_LARGEST = 2**63
_MULTIPLE = {"Point": shapely.multipoints, "LineString": shapely.multilinestrings, "Polygon": shapely.multipolygons}


def read_json(body: bytes) -> Json:
    """Return the JSON object of a body.

    Raises
    ------
    BadInput
        When it is none; the message tells where it breaks.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"The body is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise BadInput("The body is not a GeoJSON feature: send an object with type, geometry and properties.")
    return document


def merged(current: Json, patch: Json) -> Json:
    """Return a feature with a JSON merge patch applied (RFC 7396), as deep as a feature is: two levels."""
    known = {name: value for name, value in current.items() if name in _MEMBERS and name not in ("links", "bbox")}
    out: Json = dict(known)
    for name, value in patch.items():
        former = known.get(name)
        if isinstance(value, dict) and isinstance(former, dict):
            whole = {**former, **value}
            out[name] = {key: each for key, each in whole.items() if each is not None or key not in value}
        else:
            out[name] = value
    return out


class FeatureInput:
    """Reads the features that are sent to one collection.

    Parameters
    ----------
    crs
        Code of the CRS of the geometries sent; coordinates stand in the order of its authority.
    """

    def __init__(self, collection: Collection, crs: str) -> None:
        self._collection = collection
        self._crs = crs

    def table(self, document: Json, identity: str, start: datetime, former: pa.Table | None) -> pa.Table:
        """Return the one row of a version that begins at `start`.

        Parameters
        ----------
        former
            The version that it follows: what is sent back as it was served is kept as it is stored,
            coordinates and categories too; None for a new object.

        Raises
        ------
        BadInput
            Naming the member or the field, the value, and the mend.
        """
        self._check_members(document)
        before: Json = {} if former is None else former.to_pylist()[0]
        properties = {} if document.get("properties") is None else document["properties"]
        if not isinstance(properties, dict):
            raise BadInput("The member 'properties' is not an object: write {\"name\": value, ...}.")
        self._check_names(properties, identity)
        row: Json = {
            "id": identity,
            "valid_from": self._start(properties, start, before),
            "valid_to": self._end(properties, before),
            "geometry": self._geometry(document.get("geometry"), before.get("geometry")),
        }
        for field in self._collection.fields:
            row[field.name] = _value(field, properties.get(field.name), before.get(field.name))
        return pa.Table.from_pylist([row], schema=feature_schema(self._collection.fields))

    def _check_members(self, document: Json) -> None:
        if document.get("type") != "Feature":
            raise BadInput(f"The member 'type' is {document.get('type')!r}: send one GeoJSON object of type 'Feature'.")
        for name in document:
            if name not in _MEMBERS:
                raise BadInput(f"The member {name!r} of the feature is unknown here: leave it out.")
        if "geometry" not in document:
            raise BadInput("The feature has no member 'geometry': write null where there is none.")

    def _check_names(self, properties: Mapping[str, Any], identity: str) -> None:
        # GDAL makes a field of the id, and sends it back as one.
        if properties.get("id") not in (None, identity):
            raise BadInput(
                f"The property 'id' is {_shown(properties['id'])}, and the feature is {identity!r}: leave it out."
            )
        known = [field.name for field in self._collection.all_fields]
        for name in properties:
            if name not in known and name != "id":
                near = difflib.get_close_matches(name, known, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise BadInput(f"The property {name!r} is not in the schema; there are: {', '.join(known)}.{hint}")

    def _start(self, properties: Json, start: datetime, before: Json) -> datetime:
        begin, _ = LIFESPAN_FIELDS
        given = _value(begin, properties.get("valid_from"), before.get("valid_from"))
        if not before:
            if given is not None and given > start:
                raise BadInput(
                    f"valid_from={iso(given)} is in the future: leave it out, or write when the object began."
                )
            return given or start
        if given is not None and given != before["valid_from"]:
            raise BadInput(f"valid_from={iso(given)} cannot be changed: the new version begins when it is made.")
        known: datetime | None = before["valid_from"]
        return start if known is None else max(start, known)

    @staticmethod
    def _end(properties: Json, before: Json) -> datetime | None:
        _, end = LIFESPAN_FIELDS
        given = _value(end, properties.get("valid_to"), before.get("valid_to"))
        if given is not None and given != before.get("valid_to"):
            raise BadInput(f"valid_to={iso(given)} cannot be set: DELETE ends the life of an object.")
        known: datetime | None = before.get("valid_to")
        return known

    def _geometry(self, sent: object, before: bytes | None) -> bytes | None:
        if sent is None:
            return None
        if not isinstance(sent, dict):
            raise BadInput("The member 'geometry' is neither a GeoJSON geometry nor null.")
        try:
            shape = shapely.from_geojson(orjson.dumps(sent))
        except shapely.errors.GEOSException as error:
            reason = str(error).partition(": ")[2] or str(error)
            raise BadInput(f"The geometry cannot be read: {reason.rstrip('.')}.") from None
        self._check_shape(shape)
        if before is not None and self._as_served(shape, shapely.from_wkb(before)):
            return before
        plain = swap_if_y_first(shape, self._crs)
        self._check_place(plain)
        stored = transform_geometry(plain, self._crs, self._collection.crs)
        if self._collection.geometry == f"Multi{stored.geom_type}":
            stored = _MULTIPLE[stored.geom_type]([stored])
        if not math.isfinite(sum(shapely.bounds(stored))):
            raise BadInput(f"The geometry has no place in {self._collection.crs}: check its coordinates and their CRS.")
        return bytes(shapely.to_wkb(stored, flavor="iso", output_dimension=3 if stored.has_z else 2))

    def _check_shape(self, shape: shapely.Geometry) -> None:
        wanted = self._collection.geometry
        if wanted is not None and shape.geom_type not in (wanted, wanted.removeprefix("Multi")):
            raise BadInput(
                f"The geometry is a {shape.geom_type}: {self._collection.id} holds geometries of type {wanted}."
            )
        if shape.is_empty:
            raise BadInput("The geometry is empty: give it coordinates, or write null.")
        if not shape.is_valid:
            raise BadInput(
                f"The geometry is not valid ({shapely.is_valid_reason(shape)}): mend it, then send it again."
            )

    def _check_place(self, plain: shapely.Geometry) -> None:
        area = area_of_use(self._collection.crs)
        if area is None:
            return
        west, south, east, north = shapely.bounds(transform_geometry(plain, self._crs, CRS84))
        if not (area.xmin <= west <= east <= area.xmax and area.ymin <= south <= north <= area.ymax):
            raise BadInput(
                f"The geometry lies outside of where {self._collection.crs} is used: check its coordinates, their "
                "order, and the header Content-Crs (longitude, latitude without one)."
            )

    def _as_served(self, sent: shapely.Geometry, stored: shapely.Geometry) -> bool:
        """Whether a geometry is the stored one, to the decimals it was served with; a flat one has no say on Z."""
        served = swap_if_y_first(transform_geometry(stored, self._collection.crs, self._crs), self._crs)
        if not sent.has_z:
            served = shapely.force_2d(served)
        return sent.has_z == served.has_z and bool(
            shapely.equals_exact(sent, served, tolerance=1.01 * rounding(self._crs))
        )


def _value(field: Field, sent: object, before: object) -> Any:  # noqa: ANN401 - what the column holds
    """Return a value as the column of `field` holds it."""
    if sent is None:
        return None
    value = _typed(field, sent)
    known = [category.value for category in field.categories]
    if known and value not in known and value != before:
        listed = ", ".join(map(str, known))
        raise BadInput(f"{field.name}={sent!r} is none of its categories: use one of {listed}.")
    return value


def _typed(field: Field, sent: object) -> Any:  # noqa: ANN401
    match field.type, sent:
        case FieldType.STRING, str():
            return sent
        case FieldType.BOOLEAN, (True | False):
            return sent
        case FieldType.BOOLEAN, (0 | 1):  # as they are served
            return bool(sent)
        case FieldType.INTEGER, int() | float() if not isinstance(sent, bool) and sent == int(sent):
            if abs(sent) < _LARGEST:
                return int(sent)
        case FieldType.NUMBER, int() | float() if not isinstance(sent, bool):
            return float(sent)
        case ((FieldType.DATE | FieldType.DATETIME), str()):
            try:
                return date.fromisoformat(sent) if field.type is FieldType.DATE else parse_instant(sent)
            except (ValueError, BadInput):
                pass
    raise BadInput(f"{field.name}={_shown(sent)} cannot be stored: {_WANTED[field.type]}.")


def _shown(sent: object) -> str:
    text = repr(sent)
    return text if len(text) <= 80 else f"{text[:77]}..."


_WANTED = {
    FieldType.STRING: "a text is expected",
    FieldType.INTEGER: "a whole number is expected",
    FieldType.NUMBER: "a number is expected",
    FieldType.BOOLEAN: "true or false is expected",
    FieldType.DATE: "a date is expected, such as 2026-07-15",
    FieldType.DATETIME: "a date-time is expected, such as 2026-07-15T13:00:00Z",
}
