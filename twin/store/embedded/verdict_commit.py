"""A commit of verdicts: the quality of observations changes where they are, their values and times do not."""

from __future__ import annotations

from pathlib import Path

from twin.errors import BadInput
from twin.store.embedded.engine import Cursor, one
from twin.store.embedded.feature_commit import check_files, file_list
from twin.store.embedded.sql import quote, utc
from twin.tables import OBSERVATION_SCHEMA, Quality


def apply(cursor: Cursor, name: str, files: list[Path], test: Quality) -> bool:
    """Give the observations of staged files, where `name` holds them still, the quality found; say whether any changed.

    Raises
    ------
    BadInput
        When the files give another quality than `test` or GOOD.
    """
    check_files(files, OBSERVATION_SCHEMA, name)
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE found AS SELECT k.key AS stream, "
        f"{utc('f.phenomenon_time')} AS phenomenon_time, f.result, f.result_text, f.quality, f.quality_reason "
        f"FROM read_parquet({file_list(files)}) AS f JOIN (FROM stream WHERE collection = ?) AS k "
        "ON f.datastream = k.id",
        [name],
    )
    allowed = [int(Quality.GOOD), int(test)]
    if strange := one(cursor, "SELECT any_value(quality) FROM found WHERE NOT list_contains(?, quality)", [allowed])[0]:
        raise BadInput(f"{name}: verdicts of the test {test.name} give the quality {strange}: give that or 0.")
    changed = 0
    for schema in ("history", "hot"):
        (rows,) = one(
            cursor,
            f"UPDATE {quote(schema, name)} AS h SET quality = f.quality, quality_reason = f.quality_reason "
            "FROM found AS f WHERE h.stream = f.stream AND h.phenomenon_time = f.phenomenon_time "
            "AND h.result IS NOT DISTINCT FROM f.result AND h.result_text IS NOT DISTINCT FROM f.result_text "
            "AND list_contains(?, h.quality) AND (h.quality <> f.quality "
            "OR h.quality_reason IS DISTINCT FROM f.quality_reason)",
            [allowed],
        )
        changed += rows
    return bool(changed)
