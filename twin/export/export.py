"""One way to take a collection away: select, stream, write, and only then show the file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyarrow as pa
from pyogrio.errors import DataLayerError, DataSourceError

from twin import registry
from twin.errors import BadInput, StoreFault, TooLarge
from twin.export import rows
from twin.export.files import appearing
from twin.export.rows import Selection
from twin.model import Collection, Kind
from twin.registry import Exporter
from twin.store import Principal, Store


def formats(collection: Collection) -> dict[str, Exporter]:
    """Return the exporters that can carry `collection`, by the suffix of their files."""
    return {each.suffix: each for each in exporters() if _publishable(collection) and each.accepts(collection)}


@cache
def exporters() -> tuple[Exporter, ...]:
    """Return what is installed, looked up once: it takes tens of milliseconds."""
    return tuple(registry.load(registry.EXPORTERS, name)() for name in registry.names(registry.EXPORTERS))


def export(
    store: Store,
    collection: str,
    selection: Selection,
    path: Path,
    principal: Principal,
    maximum: int | None = None,
) -> int:
    """Write the selected part of a collection to a file, whose format is that of its suffix.

    Parameters
    ----------
    store
        Where the collection is.
    collection
        Its id. Features give a row a version of an object, time series a row an observation,
        coverages a row a cell and a step of time.
    selection
        Box, span of time, CRS and language.
    path
        The file; it is replaced whole at the end, or left as it was.
    principal
        Who asks.
    maximum
        Rows above which nothing is written.

    Returns
    -------
    int
        The number of rows written.

    Raises
    ------
    NotFound
        When there is no such collection for this principal.
    BadInput
        When the format, the CRS or the place of the file cannot be used.
    TooLarge
        When there are more than `maximum` rows.
    StoreFault
        When the disk is full.
    """
    described = store.catalogue.collection(collection, principal)
    exporter = exporter_of(described, path.suffix)
    target = rows.target_crs(described, selection)
    if maximum is not None and (found := rows.count(store, described, selection, principal)) > maximum:
        raise TooLarge(
            f"{collection}: {found:,} rows are asked for, of {maximum:,} at most: give a smaller bbox or datetime."
        )
    with appearing(path) as partial, rows.read(store, described, selection, principal) as batches:
        watched = _Watched(batches)
        try:
            exporter.write(described, watched.reader(), target, selection.language, partial)
        except Exception as error:
            raise watched.failure or _fault(error, path) from error
        return watched.rows


class _Watched:
    """Counts the rows that pass, and keeps what stops them: C++ in between tells it less well."""

    def __init__(self, batches: pa.RecordBatchReader) -> None:
        self._batches = batches
        self.rows = 0
        self.failure: Exception | None = None

    def reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self._batches.schema, self._pass())

    def _pass(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._batches:
                yield batch
                self.rows += batch.num_rows
        except Exception as error:
            self.failure = error
            raise


def _fault(error: Exception, path: Path) -> Exception:
    if isinstance(error, OSError | pa.ArrowException | DataSourceError | DataLayerError):
        return StoreFault(f"{path} could not be written: {error}. Is there room left on the disk?")
    return error


def exporter_of(collection: Collection, suffix: str) -> Exporter:
    """Return the exporter of `collection` to files of a suffix such as ``.gpkg``.

    Raises
    ------
    BadInput
        When nothing writes such files, or not of this collection.
    """
    if not _publishable(collection):
        raise BadInput(
            f"{collection.id} may not be published finer than {collection.finest_period}: it cannot be exported."
        )
    known = formats(collection)
    if suffix.lower() not in known:
        wanted = f"a {suffix} file" if suffix else "a file without a suffix"
        offered = ", ".join(sorted(known)) or "another collection"
        raise BadInput(f"{collection.id} cannot be written to {wanted}: use {offered}.")
    return known[suffix.lower()]


def _publishable(collection: Collection) -> bool:
    return collection.finest_period is None or collection.kind is Kind.FEATURES
