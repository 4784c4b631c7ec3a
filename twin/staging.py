"""Products on their way to the store: written as files, their series placed and quality-checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from twin import quality
from twin.context import Twin
from twin.errors import BadData, BadInput, NotFound
from twin.ingest.placing import moved, place_streams
from twin.ingest.quarantine import Quarantine
from twin.model import Collection, Kind
from twin.products import Cube, CubeSteps, Features, Product, Series, Verdicts
from twin.store import OPERATOR, StagedCube, StagedFeatures, StagedSeries, StagedVerdicts, write_cube, write_steps
from twin.tables import OBSERVATION_SCHEMA, Quality, feature_schema

_GROUP_ROWS = 131_072


class Staged(TypedDict):
    """The staged parts of a commit."""

    features: tuple[StagedFeatures, ...]
    series: tuple[StagedSeries, ...]
    cubes: tuple[StagedCube, ...]
    verdicts: tuple[StagedVerdicts, ...]


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
    notes
        What people should know of what was staged, as sentences.
    """

    def __init__(self, twin: Twin, folder: Path, source: str, progress: Callable[[str, int], None]) -> None:
        self.rows: Counter[str] = Counter()
        self.qualities: Counter[Quality] = Counter()
        self.notes: list[str] = []
        self._twin, self._folder, self._source, self._progress = twin, folder, source, progress
        self._collections: dict[str, Collection] = {}
        self._files: dict[str, list[Path]] = {}
        self._datastreams: dict[str, list[pa.Table]] = {}
        self._cubes: list[StagedCube] = []
        self._verdicts: list[StagedVerdicts] = []

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
            case Cube() | CubeSteps():
                self._write_cube(product)
            case Verdicts():
                self._judge(product)

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
        return Staged(features=features, series=series, cubes=tuple(self._cubes), verdicts=tuple(self._verdicts))

    def _judge(self, product: Verdicts) -> None:
        collection = product.collection
        files = (f"{collection.id}-verdicts.parquet",)
        with pq.ParquetWriter(self._folder / files[0], OBSERVATION_SCHEMA) as writer:
            for batch in product.batches:
                writer.write_batch(batch)
                counts = np.bincount(batch["quality"].to_numpy(), minlength=len(Quality))
                self.qualities.update({test: int(counts[test]) for test in Quality if counts[test]})
        self._verdicts.append(
            StagedVerdicts(collection=collection.id, test=product.test, files=files, revision=collection.revision)
        )

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

    def _write_cube(self, product: Cube | CubeSteps) -> None:
        """Write a coverage, unchanged steps linked from the present revision; count those computed of `CubeSteps`."""
        name, folder = product.collection.id, self._folder / product.collection.id
        if folder.exists():
            raise BadInput(f"{name} is given twice by {self._source}: a coverage is one product.")

        def told(values: int) -> None:
            self.rows[name] += values
            self._progress(name, self.rows[name])

        self.rows[name] = 0
        with self._former(product.collection) as former:
            if isinstance(product, Cube):
                write_cube(product.collection, product.dataset, folder, former, told)
                self.rows[name] = sum(variable.size for variable in product.dataset.data_vars.values())
            else:
                write_steps(product, folder, former, told)
        self._cubes.append(StagedCube(collection=product.collection, source=self._source, folder=name))

    @contextmanager
    def _former(self, collection: Collection) -> Iterator[Path | None]:
        """Lend the folder of the present revision of a coverage, None where there is none."""
        known = {known.id for known in self._twin.store.catalogue.collections(OPERATOR) if known.kind is Kind.COVERAGE}
        if collection.id not in known:
            yield None
            return
        with self._twin.store.cubes.folder(collection.id, OPERATOR) as folder:
            yield folder

    def _names(self, files: list[Path]) -> tuple[str, ...]:
        return tuple(file.name for file in files)

    def _series(self, name: str, quarantine: Quarantine | None) -> StagedSeries:
        collection, files = self._collections[name], self._files[name]
        streams = _one_each(pa.concat_tables(self._datastreams[name]))
        staged = {
            known.id: (known, self._files[known.id]) for known in self._collections.values() if known.id in self._files
        }
        placed = place_streams(streams, collection, staged, self._twin.store)
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
            if far := moved(placed, self._twin.store):
                first, metres = next(iter(far.items()))
                self.notes.append(
                    f"{name}: {len(far)} of the objects stand elsewhere than they did ({first}: {metres:,.0f} m away), "
                    "and what they measured before goes with them; tell apart an id that another took over."
                )
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
