"""The DuckDB file: its schema and format, its transactions, and what its failures mean."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any
from weakref import WeakSet

import duckdb
import duckdb_extension_spatial
import pyarrow as pa

from twin.errors import BadSettings, StoreFault
from twin.store.embedded.sql import text

#: Version of the tables below; a store written by a newer Jumeau is refused, an older one migrated.
FORMAT = 2
_BATCH_ROWS = 65_536

_SCHEMA = """
CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
CREATE TABLE collection (id VARCHAR PRIMARY KEY, document VARCHAR NOT NULL, published BOOLEAN NOT NULL);
CREATE TABLE run (number BIGINT, id VARCHAR PRIMARY KEY, name VARCHAR, document VARCHAR, receipt VARCHAR);
CREATE TABLE stream (key INTEGER, collection VARCHAR, id VARCHAR);
CREATE TABLE series (collection VARCHAR PRIMARY KEY, sorted_rows BIGINT, added_rows BIGINT, added_runs INTEGER);
CREATE TABLE cube (collection VARCHAR PRIMARY KEY, revision BIGINT, digest VARCHAR);
CREATE TABLE edited (collection VARCHAR, id VARCHAR, deleted BOOLEAN NOT NULL, PRIMARY KEY (collection, id));
CREATE SEQUENCE run_number;
CREATE SEQUENCE stream_key;
CREATE SEQUENCE feature_row;
CREATE SCHEMA feature;
CREATE SCHEMA history;
CREATE SCHEMA hot;
CREATE SCHEMA superseded;
"""

#: What makes each format out of the one before.
_MIGRATIONS = {
    2: "CREATE TABLE edited (collection VARCHAR, id VARCHAR, deleted BOOLEAN NOT NULL, PRIMARY KEY (collection, id));",
}

type Cursor = duckdb.DuckDBPyConnection
type Statement = tuple[str, list[Any]]
type Statements = Callable[[Cursor], Iterator[Statement]]


def _extension() -> Path:
    root = Path(next(iter(duckdb_extension_spatial.__path__)))
    return root / "extensions" / f"v{duckdb.__version__}" / "spatial.duckdb_extension"


@contextmanager
def full_disk() -> Iterator[None]:
    """Turn a write for which there was no room into a :class:`StoreFault` of one sentence."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if full or "No space left" in str(error) or "File too large" in str(error):
            raise StoreFault(
                "The disk is full: nothing of this was stored; free some space, then run it again."
            ) from error
        raise


@contextmanager
def faults() -> Iterator[None]:
    """Turn a failure of the engine or of the disk into a :class:`StoreFault` of one sentence."""
    try:
        with full_disk():
            yield
    except duckdb.OutOfMemoryException as error:
        raise StoreFault(f"The store ran out of memory or of room to spill: {str(error).splitlines()[0]}") from error
    except (duckdb.Error, OSError) as error:
        raise StoreFault(f"The store failed: {str(error).splitlines()[0]}") from error


