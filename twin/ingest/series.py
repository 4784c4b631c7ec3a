"""Rows of files to observations, wide or long, by a manifest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from twin.errors import BadManifest
from twin.ingest.conversion import Converted, is_missing, numbers, texts
from twin.ingest.intake import BATCH_ROWS, Faults, Intake, Rows
from twin.ingest.moments import read_moment
from twin.ingest.parts import Part, Result, SeriesPart
from twin.ingest.places import place, points_of
from twin.ingest.repeats import drop_repeats
from twin.ingest.units import convert
from twin.model import Collection, ObservedProperty
from twin.products import Series
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, Quality, datastream_id, feature_schema

#: Observations before repeats are settled, with the row that each came from.
STAGED_SCHEMA = pa.schema([*OBSERVATION_SCHEMA, pa.field("_file", pa.string()), pa.field("_row", pa.int64())])


class _Reader:
    """Reads the batches of one part, and gathers the datastreams and the places that it meets."""

    def __init__(self, collection: Collection, part: Part, rule: SeriesPart, intake: Intake) -> None:
        self.part, self.rule, self.intake = part, rule, intake
        self.properties = {known.name: known for known in collection.observed_properties}
        self.streams: dict[str, tuple[str, str]] = {}
        self.places: dict[str, bytes] = {}
        self.empty = 0

    def convert(self, rows: Rows) -> Iterator[pa.Table]:
        """Return the observations of one batch, a table for each observed property."""
        faults = Faults(rows, self.intake.quarantine)
        objects = self._objects(rows, faults)
        time = read_moment(self.rule.time, rows)
        faults.add(time.bad | np.asarray(time.values.is_null()), "phenomenon_time", time.source, time.reason)
        ends = time.values
        if self.rule.time.lasts is not None:
            ends = pc.add(ends, pa.scalar(self.rule.time.lasts, pa.duration("us")))
        known = ends
        if self.rule.time.result_time is not None:
            result_time = read_moment(self.rule.time.result_time, rows)
            faults.add(result_time.bad, "result_time", result_time.source, result_time.reason)
            known = pc.coalesce(result_time.values, ends)
        doubt = self._doubt(rows)
        base = {"phenomenon_time": ends, "result_time": known, **doubt}
        base |= {"_file": pa.repeat(rows.file, len(rows)), "_row": pa.array(rows.numbers)}
        if self.rule.geometry is not None:
            self._remember_places(rows, objects, faults)
        for name, values, texts_, kept in self._results(rows, faults):
            columns = base | {
                "datastream": pc.binary_join_element_wise(objects, name, "."),
                "result": values,
                "result_text": texts_,
            }
            mask = pa.array(kept & ~faults.bad)
            for identifier in pc.unique(objects.filter(mask)).to_pylist():
                self.streams.setdefault(datastream_id(identifier, name), (identifier, name))
            yield pa.table({field.name: columns[field.name] for field in STAGED_SCHEMA}).filter(mask)

    def datastreams(self, collection: Collection) -> pa.Table:
        """Return the datastreams met; a place that no column gave is null, and the object's own."""
        names, objects, properties = [], [], []
        for identifier, (target, name) in sorted(self.streams.items()):
            names.append(identifier)
            objects.append(target)
            properties.append(name)
        size = len(names)
        schema = feature_schema(DATASTREAM_FIELDS)
        columns: dict[str, pa.Array] = {
            "id": pa.array(names, pa.string()),
            "geometry": pa.array([self.places.get(target) for target in objects], pa.binary()),
            "timeseries": pa.repeat(collection.id, size),
            "object_collection": pa.repeat(self.rule.object.collection, size),
            "object_id": pa.array(objects, pa.string()),
            "observed_property": pa.array(properties, pa.string()),
            "unit": pa.array([self.properties[name].unit for name in properties], pa.string()),
        }
        return pa.table([columns.get(field.name, pa.nulls(size, field.type)) for field in schema], schema=schema)

    def _objects(self, rows: Rows, faults: Faults) -> pa.Array:
        target = self.rule.object
        if target.file is not None:
            found = re.search(target.file, Path(rows.file).stem)
            if found is None:
                raise BadManifest(f"{rows.file}: its name does not match object.file: {target.file!r}.")
            return pa.repeat(target.prefix + found.group(1), len(rows))
        source = rows.column(str(target.column))
        faults.add(np.asarray(source.is_null()), "object", source, f"the column {target.column} is empty")
        return pc.binary_join_element_wise(target.prefix, texts(source), "")

    def _doubt(self, rows: Rows) -> dict[str, pa.Array]:
        quality = np.full(len(rows), Quality.GOOD, dtype=np.uint8)
        reason = pa.nulls(len(rows), pa.string())
        if (rule := self.rule.quality) is not None:
            verdict = texts(rows.column(rule.column))
            good = is_missing(verdict, rule.good)
            good = pc.and_(good, verdict.is_valid())
            quality[~np.asarray(good)] = Quality.PRODUCER
            said = pc.binary_join_element_wise(f"producer: {rule.column} = ", verdict.fill_null("nothing"), "")
            reason = pc.if_else(good, reason, said)
        return {"quality": pa.array(quality), "quality_reason": reason}

    def _remember_places(self, rows: Rows, objects: pa.Array, faults: Faults) -> None:
        at, crs = self.rule.geometry, self.part.read.crs
        if at is None or crs is None:
            raise BadManifest(f"{rows.file}: coordinates in columns need read.crs.")
        _, firsts = np.unique(np.asarray(objects.fill_null("")), return_index=True)
        few = Rows(rows.file, rows.numbers[firsts], rows.table.take(pa.array(firsts)))
        own = Faults(few, self.intake.quarantine)
        points = points_of(few, (at.x, at.y, at.z), self.part.read.decimal, own)
        moved = place(points, crs, None, self.part.read, own, self.intake)
        for identifier, point in zip(objects.take(pa.array(firsts)).to_pylist(), moved, strict=True):
            if identifier is not None and point is not None:
                self.places.setdefault(identifier, shapely.to_wkb(point, output_dimension=3, flavor="iso"))

    def _results(self, rows: Rows, faults: Faults) -> Iterator[tuple[str, pa.Array, pa.Array, NDArray[np.bool_]]]:
        everywhere = np.ones(len(rows), dtype=bool)
        if self.rule.property is None or self.rule.result is None:
            for name, result in self.rule.results.items():
                yield self._result(self.properties[name], result, rows, everywhere)
            return
        source = texts(rows.column(self.rule.property.column))
        listed = self.rule.property.map
        unknown = ~np.asarray(pc.is_in(source, pa.array(list(listed), pa.string())))
        faults.add(unknown, "property", source, "the manifest's property.map does not list this value")
        for value, name in listed.items():
            here = np.asarray(pc.equal(source, value).fill_null(False))
            if here.any():
                yield self._result(self.properties[name], self.rule.result, rows, here)

    def _result(
        self, observed: ObservedProperty, result: Result, rows: Rows, here: NDArray[np.bool_]
    ) -> tuple[str, pa.Array, pa.Array, NDArray[np.bool_]]:
        source = rows.column(result.column)
        present = pc.if_else(is_missing(source, result.missing), pa.scalar(None, source.type), source)
        self.empty += int((np.asarray(present.is_null()) & here).sum())
        if result.text:
            kept = np.asarray(present.is_valid()) & here
            return observed.name, pa.nulls(len(rows), pa.float64()), texts(present), kept
        found = numbers(present, self.part.read.decimal)
        self._quarantine(found, observed.name, rows, here)
        values = found.values.to_numpy(zero_copy_only=False)
        values, unfit = self._in_unit(values, result, observed, rows, here)
        kept = here & ~found.bad & ~unfit & ~np.isnan(values)
        return observed.name, pa.array(values), pa.nulls(len(rows), pa.string()), kept

    def _in_unit(
        self,
        values: NDArray[np.float64],
        result: Result,
        observed: ObservedProperty,
        rows: Rows,
        here: NDArray[np.bool_],
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        nowhere = np.zeros(len(rows), dtype=bool)
        if result.unit_column is None:
            return convert(values, result.unit or observed.unit, observed.unit), nowhere
        source = texts(rows.column(result.unit_column))
        out, done = values.copy(), nowhere.copy()
        for written in pc.unique(source.filter(pa.array(here))).drop_null().to_pylist():
            rows_of = np.asarray(pc.equal(source, written).fill_null(False)) & here
            out[rows_of] = convert(values[rows_of], result.unit_map.get(written, written), observed.unit)
            done |= rows_of
        unfit = here & ~done
        self._quarantine(Converted(source, unfit, source, "there is no unit"), "unit", rows, here)
        return out, unfit

    def _quarantine(self, found: Converted, name: str, rows: Rows, here: NDArray[np.bool_]) -> None:
        """Keep out one value, and not the others of its row."""
        bad = found.bad & here
        if bad.any():
            values = found.source.filter(pa.array(bad))
            self.intake.quarantine.add(rows.file, rows.numbers[bad], name, values, found.reason)
            self.intake.quarantine.rows += int(bad.sum())


def read_series(collection: Collection, part: Part, stream: Iterable[Rows], intake: Intake) -> Series:
    """Read a stream of rows whole into a scratch file, settle repeats, and hand the observations on.

    Memory holds one batch and the list of datastreams.

    Raises
    ------
    BadManifest
        When the manifest names a column that a file lacks, a unit that cannot be converted, or
        leaves out the zone of times that need one.
    """
    if part.series is None:
        raise BadManifest(f"{collection.id}: this part does not read series.")
    reader = _Reader(collection, part, part.series, intake)
    path = intake.scratch / f"{collection.id}-{len(list(intake.scratch.iterdir()))}.parquet"
    with pq.ParquetWriter(path, STAGED_SCHEMA) as writer:
        for rows in stream:
            for table in reader.convert(rows):
                writer.write_table(table.cast(STAGED_SCHEMA), row_group_size=BATCH_ROWS)
    intake.notes.count(f"{collection.id}: {{n}} empty values make no observation.", reader.empty)
    return Series(collection, reader.datastreams(collection), drop_repeats(path, intake))
