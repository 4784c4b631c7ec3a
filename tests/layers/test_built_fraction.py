"""Built fraction, against areas worked out by hand and against whole unions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely

from layers.built_fraction import built_area, yearly
from layers.grids import cell_areas, regular_grid
from tests.layers.layer_twin import STAMP, commit_features, empty_twin
from twin import pipeline
from twin.crs import BBox
from twin.errors import BadInput, DoesNotApply
from twin.model import Grid
from twin.store import OPERATOR

CRS = "EPSG:2154"
X, Y = 770_000.0, 6_280_000.0


def grid(columns: int, rows: int, cell: float = 50.0) -> Grid:
    box = BBox(xmin=X, ymin=Y, xmax=X + columns * cell, ymax=Y + rows * cell, crs=CRS)
    return Grid(bbox=box, columns=columns, rows=rows)


def box(xmin: float, ymin: float, xmax: float, ymax: float) -> shapely.Polygon:
    return shapely.box(X + xmin, Y + ymin, X + xmax, Y + ymax)


def static(polygons: list[shapely.Geometry], where: Grid) -> np.ndarray:
    nat = np.full(len(polygons), np.datetime64("NaT", "us"))
    return built_area([(np.array(polygons, object), nat, nat)], where, None)


def test_a_footprint_is_shared_among_the_cells_it_meets() -> None:
    """20 m by 20 m on the corner of four cells: 5 x 5, 15 x 5, 5 x 15, 15 x 15; rows go north."""
    areas = static([box(45, 35, 65, 55)], grid(2, 2))
    assert areas == pytest.approx(np.array([[5 * 15, 15 * 15], [5 * 5, 15 * 5]]))


def test_courtyards_multipolygons_and_what_lies_outside() -> None:
    court = box(0, 0, 40, 40).difference(box(10, 10, 30, 30))
    two = shapely.MultiPolygon([box(0, 50, 10, 60), box(60, 60, 70, 70)])
    outside = box(-30, 20, 20, 30)
    away = box(500, 500, 600, 600)
    nothing = shapely.Polygon()
    areas = static([court, two, outside, away, nothing], grid(2, 2))
    assert areas == pytest.approx(np.array([[1200 + 200, 0], [100, 100]]))


def test_every_square_metre_is_counted_once() -> None:
    rng = np.random.default_rng(1)
    polygons = []
    for x, y in rng.uniform(20, 980, (300, 2)):
        points = rng.uniform(-18, 18, (8, 2)) + np.array([X + x, Y + y])
        polygons.append(shapely.MultiPoint(points).convex_hull)
    where = grid(20, 20)
    which, cells, areas = cell_areas(np.array(polygons, object), where)
    whole = shapely.intersection(polygons, shapely.box(X, Y, X + 1000, Y + 1000))
    np.testing.assert_allclose(np.bincount(which, areas), shapely.area(whole), rtol=1e-9)
    one = int(cells[np.argmax(areas)])
    cell = shapely.box(X + one % 20 * 50, Y + one // 20 * 50, X + one % 20 * 50 + 50, Y + one // 20 * 50 + 50)
    assert areas[cells == one].sum() == pytest.approx(shapely.area(shapely.intersection(polygons, cell)).sum())


def test_buildings_stand_from_and_until() -> None:
    times = np.array(["2020-01-01", "2021-01-01", "2022-01-01", "2023-01-01"], "M8[us]")
    spans = [("2020-06-01", "2022-01-01"), ("NaT", "2021-01-01"), ("2021-01-01", "NaT"), ("2021-03-01", "2021-04-01")]
    polygons = np.array([box(0, 0, 1 + i, 1) for i in range(4)], object)
    start, end = np.array(spans, "M8[us]").T
    areas = built_area([(polygons, start, end)], grid(1, 1), times)
    # On the last day itself a building is gone; on its first day it stands.
    assert areas[:, 0, 0].tolist() == [2, 1 + 3, 3, 3]


def test_years_end_with_the_last_event_and_start_with_the_first() -> None:
    def told(first: str, last: str, years: int) -> list[str]:
        found = yearly((np.datetime64(first, "us"), np.datetime64(last, "us")), years)
        return [] if found is None else found.astype("M8[D]").astype(str).tolist()

    assert told("1880-05-01", "2026-07-14", 3) == ["2024-01-01", "2025-01-01", "2026-01-01"]
    assert told("2025-05-01", "2026-07-14", 20) == ["2025-01-01", "2026-01-01"]
    assert yearly(None, 20) is None


def test_the_grid_is_at_multiples_of_the_cell() -> None:
    found = regular_grid((770_012.0, 6_280_051.0, 770_101.0, 6_280_099.0), 50, CRS)
    assert found.bbox.as_list() == [770_000, 6_280_050, 770_150, 6_280_100]
    assert (found.columns, found.rows) == (3, 1)
    with pytest.raises(BadInput, match="larger cell"):
        regular_grid((0, 0, 1e6, 1e6), 1, CRS)


def features(polygons: list[shapely.Geometry], dates: list[str | None] | None = None) -> dict[str, object]:
    count = len(polygons)
    stamps = pa.array(np.array(dates or [None] * count, "M8[us]")).cast(STAMP)
    return {
        "id": [f"B{i}" for i in range(count)],
        "valid_from": stamps,
        "valid_to": pa.nulls(count, STAMP),
        "geometry": shapely.to_wkb(shapely.force_3d(polygons, 12.0)).tolist(),
    }


def test_derived_through_the_pipeline(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_features(twin, "communes", (), features([box(-100, -100, 200, 150)]), "Polygon")
        polygons = [box(0, 0, 25, 50), box(100, 100, 110, 110)]
        commit_features(twin, "buildings", (), features(polygons, ["1990-01-01", "2024-06-01"]), "Polygon")
        report = pipeline.derive(twin, "built_fraction", {"years": 3})
        assert report.changed == ("built_fraction",)
        told = twin.store.catalogue.collection("built_fraction", OPERATOR)
        assert told.grid.bbox.as_list() == [X - 100, Y - 100, X + 200, Y + 150]
        assert [str(instant.date()) for instant in told.temporal] == ["2022-01-01", "2024-01-01"]
        with twin.store.cubes.open("built_fraction", OPERATOR) as cube:
            fraction = cube["built_fraction"]
            assert fraction.dtype == np.float32
            assert fraction.sel(x=X + 25, y=Y + 25).values.tolist() == [0.5, 0.5, 0.5]
            assert fraction.sel(x=X + 125, y=Y + 125).values.tolist() == [0.0, 0.0, 0.0]
        assert pipeline.derive(twin, "built_fraction", {"years": 3}).run is None


def test_without_dates_there_is_no_time_and_without_area_the_buildings_own(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        bow = shapely.Polygon([(X, Y), (X + 20, Y + 20), (X + 20, Y), (X, Y + 20)])
        commit_features(twin, "buildings", (), features([box(0, 50, 25, 100), bow]), "Polygon")
        pipeline.derive(twin, "built_fraction", {})
        told = twin.store.catalogue.collection("built_fraction", OPERATOR)
        assert told.temporal is None
        with twin.store.cubes.open("built_fraction", OPERATOR) as cube:
            assert cube["built_fraction"].dims == ("y", "x")
            # A bow tie is invalid: made valid, it is two triangles of 100 m2.
            assert cube["built_fraction"].values == pytest.approx(np.array([[200 / 2500], [0.5]]))


def test_nothing_to_work_on_is_said(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        with pytest.raises(DoesNotApply, match="no collection buildings"):
            pipeline.derive(twin, "built_fraction", {})
        with pytest.raises(BadInput, match="cell"):
            pipeline.derive(twin, "built_fraction", {"cell": 0})
