"""What a source works with, and the rows that it hands on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twin.errors import BadManifest
from twin.ingest.quarantine import Quarantine

#: Rows worked on at a time: large enough for vectors to pay, small enough for polygons of any size.
BATCH_ROWS = 65_536


class Notes:
    """What the operator should know of the files: what was assumed, found, or filled in; each thing once."""

    def __init__(self) -> None:
        self._counts: dict[str, int | None] = {}

    def say(self, sentence: str) -> None:
        """Note a fact."""
        self._counts[sentence] = None

    def count(self, sentence: str, number: int) -> None:
        """Add to the number that stands for ``{n}`` in `sentence`; nothing is said of none."""
        if number:
            self._counts[sentence] = (self._counts.get(sentence) or 0) + number

    def sentences(self) -> tuple[str, ...]:
        """Return the notes, in the order in which they came up."""
        return tuple(
            text if number is None else text.replace("{n}", f"{number:,}") for text, number in self._counts.items()
        )


@dataclass(frozen=True)
class Intake:
    """The surroundings of one ingest.

    Attributes
    ----------
    crs
        Storage CRS of the city: products come out in it.
    quarantine
        Where rows that cannot be read go.
    scratch
        An empty folder for the source's own temporary files.
    notes
        What the operator should know.
    """

    crs: str
    quarantine: Quarantine
    scratch: Path
    notes: Notes


@dataclass(frozen=True)
class Rows:
    """Rows of a file: its columns as read, and its geometries where it has any.

    ``numbers`` are those of the rows in the file, from 1. ``geometry`` is an array of shapely
    geometries in ``crs``, None where absent.
    """

    file: str
    numbers: NDArray[np.int64]
    table: pa.Table
    geometry: NDArray[np.object_] | None = None
    crs: str | None = None

    def __len__(self) -> int:
        return self.table.num_rows  # type: ignore[no-any-return]

    def column(self, name: str) -> pa.Array:
        """Return a column as one array of text, numbers or times; text is trimmed, empty text null.

        Raises
        ------
        BadManifest
            When the file has no such column, or several.
        """
        if name not in self.table.column_names:
            there = ", ".join(self.table.column_names)
            raise BadManifest(f"{self.file} has no column {name!r}; it has: {there}.")
        if self.table.column_names.count(name) > 1:
            raise BadManifest(f"{self.file} has several columns called {name!r}: rename all but one.")
        column = self.table.column(name)
        array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
        return _tidy(array)


def _tidy(array: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type):
        array = array.cast(pa.string())
    if not pa.types.is_string(array.type):
        return array
    trimmed = pc.utf8_trim_whitespace(array)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


@dataclass
class Faults:
    """The faults of one batch of rows; what is left without a fault is kept."""

    rows: Rows
    quarantine: Quarantine
    bad: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.bad = np.zeros(len(self.rows), dtype=bool)

    def add(self, mask: NDArray[np.bool_], name: str, values: pa.Array, reason: str) -> None:
        """Record that the rows of `mask` have a fault in the field `name`, whose source `values` are given."""
        if not mask.any():
            return
        self.quarantine.add(self.rows.file, self.rows.numbers[mask], name, values.filter(pa.array(mask)), reason)
        self.quarantine.rows += int((mask & ~self.bad).sum())
        self.bad |= mask
