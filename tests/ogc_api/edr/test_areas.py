"""Areas, radii, corridors and lines: exactly the cells and the objects that they hold, by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from covjson_pydantic.coverage import Coverage, CoverageCollection

from ogc_api.edr import Edr
from tests.ogc_api.edr.edr_twin import BASE, PLACES, XS, YS, Get, field, fill, no_data, opened, requests_to
from tests.ogc_api.edr.test_grids import LAMBERT, coverage
from twin import crs as crs_
from twin.crs import CRS84

NATIVE = {"crs": LAMBERT, "datetime": "2026-07-01T03:00:00Z"}
HEIGHT = {"corridor-height": "10", "height-units": "m"}
X0, Y0 = 1_170_000, 6_280_000
#: Five cells by four, with a hole over the cell of row 2 and column 2.
HOLED = (
    f"POLYGON(({X0} {Y0},{X0 + 250} {Y0},{X0 + 250} {Y0 + 200},{X0} {Y0 + 200},{X0} {Y0}),"
    f"({X0 + 105} {Y0 + 105},{X0 + 145} {Y0 + 105},{X0 + 145} {Y0 + 145},{X0 + 105} {Y0 + 145},{X0 + 105} {Y0 + 105}))"
)


def lonlat(geometry: shapely.Geometry) -> str:
    return crs_.transform_geometry(geometry, "EPSG:2154", CRS84).wkt


def test_an_area_is_the_cells_whose_centre_it_holds_but_those_of_its_hole(get: Get) -> None:
    axes, values, _ = coverage(get("heat/area", {"coords": HOLED, **NATIVE}))
    assert (axes["x"], axes["y"]) == (XS[:5].tolist(), YS[:4].tolist())
    expected = field(3)[:4, :5].copy()
    expected[2, 2] = np.nan
    np.testing.assert_array_equal(values[0].astype(np.float32), expected)


def test_an_area_of_several_polygons_leaves_out_what_lies_between(get: Get) -> None:
    boxes = [shapely.box(X0, Y0, X0 + 50, Y0 + 50), shapely.box(X0 + 150, Y0 + 100, X0 + 200, Y0 + 150)]
    for coords, asked in (
        (shapely.MultiPolygon(boxes).wkt, NATIVE),
        (lonlat(shapely.MultiPolygon(boxes)), {"datetime": NATIVE["datetime"], "f": "CSV"}),
    ):
        response = get("heat/area", {"coords": coords, **asked})
        assert response.status_code == 200, response.text
    _, values, _ = coverage(get("heat/area", {"coords": shapely.MultiPolygon(boxes).wkt, **NATIVE}))
    assert values.shape == (1, 3, 4)
    assert np.isfinite(values).sum() == 2
    assert values[0, 0, 0] == pytest.approx(field(3)[0, 0])
    assert values[0, 2, 3] == pytest.approx(field(3)[2, 3])


def test_an_area_in_lonlat_agrees_with_position(get: Get) -> None:
    disc = shapely.Point(X0 + 600, Y0 + 600).buffer(140)
    asked = {"datetime": NATIVE["datetime"]}
    axes, values, _ = coverage(get("heat/area", {"coords": lonlat(disc), **asked}))
    inside = 0
    for row, y in enumerate(axes["y"]):
        for column, x in enumerate(axes["x"]):
            here = crs_.transform(np.array([x]), np.array([y]), CRS84, "EPSG:2154")
            held = disc.contains(shapely.Point(here[0][0], here[1][0]))
            assert np.isfinite(values[0, row, column]) == held
            if held:
                inside += 1
                _, one, _ = coverage(get("heat/position", {"coords": f"POINT({x} {y})", **asked}))
                assert one[0] == values[0, row, column]
    assert 15 < inside < 35


def test_a_radius_is_the_cells_no_farther_than_it(get: Get) -> None:
    point = f"POINT({XS[10]} {YS[10]})"
    for within, unit in (("120", "m"), ("0.12", "km")):
        asked = {"coords": point, "within": within, "within-units": unit, **NATIVE}
        axes, values, _ = coverage(get("heat/radius", asked))
        far = np.hypot(*np.meshgrid(np.array(axes["x"]) - XS[10], np.array(axes["y"]) - YS[10]))
        np.testing.assert_array_equal(np.isfinite(values[0]), far <= 120)
        assert np.isfinite(values).sum() == 21


def test_a_corridor_is_half_its_width_on_either_side(get: Get) -> None:
    line = f"LINESTRING({XS[5]} {YS[8]},{XS[9]} {YS[8]})"
    asked = {"coords": line, "corridor-width": "102", "width-units": "m", **HEIGHT, **NATIVE}
    axes, values, _ = coverage(get("heat/corridor", asked))
    assert axes["y"] == YS[7:10].tolist()
    np.testing.assert_array_equal(values[0].astype(np.float32)[:, 1:-1], field(3)[7:10, 5:10])
    assert np.isnan(values[0][0, 0])
    assert values[0][1, 0] == pytest.approx(field(3)[8, 4])


def test_a_trajectory_is_the_cells_that_the_line_crosses_in_order(get: Get) -> None:
    """From row 1, column 0 to row 2, column 3: the line leaves row 1 where it leaves column 1."""
    line = f"LINESTRING({X0 + 10} {Y0 + 60},{X0 + 190} {Y0 + 140})"
    response = get("heat/trajectory", {"coords": line, **NATIVE})
    assert response.status_code == 200, response.text
    Coverage.model_validate_json(response.content)
    found = response.json()
    assert found["domain"]["domainType"] == "MultiPointSeries"
    crossed = [(1, 0), (1, 1), (2, 2), (2, 3)]
    np.testing.assert_array_equal(
        np.array(found["ranges"]["air_temperature"]["values"], np.float32), [field(3)[cell] for cell in crossed]
    )
    for x, y in found["domain"]["axes"]["composite"]["values"]:
        assert shapely.from_wkt(line).distance(shapely.Point(x, y)) < 1e-6
    every = get("heat/trajectory", {"coords": line, "crs": LAMBERT}).json()
    assert every["ranges"]["air_temperature"]["shape"] == [48, 4]


def test_a_trajectory_in_lonlat_agrees_with_position(get: Get) -> None:
    line = shapely.LineString([(X0 - 200, Y0 + 333), (X0 + 700, Y0 + 712), (X0 + 720, Y0 + 100)])
    found = get("built_fraction/trajectory", {"coords": lonlat(line)}).json()
    assert found["domain"]["domainType"] == "MultiPoint"
    places = found["domain"]["axes"]["composite"]["values"]
    assert len(places) > 25
    for (x, y), value in list(zip(places, found["ranges"]["built_fraction"]["values"], strict=True))[::5]:
        one = get("built_fraction/position", {"coords": f"POINT({x} {y})"}).json()
        assert one["ranges"]["built_fraction"]["values"] == [value]


def test_a_line_with_times_takes_the_step_of_its_passage(get: Get) -> None:
    """Along one row, from 02:30 to 04:30: a cell each half hour; the step is the last one before."""
    start = np.datetime64("2026-07-01T02:30:00", "s").astype(int)
    line = f"LINESTRINGM({X0} {YS[4]} {start},{X0 + 200} {YS[4]} {start + 7200})"
    response = get("heat/trajectory", {"coords": line, "crs": LAMBERT})
    assert response.status_code == 200, response.text
    Coverage.model_validate_json(response.content)
    found = response.json()
    assert found["domain"]["domainType"] == "Trajectory"
    passed = [each[0] for each in found["domain"]["axes"]["composite"]["values"]]
    assert passed == [f"2026-07-01T0{hour}:00:00Z" for hour in (2, 3, 3, 4)]
    expected = [field(step)[4, column] for column, step in enumerate((2, 3, 3, 4))]
    np.testing.assert_array_equal(np.array(found["ranges"]["air_temperature"]["values"], np.float32), expected)
    late = f"LINESTRINGM({X0} {YS[4]} {start + 10**9},{X0 + 200} {YS[4]} {start + 10**9 + 60})"
    assert no_data(get("heat/trajectory", {"coords": late, "crs": LAMBERT}))
    assert get("built_fraction/trajectory", {"coords": line, "crs": LAMBERT}).status_code == 400


def test_several_points_are_several_coverages_and_none_is_a_neighbours(get: Get) -> None:
    points = f"MULTIPOINT(({XS[2]} {YS[3]}),({X0 - 10} {YS[3]}),({XS[4]} {YS[5]}))"
    response = get("heat/position", {"coords": points, **NATIVE})
    CoverageCollection.model_validate_json(response.content)
    found = [each["ranges"]["air_temperature"]["values"][0] for each in response.json()["coverages"]]
    assert found == pytest.approx([field(3)[3, 2], field(3)[5, 4]], abs=1e-6)


@pytest.mark.parametrize(
    ("query", "asked", "objects"),
    [
        ("area", {"coords": shapely.box(X0, Y0, X0 + 200, Y0 + 200).wkt}, ["S001"]),
        ("area", {"coords": shapely.box(X0, Y0, X0 + 3000, Y0 + 3000).wkt}, ["L00001", "S001", "S002"]),
        ("radius", {"coords": "POINT(1170100 6280000)", "within": "99", "within-units": "m"}, []),
        ("radius", {"coords": "POINT(1170100 6280000)", "within": "101", "within-units": "m"}, ["S001"]),
        (
            "corridor",
            {
                "coords": "LINESTRING(1171000 6281480,1173000 6281480)",
                "corridor-width": "0.05",
                "width-units": "km",
                **HEIGHT,
            },
            ["L00001", "S002"],
        ),
    ],
)
def test_objects_in_a_shape(get: Get, query: str, asked: dict[str, str], objects: list[str]) -> None:
    response = get(f"observations/{query}", {**asked, **NATIVE, "parameter-name": "air_temperature"})
    if not objects:
        assert "locations of observations" in no_data(response)
        return
    found = response.json()
    assert [each["id"] for each in found.get("coverages", [found])] == objects
    assert set(objects) <= set(PLACES)


@pytest.mark.parametrize(
    ("query", "asked", "word"),
    [
        ("area", {}, "coords"),
        ("area", {"coords": "POINT(3 43)"}, "POLYGON"),
        ("area", {"coords": "POLYGON((3 43,4 44,4 43,3 44,3 43))"}, "Self-intersection"),
        ("area", {"coords": "POLYGON Z((3 43 1,4 43 1,4 44 1,3 43 1))"}, "height"),
        ("area", {"coords": "POLYGON((3 43,4 43,3 43,3 43))"}, ""),
        ("area", {"coords": "POLYGON((3 43,400 43,4 44,3 43))"}, "longitude"),
        ("area", {"coords": "CURVEPOLYGON((3 43,4 43,4 44,3 43))"}, "not WKT"),
        ("radius", {"coords": "POINT(8.8 43.5)"}, "within"),
        ("radius", {"coords": "POINT(8.8 43.5)", "within": "5"}, "within-units"),
        ("radius", {"coords": "POINT(8.8 43.5)", "within": "-5", "within-units": "m"}, "distance"),
        ("radius", {"coords": "POINT(8.8 43.5)", "within": "5", "within-units": "leagues"}, "km"),
        ("corridor", {"coords": "LINESTRING(8.8 43.5,8.9 43.5)"}, "corridor-width"),
        (
            "corridor",
            {
                "coords": "LINESTRING(8.8 43.5,8.9 43.5)",
                "corridor-width": "9",
                "width-units": "m",
                "corridor-height": "9",
            },
            "height-units",
        ),
        ("trajectory", {"coords": "LINESTRING(8.8 43.5,8.8 43.5)"}, ""),
        ("trajectory", {"coords": "LINESTRING Z(8.8 43.5 1,8.8 43.6 1)"}, "height"),
        ("trajectory", {"coords": "LINESTRING(8.8 43.5,8.9 43.5)", "f": "GeoTIFF"}, "GeoTIFF"),
        ("position", {"coords": "POINT(8.8 43.5)", "f": "GeoTIFF"}, "GeoTIFF"),
    ],
)
def test_bad_shapes_are_400_with_a_sentence(get: Get, query: str, asked: dict[str, str], word: str) -> None:
    response = get(f"heat/{query}", asked)
    assert response.status_code == 400, response.text
    assert word in response.json()["detail"]


def test_too_large_or_too_fine_a_shape_is_413_before_reading(get: Get, tmp_path: Path) -> None:
    huge = get("heat/area", {"coords": "POLYGON((5 42,11 42,11 46,5 46,5 42))"})
    assert huge.status_code == 413
    assert "bound is 50000 km2" in huge.json()["detail"]
    with opened(tmp_path, vertices=9) as twin:
        fill(twin)
        edr = Edr(twin, BASE)
        fine = requests_to(edr)("heat/area", {"coords": HOLED, "crs": LAMBERT})
        assert fine.status_code == 413
        assert "10 vertices and the bound is 9" in fine.json()["detail"]
        edr.close()
    turns = ",".join(f"{X0 + 700 * (n % 2)} {Y0 + n}" for n in range(400))
    asked = {"coords": f"LINESTRING({turns})", "corridor-width": "2", "width-units": "m", **HEIGHT, "crs": LAMBERT}
    assert "400 vertices" in get("heat/corridor", asked).json()["detail"]
    boxes = shapely.MultiPolygon([shapely.box(X0 + 9 * n, Y0, X0 + 9 * n + 5, Y0 + 5) for n in range(101)]).wkt
    many = get("heat/area", {"coords": boxes, "crs": LAMBERT, "aggregate": "area"})
    assert many.status_code == 413
    assert "101 polygons" in many.json()["detail"]
    wide = {"coords": "POINT(8.8 43.5)", "within": "200", "within-units": "km"}
    assert get("observations/radius", wide).status_code == 413


@pytest.mark.parametrize("aggregate", [{}, {"aggregate": "area", "period": "P1D"}])
def test_a_shape_elsewhere_meets_no_data(get: Get, aggregate: dict[str, str]) -> None:
    elsewhere = {"coords": "POLYGON((50 -60,51 -60,51 -59,50 -60))", **aggregate}
    around = {"coords": "POINT(50 -60)", "within": "9", "within-units": "m", **aggregate}
    for name in ("heat", "observations"):
        assert no_data(get(f"{name}/area", elsewhere))
        assert no_data(get(f"{name}/radius", around))
        assert "colour" in get(f"{name}/area", {**elsewhere, "colour": "red"}).json()["detail"]
    assert no_data(get("heat/cube", {"bbox": "50,-60,51,-59", **aggregate}))
    if not aggregate:
        assert no_data(get("heat/trajectory", {"coords": "LINESTRING(50 -60,51 -60)"}))
