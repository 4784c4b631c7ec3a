"""Datastreams take their place, life and name from the object that they observe, as it is last known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from twin.errors import NotFound
from twin.model import Collection
from twin.store import OPERATOR, FeatureQuery, Store
from twin.tables import DATASTREAM_FIELDS, DATASTREAMS, feature_schema

#: Metres beyond which a station does not stand where it did: a survey made anew moves it by less.
MOVE = 100.0
_EVER = datetime.min.replace(tzinfo=UTC)

type StagedFiles = Mapping[str, tuple[Collection, list[Path]]]


@dataclass
class _Object:
    """What a datastream takes from its object: place and label of the last version, life over all of them."""

    geometry: bytes | None = None
    label: str | None = None
    lives: list[tuple[datetime | None, datetime | None]] = field(default_factory=list)

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


def place_streams(streams: pa.Table, collection: Collection, staged: StagedFiles, store: Store) -> pa.Table:
    """Return datastreams with what they lack of place, life and name; those of an unknown object are left out.

    Parameters
    ----------
    streams
        Datastreams of the time series `collection`; a null geometry is to be that of the object.
    staged
        Collections of this run and their files: an object is looked for there, then in the store.
    """
    objects: dict[tuple[str, str], _Object] = {}
    for target in pc.unique(streams["object_collection"]).to_pylist():
        ids = pc.unique(streams.filter(pc.equal(streams["object_collection"], target))["object_id"])
        objects |= {(target, key): found for key, found in _objects(target, ids, staged, store).items()}
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
    return pa.Table.from_pylist(rows, schema=feature_schema(DATASTREAM_FIELDS))


def moved(placed: pa.Table, store: Store) -> dict[str, float]:
    """Return the objects whose datastreams the store has more than :data:`MOVE` away, and by how many metres."""
    ids = tuple(placed["id"].to_pylist())
    try:
        known = store.features.read(FeatureQuery(collection=DATASTREAMS, ids=ids, columns=()), OPERATOR).read_all()
    except NotFound:
        return {}
    rows = placed.take(pc.index_in(known["id"], placed["id"].combine_chunks()))
    before, now = (shapely.from_wkb(table["geometry"].to_numpy()) for table in (known, rows))
    metres = shapely.distance(before, now)
    far = np.flatnonzero(metres > MOVE)
    return dict(zip(rows["object_id"].take(pa.array(far)).to_pylist(), metres[far].tolist(), strict=True))


def _objects(target: str, ids: pa.Array, staged: StagedFiles, store: Store) -> dict[str, _Object]:
    found: dict[str, _Object] = {}
    if target in staged:
        known, files = staged[target]
        columns = ["id", "valid_from", "valid_to", "geometry", *_label(known)]
        batches = (batch for file in files for batch in pq.ParquetFile(file).iter_batches(columns=columns))
        _gather(found, (batch.filter(pc.is_in(batch["id"], ids)) for batch in batches), known)
    missing = tuple(key for key in ids.to_pylist() if key not in found)
    if missing:
        try:
            known = store.catalogue.collection(target, OPERATOR)
        except NotFound:
            return found
        query = FeatureQuery(collection=target, ids=missing, columns=tuple(_label(known)))
        _gather(found, store.features.read(query, OPERATOR), known)
    return found


def _label(collection: Collection) -> list[str]:
    for name in (collection.style.label, "name"):
        if name and collection.field(name):
            return [name]
    return []


def _gather(found: dict[str, _Object], batches: Iterable[pa.RecordBatch], known: Collection) -> None:
    label = _label(known)
    for batch in batches:
        for row in batch.to_pylist():
            one = found.setdefault(row["id"], _Object())
            # An unknown start is before any other.
            if not one.lives or (row["valid_from"] or _EVER) > max(start or _EVER for start, _ in one.lives):
                one.geometry = _point(row["geometry"])
                one.label = str(row[label[0]]) if label and row[label[0]] is not None else None
            one.lives.append((row["valid_from"], row["valid_to"]))


def _point(geometry: bytes | None) -> bytes | None:
    """Return a point that stands for a geometry: itself, or one on its surface."""
    shape = shapely.from_wkb(geometry)
    if shape is None or shape.geom_type == "Point":
        return geometry
    return bytes(shapely.to_wkb(shapely.point_on_surface(shape), flavor="iso"))
