"""Products on their way to the store: written as files, their series placed and quality-checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from twin import quality
from twin.context import Twin
from twin.errors import BadData, BadInput, NotFound
from twin.ingest.quarantine import Quarantine
from twin.model import (
    DATASTREAM_FIELDS,
    OBSERVATION_SCHEMA,
    Collection,
    Cube,
    Features,
    Product,
    Quality,
    Series,
    feature_schema,
)
from twin.store import OPERATOR, FeatureQuery, StagedCube, StagedFeatures, StagedSeries
from twin.store.cubes import write_cube

_GROUP_ROWS = 131_072
_DATASTREAM_SCHEMA = feature_schema(DATASTREAM_FIELDS)


class Staged(TypedDict):
    """The staged parts of a commit."""

    features: tuple[StagedFeatures, ...]
    series: tuple[StagedSeries, ...]
    cubes: tuple[StagedCube, ...]


@dataclass
class _Object:
    """What a datastream takes from its object: place, label, life over all its versions."""

    geometry: bytes | None
    label: str | None
    lives: list[tuple[datetime | None, datetime | None]]

    @property
    def valid_from(self) -> datetime | None:
        """Start of the first version, None if unknown."""
        starts = [start for start, _ in self.lives]
        return None if None in starts else min(filter(None, starts))

    @property
    def valid_to(self) -> datetime | None:
        """End of the last version, None if it still lives."""
        ends = [end for _, end in self.lives]
        return None if None in ends else max(filter(None, ends))


class Staging:
    """Takes the products of one run, and gives the files that a commit is made of.

    Parameters
    ----------
    folder
        The run's private staging folder.
    source
        Name under which the store keeps what this run gives.
    progress
        Called with a collection and how many of its rows are staged.

    Attributes
    ----------
    rows
        How many rows each collection is given.
    qualities
        How many observations have each quality.
    """

    def __init__(self, twin: Twin, folder: Path, source: str, progress: Callable[[str, int], None]) -> None:
        self.rows: Counter[str] = Counter()
        self.qualities: Counter[Quality] = Counter()
        self._twin, self._folder, self._source, self._progress = twin, folder, source, progress
        self._collections: dict[str, Collection] = {}
        self._files: dict[str, list[Path]] = {}
        self._datastreams: dict[str, list[pa.Table]] = {}
        self._cubes: list[StagedCube] = []

    def add(self, product: Product) -> None:
        """Write one product; several may feed one collection."""
        collection = product.collection
        if self._collections.setdefault(collection.id, collection) != collection:
            raise BadInput(f"{collection.id} is described in two ways by {self._source}.")
        self._respect_finest_period(collection)
        match product:
            case Features():
                self._write(collection.id, feature_schema(collection.fields), product.batches)
            case Series():
                self._datastreams.setdefault(collection.id, []).append(product.datastreams)
                self._write(collection.id, OBSERVATION_SCHEMA, product.batches)
            case Cube():
                write_cube(product.dataset, self._folder / collection.id)
                self.rows[collection.id] = sum(variable.size for variable in product.dataset.data_vars.values())
                self._cubes.append(StagedCube(collection=collection, source=self._source, folder=collection.id))

    def finish(self, quarantine: Quarantine | None) -> Staged:
        """Place the series, and test what was measured (there is a `quarantine`); return what to commit.

        Raises
        ------
        BadData
            When a series belongs to objects of which none is known.
        """
        series = tuple(self._series(name, quarantine) for name in self._datastreams)
        features = tuple(
            StagedFeatures(collection=self._collections[name], source=self._source, files=self._names(files))
            for name, files in self._files.items()
            if name not in self._datastreams
        )
        return Staged(features=features, series=series, cubes=tuple(self._cubes))

    def _respect_finest_period(self, collection: Collection) -> None:
        """Refuse to lift, by a second source, the ban that a first one put on publishing details."""
        try:
            known = self._twin.store.catalogue.collection(collection.id, OPERATOR)
        except NotFound:
            return
        if known.finest_period not in (None, collection.finest_period) and set(known.sources) != {self._source}:
            raise BadInput(
                f"{collection.id} may not be published finer than {known.finest_period}, "
                f"say {', '.join(known.sources)}: {self._source} must say finest_period: {known.finest_period} too."
            )

    def _write(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        files = self._files.setdefault(name, [])
        path = self._folder / f"{name}-{len(files)}.parquet"
        files.append(path)
        self.rows[name] += 0
        with pq.ParquetWriter(path, schema) as writer:
            for batch in batches:
                table = pa.table(batch).select(schema.names).cast(schema)
                writer.write_table(table, row_group_size=_GROUP_ROWS)
                self.rows[name] += table.num_rows
                self._progress(name, self.rows[name])

    def _names(self, files: list[Path]) -> tuple[str, ...]:
        return tuple(file.name for file in files)

    def _series(self, name: str, quarantine: Quarantine | None) -> StagedSeries:
        collection, files = self._collections[name], self._files[name]
        streams = _one_each(pa.concat_tables(self._datastreams[name]))
        placed = self._placed(collection, streams)
        lost = streams.filter(pc.invert(pc.is_in(streams["id"], placed["id"].combine_chunks())))
        if lost.num_rows and (quarantine is None or not placed.num_rows):
            target = lost["object_collection"][0]
            raise BadData(
                f"{name}: {lost['object_id'][0]} is not in {target}, nor is any other object of these series: "
                f"read {target} first, or mend the id."
            )
        if quarantine is not None:
            if lost.num_rows:
                self._quarantine_lost(name, files, lost, quarantine)
            limits = {known.name: known.limits for known in collection.observed_properties}
            pairs = zip(placed["id"].to_pylist(), placed["observed_property"].to_pylist(), strict=True)
            target_file = self._folder / f"{name}.parquet"
            counts = quality.check(files, {stream: limits[observed] for stream, observed in pairs}, target_file)
            files = [target_file]
            self.qualities.update(counts)
            self.rows[name] = sum(counts.values())
        listing = self._folder / f"{name}-datastreams.parquet"
        pq.write_table(placed, listing)
        return StagedSeries(
            collection=collection,
            source=self._source,
            datastreams=(listing.name,),
            files=self._names(files),
            replace=quarantine is None,
        )

    def _placed(self, collection: Collection, streams: pa.Table) -> pa.Table:
        """Give datastreams the place, life and name of their object; those of an unknown object are left out."""
        objects: dict[tuple[str, str], _Object] = {}
        for target in pc.unique(streams["object_collection"]).to_pylist():
            ids = pc.unique(streams.filter(pc.equal(streams["object_collection"], target))["object_id"])
            objects |= {(target, key): found for key, found in self._objects(target, ids).items()}
        titles = {known.name: known.title.fr for known in collection.observed_properties}
        rows = []
        for row in streams.to_pylist():
            found = objects.get((row["object_collection"], row["object_id"]))
            if found is None and row["geometry"] is None:
                continue
            if found is not None:
                row["geometry"] = row["geometry"] or found.geometry
                row["valid_from"] = row["valid_from"] or found.valid_from
                row["valid_to"] = row["valid_to"] or found.valid_to
            label = found.label if found and found.label else row["object_id"]
            row["name"] = row["name"] or f"{label}, {titles[row['observed_property']]}"
            rows.append(row)
        return pa.Table.from_pylist(rows, schema=_DATASTREAM_SCHEMA)

    def _objects(self, target: str, ids: pa.Array) -> dict[str, _Object]:
        """Return the objects of `ids` that this run or the store has."""
        found: dict[str, _Object] = {}
        known = self._collections.get(target)
        if known is not None and target in self._files:
            columns = ["id", "valid_from", "valid_to", "geometry", *_label(known)]
            batches = (
                batch for file in self._files[target] for batch in pq.ParquetFile(file).iter_batches(columns=columns)
            )
            _gather(found, (batch.filter(pc.is_in(batch["id"], ids)) for batch in batches), known)
        missing = tuple(key for key in ids.to_pylist() if key not in found)
        if missing:
            try:
                known = self._twin.store.catalogue.collection(target, OPERATOR)
            except NotFound:
                return found
            query = FeatureQuery(collection=target, ids=missing, columns=tuple(_label(known)))
            _gather(found, self._twin.store.features.read(query, OPERATOR), known)
        return found

    def _quarantine_lost(self, name: str, files: list[Path], lost: pa.Table, quarantine: Quarantine) -> None:
        counts: Counter[str] = Counter()
        for file in files:
            for batch in pq.ParquetFile(file).iter_batches(columns=["datastream"]):
                here = batch.filter(pc.is_in(batch["datastream"], lost["id"].combine_chunks()))["datastream"]
                counts.update({pair["values"]: pair["counts"] for pair in pc.value_counts(here).to_pylist()})
        for stream, target, identifier in zip(
            *(lost[column].to_pylist() for column in ("id", "object_collection", "object_id")), strict=True
        ):
            reason = f"{target} has no such object: {counts[stream]} observations of {stream} are kept out"
            quarantine.add(name, np.zeros(1, np.int64), "object", pa.array([identifier]), reason)
        quarantine.rows += counts.total()


def _one_each(streams: pa.Table) -> pa.Table:
    """Keep the first of each datastream that several parts feed."""
    _, firsts = np.unique(np.asarray(streams["id"].to_pylist(), dtype=object), return_index=True)
    return streams.take(pa.array(firsts)) if len(firsts) else streams


def _label(collection: Collection) -> list[str]:
    for name in (collection.style.label, "name"):
        if name and collection.field(name):
            return [name]
    return []


def _gather(
    found: dict[str, _Object], batches: Iterable[pa.RecordBatch] | Iterator[pa.RecordBatch], known: Collection
) -> None:
    label = _label(known)
    for batch in batches:
        for row in batch.to_pylist():
            label_text = str(row[label[0]]) if label and row[label[0]] is not None else None
            one = found.setdefault(row["id"], _Object(_point(row["geometry"]), label_text, []))
            one.lives.append((row["valid_from"], row["valid_to"]))


def _point(geometry: bytes | None) -> bytes | None:
    """Return a point that stands for a geometry: itself, or one on its surface."""
    shape = shapely.from_wkb(geometry)
    if shape is None or shape.geom_type == "Point":
        return geometry
    return bytes(shapely.to_wkb(shapely.point_on_surface(shape), flavor="iso"))
