"""Urban morphology, against scenes worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import rasterio
import shapely
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin

from layers.disk import disk_shares, over_disk
from layers.grids import regular_grid, tiles
from layers.urban_morphology import layer, sums
from layers.urban_morphology.indicators import indicators
from tests.layers.layer_twin import STAMP, commit_features, empty_twin
from twin import pipeline
from twin.context import Twin
from twin.errors import BadInput, DoesNotApply
from twin.model import Field, FieldType, Text
from twin.store import OPERATOR, FeatureQuery

CRS = "EPSG:2154"
X, Y = 770_000.0, 6_280_000.0


def box(xmin: float, ymin: float, xmax: float, ymax: float) -> shapely.Polygon:
    return shapely.box(X + xmin, Y + ymin, X + xmax, Y + ymax)


def array(shapes: Sequence[shapely.Geometry]) -> np.ndarray:
    found = np.empty(len(shapes), object)
    found[:] = shapes
    return found


def field(name: str, kind: FieldType) -> Field:
    return Field(name=name, type=kind, title=Text(fr=name, en=name))


HEIGHT = (field("height", FieldType.NUMBER), field("usage", FieldType.STRING))
COVER = (field("cover", FieldType.STRING),)


def columns(
    shapes: Sequence[shapely.Geometry], since: Sequence[str | None] = (), **fields: object
) -> dict[str, object]:
    count = len(shapes)
    return {
        "id": [f"B{i}" for i in range(count)],
        "valid_from": pa.array(np.array(since or [None] * count, "M8[us]")).cast(STAMP),
        "valid_to": pa.nulls(count, STAMP),
        "geometry": shapely.to_wkb(shapes).tolist(),
        **fields,
    }


# --- Disks -----------------------------------------------------------------------------------------


@given(radius=st.floats(1, 400), cell=st.floats(5, 100))
def test_a_disk_weighs_its_own_area(radius: float, cell: float) -> None:
    shares = disk_shares(radius, cell)
    assert shares.sum() * cell**2 == pytest.approx(np.pi * radius**2)
    assert shares.min() > -1e-9
    assert shares.max() < 1 + 1e-9


def test_the_shares_of_a_disk_are_those_of_its_polygon() -> None:
    shares = disk_shares(120.0, 50.0)
    disk = shapely.Point(0, 0).buffer(120, quad_segs=2000)
    cells = [[shapely.box(x - 25, y - 25, x + 25, y + 25) for x in range(-100, 101, 50)] for y in range(-100, 101, 50)]
    assert shares == pytest.approx(shapely.area(shapely.intersection(disk, cells)) / 2500, abs=1e-6)


def test_what_is_in_one_cell_is_seen_from_the_cells_within_the_radius() -> None:
    """A disk of 50 m on cells of 50 m holds the middle cell whole, and of the others pi r2 - 2500."""
    held = np.zeros((3, 4))
    held[1, 1] = 100.0
    found = over_disk(held, disk_shares(50.0, 50.0))
    assert found[1, 1] == pytest.approx(100.0)
    assert [found[0, 1], found[2, 1], found[1, 2]] == pytest.approx([found[1, 0]] * 3)
    assert found[1, 3] == 0.0
    assert (found[1, 0] + found[0, 0]) / 100 * 2500 == pytest.approx((np.pi * 50**2 - 2500) / 4)


# --- Sums ------------------------------------------------------------------------------------------


def test_a_building_across_four_cells_shares_its_volume_and_its_facade() -> None:
    """20 m by 20 m, 10 m high, on the corner of four cells: 5 x 5, 15 x 5, 5 x 15, 15 x 15."""
    grid = regular_grid(box(0, 0, 100, 100).bounds, 50, CRS)
    found = sums.of_buildings(array([box(45, 35, 65, 55)]), np.array([10.0]), {}, grid)
    area = np.array([[5 * 15, 15 * 15], [5 * 5, 15 * 5]])
    assert found["built"] == pytest.approx(area)
    assert found["volume"] == pytest.approx(area * 10)
    assert found["facade"] == pytest.approx(area / 400 * 80 * 10)


def test_overlaps_fill_a_cell_and_no_more_and_unknown_heights_weigh_nothing() -> None:
    grid = regular_grid(box(0, 0, 50, 50).bounds, 50, CRS)
    found = sums.of_buildings(
        array([box(0, 0, 50, 50), box(0, 0, 50, 25)]), np.array([6.0, np.nan]), {"flat": np.array([True, False])}, grid
    )
    told = {name: float(values[0, 0]) for name, values in found.items()}
    assert told == pytest.approx(
        {"built": 2500, "footprint": 3750, "known_footprint": 2500, "volume": 15_000, "facade": 1200}
        | {"footprint_flat": 2500}
    )


def test_a_wall_that_two_buildings_share_is_free_above_the_lower_one() -> None:
    """Two of 10 m by 10 m, side by side, 6 m and 9 m high: 40 x 6 - 10 x 6 and 40 x 9 - 10 x 6."""
    pair = array([box(0, 0, 10, 10), box(10, 0, 20, 10), box(30, 0, 40, 10)])
    assert sums.free_facades(pair, np.array([6.0, 9.0, 0.0])).tolist() == [180.0, 300.0, 0.0]


def test_covers_are_told_apart_and_one_that_is_not_known_is_named() -> None:
    grid = regular_grid(box(0, 0, 100, 50).bounds, 50, CRS)
    shapes = array([box(0, 0, 60, 50), box(60, 0, 100, 25), box(60, 25, 100, 50)])
    codes = np.array(["CS2.2.1", "CS1.2.2", None], object)
    found = sums.of_land_cover(shapes, codes, grid)
    assert found["cover_plants"].tolist() == [[2500, 500]]
    assert found["cover_water"].tolist() == [[0, 1000]]
    assert sum(values.sum() for values in found.values()) == pytest.approx(4000)
    with pytest.raises(BadInput, match=r"'CS9' is no code of OCS GE"):
        sums.of_land_cover(shapes, np.array(["CS9", "CS1.2.2", None], object), grid)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_shares_stay_between_nothing_and_all_and_areas_add_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grid = regular_grid(box(0, 0, 500, 400).bounds, 50, CRS)
    corners = rng.uniform([0, 0], [460, 360], (40, 2))
    shapes = array(
        [box(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, rng.uniform(5, 40, (40, 2)), strict=True)]
    )
    heights = rng.choice([np.nan, 3.0, 12.0, 40.0], 40)
    covers = array([box(0, 0, 250, 400), box(250, 0, 500, 400)])
    laid = sums.of_buildings(shapes, heights, {"all": np.ones(40, bool)}, grid)
    laid |= sums.of_land_cover(covers, np.array(["CS1.1.1.2", "CS2.1.1.1"], object), grid)
    laid["area"] = np.full((8, 10), 2500.0)
    assert laid["footprint"].sum() == pytest.approx(shapely.area(shapes).sum())
    assert laid["volume"].sum() == pytest.approx(np.nansum(shapely.area(shapes) * heights))
    found = indicators(laid, disk_shares(130.0, 50.0))
    for name, values in found.items():
        if name.endswith(("_fraction", "_share", "_factor")):
            assert np.nanmin(values, initial=0) >= 0, name
            assert np.nanmax(values, initial=0) <= 1, name
    assert found["all_share"][np.isfinite(found["all_share"])] == pytest.approx(1)
    assert found["impervious_fraction"] + found["vegetation_fraction"] == pytest.approx(1)
    assert np.nanmax(found["mean_height"], initial=0) <= 40 + 1e-6


def test_a_uniform_quarter_has_the_indicators_of_its_block() -> None:
    """In each cell of 50 m one cube of 20 m: 400 / 2500 built, 1600 m2 of façade over 2100 m2 of ground."""
    grid = regular_grid(box(0, 0, 1000, 1000).bounds, 50, CRS)
    corners = [(x, y) for x in range(15, 1000, 50) for y in range(15, 1000, 50)]
    cubes = array([box(x, y, x + 20, y + 20) for x, y in corners])
    laid = sums.of_buildings(cubes, np.full(len(cubes), 20.0), {}, grid)
    found = indicators({**laid, "area": np.full((20, 20), 2500.0)}, disk_shares(150, 50))
    aspect = 0.5 * 1600 / 2100
    frontal = 1600 / (np.pi * 2500)
    expected = {
        "built_fraction": 0.16,
        "mean_height": 20.0,
        "aspect_ratio": aspect,
        "sky_view_factor": np.sqrt(aspect**2 + 1) - aspect,
        "roughness_length": min(0.15, frontal) * 20,
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(np.full((20, 20), value)), name


def test_without_buildings_the_sky_is_whole_and_without_heights_it_is_not_known() -> None:
    grid = regular_grid(box(0, 0, 100, 50).bounds, 50, CRS)
    laid = sums.of_buildings(array([box(0, 0, 10, 10)]), np.array([np.nan]), {}, grid)
    found = indicators({**laid, "area": np.array([[2500.0, 2500.0]])}, disk_shares(20, 50))
    assert found["built_fraction"][0].tolist() == pytest.approx([0.04, 0])
    assert np.isnan(found["mean_height"][0, 0])
    assert found["mean_height"][0, 1] == 0
    assert np.isnan(found["sky_view_factor"][0, 0])
    assert found["sky_view_factor"][0, 1] == 1


def test_what_lies_outside_the_area_neither_counts_nor_is_mapped() -> None:
    laid = {"area": np.array([[2500.0, 1250.0, 0.0]]), "built": np.array([[0.0, 500.0, 2500.0]])}
    laid |= {name: np.zeros((1, 3)) for name in ("footprint", "known_footprint", "volume", "facade")}
    found = indicators(laid, disk_shares(20, 50))
    assert found["built_fraction"][0, :2].tolist() == pytest.approx([0, 0.4])
    assert np.isnan(found["built_fraction"][0, 2])


# --- The layer -------------------------------------------------------------------------------------


def fill(twin: Twin) -> None:
    commit_features(twin, "communes", (), columns([box(0, 0, 400, 300)]), "Polygon")
    houses = [box(x, y, x + 30, y + 20) for x in range(10, 380, 40) for y in range(10, 280, 45)]
    houses += [box(10, 30, 40, 44)]  # shares a wall of 30 m with the first
    heights = [3.0 + i % 7 for i in range(len(houses))]
    usage = ["industrial" if i % 3 else "residential" for i in range(len(houses))]
    commit_features(twin, "buildings", HEIGHT, columns(houses, height=heights, usage=usage), "Polygon")
    covers = [box(0, 0, 200, 300), box(200, 0, 400, 150), box(200, 150, 400, 300)]
    codes = ["CS1.1.1.2", "CS2.1.1.1", "CS1.2.2"]
    commit_features(twin, "land_cover", COVER, columns(covers, cover=codes), "Polygon")
    trees = [shapely.Point(X + x, Y + 75) for x in range(5, 400, 10)]
    commit_features(twin, "trees", (), columns(trees), "Point")


def test_derived_through_the_pipeline(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        fill(twin)
        report = pipeline.derive(twin, "urban_morphology", {"radius": 100, "cell": 50})
        assert report.changed == ("urban_morphology",)
        told = twin.store.catalogue.collection("urban_morphology", OPERATOR)
        assert (told.grid.columns, told.grid.rows) == (8, 6)
        assert "100 m" in told.description.fr
        with twin.store.cubes.open("urban_morphology", OPERATOR) as cube:
            found = cube.load()
        west, east = found.sel(x=X + 25, y=Y + 175), found.sel(x=X + 375, y=Y + 275)
        assert float(west["impervious_fraction"]) == 1
        assert float(west["water_fraction"]) == 0
        assert float(east["water_fraction"]) == pytest.approx(1)
        # From the middle of the cell to the lake, whose corner is at 200, 150.
        assert float(found["water_distance"].sel(x=X + 25, y=Y + 175)) == pytest.approx(175)
        assert float(found["water_distance"].sel(x=X + 175, y=Y + 125)) == pytest.approx(np.hypot(25, 25))
        assert float(east["water_distance"]) == 0
        trees = found["tree_density"].sel(x=X + 175, y=Y + 75)
        assert 0 < float(trees) < 20
        houses = twin.store.features.read(FeatureQuery(collection="buildings"), OPERATOR).read_all()["geometry"]
        area = shapely.area(shapely.from_wkb(houses.to_numpy())).sum()
        assert float(found["built_fraction"].mean()) * 400 * 300 == pytest.approx(area, rel=0.05)
        assert "altitude" not in found
        assert pipeline.derive(twin, "urban_morphology", {"radius": 100, "cell": 50}).run is None


def test_tiles_give_the_same_as_the_whole(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        fill(twin)
        parameters = layer.Parameters(cell=20)
        sources = layer.find_sources(twin, parameters)
        grid = regular_grid(box(0, 0, 400, 300).bounds, 20, CRS)
        whole = layer.tile_sums(twin, sources, parameters, grid)
        for (rows, across), tile in tiles(grid, 4):
            for name, values in layer.tile_sums(twin, sources, parameters, tile).items():
                assert values == pytest.approx(whole[name][rows, across], abs=1e-6), name


def test_a_tile_without_anything_is_open_ground(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_features(twin, "communes", (), columns([box(0, 0, 3000, 50)]), "Polygon")
        told = columns([box(0, 0, 25, 50)], height=[5.0], usage=["residential"])
        commit_features(twin, "buildings", HEIGHT, told, "Polygon")
        commit_features(twin, "land_cover", COVER, columns([box(0, 0, 50, 50)], cover=["CS2.2.1"]), "Polygon")
        pipeline.derive(twin, "urban_morphology", {"radius": 20})
        with twin.store.cubes.open("urban_morphology", OPERATOR) as cube:
            far = cube.isel(x=-1, y=0).load()
            assert cube["built_fraction"].isel(x=0, y=0) == 0.5
        assert (float(far["built_fraction"]), float(far["sky_view_factor"])) == (0, 1)
        assert np.isnan(far["vegetation_fraction"])
        assert np.isnan(far["water_distance"])


def test_the_city_is_taken_at_a_date(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        houses = [box(0, 0, 50, 50), box(50, 0, 100, 50)]
        told = columns(houses, ["1990-01-01", "2010-01-01"], height=[5.0, 5.0], usage=[None, None])
        commit_features(twin, "buildings", HEIGHT, told, "Polygon")
        for date, built in ((None, [1, 1]), ("2000-01-01T00:00:00Z", [1, 0])):
            pipeline.derive(twin, "urban_morphology", {"radius": 20, **({"date": date} if date else {})})
            with twin.store.cubes.open("urban_morphology", OPERATOR) as cube:
                assert cube["built_fraction"].values.ravel().tolist() == built


def test_nothing_to_work_on_and_a_wrong_field_are_said(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        with pytest.raises(DoesNotApply, match="neither buildings nor land cover"):
            pipeline.derive(twin, "urban_morphology", {})
        fill(twin)
        with pytest.raises(BadInput, match="no field 'code'"):
            pipeline.derive(twin, "urban_morphology", {"cover_field": "code"})
        with pytest.raises(BadInput, match="larger cell"):
            pipeline.derive(twin, "urban_morphology", {"cell": 0.01})


def test_altitude_is_that_of_the_terrain_at_the_middle_of_cells(tmp_path: Path) -> None:
    """A slope of 1 m in 10 m eastward, on pixels of 20 m whose middles are not those of the cells."""
    slope = np.broadcast_to((np.arange(30) * 20 + 10) / 10, (20, 30)).astype(np.float32)
    profile = {"driver": "GTiff", "width": 30, "height": 20, "count": 1, "dtype": "float32", "crs": CRS}
    transform = from_origin(X - 100, Y + 400, 20, 20)
    with rasterio.open(tmp_path / "dem.tif", "w", **profile, transform=transform) as raster:
        raster.write(slope, 1)
    text = {"fr": "Relief", "en": "Terrain"}
    told = {"title": text, "description": text}
    coverage = {"collection": "terrain", "property": "altitude", "cell": 20}
    manifest = {
        **told,
        "dataset": "dem",
        "producer": "IGN",
        "licence": {"title": "Licence Ouverte 2.0", "attribution": "IGN"},
        "collections": {"terrain": {**told, "observed_properties": ["altitude"]}},
        "parts": [{"source": "raster", "files": ["dem.tif"], "coverage": coverage}],
    }
    (tmp_path / "manifest.yml").write_text(yaml.safe_dump(manifest), "utf-8")
    with empty_twin(tmp_path / "var") as twin:
        pipeline.ingest(twin, tmp_path / "manifest.yml")
        fill(twin)
        pipeline.derive(twin, "urban_morphology", {})
        with twin.store.cubes.open("urban_morphology", OPERATOR) as cube:
            altitude = cube["altitude"].load()
    assert altitude.values == pytest.approx(np.broadcast_to((altitude["x"].values - (X - 100)) / 10, (6, 8)), abs=1e-3)
