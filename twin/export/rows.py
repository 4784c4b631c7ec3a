"""What is selected of a collection, streamed from the store as rows ready to be written."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import shapely

from twin.crs import BBox, definition, normalise, transform_geometry
from twin.errors import BadInput
from twin.export import cells
from twin.export.columns import GEOMETRY, schema
from twin.export.geometries import geometries
from twin.model import Collection, Kind, Language, Model
from twin.store import FeatureQuery, ObservationQuery, Principal, Store
from twin.tables import Quality
from twin.time import TimeSpan

# A batch to write: enough rows to be worth a call, few enough to bound memory whatever a row weighs.
BATCH_ROWS = 16_384
BATCH_BYTES = 32_000_000

_CODE = re.compile(r"[A-Za-z]+:\w+")
_QUALITIES = pa.array([quality.name.lower() for quality in Quality])


class Selection(Model):
    """The part of a collection to write, and how.

    Attributes
    ----------
    bbox
        Objects, places of observation or cells that meet the box; it carries its own CRS.
    time
        Lifespans that meet the span, or phenomenon times inside it.
    crs
        CRS of the file; that of the collection by default.
    language
        Language of the titles and, for CSV, of the conventions of spreadsheets.
    """

    bbox: BBox | None = None
    time: TimeSpan | None = None
    crs: str | None = None
    language: Language = "fr"


def count(store: Store, collection: Collection, selection: Selection, principal: Principal) -> int:
    """Return how many rows a selection has, without reading them."""
    if collection.kind is Kind.FEATURES:
        return store.features.count(_features(collection, selection), principal)
    if collection.kind is Kind.TIMESERIES:
        return store.observations.count(_observations(collection, selection), principal)
    return cells.count(store, collection, selection.bbox, selection.time, principal)


def read(store: Store, collection: Collection, selection: Selection, principal: Principal) -> pa.RecordBatchReader:
    """Stream the rows of a selection, with the columns of :func:`twin.export.columns.schema`.

    Geometries are WKB in the CRS of the selection, heights as stored. A batch has at most
    `BATCH_ROWS` rows, and about `BATCH_BYTES` bytes.

    Raises
    ------
    BadInput
        When the collection cannot be expressed in the CRS that is asked.
    """
    shape = schema(collection, selection.language)
    batches: Iterator[pa.RecordBatch]
    if collection.kind is Kind.FEATURES:
        batches = iter(store.features.read(_features(collection, selection), principal))
    elif collection.kind is Kind.TIMESERIES:
        batches = map(_told, store.observations.read(_observations(collection, selection), principal))
    else:
        batches = cells.read(store, collection, selection.bbox, selection.time, principal)
    target = target_crs(collection, selection)

    def rows() -> Iterator[pa.RecordBatch]:
        for batch in _rebatched(batches, shape):
            yield _reprojected(batch, collection.crs, target)

    return pa.RecordBatchReader.from_batches(shape, rows())


def target_crs(collection: Collection, selection: Selection) -> str:
    """Return the code of the CRS of the file.

    Raises
    ------
    BadInput
        When the CRS is unknown, or has no x and y in a plane or on the ellipsoid.
    """
    if selection.crs is None:
        return collection.crs
    code = normalise(selection.crs)
    crs = definition(code)
    if not _CODE.fullmatch(code) or not (crs.is_projected or crs.is_geographic):
        raise BadInput(f"crs={selection.crs!r} is not the code of a plane or geographic CRS: write EPSG:2154, say.")
    return code


def _features(collection: Collection, selection: Selection) -> FeatureQuery:
    return FeatureQuery(collection=collection.id, region=_region(collection, selection), time=selection.time)


def _observations(collection: Collection, selection: Selection) -> ObservationQuery:
    return ObservationQuery(
        collection=collection.id, region=_region(collection, selection), time=selection.time, joined=True
    )


def _region(collection: Collection, selection: Selection) -> bytes | None:
    return selection.bbox.polygon(collection.crs).wkb if selection.bbox else None


def _told(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return observations with their quality in words."""
    position = batch.schema.get_field_index("quality")
    return batch.set_column(position, "quality", _QUALITIES.take(batch.column(position)))


def _rebatched(batches: Iterator[pa.RecordBatch], shape: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows of `batches`, in order, cast to `shape`, in batches of an even, bounded size."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        columns = [batch.column(field.name).cast(field.type) for field in shape]
        batch = pa.RecordBatch.from_arrays(columns, schema=shape)  # noqa: PLW2901
        step = min(BATCH_ROWS, max(1, batch.num_rows * BATCH_BYTES // max(batch.nbytes, 1)))
        for start in range(0, batch.num_rows, step):
            part = batch.slice(start, step)
            if rows + part.num_rows > BATCH_ROWS or size + part.nbytes > BATCH_BYTES:
                yield from _joined(waiting)
                waiting, rows, size = [], 0, 0
            waiting.append(part)
            rows, size = rows + part.num_rows, size + part.nbytes
    yield from _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    if batches:
        yield batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _reprojected(batch: pa.RecordBatch, source: str, target: str) -> pa.RecordBatch:
    if source == target:
        return batch
    position = batch.schema.get_field_index(GEOMETRY)
    geometry = transform_geometry(geometries(batch), source, target)
    if np.any(np.isinf(shapely.bounds(geometry))):
        raise BadInput(f"Some of the data lies outside the area of {target}: ask for another crs, or for a bbox.")
    wkb = pa.array(shapely.to_wkb(geometry), pa.binary())
    return batch.set_column(position, batch.schema.field(position), wkb)
