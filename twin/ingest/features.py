"""Rows of files to features: identity, lifespan, fields and geometry, by a manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from twin.errors import BadManifest
from twin.ingest.conversion import texts
from twin.ingest.duplicates import Duplicates
from twin.ingest.intake import BATCH_ROWS, Faults, Intake, Rows
from twin.ingest.moments import INSTANT, read_moment
from twin.ingest.parts import FeaturesPart, Identity, Moment, Part
from twin.ingest.places import place, points_of
from twin.ingest.values import read_fields
from twin.model import Collection
from twin.products import Features
from twin.tables import feature_schema

#: Where a staged row came from, kept beside it until duplicates have been told apart.
ORIGIN = (pa.field("_file", pa.string()), pa.field("_row", pa.int64()))


def read_features(collection: Collection, part: Part, stream: Iterable[Rows], intake: Intake) -> Features:
    """Read a stream of rows whole into a scratch file, settle duplicate ids, and hand the features on.

    Memory holds one batch, and the duplicates.

    Raises
    ------
    BadManifest
        When the manifest names a column that a file lacks, or gives no place for the objects.
    """
    rule = part.features
    if rule is None:
        raise BadManifest(f"{collection.id}: this part does not read features.")
    schema = pa.schema([*feature_schema(collection.fields), *ORIGIN])
    path = intake.scratch / f"{collection.id}-{len(list(intake.scratch.iterdir()))}.parquet"
    with pq.ParquetWriter(path, schema) as writer:
        for rows in stream:
            batch = _convert(collection, rule, part, rows, intake)
            writer.write_table(batch.cast(schema), row_group_size=BATCH_ROWS)
    return Features(collection, _settled(collection, rule, path, intake))


def _convert(collection: Collection, rule: FeaturesPart, part: Part, rows: Rows, intake: Intake) -> pa.Table:
    faults = Faults(rows, intake.quarantine)
    geometry = _geometry(collection, rule, part, rows, faults, intake)
    columns = {"valid_from": _instant(rule.valid_from, "valid_from", rows, faults)}
    columns["valid_to"] = _instant(rule.valid_to, "valid_to", rows, faults)
    backwards = pc.greater_equal(columns["valid_from"], columns["valid_to"]).fill_null(False)
    faults.add(np.asarray(backwards), "valid_to", columns["valid_to"].cast(pa.string()), "life ends before it starts")
    fields, origins = read_fields(collection.fields, rule.fields, rows, faults, part.read.decimal)
    columns |= fields
    columns["id"] = _identity(rule.id, rows, geometry, faults)
    columns["geometry"] = pa.array(shapely.to_wkb(geometry, output_dimension=3, flavor="iso"), pa.binary())
    columns["_file"] = pa.repeat(rows.file, len(rows))
    columns["_row"] = pa.array(rows.numbers)
    kept = ~faults.bad
    crooked = int((~shapely.is_valid(geometry[kept])).sum())
    intake.notes.count(f"{collection.id}: {{n}} geometries are not valid by OGC rules; kept as published.", crooked)
    for name, origin in origins.items():
        for pair in pc.value_counts(origin.filter(pa.array(kept)).drop_null()).to_pylist():
            intake.notes.count(
                f"{collection.id}: {{n}} values of {name} are of origin: {pair['values']}.", pair["counts"]
            )
    names = [*feature_schema(collection.fields).names, *(field.name for field in ORIGIN)]
    return pa.table({name: columns[name] for name in names}).filter(pa.array(kept))


def _geometry(
    collection: Collection, rule: FeaturesPart, part: Part, rows: Rows, faults: Faults, intake: Intake
) -> NDArray[np.object_]:
    geometry, crs = rows.geometry, rows.crs
    if geometry is None:
        if rule.geometry is None or part.read.crs is None:
            raise BadManifest(
                f"{rows.file} holds no geometry: give features.geometry: {{x: ..., y: ...}} and read.crs."
            )
        columns = (rule.geometry.x, rule.geometry.y, rule.geometry.z)
        geometry, crs = points_of(rows, columns, part.read.decimal, faults), part.read.crs
    if crs is None:
        raise BadManifest(f"{rows.file}: declare its coordinate reference system in read.crs.")
    return place(geometry, crs, collection.geometry, part.read, faults, intake)


def _instant(moment: Moment | None, name: str, rows: Rows, faults: Faults) -> pa.Array:
    if moment is None:
        return pa.nulls(len(rows), INSTANT)
    found = read_moment(moment, rows)
    faults.add(found.bad, name, found.source, found.reason)
    return found.values


def _identity(rule: Identity, rows: Rows, geometry: NDArray[np.object_], faults: Faults) -> pa.Array:
    parts = []
    for name in (rule.column,) if rule.column else rule.columns:
        source = rows.column(name)
        faults.add(np.asarray(source.is_null()), "id", source, f"the column {name} is empty, and the id needs it")
        parts.append(texts(source))
    if rule.position:
        bounds = shapely.bounds(geometry)
        for axis in (0, 1):
            steps = np.round((bounds[:, axis] + bounds[:, axis + 2]) / 2 / rule.position)
            whole = pa.array(np.nan_to_num(steps).astype(np.int64))
            parts.insert(axis, whole.cast(pa.string()))
    joined = pc.binary_join_element_wise(*parts, "_", null_handling="replace", null_replacement="")
    return pc.binary_join_element_wise(rule.prefix, joined, "")


def _settled(collection: Collection, rule: FeaturesPart, path: Path, intake: Intake) -> Iterator[pa.RecordBatch]:
    """Find duplicates at once, so that the notes are complete, then stream."""
    names = feature_schema(collection.fields).names
    duplicates = Duplicates.find(path, names, by_life=rule.id.position is None and not rule.distinct)
    notes = intake.notes
    if rule.id.position is not None:
        notes.say(f"{collection.id}: an id is the position to {rule.id.position:g} m.")
        notes.count(
            f"{collection.id}: {{n}} objects have the rounded position of another, and are told apart by all that is "
            "read of them, then counted.",
            len(duplicates),
        )
    elif rule.distinct:
        differing = duplicates.rows.filter(pc.invert(duplicates.rows["same"]))["id"]
        notes.count(
            f"{collection.id}: {{n}} objects have rows that differ; one of them is kept, in any order.",
            len(pc.unique(differing)),
        )
    else:
        clash = duplicates.differing()
        for file, rows, ids, first in clash:
            intake.quarantine.add(file, rows, "id", ids, f"this id is already that of row {first}, which differs")
            intake.quarantine.rows += len(rows)
        repeated = len(duplicates) - len(clash)
        notes.count(f"{collection.id}: {{n}} rows repeat an earlier one entirely, and count once.", repeated)
    return duplicates.stream(path, names, keep=rule.id.position is not None)
