"""Exports of generated buildings, each in a process of its own: rows a second of CPU, memory, and the floor.

The floor is the cheapest program that could do the job: the same rows, read from Parquet and handed to
the format's own writer. Memory must not follow the rows: it is measured at two sizes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj
import shapely

from twin.export import Selection, export
from twin.model import Collection, Field, FieldType, Kind, Licence, Run, Text
from twin.store import OPERATOR, Commit, StagedFeatures
from twin.store.embedded import open_store
from twin.tables import feature_schema

ROWS = 300_000
SUFFIXES = (".gpkg", ".parquet", ".csv")
_FIELDS = tuple(
    Field(name=name, type=kind, title=Text(fr=name, en=name))
    for name, kind in (("height", FieldType.NUMBER), ("storeys", FieldType.INTEGER), ("usage", FieldType.STRING))
)
_BUILDINGS = Collection(
    id="buildings",
    kind=Kind.FEATURES,
    title=Text(fr="Bâtiments", en="Buildings"),
    description=Text(fr="Engendrés.", en="Generated."),
    fields=_FIELDS,
    geometry="Polygon",
    licence=Licence(title="CC0", attribution="-"),
    producer="-",
)


def run(rows: int = ROWS) -> dict[str, Any]:
    """Return, for each format, rows a second of CPU, its CPU over the floor's, and peak memory at two sizes."""
    results: dict[str, Any] = {"rows": rows}
    for size in (rows // 4, rows):
        with tempfile.TemporaryDirectory() as folder:
            _fill(Path(folder), size)
            for suffix in SUFFIXES:
                ours, floor = (_measured(Path(folder), suffix, how) for how in ("ours", "floor"))
                result = results.setdefault(suffix, {})
                result[f"peak_MB_at_{size}"] = round(ours["peak_MB"] - ours["start_MB"])
                if size == rows:
                    result["rows_per_cpu_second"] = round(rows / ours["seconds"])
                    if floor["seconds"]:
                        result["times_floor"] = round(ours["seconds"] / floor["seconds"], 2)
    return results


def _fill(folder: Path, rows: int) -> None:
    instant = datetime(2020, 1, 1, tzinfo=UTC)
    job = Run(id="fill", kind="ingest", name="fill", fingerprint="1", started=instant)
    with closing(open_store(folder / "var", "EPSG:2154")) as store, store.staging(job.id) as staged:
        with pq.ParquetWriter(folder / "buildings.parquet", feature_schema(_FIELDS)) as writer:
            for batch in _batches(rows):
                writer.write_batch(batch)
        os.link(folder / "buildings.parquet", staged / "buildings.parquet")
        part = StagedFeatures(collection=_BUILDINGS, source="fill", files=("buildings.parquet",))
        store.commit(Commit(run=job, features=(part,)))


def _batches(rows: int) -> Iterator[pa.RecordBatch]:
    shape = feature_schema(_FIELDS)
    for start in range(0, rows, 50_000):
        number = np.arange(start, min(start + 50_000, rows))
        x, y = 700_000 + 15.0 * (number % 2_000), 6_200_000 + 15.0 * (number // 2_000)
        count = number.size
        yield pa.RecordBatch.from_arrays(
            [
                pa.array(np.char.add("b", number.astype(str))),
                pa.repeat(pa.scalar(datetime(2020, 1, 1, tzinfo=UTC), shape.field("valid_from").type), count),
                pa.nulls(count, shape.field("valid_to").type),
                pa.array(shapely.to_wkb(shapely.box(x, y, x + 10, y + 10)), pa.binary()),
                pa.array(number % 97 / 4),
                pa.array(number % 9),
                pa.repeat("housing", count),
            ],
            schema=shape,
        )


def _measured(folder: Path, suffix: str, how: str) -> dict[str, float]:
    command = [sys.executable, "-m", __spec__.name, str(folder), suffix, how]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def _main(folder: Path, suffix: str, how: str) -> None:
    target = folder / f"{how}{suffix}"
    if how == "ours":
        with closing(open_store(folder / "var", "EPSG:2154")) as store:
            start, began = _peak(), time.process_time()
            export(store, "buildings", Selection(), target, OPERATOR)
            seconds = time.process_time() - began
    else:
        start, began = _peak(), time.process_time()
        seconds = time.process_time() - began if _floor(folder / "buildings.parquet", target) else 0.0
    peak = _peak()
    print(json.dumps({"seconds": seconds, "start_MB": start, "peak_MB": peak}))


def _peak() -> float:
    """Return the greatest resident size of this process so far, in MB; getrusage would count its parent's too."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _floor(source: Path, target: Path) -> bool:
    file = pq.ParquetFile(source)
    if target.suffix == ".gpkg":
        batches = pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(65_536))
        crs = pyproj.CRS("EPSG:2154").to_wkt()
        pyogrio.write_arrow(
            batches, target, driver="GPKG", layer="b", geometry_name="geometry", geometry_type="Polygon", crs=crs
        )
    elif target.suffix == ".parquet":
        with pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
            for batch in file.iter_batches(65_536):
                writer.write_batch(batch)
    else:
        return False
    return True


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
    else:
        print(json.dumps(run(), indent=2))
