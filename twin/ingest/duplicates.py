"""Ids that occur more than once in a file, found out of core and told apart whatever the file's order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from twin.ingest.intake import BATCH_ROWS

# Between an id and the number that tells it from its equals; URLs leave it unescaped.
_TIE = "~"


@dataclass(frozen=True)
class Duplicates:
    """The rows after the first of each group of equal ids, in the order of their place in the file.

    ``place`` (from 0, in the staged file), ``rank`` (1, 2... in the group), ``same`` (equal to the
    group's first in everything), ``file``, ``row`` and ``id``; ``first`` is the row of the group's first.
    """

    rows: pa.Table

    @classmethod
    def find(cls, path: Path, columns: list[str], *, by_life: bool) -> Duplicates:
        """Find them in the Parquet file `path`, which has `columns`, ``_file`` and ``_row``.

        With `by_life`, versions of one object that start at different instants are no duplicates, and
        a group's first is the first in the file; otherwise a group is ordered by all that its rows
        hold, which does not depend on the order of the file.
        """
        key = "id, valid_from" if by_life else "id"
        order = "place" if by_life else "digest, place"
        content = ", ".join(f"coalesce({_quoted(name)}::VARCHAR, '')" for name in columns if name != "id")
        with duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(path.parent)}) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            rows = connection.execute(
                f"""
                WITH staged AS (SELECT *, file_row_number AS place FROM read_parquet(?, file_row_number = true)),
                twice AS (SELECT {key} FROM staged GROUP BY ALL HAVING count(*) > 1),
                grouped AS (
                    SELECT id, valid_from, place, _file AS file, _row AS row,
                        md5(concat_ws(chr(31), {content})) AS digest
                    FROM staged WHERE id IN (SELECT id FROM twice)
                )
                SELECT place, file, row, id,
                    row_number() OVER ties - 1 AS rank,
                    digest = first_value(digest) OVER ties AS same,
                    first_value(row) OVER ties AS first
                FROM grouped WINDOW ties AS (PARTITION BY {key} ORDER BY {order})
                QUALIFY rank > 0 ORDER BY place
                """,  # noqa: S608 - the names are quoted
                [str(path)],
            ).to_arrow_table()
        return cls(rows)

    def __len__(self) -> int:
        return self.rows.num_rows  # type: ignore[no-any-return]

    def differing(self) -> list[tuple[str, NDArray[np.int64], pa.Array, int]]:
        """Return file, row, id and the group's first row of each row that says otherwise than its first."""
        told = self.rows.filter(pc.invert(self.rows["same"]))
        return [
            (row["file"], np.array([row["row"]]), pa.array([row["id"]]), row["first"])
            for row in told.select(["file", "row", "id", "first"]).to_pylist()
        ]

    def stream(self, path: Path, columns: list[str], *, keep: bool) -> Iterator[pa.RecordBatch]:
        """Stream `columns` of the staged file; duplicates get a number after their id if kept, else are left out."""
        places = self.rows["place"].to_numpy()
        ranks = self.rows["rank"].to_numpy()
        start = 0
        for batch in pq.ParquetFile(path).iter_batches(BATCH_ROWS, columns=columns):
            low, high = np.searchsorted(places, [start, start + len(batch)])
            inside = places[low:high] - start
            start += len(batch)
            if not len(inside):
                yield batch
            elif keep:
                suffix = np.full(len(batch), "", dtype=object)
                suffix[inside] = [f"{_TIE}{rank + 1}" for rank in ranks[low:high]]
                ids = pc.binary_join_element_wise(batch["id"], pa.array(suffix, pa.string()), "")
                yield batch.set_column(0, batch.schema.field("id"), ids)
            else:
                kept = np.ones(len(batch), dtype=bool)
                kept[inside] = False
                yield batch.filter(pa.array(kept))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
