"""Real GIS clients read the served demo city: QGIS, GDAL's command line and GDAL in pyogrio's wheel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pyogrio
import pytest

from twin.crs import BBox, uri

COLLECTIONS = ("buildings", "stations")


def _matched(url: str, collection: str, **parameters: str) -> int:
    answer = httpx.get(f"{url}/ogc/collections/{collection}/items", params={"limit": "1", **parameters})
    return int(answer.json()["numberMatched"])


def _middle(url: str, collection: str) -> list[float]:
    xmin, ymin, xmax, ymax = httpx.get(f"{url}/ogc/collections/{collection}?f=json").json()["extent"]["spatial"][
        "bbox"
    ][0]
    width, height = xmax - xmin, ymax - ymin
    return [xmin + 0.3 * width, ymin + 0.3 * height, xmax - 0.3 * width, ymax - 0.3 * height]


@pytest.fixture(scope="module")
def pyqgis() -> Path:
    """Return the Python that has PyQGIS, or skip."""
    python = Path("/usr/bin/python3")
    found = (
        python.exists()
        and not subprocess.run([python, "-c", "import qgis.core"], check=False, capture_output=True).returncode
    )
    if not found:
        pytest.skip("QGIS (Debian: qgis python3-qgis qgis-providers) is absent")
    return python


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_qgis_reads_every_feature(served_demo: str, pyqgis: Path, tmp_path: Path, collection: str) -> None:
    box = _middle(served_demo, collection)
    done = subprocess.run(
        [pyqgis, Path(__file__).with_name("qgis_reads.py"), f"{served_demo}/ogc", collection, *map(str, box)],
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
        env={"HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    assert done.stdout, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    total = _matched(served_demo, collection)
    assert seen["valid"]
    assert seen["count"] == seen["read"] == total > 0
    assert seen["fields"]["valid_from"].lower() == "datetime"
    assert 0 < seen["in_box"] < total


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_ogr2ogr_takes_every_feature_away(served_demo: str, tmp_path: Path, collection: str) -> None:
    if shutil.which("ogr2ogr") is None:
        pytest.skip("GDAL's tools (Debian: gdal-bin) are absent")
    target = tmp_path / "taken.gpkg"
    subprocess.run(
        ["ogr2ogr", "-f", "GPKG", "-t_srs", "EPSG:2154", target, f"OAPIF:{served_demo}/ogc", collection],
        check=True,
        timeout=240,
    )
    info = pyogrio.read_info(target)
    assert info["features"] == _matched(served_demo, collection)
    assert info["crs"] == "EPSG:2154"


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_gdal_asks_for_lambert_93_itself(served_demo: str, collection: str) -> None:
    source = f"OAPIF:{served_demo}/ogc"
    info = pyogrio.read_info(source, layer=collection, CRS="EPSG:2154", force_feature_count=True)
    assert info["crs"] == "EPSG:2154"
    assert info["features"] == _matched(served_demo, collection)
    # The layer opens in the CRS of storage, so that is what its boxes are in.
    assert pyogrio.read_info(source, layer=collection)["crs"] == "EPSG:2154"
    west, south, east, north = _middle(served_demo, collection)
    box = BBox(xmin=west, ymin=south, xmax=east, ymax=north).to("EPSG:2154").as_list()
    _, table = pyogrio.read_arrow(source, layer=collection, bbox=tuple(box))
    selected = {"bbox": ",".join(map(str, box)), "bbox-crs": uri("EPSG:2154")}
    assert 0 < table.num_rows == _matched(served_demo, collection, **selected)


def test_gdal_has_the_server_filter(served_demo: str) -> None:
    """GDAL sends what it can of a WHERE as CQL2, and gets no other feature."""
    read = "import pyogrio, sys; print(len(pyogrio.read_arrow(sys.argv[1], layer='buildings', where=sys.argv[2])[1]))"
    for where, cql2 in (
        ("height > 9 AND (storeys = 2 OR public = 1)", "height > 9 AND (storeys = 2 OR public = 1)"),
        ("valid_from < '1970/01/01 00:00:00'", "valid_from < TIMESTAMP('1970-01-01T00:00:00Z')"),
        ("NOT usage = 'residential'", "usage <> 'residential'"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", read, f"OAPIF:{served_demo}/ogc", where],
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "CPL_DEBUG": "HTTP"},
        )
        # Its first look is at twenty items, for their fields.
        asked = [line for line in done.stderr.splitlines() if "/items?" in line and "limit=20)" not in line]
        assert asked, done.stderr
        assert all("filter=" in line for line in asked), asked
        assert int(done.stdout) == _matched(served_demo, "buildings", filter=cql2) > 0, where
