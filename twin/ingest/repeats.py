"""Observations of one datastream at one instant, given more than once by the files of a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from twin.ingest.intake import BATCH_ROWS, Intake
from twin.tables import OBSERVATION_SCHEMA

_REPEATS = """
    WITH staged AS (SELECT *, file_row_number AS place FROM read_parquet(?, file_row_number = true)),
    twice AS (SELECT hash(datastream, phenomenon_time) AS key FROM staged GROUP BY ALL HAVING count(*) > 1),
    grouped AS (
        SELECT place, _file AS file, _row AS row, datastream, phenomenon_time, result_time,
            coalesce(result_text, result::VARCHAR) AS value
        FROM staged WHERE hash(datastream, phenomenon_time) IN (FROM twice)
    )
    SELECT *, first_value(row) OVER ties AS kept_row,
        value IS NOT DISTINCT FROM first_value(value) OVER ties AS same,
        result_time < first_value(result_time) OVER ties AS superseded
    FROM grouped WINDOW ties AS (PARTITION BY datastream, phenomenon_time ORDER BY result_time DESC, place)
    QUALIFY row_number() OVER ties > 1 ORDER BY place
"""


def drop_repeats(path: Path, intake: Intake) -> Iterator[pa.RecordBatch]:
    """Return the observations of a staged file, one for each datastream and instant.

    Of equal ones, one is kept. Of different ones the one with the latest result time, else the
    first; the others go to the quarantine with the reason.
    """
    with duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(path.parent)}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        repeats = connection.execute(_REPEATS, [str(path)]).to_arrow_table()
    equal = int(pc.sum(repeats["same"]).as_py() or 0)
    intake.notes.count("{n} values repeat an earlier one of the same instant, and count once.", equal)
    for row in repeats.filter(pc.invert(repeats["same"])).to_pylist():
        why = "supersedes this value, with a later result time" if row["superseded"] else "gives another value"
        intake.quarantine.add(
            row["file"],
            np.array([row["row"]]),
            "result",
            pa.array([row["value"]]),
            f"row {row['kept_row']} {why} for {row['datastream']} at {row['phenomenon_time'].isoformat()}",
        )
        intake.quarantine.rows += 1
    return _without(path, repeats["place"].to_numpy())


def _without(path: Path, places: NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
    start = 0
    for batch in pq.ParquetFile(path).iter_batches(BATCH_ROWS, columns=OBSERVATION_SCHEMA.names):
        low, high = np.searchsorted(places, [start, start + len(batch)])
        kept = np.ones(len(batch), dtype=bool)
        kept[places[low:high] - start] = False
        start += len(batch)
        yield batch if kept.all() else batch.filter(pa.array(kept))
