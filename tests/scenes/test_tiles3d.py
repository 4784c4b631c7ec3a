"""Tilesets read back by an independent reader: nothing lost, everything in its place."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from scenes.tiles3d import Recipe, Summary, mesh, partition, write_tileset
from scenes.tiles3d.frame import Frame
from tests.scenes.glb_reader import Tile, tiles
from tests.scenes.small_city import footprints

EXTRUSION = Recipe("extrusion", "EPSG:2154")
POINT = Recipe("point", "EPSG:2154")
INSTANT = pa.timestamp("us", tz="UTC")


def write(folder: Path, recipe: Recipe, shapes: np.ndarray, **columns: object) -> tuple[Summary, list[Tile]]:
    count = len(shapes)
    table = pa.table(
        {
            "id": [f"F{at}" for at in range(count)],
            "row": pa.array(range(count), pa.uint32()),
            "valid_from": pa.nulls(count, INSTANT),
            "valid_to": pa.nulls(count, INSTANT),
            "geometry": pa.array(shapely.to_wkb(shapes), pa.binary()),
            **columns,
        }
    )
    folder.mkdir(exist_ok=True)
    summary = write_tileset(table.to_reader(max_chunksize=700), recipe, folder)
    return summary, list(tiles(folder))


def floats(values: list[float | None]) -> pa.Array:
    return pa.array(values, pa.float32())


def area_of(vertices: np.ndarray, triangles: np.ndarray) -> float:
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_every_feature_is_drawn_once_in_tiles_that_ask_few_requests(tmp_path: Path) -> None:
    summary, read = write(tmp_path, EXTRUSION, footprints(6400), height=floats([9.0] * 6400))
    ids = [name for tile in read for name in tile.properties["id"]]
    assert sorted(ids) == sorted(f"F{at}" for at in range(6400))
    assert summary.tiles == len(read) <= 7
    assert max(len(tile.properties["id"]) for tile in read) <= 1500
    assert not (tmp_path / "spool.arrow").exists()


def test_the_largest_are_seen_from_afar(tmp_path: Path) -> None:
    shapes = footprints(3000)
    shapes[1234] = shapely.box(770_000, 6_281_000, 770_200, 6_281_100)
    _, read = write(tmp_path, EXTRUSION, shapes)
    assert "F1234" in read[0].properties["id"]
    left_out = 12 * math.sqrt(2)
    assert read[0].described["geometricError"] == pytest.approx(16 * left_out)


def test_vertices_stand_where_the_footprint_does(tmp_path: Path) -> None:
    shapes = footprints(900)
    heights = 3.0 + np.arange(900) % 25
    _, read = write(tmp_path, EXTRUSION, shapes, height=floats(heights.tolist()))
    for tile in read:
        for at, name in enumerate(tile.properties["id"]):
            number = int(name[1:])
            mine = tile.features == at
            corners = shapely.points(tile.vertices[mine, :2])
            assert shapely.distance(shapes[number].boundary, corners).max() < 0.03
            tops = tile.vertices[mine, 2]
            assert tops.max() == pytest.approx(heights[number], abs=0.03)
            assert tops.min() == pytest.approx(0, abs=0.03)
            assert tile.properties["height"][at] == pytest.approx(heights[number])


def test_walls_and_roof_close_the_volume_around_a_courtyard(tmp_path: Path) -> None:
    footprint = footprints(1)[0]
    assert len(footprint.interiors) == 1
    _, (tile,) = write(tmp_path, EXTRUSION, np.array([footprint]), height=floats([10.0]))
    assert tile.normals is not None
    assert tile.triangles is not None
    roofs = tile.normals[tile.triangles[:, 0], 2] > 0.9
    assert area_of(tile.local, tile.triangles[roofs]) == pytest.approx(12 * 12 - 4 * 4, rel=0.01)
    assert area_of(tile.local, tile.triangles[~roofs]) == pytest.approx((4 * 12 + 4 * 4) * 10, rel=0.01)
    # Faces turn as their normals say, and the normals lead out of the walls.
    a, b, c = (tile.local[tile.triangles[:, corner]] for corner in range(3))
    turned = np.cross(b - a, c - a)
    turned /= np.linalg.norm(turned, axis=1)[:, None]
    assert (np.einsum("ij,ij->i", turned, tile.normals[tile.triangles[:, 0]]) > 0.95).all()
    # The volume enclosed by the faces and the ground, by the divergence theorem.
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    assert volume == pytest.approx((12 * 12 - 4 * 4) * 10, rel=0.02)


@given(st.lists(st.floats(0.3, 1.0), min_size=3, max_size=14), st.floats(0, 6.28), st.booleans())
def test_any_star_shaped_footprint_has_its_whole_roof(radii: list[float], turn: float, clockwise: bool) -> None:
    angles = turn + np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    ring = np.column_stack([np.cos(angles), np.sin(angles)]) * (np.array(radii) * 20)[:, None] + [770_000, 6_280_000]
    footprint = shapely.Polygon(ring[::-1] if clockwise else ring)
    frame = Frame.at(3.8669, 43.6155)
    shape = mesh.extrusions(np.array([footprint]), np.array([7.0]), frame, "EPSG:2154")
    assert shape is not None
    assert shape.normals is not None
    assert shape.triangles is not None
    roofs = shape.normals[shape.triangles[:, 0], 2] > 0.9
    assert area_of(shape.positions, shape.triangles[roofs]) == pytest.approx(footprint.area, rel=1e-3)
    assert (~roofs).sum() == 2 * len(radii)


def test_what_has_no_area_is_skipped_and_counted(tmp_path: Path) -> None:
    good = footprints(3)
    line = shapely.Polygon([(770_000, 6_280_000), (770_001, 6_280_001), (770_000, 6_280_000)])
    shapes = np.array(
        [good[0], line, None, shapely.Polygon(), shapely.Point(770_000, 6_280_000), good[1]], dtype=object
    )
    summary, (tile,) = write(tmp_path, EXTRUSION, shapes, height=floats([4, 4, 4, 4, 4, 5]))
    assert tile.properties["id"] == ["F0", "F5"]
    assert tile.properties["height"] == [4, 5]
    assert (summary.features, summary.skipped) == (2, 4)


def test_a_multipolygon_is_one_feature_and_one_part_may_be_nothing(tmp_path: Path) -> None:
    one, two = footprints(2)
    sliver = shapely.Polygon([(770_000, 6_280_000), (770_001, 6_280_001), (770_000, 6_280_000)])
    summary, (tile,) = write(tmp_path, EXTRUSION, np.array([shapely.MultiPolygon([one, sliver, two])]))
    assert tile.properties["id"] == ["F0"]
    assert summary.features == 1
    assert set(tile.features.tolist()) == {0}
    assert np.ptp(tile.vertices[:, 0]) == pytest.approx(32, abs=0.05)


def test_heights_of_the_footprint_are_not_stacked_on_its_own_height(tmp_path: Path) -> None:
    flat = footprints(1)[0]
    raised = shapely.force_3d(flat, 550.0)
    _, (tile,) = write(tmp_path, EXTRUSION, np.array([raised]), height=floats([10.0]))
    assert tile.vertices[:, 2].max() == pytest.approx(10, abs=0.03)


def test_an_unknown_height_is_one_storey_and_told(tmp_path: Path) -> None:
    summary, (tile,) = write(tmp_path, EXTRUSION, footprints(4), height=floats([None, 0.0, -2.0, 8.0]))
    assert summary.unknown_heights == 3
    assert math.isnan(tile.properties["height"][0])
    for at in range(3):
        assert tile.vertices[tile.features == at, 2].max() == pytest.approx(3, abs=0.03)


def test_lifespans_are_days_and_open_sides_are_far(tmp_path: Path) -> None:
    built = datetime(2026, 7, 12, 18, tzinfo=UTC)
    days = (built - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() / 86400
    _, (tile,) = write(
        tmp_path,
        EXTRUSION,
        footprints(2),
        valid_from=pa.array([built, None], INSTANT),
        valid_to=pa.array([None, built], INSTANT),
    )
    assert tile.properties["valid_from"] == [pytest.approx(days, abs=0.002), -1e9]
    assert tile.properties["valid_to"] == [1e9, pytest.approx(days, abs=0.002)]


def test_points_keep_their_place_names_and_values(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    places = generator.uniform([770_000, 6_280_000], [776_000, 6_284_000], (12_000, 2))
    places[5] = places[6]
    names = ["" if at % 2 else f"Lampadaire n° {at}" for at in range(12_000)]
    colours = floats([math.nan if at % 7 == 0 else at / 4 for at in range(12_000)])
    summary, read = write(tmp_path, POINT, shapely.points(places), label=names, colour=colours)
    assert summary.features == 12_000
    assert summary.tiles == len(read) <= 5
    assert all(tile.triangles is None and tile.normals is None for tile in read)
    numbers = np.array([int(name[1:]) for tile in read for name in tile.properties["id"]])
    assert sorted(numbers.tolist()) == list(range(12_000))
    found = np.concatenate([tile.vertices for tile in read])
    assert np.abs(found[:, :2] - places[numbers]).max() < 0.1
    assert found[:, 2] == pytest.approx(1.5, abs=0.06)
    assert [label for tile in read for label in tile.properties["label"]] == [names[at] for at in numbers]
    assert [row for tile in read for row in tile.properties["row"]] == numbers.tolist()
    values = np.array([value for tile in read for value in tile.properties["colour"]])
    assert np.array_equal(values, colours.to_numpy()[numbers], equal_nan=True)


def test_the_first_points_cover_the_whole_city(tmp_path: Path) -> None:
    at = np.arange(20_000)
    places = np.column_stack([770_000 + at % 200 * 50.0, 6_280_000 + at // 200 * 50.0])
    _, read = write(tmp_path, POINT, shapely.points(places))
    first = read[0].vertices
    assert np.ptp(first[:, 0]) > 9_000
    assert np.ptp(first[:, 1]) > 4_500


def test_nothing_to_draw_is_a_tileset_without_content(tmp_path: Path) -> None:
    for name, shapes in {"empty": [], "placeless": [None, shapely.Polygon()]}.items():
        summary, read = write(tmp_path / name, EXTRUSION, np.array(shapes, dtype=object))
        assert read == []
        assert (summary.features, summary.skipped) == (0, len(shapes))


def test_any_number_of_objects_may_stand_at_one_place() -> None:
    spot = np.zeros(5_000)
    tree = partition.build(spot, spot, np.arange(5_000), capacity=100)

    def collect(node: partition.Node) -> list[int]:
        assert len(node.features) <= 150
        return node.features.tolist() + [at for child in node.children for at in collect(child)]

    assert sorted(collect(tree)) == list(range(5_000))


def test_the_buildings_of_a_real_commune_are_all_drawn(shared_data: Path, tmp_path: Path) -> None:
    (file,) = (shared_data / "buildings" / "bdtopo_12174").rglob("BATIMENT.shp")
    source = pyogrio.read_arrow(file, columns=["HAUTEUR"])[1]
    shapes = shapely.from_wkb(source["wkb_geometry"].to_numpy())
    summary, read = write(tmp_path, EXTRUSION, shapes, height=source["HAUTEUR"].cast(pa.float32()).combine_chunks())
    assert (summary.features, summary.skipped) == (2273, 0)
    assert summary.unknown_heights == 269 + 15
    assert summary.size / summary.features < 100
    for tile in read:
        assert tile.normals is not None
        assert tile.triangles is not None
        numbers = [int(name[1:]) for name in tile.properties["id"]]
        roofs = tile.triangles[tile.normals[tile.triangles[:, 0], 2] > 0.9]
        # Lengths in Lambert-93 differ a little from those on the ground, and positions are rounded to 2 cm.
        drawn = area_of(tile.local, roofs)
        assert drawn == pytest.approx(shapely.area(shapes[numbers]).sum(), rel=0.005)
