"""Fields of features from the columns of a file, by the readings of a manifest."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from twin.errors import BadManifest
from twin.ingest.conversion import Converted, booleans, cast, integers, is_missing, numbers, texts
from twin.ingest.intake import Faults, Rows
from twin.ingest.moments import read_moment
from twin.ingest.parts import Moment, Reading
from twin.ingest.units import convert
from twin.model import Field, FieldType


def read_fields(
    fields: tuple[Field, ...], readings: dict[str, tuple[Reading, ...]], rows: Rows, faults: Faults, decimal: str
) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
    """Return a column for each of `fields`, and for those with a labelled reading the label of the one that won.

    Each field takes the first of its readings that has a value in the row; a value that cannot be
    read is a fault of the row, whichever reading it came from.
    """
    columns: dict[str, pa.Array] = {}
    origins: dict[str, pa.Array] = {}
    for field in fields:
        values = pa.nulls(len(rows), field.type.arrow)
        origin = pa.nulls(len(rows), pa.string())
        for reading in readings.get(field.name, ()):
            if reading.origin_of is not None:
                continue
            found = _read(reading, field, rows, decimal)
            faults.add(found.bad & np.asarray(values.is_null()), field.name, _full(found.source, rows), found.reason)
            fresh = pc.and_(values.is_null(), found.values.is_valid())
            origin = pc.if_else(fresh, pa.scalar(reading.origin, pa.string()), origin)
            values = pc.coalesce(values, found.values)
        columns[field.name], origins[field.name] = values, origin
    for field in fields:
        for reading in readings.get(field.name, ()):
            if reading.origin_of is not None:
                if reading.origin_of not in origins:
                    raise BadManifest(f"{field.name}: origin_of names {reading.origin_of!r}, which is no field.")
                columns[field.name] = origins[reading.origin_of]
    labelled = {name for name, ways in readings.items() if any(way.origin for way in ways)}
    return columns, {name: origin for name, origin in origins.items() if name in labelled}


def _read(reading: Reading, field: Field, rows: Rows, decimal: str) -> Converted:
    if reading.column is None:
        source = pa.array([reading.value])
        found = _typed(reading, field, source, rows, decimal)
        if found.bad.any():
            raise BadManifest(f"{field.name}: the constant {reading.value!r} does not fit a {field.type} field.")
        return Converted(pa.repeat(found.values[0], len(rows)), np.zeros(len(rows), bool), source, "")
    source = rows.column(reading.column)
    present = pc.if_else(is_missing(source, reading.missing), pa.scalar(None, source.type), source)
    if reading.map is None:
        return _typed(reading, field, present, rows, decimal)
    keys = pc.index_in(texts(present), pa.array(list(reading.map), pa.string()))
    kept = pa.array(list(reading.map.values())).take(keys)
    unlisted = np.asarray(pc.and_(kept.is_null(), present.is_valid()), dtype=bool)
    found = _typed(reading, field, kept, rows, decimal)
    return Converted(found.values, unlisted | found.bad, source, "the manifest's map does not list this value")


def _typed(reading: Reading, field: Field, source: pa.Array, rows: Rows, decimal: str) -> Converted:
    match field.type:
        case FieldType.STRING:
            values = texts(source)
            lost = pc.and_(values.is_null(), source.is_valid())
            return Converted(values, np.asarray(lost), source, "this is not a text")
        case FieldType.BOOLEAN:
            return booleans(source)
        case FieldType.INTEGER if reading.times == 1.0:
            return integers(source, decimal)
        case FieldType.NUMBER | FieldType.INTEGER:
            return _measure(reading, field, source, decimal)
        case _:
            zone = "UTC" if field.type is FieldType.DATE else reading.zone  # a date is one whatever the zone
            moment = Moment(column=reading.column or field.name, format=reading.format, zone=zone)
            found = read_moment(moment, Rows(rows.file, rows.numbers, pa.table({moment.column: source})))
            return Converted(cast(found.values, field.type.arrow).values, found.bad, source, found.reason)


def _measure(reading: Reading, field: Field, source: pa.Array, decimal: str) -> Converted:
    found = numbers(source, decimal)
    values = found.values.to_numpy(zero_copy_only=False) * reading.times
    if reading.unit:
        if field.unit is None:
            raise BadManifest(
                f"{field.name}: a unit is read ({reading.unit}), but the field of the collection has none."
            )
        values = convert(values, reading.unit, field.unit)
    measured = pa.array(values, from_pandas=True)
    if field.type is FieldType.INTEGER:
        measured = pc.round(measured).cast(pa.int64())
    return Converted(measured, found.bad, source, found.reason)


def _full(source: pa.Array, rows: Rows) -> pa.Array:
    return source if len(source) == len(rows) else pa.repeat(source[0], len(rows))
