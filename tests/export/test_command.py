"""``twin export``, as a planner runs it on the demo city."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from tests.installation import Installation


def test_a_box_and_a_date_in_another_crs(demo: Installation, tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.parquet", tmp_path / "part.gpkg"
    assert demo.run("export", "buildings", str(whole)).returncode == 0
    told = pq.read_table(whole, columns=["geometry", "valid_from", "valid_to"])
    geometries = shapely.from_wkb(told.column("geometry").to_numpy())
    xmin, ymin, xmax, ymax = shapely.total_bounds(geometries)
    middle = (xmin, ymin, (xmin + xmax) / 2, (ymin + ymax) / 2)
    box = ",".join(str(float(side)) for side in middle)
    done = demo.run(
        "export", "buildings", str(part), "--bbox", box, "--bbox-crs", "EPSG:2154",
        "--datetime", "2013-10-03T00:00:00Z", "--crs", "EPSG:3857",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    day = datetime(2013, 10, 3, tzinfo=UTC)
    standing = [
        inside and row["valid_from"] <= day and (row["valid_to"] is None or row["valid_to"] > day)
        for inside, row in zip(
            shapely.intersects(geometries, shapely.box(*middle)).tolist(),
            told.drop_columns("geometry").to_pylist(),
            strict=True,
        )
    ]
    found = pyogrio.read_info(part)
    assert 0 < found["features"] == sum(standing) < len(standing)
    assert found["crs"] == "EPSG:3857"
    assert f"{found['features']:,} rows of buildings" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing", "n.gpkg"), "nothing"),
        (("buildings", "b.shp"), ".gpkg"),
        (("buildings", "b.gpkg", "--bbox", "1,2,3"), "xmin,ymin,xmax,ymax"),
        (("buildings", "b.gpkg", "--datetime", "yesterday"), "yesterday"),
        (("buildings", "b.gpkg", "--crs", "EPSG:0"), "EPSG:0"),
        (("buildings", "absent/b.gpkg"), "absent"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    demo: Installation, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    collection, file, *options = arguments
    done = demo.run("export", collection, str(tmp_path / file), *options)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr
    assert not list(tmp_path.iterdir())
