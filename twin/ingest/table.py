"""Tables: CSV, Parquet, and JSON lists of records; rows become features or series."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from twin.errors import BadData, BadManifest
from twin.ingest.features import read_features
from twin.ingest.intake import BATCH_ROWS, Intake, Rows
from twin.ingest.manifest import Manifest
from twin.ingest.parts import Part, Read
from twin.ingest.series import read_series
from twin.products import Product

_CSV = (".csv", ".txt", ".tsv")
_PARQUET = (".parquet",)
_JSON = (".json",)
_BLOCK = 1 << 22
# JSON cannot be read in pieces: a larger table has to be CSV or Parquet.
_LARGEST_JSON = 1 << 28


class TableSource:
    """Reads features and series from tables, batch by batch."""

    def read(self, manifest: Manifest, part: Part, files: list[Path], intake: Intake) -> Iterator[Product]:
        """Stream the features, or the series, of `files`.

        Raises
        ------
        BadManifest
            When the manifest does not fit the file (a column, a unit, a zone).
        BadData
            When a file is damaged, or not in the encoding that it should be in.
        """
        stream = (rows for file in files for rows in _rows(file, part.read, intake))
        if part.features:
            yield read_features(manifest.collection(part.features.collection, intake.crs), part, stream, intake)
        elif part.series:
            yield read_series(manifest.collection(part.series.collection, intake.crs), part, stream, intake)


def _rows(file: Path, read: Read, intake: Intake) -> Iterator[Rows]:
    suffix = file.suffix.lower()
    if suffix in _CSV:
        yield from _csv(file, read, intake)
        return
    if suffix in _PARQUET:
        tables = _parquet(file)
    elif suffix in _JSON:
        tables = _json(file, read)
    else:
        raise BadManifest(f"{file.name}: tables end in {', '.join((*_CSV, *_PARQUET, *_JSON))}.")
    first = 1
    for table in tables:
        yield Rows(file.name, np.arange(first, first + table.num_rows), table)
        first += table.num_rows


def _csv(file: Path, read: Read, intake: Intake) -> Iterator[Rows]:
    """Read every column as text: a value that does not fit is found, and told, when it is converted."""
    encoding = read.encoding or "utf-8-sig"
    ragged: list[int] = []
    below = 1 if read.units else 0

    def set_aside(row: pa.csv.InvalidRow) -> str:
        ragged.append(row.number - read.skip_rows - 1 - below)
        reason = f"this row has {row.actual_columns} columns, not {row.expected_columns}"
        intake.quarantine.add(file.name, np.array(ragged[-1:]), "", pa.array([row.text]), reason)
        intake.quarantine.rows += 1
        return "skip"

    try:
        with file.open(encoding=encoding, newline="") as text:
            for _ in range(read.skip_rows):
                next(text, "")
            lines = csv.reader(text, delimiter=read.delimiter)
            names = next(lines, [])
            if read.units:
                _check_units(file, dict(zip(names, next(lines, []), strict=False)), read.units)
        reader = pa.csv.open_csv(
            file,
            pa.csv.ReadOptions(
                encoding="utf8" if encoding == "utf-8-sig" else encoding,
                skip_rows=read.skip_rows,
                skip_rows_after_names=below,
                block_size=_BLOCK,
                use_threads=False,  # rows that are set aside know their number
            ),
            pa.csv.ParseOptions(delimiter=read.delimiter, newlines_in_values=True, invalid_row_handler=set_aside),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=list(read.missing),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        first = 1
        for batch in reader:
            numbers = np.arange(first, first + len(batch) + len(ragged))
            numbers = numbers[~np.isin(numbers, ragged)][: len(batch)]
            yield Rows(file.name, numbers, pa.table(batch))
            first = int(numbers[-1]) + 1 if len(numbers) else first
    except (UnicodeError, pa.ArrowInvalid) as error:
        reason = " ".join(str(error).split())
        raise BadData(
            f"{file.name} cannot be read as CSV in {encoding.removesuffix('-sig')} ({reason}); "
            "check read.delimiter, and read.encoding (for instance latin-1)."
        ) from None


def _check_units(file: Path, found: dict[str, str], declared: dict[str, str]) -> None:
    """Compare the units that a file gives below its header with those that its manifest expects."""
    for column, unit in {**dict.fromkeys(found, ""), **declared}.items():
        told = found.get(column, "").strip()
        if told != unit:
            raise BadData(
                f"{file.name}: the line below the header gives {told!r} as the unit of {column!r}, where read.units "
                f"of the manifest has {unit!r}: check the file, then the manifest's units."
            )


def _parquet(file: Path) -> Iterator[pa.Table]:
    try:
        parquet = pq.ParquetFile(file)
        for batch in parquet.iter_batches(BATCH_ROWS):
            yield pa.table(batch)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadData(f"{file.name} cannot be read as Parquet ({' '.join(str(error).split())}).") from None


def _json(file: Path, read: Read) -> Iterator[pa.Table]:
    if file.stat().st_size > _LARGEST_JSON:
        raise BadData(f"{file.name} is larger than {_LARGEST_JSON >> 20} MB of JSON: give it as CSV or Parquet.")
    try:
        records = orjson.loads(file.read_bytes().decode(read.encoding or "utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadData(
            f"{file.name} is not {error.encoding}: byte {error.start} cannot be decoded; "
            "declare its encoding, for instance read: {encoding: latin-1}."
        ) from None
    except orjson.JSONDecodeError as error:
        raise BadData(f"{file.name} is not JSON ({error}).") from None
    if read.records:
        records = records.get(read.records) if isinstance(records, dict) else None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise BadData(f"{file.name}: a list of records is expected; read.records names the key that holds it.")
    if read.record:
        records = [record.get(read.record) for record in records]
        if not all(isinstance(record, dict) for record in records):
            raise BadData(f"{file.name}: a record has no columns under {read.record!r}, which read.record names.")
    names = list(dict.fromkeys(name for record in records for name in record))
    for start in range(0, len(records), BATCH_ROWS):
        chunk = records[start : start + BATCH_ROWS]
        yield pa.table({name: _array([record.get(name) for record in chunk]) for name in names})


def _array(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([value if value is None else str(value) for value in values])