class Database:
    """One open DuckDB file: any number of readers, one writer at a time.

    Parameters
    ----------
    folder
        The data folder; the file is ``twin.duckdb`` in it.
    crs
        The storage CRS, written at creation and checked ever after.

    Raises
    ------
    BadSettings
        When the store was created in another CRS.
    StoreFault
        When the file was written by a newer version, or cannot be opened.
    """

    def __init__(self, folder: Path, crs: str) -> None:
        self.folder = folder
        self.crs = crs
        self.path = folder / "twin.duckdb"
        self.writing = threading.RLock()
        self._cursors: WeakSet[Cursor] = WeakSet()
        self._connection = self._connect()
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> Cursor:
        with faults():
            # Unsigned: the extension comes from its PyPI wheel, by path, and nothing else can be loaded after.
            connection = duckdb.connect(self.path, config={"allow_unsigned_extensions": True})
            connection.execute(f"LOAD {text(str(_extension()))}")
            connection.execute(f"SET temp_directory = {text(str(self.folder / 'spill'))}")
            connection.execute(f"SET allowed_directories = [{text(str(self.folder / 'staging'))}]")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
        return connection

    def _prepare(self) -> None:
        if not self.rows("FROM duckdb_tables() WHERE schema_name = 'main' AND table_name = 'meta'"):
            with self.transaction() as cursor:
                cursor.execute(_SCHEMA)
                facts = [("format", str(FORMAT)), ("crs", self.crs), ("revision", "0")]
                cursor.executemany("INSERT INTO meta VALUES (?, ?)", facts)
        found = int(self.fact("format"))
        if found < FORMAT:
            with self.transaction() as cursor:
                for step in range(found + 1, FORMAT + 1):
                    cursor.execute(_MIGRATIONS[step])
                cursor.execute("UPDATE meta SET value = ? WHERE key = 'format'", [str(FORMAT)])
        if found > FORMAT:
            raise StoreFault(
                f"{self.path} has format {found} and this version of Jumeau reads format {FORMAT}: upgrade Jumeau."
            )
        if (written := self.fact("crs")) != self.crs:
            raise BadSettings(
                f"city.crs is {self.crs}, but the data in {self.folder} was stored in {written}: "
                f"set city.crs to {written}, or choose another store.folder."
            )

    def fact(self, key: str) -> str:
        """Return one line of the table ``meta``."""
        rows = self.rows("SELECT value FROM meta WHERE key = ?", [key])
        if not rows:
            raise StoreFault(f"{self.path} is damaged: its {key} is missing; restore a backup.")
        return str(rows[0][0])

    def cursor(self) -> Cursor:
        """Return a connection of its own over the same file; close it."""
        cursor = self._connection.cursor()
        self._cursors.add(cursor)
        return cursor

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a small query."""
        cursor = self.cursor()
        try:
            with faults():
                return cursor.execute(sql, parameters or []).fetchall()
        finally:
            cursor.close()

    def stream(self, statements: Statements, schema: pa.Schema) -> pa.RecordBatchReader:
        """Return the rows of queries, one after the other, as batches of `schema`, read as they are taken.

        All see the state of one moment. Naive timestamps are declared UTC and geometries plain
        WKB: neither copies a buffer.
        """
        cursor = self.cursor()
        try:
            with faults():
                cursor.begin()
                pending = statements(cursor)
                first = _answer(cursor, next(pending))
        except BaseException:
            cursor.close()
            raise

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                with faults():
                    for reader in chain([first], (_answer(cursor, statement) for statement in pending)):
                        for batch in reader:
                            yield _conform(batch, schema)
            finally:
                cursor.close()

        return pa.RecordBatchReader.from_batches(schema, batches())

    @contextmanager
    def snapshot(self) -> Iterator[Cursor]:
        """Yield a cursor whose queries all see the state of one moment."""
        cursor = self.cursor()
        try:
            with faults():
                cursor.begin()
                yield cursor
        finally:
            cursor.close()

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Hold the only write transaction: committed when the block ends, undone when it raises."""
        with self.writing:
            cursor = self.cursor()
            try:
                with faults():
                    cursor.begin()
                    yield cursor
                    cursor.commit()
            except BaseException:
                self._undo(cursor)
                raise
            finally:
                cursor.close()

    def _undo(self, cursor: Cursor) -> None:
        try:
            with suppress(duckdb.Error):
                cursor.rollback()
            self.rows("FROM meta")
        except (duckdb.Error, StoreFault):
            # A write to the file that failed invalidates DuckDB's instance: only opening it again heals it.
            self.close()
            self._connection = self._connect()

    def copy(self, folder: Path) -> None:
        """Copy the file, and its log where readers keep it from being folded in, while nothing is written."""
        with self.writing, faults():
            with suppress(duckdb.TransactionException):
                self.rows("CHECKPOINT")
            for path in (self.path, self.path.with_name(f"{self.path.name}.wal")):
                if path.exists():
                    shutil.copyfile(path, folder / path.name)

    def close(self) -> None:
        """Close the file, and the reads that are under way: the file is open for as long as one of them is."""
        with self.writing:
            for cursor in list(self._cursors):
                with suppress(duckdb.Error):
                    cursor.interrupt()
                    cursor.close()
            self._connection.close()


def one(cursor: Cursor, sql: str, parameters: list[Any] | None = None) -> tuple[Any, ...]:
    """Return the one row of a query that always has one, such as an aggregate."""
    row = cursor.execute(sql, parameters or []).fetchone()
    if row is None:
        raise StoreFault(f"The store is damaged: no row for {sql!r}; restore a backup.")
    return tuple(row)


def _answer(cursor: Cursor, statement: Statement) -> pa.RecordBatchReader:
    return cursor.execute(*statement).to_arrow_reader(_BATCH_ROWS)


def _conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for array, field in zip(batch.columns, schema, strict=True):
        plain = array.storage if isinstance(array, pa.ExtensionArray) else array
        columns.append(plain if plain.type == field.type else plain.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
