"""What is selected, where it lies, and that a file appears whole or not at all."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest
import shapely

from tests.export.city import BUILDINGS, HOURS, ORIGIN, START, STATIONS, buildings
from twin.crs import BBox
from twin.errors import BadInput, NotFound, StoreFault, TooLarge
from twin.export import Selection, export
from twin.store import OPERATOR, FeatureQuery, ObservationQuery, Principal, Store
from twin.time import TimeSpan


def _read(path: Path) -> tuple[dict[str, object], pa.Table]:
    if path.suffix == ".parquet":
        return {}, pq.read_table(path)
    return pyogrio.read_arrow(path)


def _geometries(path: Path) -> np.ndarray:
    _, table = _read(path)
    return shapely.from_wkb(table.column("geometry").to_numpy())


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet", ".csv"])
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("buildings", BUILDINGS),
        ("stations", len(STATIONS)),
        ("datastreams", len(STATIONS)),
        ("observations", len(STATIONS) * HOURS),
        ("heat", 3 * 6 * 4),
    ],
)
def test_every_kind_of_collection_is_written_whole(
    store: Store, tmp_path: Path, name: str, rows: int, suffix: str
) -> None:
    path = tmp_path / f"{name}{suffix}"
    assert export(store, name, Selection(), path, OPERATOR) == rows
    told, table = _read(path)
    assert table.num_rows == rows
    assert list(tmp_path.iterdir()) == [path]
    if suffix == ".gpkg":
        assert told["crs"] == "EPSG:2154"


def test_values_and_lifespans_are_those_of_the_store(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "buildings.gpkg"
    export(store, "buildings", Selection(), path, OPERATOR)
    _, table = _read(path)
    expected = buildings()
    for name in expected.schema.names:
        if name != "geometry":
            found = table.column(name).cast(expected.schema.field(name).type)
            assert found.to_pylist() == expected.column(name).to_pylist(), name
    squares = shapely.from_wkb(expected.column("geometry").to_numpy(zero_copy_only=False))
    assert shapely.equals(_geometries(path), squares).all()


def test_accents_survive(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "stations.gpkg"
    export(store, "stations", Selection(), path, OPERATOR)
    assert tuple(_read(path)[1].column("name").to_pylist()) == STATIONS


@pytest.mark.parametrize(
    ("asked", "written"), [("EPSG:3857", "EPSG:3857"), ("OGC:CRS84", "EPSG:4326"), ("EPSG:4326", "EPSG:4326")]
)
def test_coordinates_are_right_to_a_millimetre(store: Store, tmp_path: Path, asked: str, written: str) -> None:
    path = tmp_path / "stations.gpkg"
    export(store, "stations", Selection(crs=asked), path, OPERATOR)
    told, table = _read(path)
    assert told["crs"] == written
    points = shapely.from_wkb(table.column("geometry").to_numpy())
    back = pyproj.Transformer.from_crs(asked, "EPSG:2154", always_xy=True)
    x, y = back.transform(shapely.get_x(points), shapely.get_y(points))
    assert np.abs(x - (ORIGIN[0] + 1_000 * np.arange(len(STATIONS)))).max() < 1e-3
    assert np.abs(y - ORIGIN[1]).max() < 1e-3
    assert shapely.get_z(points).tolist() == [12.5, 13.5, 14.5]


def test_ogrinfo_reads_the_same(store: Store, tmp_path: Path) -> None:
    ogrinfo = shutil.which("ogrinfo")
    if ogrinfo is None:
        pytest.skip("ogrinfo (package gdal-bin) is absent")
    path = tmp_path / "observations.gpkg"
    export(store, "observations", Selection(), path, OPERATOR)
    done = subprocess.run([ogrinfo, "-so", path, "observations"], capture_output=True, text=True, check=True)
    told = done.stdout
    assert done.stderr == ""
    assert f"Feature Count: {len(STATIONS) * HOURS}" in told
    assert "phenomenon_time: DateTime" in told
    assert 'ID["EPSG",2154]]' in told


def test_bbox_takes_what_meets_it_in_its_own_crs(store: Store, tmp_path: Path) -> None:
    lambert = BBox(xmin=ORIGIN[0] + 5, ymin=ORIGIN[1] - 5, xmax=ORIGIN[0] + 195, ymax=ORIGIN[1] + 5, crs="EPSG:2154")
    for box in (lambert, lambert.to("OGC:CRS84")):
        path = tmp_path / "buildings.gpkg"
        found = export(store, "buildings", Selection(bbox=box), path, OPERATOR)
        assert found == 10
        query = FeatureQuery(collection="buildings", region=box.polygon("EPSG:2154").wkb)
        assert found == store.features.count(query, OPERATOR)


def test_datetime_takes_the_city_as_it_stood(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "buildings.parquet"
    after = TimeSpan.at(datetime(2026, 7, 20, tzinfo=UTC))
    assert export(store, "buildings", Selection(time=after), path, OPERATOR) == BUILDINGS // 2
    first_day = TimeSpan.parse("2026-07-01")
    assert export(store, "buildings", Selection(time=first_day), path, OPERATOR) == BUILDINGS // 10


def test_observations_have_their_object_unit_and_quality(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "observations.parquet"
    morning = TimeSpan.parse("2026-07-01T06:00:00Z/2026-07-01T11:00:00Z")
    box = BBox(xmin=ORIGIN[0] - 1, ymin=ORIGIN[1] - 1, xmax=ORIGIN[0] + 1, ymax=ORIGIN[1] + 1, crs="EPSG:2154")
    assert export(store, "observations", Selection(time=morning, bbox=box), path, OPERATOR) == 6
    assert (
        store.observations.count(
            ObservationQuery(collection="observations", time=morning, region=box.polygon("EPSG:2154").wkb), OPERATOR
        )
        == 6
    )
    row = pq.read_table(path).slice(4, 1).to_pylist()[0]
    assert row["object_id"] == "s0"
    assert row["object_collection"] == "stations"
    assert row["observed_property"] == "air_temperature"
    assert row["unit"] == "Cel"
    assert (row["quality"], row["quality_reason"]) == ("step", "saut de 12 K")
    assert row["phenomenon_time"] == START.replace(hour=10)
    assert row["result"] == 20 + 10 / 16
    assert shapely.from_wkb(row["geometry"]).equals(shapely.Point(ORIGIN[0], ORIGIN[1]))


def test_coverage_is_cells_and_steps(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "heat.parquet"
    box = BBox(xmin=ORIGIN[0] + 10, ymin=ORIGIN[1] + 10, xmax=ORIGIN[0] + 110, ymax=ORIGIN[1] + 90, crs="EPSG:2154")
    first_hours = TimeSpan.parse("2026-07-01T00:00:00Z/2026-07-01T01:00:00Z")
    assert export(store, "heat", Selection(bbox=box, time=first_hours), path, OPERATOR) == 4
    table = pq.read_table(path)
    assert table.column("air_temperature").to_pylist() == [None, 1, None, 25]
    assert table.column("time").to_pylist() == [START, START, START.replace(hour=1), START.replace(hour=1)]
    square = shapely.box(ORIGIN[0] + 100, ORIGIN[1], ORIGIN[0] + 200, ORIGIN[1] + 100)
    assert shapely.equals(_geometries(path)[1], square)


def test_more_rows_than_allowed_are_refused_before_anything_is_written(store: Store, tmp_path: Path) -> None:
    for name, rows in (("buildings", BUILDINGS), ("observations", len(STATIONS) * HOURS), ("heat", 72)):
        path = tmp_path / f"{name}.csv"
        with pytest.raises(TooLarge, match=f"{rows} rows .* {rows - 1} at most"):
            export(store, name, Selection(), path, OPERATOR, maximum=rows - 1)
        assert export(store, name, Selection(), path, OPERATOR, maximum=rows) == rows
        path.unlink()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "file", "selection", "words"),
    [
        ("buildings", "b.shp", Selection(), r"\.csv, \.gpkg, \.parquet"),
        ("buildings", "b", Selection(), r"\.csv, \.gpkg, \.parquet"),
        ("buildings", "b.gpkg", Selection(crs="EPSG:99999"), "EPSG:99999"),
        ("buildings", "b.gpkg", Selection(crs="EPSG:5720"), "EPSG:2154, say"),
        ("buildings", "b.gpkg", Selection(crs="ESRI:102036"), "outside the area of ESRI:102036"),
        ("meters", "m.csv", Selection(), "P1D"),
        ("buildings", "absent/b.gpkg", Selection(), "absent"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    store: Store, tmp_path: Path, name: str, file: str, selection: Selection, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        export(store, name, selection, tmp_path / file, OPERATOR)
    assert not list(tmp_path.iterdir())


def test_a_suffix_in_capitals_is_the_same(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "STATIONS.GPKG"
    export(store, "stations", Selection(), path, OPERATOR)
    assert pyogrio.read_info(path)["driver"] == "GPKG"


def test_a_hidden_collection_does_not_exist(store: Store, tmp_path: Path) -> None:
    public = Principal(name="public", hidden=frozenset({"buildings"}))
    with pytest.raises(NotFound):
        export(store, "buildings", Selection(), tmp_path / "b.gpkg", public)


def test_a_former_file_stays_when_the_export_fails(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "heat.gpkg"
    path.write_bytes(b"former")
    far = Selection(time=None, crs="EPSG:5720")
    with pytest.raises(BadInput):
        export(store, "heat", far, path, OPERATOR)
    assert path.read_bytes() == b"former"
    export(store, "heat", Selection(), path, OPERATOR)
    assert pyogrio.read_info(path)["features"] == 72


@pytest.mark.parametrize("suffix", [".gpkg", ".parquet", ".csv"])
def test_a_full_disk_is_told_and_leaves_nothing(store: Store, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"buildings{suffix}"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(StoreFault, match="room left"):
            export(store, "buildings", Selection(), path, OPERATOR)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())


def test_a_killed_export_shows_nothing_and_the_next_sweeps_it(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "buildings.csv"
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from twin.export.files import appearing

        with appearing(Path(sys.argv[1])) as partial:
            partial.write_bytes(b"half")
            print("writing", flush=True)
            time.sleep(600)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    assert not path.exists()
    assert export(store, "buildings", Selection(), path, OPERATOR) == BUILDINGS
    assert len(list(tmp_path.iterdir())) == 2, "the folder of a living export stays"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    export(store, "buildings", Selection(), path, OPERATOR)
    assert list(tmp_path.iterdir()) == [path]
