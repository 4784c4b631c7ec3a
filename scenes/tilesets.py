"""Tilesets of the collections, made once per revision and kept in the data folder."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from scenes.tiles3d import Recipe, write_tileset
from scenes.tiles3d.writer import FORMAT
from twin.context import Twin
from twin.errors import NotFound, StoreFault
from twin.model import Collection, Field, FieldType, Kind
from twin.store import OPERATOR, FeatureQuery, SortKey

_KEPT = 2  # revisions: a page opened before a change goes on drawing what it has begun
_log = logging.getLogger(__name__)


def is_solid(collection: Collection) -> bool:
    """Whether a collection is drawn as 3D Tiles."""
    return collection.kind is Kind.FEATURES and collection.style.symbol in ("extrusion", "point")


class Tilesets:
    """The tilesets of a twin, in ``cache/scenes/<collection>/<revision>-<style>/`` of its data folder.

    They are made for every collection, and the door gives them to those who see it: in the background
    when the service starts and after each commit, or on the first request; one at a time, seen only
    when whole, and older ones are swept.
    """

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._root = twin.settings.store.folder / "cache" / "scenes"
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tilesets")
        self._making: dict[Path, Future[Path]] = {}
        self._lock = threading.Lock()
        self._stopped = False

    def start(self) -> None:
        """Sweep what a killed process left, and make what is missing in the background."""
        for leftover in self._root.glob("*/.making-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        self._prepare()
        self._twin.store.subscribe(lambda _: self._prepare())

    def stop(self) -> None:
        """Finish the tileset being made and make no other."""
        self._stopped = True
        self._worker.shutdown(cancel_futures=True)

    def file(self, collection: Collection, revision: int, name: str) -> Path:
        """Return a file of a tileset, which is made first when it is the current one and missing.

        `name` is ``tileset.json`` or ``<number>.glb.gz``.

        Raises
        ------
        NotFound
            When the collection has no tileset, or no longer this revision of it.
        """
        if not is_solid(collection):
            raise NotFound(f"{collection.id} is not drawn in three dimensions.")
        folder = self._folder(collection, revision)
        if revision == collection.revision and not folder.is_dir():
            self._make(collection).result()
        file = folder / name
        if not file.is_file():
            raise NotFound(
                f"{collection.id} has no {name} of revision {revision}; its revision is {collection.revision}."
            )
        return file

    def _prepare(self) -> None:
        if self._stopped:
            return
        collections = self._twin.store.catalogue.collections(OPERATOR)
        solid = [collection for collection in collections if is_solid(collection)]
        for collection in solid:
            if not self._folder(collection, collection.revision).is_dir():
                self._make(collection)
        self._worker.submit(self._forget, {collection.id for collection in solid})

    def _forget(self, known: set[str]) -> None:
        """Erase the tilesets of collections that are no longer there: what was removed leaves no copy."""
        for home in self._root.glob("*"):
            if home.name not in known:
                shutil.rmtree(home, ignore_errors=True)

    def _folder(self, collection: Collection, revision: int) -> Path:
        drawn = collection.style.model_dump(include={"symbol", "colour", "label", "height", "colour_by"})
        key = orjson.dumps([FORMAT, drawn], option=orjson.OPT_SORT_KEYS)
        return self._root / collection.id / f"{revision}-{hashlib.blake2b(key, digest_size=4).hexdigest()}"

    def _make(self, collection: Collection) -> Future[Path]:
        folder = self._folder(collection, collection.revision)
        with self._lock:
            if (making := self._making.get(folder)) is not None:
                return making
            making = self._making[folder] = self._worker.submit(self._write, collection, folder)
        making.add_done_callback(lambda made: self._made(folder, made))
        return making

    def _made(self, folder: Path, made: Future[Path]) -> None:
        with self._lock:
            self._making.pop(folder, None)
        if not made.cancelled() and (error := made.exception()) is not None:
            _log.error("the tileset %s could not be made: %s", folder, error)

    def _write(self, collection: Collection, folder: Path) -> Path:
        if folder.is_dir():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
        try:
            summary = write_tileset(self._features(collection), recipe(collection), draft)
            self._sweep(folder)
            draft.rename(folder)
        except OSError as error:
            raise StoreFault(f"The tiles of {collection.id} cannot be written: {error.strerror or error}.") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        if summary.skipped or summary.unknown_heights:
            _log.warning(
                "%s: %d features without a place or an area are not drawn, %d without a height stand one storey high",
                collection.id,
                summary.skipped,
                summary.unknown_heights,
            )
        return folder

    def _sweep(self, newest: Path) -> None:
        """Make room for the newest tileset: who sees it sees the oldest no more."""
        older = [other for other in newest.parent.iterdir() if other != newest and not other.name.startswith(".")]
        older.sort(key=lambda other: other.stat().st_mtime, reverse=True)
        for other in older[_KEPT - 1 :]:
            shutil.rmtree(other, ignore_errors=True)

    def _features(self, collection: Collection) -> pa.RecordBatchReader:
        """Stream every version of every object, ordered by id, as the writer takes them."""
        properties = _properties(collection)
        query = FeatureQuery(
            collection=collection.id,
            sort=(SortKey(field="id"),),
            columns=tuple({field.name for field in properties.values()}),
            revision=collection.revision,
        )
        source = self._twin.store.features.read(query, OPERATOR)
        schema = pa.schema([*_STANDING, *(pa.field(name, _TYPES[name]) for name in properties)])
        return pa.RecordBatchReader.from_batches(schema, _batches(source, properties, schema))


_STANDING = (
    pa.field("id", pa.string()),
    pa.field("row", pa.uint32()),
    pa.field("valid_from", pa.timestamp("us", "UTC")),
    pa.field("valid_to", pa.timestamp("us", "UTC")),
    pa.field("geometry", pa.binary()),
)
_TYPES = {"height": pa.float32(), "label": pa.string(), "colour": pa.float32()}


def _properties(collection: Collection) -> dict[str, Field]:
    """Return the fields that the style needs, by the names they have in every tileset."""
    style = collection.style
    height = style.height if style.symbol == "extrusion" else None
    asked = {"height": height, "label": style.label, "colour": style.colour_by}
    fields = {field.name: field for field in collection.fields}
    return {name: fields[field] for name, field in asked.items() if field in fields}


def _batches(source: pa.RecordBatchReader, properties: dict[str, Field], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield batches of `schema`; objects are counted as their ids come, versions of one count once."""
    row, last = -1, None
    for batch in source:
        if not batch.num_rows:
            continue
        ids = batch["id"]
        fresh = np.ones(batch.num_rows, dtype=np.int64)
        fresh[1:] = pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
        fresh[0] = ids[0].as_py() != last
        rows = row + np.cumsum(fresh)
        row, last = int(rows[-1]), ids[-1].as_py()
        columns = [ids, rows.astype(np.uint32), batch["valid_from"], batch["valid_to"], batch["geometry"]]
        columns += [_value(name, batch[field.name], field) for name, field in properties.items()]
        yield pa.record_batch(columns, schema=schema)


def _value(name: str, column: pa.Array, field: Field) -> pa.Array:
    """Return a column as its property: a category is its index among those of the field."""
    if name == "colour" and field.categories:
        known = pa.array([category.value for category in field.categories]).cast(column.type)
        column = pc.index_in(column, value_set=known)
    elif name == "colour" and field.type not in (FieldType.NUMBER, FieldType.INTEGER):
        column = pa.nulls(len(column))
    return pc.cast(column, _TYPES[name], safe=False)


def recipe(collection: Collection) -> Recipe:
    """Return how a collection's style makes tiles."""
    symbol: Literal["extrusion", "point"] = "extrusion" if collection.style.symbol == "extrusion" else "point"
    return Recipe(symbol, collection.crs, collection.style.colour)
