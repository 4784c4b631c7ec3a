"""Vector tiles read back by GDAL."""

from __future__ import annotations

import math
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pyogrio
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes import mvt
from tests.scenes.small_city import COVERS, X, Y

TO_CRS84 = pyproj.Transformer.from_crs("EPSG:2154", "OGC:CRS84", always_xy=True)
TO_MERCATOR = pyproj.Transformer.from_crs("EPSG:2154", "EPSG:3857", always_xy=True)
FROM_MERCATOR = pyproj.Transformer.from_crs("EPSG:3857", "EPSG:2154", always_xy=True)


def tile_of(z: int, x: float, y: float) -> tuple[int, int]:
    lon, lat = TO_CRS84.transform(x, y)
    row = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * 2**z), int(row * 2**z)


def layers(data: bytes, folder: Path, z: int, x: int, y: int) -> dict[str, pa.Table]:
    """Read a tile as GDAL does, geometries in EPSG:3857."""
    file = folder / f"{z}" / f"{x}" / f"{y}.pbf"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return {name: pyogrio.read_arrow(file, layer=name, CLIP="NO")[1] for name, _ in pyogrio.list_layers(file)}


def shapes(table: pa.Table) -> np.ndarray:
    return shapely.from_wkb(table["wkb_geometry"].to_numpy())


def ask(client: httpx.Client, z: int, x: int, y: int, **query: str) -> httpx.Response:
    return client.get(f"/scenes/tiles/{z}/{x}/{y}.mvt", params=query)


def test_a_tile_holds_its_layers_in_place_with_what_is_drawn(client: httpx.Client, tmp_path: Path) -> None:
    x, y = tile_of(14, X + 500, Y + 400)
    answer = ask(client, 14, x, y, collections="land_cover,streets", datetime="2026-07-05T00:00:00Z")
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    read = layers(answer.content, tmp_path, 14, x, y)
    cover, streets = read["land_cover"], read["streets"]
    assert dict(zip(cover["id"].to_pylist(), cover["cover"].to_pylist(), strict=True)) == dict.fromkeys(
        ["west", "east"], COVERS[0]
    )
    assert len(streets) == 30
    assert "Rue 7" in streets["name"].to_pylist()
    west = shapes(cover)[cover["id"].to_pylist().index("west")]
    back = shapely.transform(west, lambda points: np.column_stack(FROM_MERCATOR.transform(*points.T)))
    step = 40_075_017 / 2**14 / 4096
    assert back.within(shapely.box(X, Y, X + 500, Y + 800).buffer(2 * step))
    assert back.is_valid


def test_together_the_tiles_cover_the_ground_once(client: httpx.Client, tmp_path: Path) -> None:
    columns, rows = zip(*(tile_of(15, X + dx, Y + dy) for dx in (0, 1000) for dy in (0, 800)), strict=True)
    area = 0.0
    for x in range(min(columns), max(columns) + 1):
        for y in range(min(rows), max(rows) + 1):
            read = layers(ask(client, 15, x, y, collections="land_cover").content, tmp_path, 15, x, y)
            side = 40_075_016.6855785 / 2**15
            own = shapely.box(
                x * side - side * 2**14,
                side * 2**14 - (y + 1) * side,
                (x + 1) * side - side * 2**14,
                side * 2**14 - y * side,
            )
            for shape in shapes(read["land_cover"]) if "land_cover" in read else []:
                area += shapely.intersection(shape, own).area
    ground = shapely.transform(
        shapely.box(X, Y, X + 1000, Y + 800), lambda points: np.column_stack(TO_MERCATOR.transform(*points.T))
    )
    assert area == pytest.approx(ground.area, rel=0.005)


