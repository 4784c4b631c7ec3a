"""Observations: load, one series, all at an instant, small upserts, beside pyarrow on the same Parquet."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from twin.store import OPERATOR, Commit, ObservationQuery, StagedSeries, Store
from twin.store.embedded import open_store
from twin.tables import OBSERVATION_SCHEMA
from twin.testing import samples
from twin.time import TimeSpan

STREAMS = 1_000
DAYS = 60
PER_DAY = 96  # a value every quarter of an hour
_UPSERTS = 500


def _write(folder: Path, streams: int) -> list[str]:
    """Write the observations as Parquet files sorted by (datastream, time), a hundred streams each."""
    names = []
    count = DAYS * PER_DAY
    start = np.datetime64(samples.START.replace(tzinfo=None), "us")
    times = start + np.arange(count) * np.timedelta64(900_000_000, "us")
    values = 20 + 8 * np.sin(np.arange(count) / PER_DAY * 2 * np.pi)
    for first in range(0, streams, 100):
        ids = pa.array([f"b{k:06d}.air_temperature" for k in range(first, min(first + 100, streams))])
        keys = np.repeat(np.arange(len(ids), dtype=np.int32), count)
        rows = len(keys)
        moments = pa.array(np.tile(times, len(ids))).cast(pa.timestamp("us", "UTC"))
        noise = np.random.default_rng(first).normal(0, 0.5, rows)
        table = pa.table(
            {
                "datastream": pa.DictionaryArray.from_arrays(keys, ids).cast(pa.string()),
                "phenomenon_time": moments,
                "result_time": moments,
                "result": np.round(np.tile(values, len(ids)) + noise, 1),
                "result_text": pa.nulls(rows, pa.string()),
                "quality": np.zeros(rows, dtype=np.uint8),
                "quality_reason": pa.nulls(rows, pa.string()),
            },
            schema=OBSERVATION_SCHEMA,
        )
        names.append(f"observations-{first:06d}.parquet")
        pq.write_table(table, folder / names[-1], compression="zstd")
    return names


def _median(action: Callable[[], object], times: int = 15) -> float:
    """Return the median wall time of an action, in milliseconds."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        action()
        taken.append(time.perf_counter() - begun)
    return float(np.median(taken)) * 1000


def _upsert(store: Store, at: int) -> None:
    instant = samples.START + timedelta(days=DAYS, minutes=15 * at)
    table = samples.observation_table(_UPSERTS, 1)
    times = pa.array([instant] * _UPSERTS, pa.timestamp("us", "UTC"))
    samples.put_series(store, table.set_column(1, OBSERVATION_SCHEMA.field(1), times))


def run(streams: int = STREAMS) -> dict[str, float]:
    """Load, read and upsert; times in milliseconds, and their ratio to pyarrow's.

    The floor of one series and of an instant is pyarrow's own filtered scan of the same files.
    """
    report: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        store = open_store(Path(scratch, "var"), samples.CRS)
        run_record = samples.new_run()
        with store.staging(run_record.id) as folder:
            names = _write(folder, streams)
            pq.write_table(samples.datastream_table(streams, samples.series()), folder / "datastreams.parquet")
            part = StagedSeries(
                collection=samples.series(), source="bench", datastreams=("datastreams.parquet",), files=tuple(names)
            )
            rows = streams * DAYS * PER_DAY
            begun, used = time.perf_counter(), time.process_time()
            store.commit(Commit(run=run_record, series=(part,)))
            report["rows"] = rows
            report["load_us_of_cpu_a_row"] = (time.process_time() - used) / rows * 1e6
            report["load_rows_a_second"] = rows / (time.perf_counter() - begun)

            scan = ds.dataset([folder / name for name in names])
            name = f"b{streams // 2:06d}.air_temperature"
            instant = samples.START + timedelta(days=DAYS // 2)
            at = pa.scalar(instant, pa.timestamp("us", "UTC"))
            columns = ["datastream", "phenomenon_time", "result"]
            floor = {
                "one_series": lambda: scan.to_table(columns, filter=pc.field("datastream") == name),
                "an_instant": lambda: scan.to_table(columns, filter=pc.field("phenomenon_time") == at),
            }
            query = ObservationQuery(collection="observations")
            ours = {
                "one_series": query.model_copy(update={"datastreams": (name,)}),
                "an_instant": query.model_copy(update={"time": TimeSpan.at(instant)}),
            }
            for what, asked in ours.items():
                expected = floor[what]().num_rows
                found = store.observations.read(asked, OPERATOR).read_all().num_rows
                if found != expected:
                    raise AssertionError(f"{what}: {found} rows, {expected} expected")
                report[f"{what}_ms"] = _median(lambda asked=asked: store.observations.read(asked, OPERATOR).read_all())
                report[f"{what}_floor_ms"] = _median(floor[what], 5)
                report[f"{what}_ratio"] = report[f"{what}_ms"] / report[f"{what}_floor_ms"]
        page = query.model_copy(update={"limit": 1000, "after": (name, instant), "joined": True})
        report["a_page_of_1000_ms"] = _median(lambda: store.observations.read(page, OPERATOR).read_all())
        report["first_page_of_1000_ms"] = _median(
            lambda: store.observations.read(query.model_copy(update={"limit": 1000}), OPERATOR).read_all(), 5
        )
        begun = time.perf_counter()
        for batch in range(20):
            _upsert(store, batch)
        report["upsert_rows_a_second"] = 20 * _UPSERTS / (time.perf_counter() - begun)
        report["one_series_with_upserts_ms"] = _median(
            lambda: store.observations.read(ours["one_series"], OPERATOR).read_all()
        )
        report["bytes_an_observation"] = Path(scratch, "var", "twin.duckdb").stat().st_size / rows
        store.close()
    return report


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else STREAMS), indent=2))
