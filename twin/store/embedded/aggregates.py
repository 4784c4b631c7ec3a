"""Statistics of observations, computed by the engine: one row for each datastream and period leaves it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from twin.errors import BadInput
from twin.store.embedded.engine import Statement
from twin.store.embedded.selection import STREAMS, clauses, observations
from twin.store.embedded.sql import naive
from twin.store.queries import AggregateQuery

_SQL = {
    "mean": "avg(v.result)",
    "min": "min(v.result)",
    "max": "max(v.result)",
    # Compensated: the sum of a year must not depend on the order of the rows.
    "sum": "fsum(v.result)",
    "count": "count(*)::DOUBLE",
}


def schema(query: AggregateQuery) -> pa.Schema:
    """Return the schema of the answer."""
    return pa.schema(
        [
            pa.field(_subject(query), pa.string(), nullable=False),
            pa.field("period", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("values", pa.int64(), nullable=False),
            pa.field("expected", pa.float64()),
            *(pa.field(name, pa.float64()) for name in query.statistics),
        ]
    )


def statement(query: AggregateQuery, keys: list[int]) -> Statement:
    """Return the SQL of a query over the streams of `keys`, and its parameters.

    ``v`` are the values, ``p`` the periods, ``n`` the step of each stream, in microseconds.
    """
    if query.select.latest:
        raise BadInput("The latest observations have no aggregate: leave `latest` out.")
    _, where = clauses(query.select)
    listed = ", ".join(map(str, keys)) or "NULL"
    subject = _subject(query)
    name = "s.observed_property" if query.pooled else "s.id"
    statistics = "".join(f", {_statistic(statistic)} AS {statistic}" for statistic in query.statistics)
    periods, parameters = _periods(query)
    values = (
        f"s AS MATERIALIZED (SELECT * FROM {STREAMS} WHERE s.key IN ({listed})), "
        "v AS MATERIALIZED (SELECT o.stream, o.phenomenon_time AS time, o.result "
        f"FROM {observations(query.select)} AS o WHERE o.stream IN (SELECT key FROM s) AND {where} "
        "AND isfinite(o.result)), "
        "n AS MATERIALIZED (SELECT stream, first(gap ORDER BY times DESC, gap) FILTER (gap IS NOT NULL) AS step FROM ("
        "SELECT stream, gap, count(*) AS times FROM (SELECT stream, "
        "epoch_us(time) - lag(epoch_us(time)) OVER (PARTITION BY stream ORDER BY time) AS gap FROM v) "
        "GROUP BY stream, gap) GROUP BY stream)"
    )
    lasting = "CASE WHEN n.step > 0 THEN greatest(p.lasts / n.step, 1) END" if query.edges is not None else "1"
    # Streams without a value in a period are expected there too: told by how long periods last, which is few numbers.
    expected = (
        f"x AS MATERIALIZED (SELECT p.lasts, {name} AS subject, sum({lasting})::DOUBLE AS expected "
        "FROM (SELECT DISTINCT lasts FROM p) AS p CROSS JOIN n JOIN s ON s.key = n.stream GROUP BY ALL)"
    )
    joined = "ASOF JOIN p ON v.time >= p.start" if query.edges is not None else "JOIN p ON v.time = p.start"
    return (
        f"WITH {values}, {periods}, {expected} SELECT {name} AS {subject}, p.start AS period, count(*) AS values, "
        f"any_value(x.expected) AS expected{statistics} FROM v {joined} JOIN s ON s.key = v.stream "
        f"JOIN x ON x.subject = {name} AND x.lasts = p.lasts GROUP BY {name}, p.start ORDER BY {name}, p.start",
        [query.select.collection, *where.parameters, *parameters],
    )


def _subject(query: AggregateQuery) -> str:
    return "observed_property" if query.pooled else "datastream"


def _statistic(name: str) -> str:
    return _SQL.get(name) or f"quantile_cont(v.result, {int(name[1:]) / 100})"


def _periods(query: AggregateQuery) -> tuple[str, list[Any]]:
    """Return the periods as a relation: the start of each and how long it lasts, in microseconds."""
    if query.edges is None:
        return "p AS (SELECT DISTINCT time AS start, 0 AS lasts FROM v)", []
    # What comes after the last edge falls in a period that lasts for no known time, and meets nothing.
    return (
        "p AS (SELECT start, epoch_us(lead(start) OVER (ORDER BY start)) - epoch_us(start) AS lasts "
        "FROM (SELECT unnest(?::TIMESTAMP[]) AS start))",
        [[naive(edge) for edge in query.edges]],
    )