def test_time_chooses_the_versions(client: httpx.Client, tmp_path: Path) -> None:
    x, y = tile_of(13, X + 700, Y + 400)
    for when, cover in {
        "2026-07-05T00:00:00Z": COVERS[0],
        "2026-07-20T00:00:00+02:00": COVERS[1],
        None: COVERS[1],
    }.items():
        query = {"collections": "land_cover"} | ({"datetime": when} if when else {})
        table = layers(ask(client, 13, x, y, **query).content, tmp_path, 13, x, y)["land_cover"]
        assert dict(zip(table["id"].to_pylist(), table["cover"].to_pylist(), strict=True))["east"] == cover
    assert ask(client, 13, x, y, collections="land_cover", datetime="2026-06-01T00:00:00Z").content == b""


def test_far_away_there_is_less_and_elsewhere_nothing(client: httpx.Client, tmp_path: Path) -> None:
    x, y = tile_of(9, X, Y)
    read = layers(ask(client, 9, x, y, collections="streets,land_cover").content, tmp_path, 9, x, y)
    assert list(read) == ["land_cover"]
    assert ask(client, 9, x + 5, y, collections="land_cover").content == b""
    assert ask(client, 0, 0, 0, collections="land_cover").status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("3/8/0.mvt?collections=land_cover", 400, "3/8/0"),
        ("23/0/0.mvt?collections=land_cover", 400, "zoom"),
        ("3/1/1.mvt", 400, "collections"),
        ("3/1/1.mvt?collections=nothing", 404, "nothing"),
        ("3/1/1.mvt?collections=secret", 404, "secret"),
        ("3/1/1.mvt?collections=buildings", 404, "background"),
        ("3/1/1.mvt?collections=observations", 404, "timeseries"),
        ("3/1/1.mvt?collections=land_cover&datetime=yesterday", 400, "yesterday"),
        ("3/1/1.mvt?collections=land_cover&datetime=2026-07-01T00:00:00", 400, "time zone"),
        ("3/1/1.mvt?collections=land_cover&style=x", 400, "style"),
        ("3/-1/1.mvt?collections=land_cover", 404, "nothing at"),
    ],
)
def test_bad_requests_are_told(client: httpx.Client, path: str, status: int, word: str) -> None:
    answer = client.get(f"/scenes/tiles/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]


numbers = st.floats(-60, 4156)
rings = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(rings, st.integers(0, 2)), min_size=1, max_size=6))
def test_any_geometries_come_back(tmp_path_factory: pytest.TempPathFactory, given: list[object]) -> None:
    made = []
    for ring, kind in given:
        polygon = shapely.Polygon(ring).buffer(0)
        made.append([shapely.LineString(ring), polygon, shapely.MultiLineString([ring, ring[:2]])][kind])
    geometries = np.array(made, dtype=object)
    attributes = {
        "id": pa.array([f"é{at}" for at in range(len(made))]),
        "rank": pa.array([None if at == 1 else -at for at in range(len(made))], pa.int64()),
        "size": pa.array([at / 3 for at in range(len(made))]),
    }
    data = mvt.encode_layer("all", geometries, attributes)
    rounded = [shapely.transform(shape, np.rint) for shape in made]
    if not data:
        assert all(
            shape.is_empty or shape.length == 0 or shape.area == 0 < shapely.get_dimensions(shape) - 1
            for shape in rounded
        )
        return
    file = tmp_path_factory.mktemp("mvt") / "0.pbf"
    file.write_bytes(data)
    table = pyogrio.read_arrow(file, layer="all", CLIP="NO")[1]
    places = [int(name[1:]) for name in table["id"].to_pylist()]
    for at, shape in zip(places, shapes(table), strict=True):
        back = shapely.transform(shape, lambda points: np.column_stack([points[:, 0], 4096 - points[:, 1]]))
        if shapely.get_dimensions(shape) == 2:
            assert abs(back.area - made[at].area) <= made[at].length
        else:
            assert shapely.hausdorff_distance(rounded[at], back) <= 0.01
    assert table["size"].to_pylist() == [at / 3 for at in places]
    if "rank" in table.column_names:
        assert table["rank"].to_pylist() == [None if at == 1 else -at for at in places]
