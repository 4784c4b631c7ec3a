"""Automatic quality control of observations: range, step and persistence, each with its reason.

Out of core, over the staged Parquet files of a series: memory does not grow with rows, and the
result comes out sorted by datastream and time. Nothing is dropped or changed.

- **range**: the value lies outside [minimum, maximum]. The other tests leave it aside.
- **step**: it changed faster than the limit per hour since the value before. The return from a lone
  spike is not a second fault: a value that agrees with the one before the spike is good.
- **persistence**: it belongs to a run of equal values that lasts longer than the limit. A gap longer
  than that limit ends a run; values such as no rain or a lamp that is off may last.

The quality is that of the first test failed, in this order, then the producer's own doubt; the
reason names them all. Source of the tests: WMO-No. 8, Guide to Instruments and Methods of
Observation, volume V, chapter 1 (plausibility, step and persistence checks). Limits are data: see
``observed_properties.yml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from twin.model import Limits
from twin.tables import Quality

_LIMITS = pa.schema(
    [
        ("datastream", pa.string()),
        ("minimum", pa.float64()),
        ("maximum", pa.float64()),
        ("step_per_hour", pa.float64()),
        ("persistence_hours", pa.float64()),
        ("persistence_ignores", pa.list_(pa.float64())),
    ]
)

# Values in range go through ordered windows: neighbours, then runs of equal values, then how long a run lasts.
_TESTS = """
    WITH ranged AS (
        SELECT s.*, l.* EXCLUDE (datastream),
            result IS NOT NULL AND NOT coalesce(result < minimum OR result > maximum, false) AS sound
        FROM read_parquet($files) AS s JOIN limits AS l USING (datastream)
    ),
    neighbours AS (
        SELECT *,
            lag(result) OVER stream AS before,
            lag(result, 2) OVER stream AS earlier,
            hours(phenomenon_time, lag(phenomenon_time) OVER stream) AS gap,
            hours(phenomenon_time, lag(phenomenon_time, 2) OVER stream) AS long_gap
        FROM (FROM ranged WHERE sound) WINDOW stream AS (PARTITION BY datastream ORDER BY phenomenon_time)
    ),
    numbered AS (
        SELECT *,
            abs(result - before) / gap AS step,
            abs(before - earlier) / (long_gap - gap) AS former_step,
            abs(result - earlier) / long_gap AS over_spike,
            count_if(NOT coalesce(result = before AND gap <= persistence_hours, false)) OVER stream AS run
        FROM neighbours WINDOW stream AS (PARTITION BY datastream ORDER BY phenomenon_time)
    ),
    measured AS (
        SELECT *, hours(max(phenomenon_time) OVER same, min(phenomenon_time) OVER same) AS lasted
        FROM numbered WINDOW same AS (PARTITION BY datastream, run)
    ),
    tested AS (
        SELECT *,
            coalesce(step > step_per_hour AND NOT coalesce(
                former_step > step_per_hour AND over_spike <= step_per_hour, false), false) AS stepped,
            coalesce(lasted > persistence_hours
                AND NOT list_contains(persistence_ignores, result), false) AS stuck
        FROM measured
    ),
    verdicts AS (
        SELECT datastream, phenomenon_time, result_time, result, result_text,
            CASE WHEN stepped THEN $step WHEN stuck THEN $persistence ELSE quality END AS quality,
            concat_ws('; ',
                CASE WHEN stepped THEN printf('step: %.4g per hour > %g', step, step_per_hour) END,
                CASE WHEN stuck THEN printf('persistence: unchanged for %.4g h > %g h', lasted, persistence_hours) END,
                quality_reason) AS reason
        FROM tested
        UNION ALL
        SELECT datastream, phenomenon_time, result_time, result, result_text,
            CASE WHEN result IS NULL THEN quality ELSE $range END,
            concat_ws('; ',
                CASE WHEN result < minimum THEN printf('range: %g < %g', result, minimum)
                    WHEN result > maximum THEN printf('range: %g > %g', result, maximum) END,
                quality_reason)
        FROM ranged WHERE NOT sound
    )
    SELECT * EXCLUDE (quality, reason), quality::UTINYINT AS quality, nullif(reason, '') AS quality_reason
    FROM verdicts ORDER BY datastream, phenomenon_time
"""


def check(files: list[Path], limits: Mapping[str, Limits], target: Path) -> dict[Quality, int]:
    """Test the observations of staged files, and write them sorted to `target`.

    Parameters
    ----------
    files
        Parquet files of ``twin.tables.OBSERVATION_SCHEMA``, in any order.
    limits
        Thresholds by datastream; an observation of another datastream is left out.
    target
        The Parquet file to write; its folder also takes what does not fit in memory.

    Returns
    -------
    dict
        How many observations have each quality.
    """
    rows = [{"datastream": name, **limit.model_dump()} for name, limit in limits.items()]
    tests = {test.name.lower(): int(test) for test in (Quality.RANGE, Quality.STEP, Quality.PERSISTENCE)}
    with duckdb.connect(config={"temp_directory": str(target.parent), "memory_limit": "1GB"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = true")
        connection.execute("CREATE MACRO hours(later, earlier) AS (epoch_us(later) - epoch_us(earlier)) / 3.6e9")
        connection.register("limits", pa.Table.from_pylist(rows, schema=_LIMITS))
        quoted = str(target).replace("'", "''")
        connection.execute(
            f"COPY ({_TESTS}) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)",
            {"files": [str(file) for file in files], **tests},
        )
        counts = connection.execute(
            "SELECT quality, count(*) FROM read_parquet($1) GROUP BY ALL ORDER BY ALL", [str(target)]
        ).fetchall()
    return {Quality(quality): count for quality, count in counts}
