"""The quarantine: rows that could not be read, each with its field, value and reason."""

from __future__ import annotations

import csv
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_COLUMNS = ("dataset", "file", "row", "field", "value", "reason")
_LONGEST = 200


class Quarantine:
    """A CSV file of faults, made when the first one comes; memory does not grow with them.

    Attributes
    ----------
    path
        The file, in the data folder.
    rows
        Number of rows kept out (a row with two faults has two lines, and counts once).
    """

    def __init__(self, path: Path, dataset: str) -> None:
        self.path = path
        self.rows = 0
        self._dataset = dataset
        self._file: IO[str] | None = None
        self._writer: Any = None

    def add(self, file: str, rows: NDArray[np.int64], field: str, values: pa.Array, reason: str) -> None:
        """Write one line for each of `rows` (numbered from 1), whose `values` are those of `field`."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(_COLUMNS)
        for row, value in zip(rows.tolist(), values.to_pylist(), strict=True):
            text = "" if value is None else str(value)[:_LONGEST]
            self._writer.writerow((self._dataset, file, row, field, text, reason))

    def close(self) -> None:
        """Close the file; nothing more can be added."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()
