"""Position and cube of coverages: right cells, right way up, right times, bounded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from covjson_pydantic.coverage import Coverage

from ogc_api.edr import Edr
from ogc_api.edr.grids import _touched
from tests.ogc_api.edr.edr_twin import (
    BASE,
    HOURS,
    XS,
    YS,
    Get,
    field,
    fill,
    no_data,
    opened,
    put_heat,
    requests_to,
)
from twin import crs as crs_
from twin.context import Twin
from twin.crs import CRS84
from twin.settings import Settings
from twin.store import OPERATOR
from twin.store.embedded import open_store
from twin.testing import samples

LAMBERT = "http://www.opengis.net/def/crs/EPSG/0/2154"
DAY = {"datetime": "2026-07-01T00:00:00Z/2026-07-01T05:00:00Z"}
BOX = (1_170_110.0, 6_280_210.0, 1_170_460.0, 6_280_410.0)


def coverage(response, parameter="air_temperature"):
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/prs.coverage+json"
    Coverage.model_validate_json(response.content)
    found = response.json()
    axes = {name: axis["values"] for name, axis in found["domain"]["axes"].items()}
    values = found["ranges"][parameter]
    return axes, np.array(values["values"], dtype=float).reshape(values["shape"]), found


def lonlat(x, y):
    lon, lat = crs_.transform(np.array([x]), np.array([y]), "EPSG:2154", CRS84)
    return f"POINT({lon[0]} {lat[0]})"


def test_cube_in_storage_crs_is_every_cell_whose_centre_is_in_the_box(get: Get) -> None:
    axes, values, found = coverage(get("heat/cube", {"bbox": ",".join(map(str, BOX)), "crs": LAMBERT, **DAY}))
    west, south, east, north = BOX
    inside_x = XS[np.logical_and(west <= XS, east >= XS)]
    inside_y = YS[np.logical_and(south <= YS, north >= YS)]
    assert axes["x"] == inside_x.tolist()
    assert axes["y"] == inside_y.tolist()
    rows, columns = np.searchsorted(YS, inside_y), np.searchsorted(XS, inside_x)
    expected = np.stack([field(step)[np.ix_(rows, columns)] for step in range(6)])
    np.testing.assert_array_equal(values.astype(np.float32), expected)
    assert found["domain"]["referencing"][0]["system"] == {"type": "ProjectedCRS", "id": LAMBERT}
    assert found["ranges"]["air_temperature"]["axisNames"] == ["t", "y", "x"]


@pytest.mark.parametrize("crs", [None, LAMBERT])
def test_cube_and_position_agree_in_every_cell_with_and_without_a_value(
    get: Get, tmp_path: Path, crs: str | None
) -> None:
    asked = {"crs": crs} if crs else {}
    box = (
        BOX
        if crs
        else crs_.BBox(xmin=BOX[0], ymin=BOX[1], xmax=BOX[2], ymax=BOX[3], crs="EPSG:2154").to(CRS84).as_list()
    )
    query = {"bbox": ",".join(map(str, box)), **asked, **DAY}
    axes, values, _ = coverage(get("heat/cube", query))
    assert axes["x"] == sorted(axes["x"])
    assert axes["y"] == sorted(axes["y"])
    assert values.shape == (6, len(axes["y"]), len(axes["x"]))
    assert values[0].size > 12
    _agree(get, axes, values, asked)
    with opened(tmp_path) as twin:
        fill(twin)
        put_heat(twin.store, blank=slice(6, None))
        edr = Edr(twin, BASE)
        axes, values, _ = coverage(requests_to(edr)("heat/cube", query))
        assert np.isfinite(values).any()
        assert np.isnan(values).any()
        _agree(requests_to(edr), axes, values, asked)
        edr.close()


def _agree(get: Get, axes, values, asked) -> None:
    for row, y in enumerate(axes["y"]):
        for column, x in enumerate(axes["x"]):
            _, at_point, _ = coverage(get("heat/position", {"coords": f"POINT({x} {y})", **asked, **DAY}))
            np.testing.assert_array_equal(at_point, values[:, row, column])


def test_a_map_is_not_upside_down(get: Get) -> None:
    """Item 7: the field grows northward and eastward, and so must the answer, along its own axes."""
    for asked in ({}, {"crs": LAMBERT}):
        bbox = "-180,-90,180,90" if not asked else "0,6000000,2000000,7000000"
        axes, values, _ = coverage(get("heat/cube", {"bbox": bbox, **asked, "datetime": "2026-07-01T00:00:00Z"}))
        assert axes["y"][0] < axes["y"][-1]
        south, north = np.nanmean(values[0, :3]), np.nanmean(values[0, -3:])
        assert north > south
        assert np.nanmean(values[0, :, -3:]) > np.nanmean(values[0, :, :3])


def test_whole_extent_in_lonlat_blanks_what_no_cell_covers(get: Get) -> None:
    _, values, found = coverage(get("heat/cube", {"bbox": "-180,-90,180,90", "datetime": "2026-07-01T00:00:00Z"}))
    assert values.shape == (1, YS.size, XS.size)
    blank = np.isnan(values).mean()
    assert 0 < blank < 0.2
    assert None in found["ranges"]["air_temperature"]["values"]


def test_two_cubes_share_their_nodes(get: Get) -> None:
    box = crs_.BBox(xmin=BOX[0], ymin=BOX[1], xmax=BOX[2], ymax=BOX[3], crs="EPSG:2154").to(CRS84).as_list()
    whole, all_values, _ = coverage(get("heat/cube", {"bbox": "-180,-90,180,90", **DAY}))
    part, values, _ = coverage(get("heat/cube", {"bbox": ",".join(map(str, box)), **DAY}))
    rows, columns = np.searchsorted(whole["y"], part["y"]), np.searchsorted(whole["x"], part["x"])
    assert [whole["y"][i] for i in rows] == part["y"]
    np.testing.assert_array_equal(all_values[:, rows][:, :, columns], values)


def test_position_is_the_cell_that_contains_the_point(get: Get) -> None:
    """Anywhere in the cell, not only at its centre, in either CRS; the asked point is the place told."""
    for dx, dy in ((1, 1), (25, 25), (49, 49)):
        x, y = 1_170_000 + 7 * 50 + dx, 6_280_000 + 11 * 50 + dy
        axes, values, _ = coverage(get("heat/position", {"coords": f"POINT({x} {y})", "crs": LAMBERT}))
        assert (axes["x"], axes["y"]) == ([x], [y])
        np.testing.assert_array_equal(values.astype(np.float32), [field(step)[11, 7] for step in range(HOURS)])
        _, again, _ = coverage(get("heat/position", {"coords": lonlat(x, y)}))
        np.testing.assert_array_equal(again, values)


def test_float32_is_written_with_its_own_digits(get: Get) -> None:
    response = get(
        "heat/position", {"coords": "POINT(1170025 6280025)", "crs": LAMBERT, "datetime": "2026-07-01T00:00:00Z"}
    )
    assert b'"values":[0.1]' in response.content


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("2026-07-01T12:00:00Z", [12]),
        ("2026-07-01T14:00:00+02:00", [12]),
        ("2026-07-02", range(24, 48)),
        ("2026-07-01T22:30:00Z/2026-07-02T00:30:00Z", [23, 24]),
        ("2026-07-02T22:00:00Z/..", [46, 47]),
        ("../2026-07-01T01:00:00Z", [0, 1]),
    ],
)
def test_datetime(get: Get, text: str, steps: object) -> None:
    """Item 8: an instant has one value, a date its whole UTC day, and an open side is open."""
    point = {"coords": "POINT(1170025 6280025)", "crs": LAMBERT}
    axes, values, _ = coverage(get("heat/position", {**point, "datetime": text}))
    np.testing.assert_array_equal(values.astype(np.float32), [field(step)[0, 0] for step in steps])
    hours = [np.datetime64("2026-07-01T00:00:00") + np.timedelta64(step, "h") for step in steps]
    assert axes["t"] == [f"{hour}Z" for hour in hours]


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("2026-07-01T12:30:00Z", "2026-07-01T12:00:00Z, 2026-07-01T13:00:00Z."),
        ("2030-01-01", "2026-07-02T23:00:00Z."),
        ("1999-01-01/2000-01-01", "2026-07-01T00:00:00Z."),
    ],
)
def test_nothing_held_at_that_time_is_no_data_and_names_the_nearest_steps(get: Get, text: str, near: str) -> None:
    asked = {"coords": "POINT(1170025 6280025)", "crs": LAMBERT, "datetime": text}
    response = get("heat/position", asked)
    assert no_data(response).endswith(near)
    tag = response.headers["etag"]
    assert get("heat/position", asked, **{"if-none-match": tag}).status_code == 304


@pytest.mark.parametrize("coords", ["POINT(50 -60)", "POINT(3.87 44.5)", "POINT(-179 89)", "POINT(500 500)"])
def test_far_away_is_no_data_never_the_nearest_cell(get: Get, coords: str) -> None:
    assert "outside the grid" in no_data(get("heat/position", {"coords": coords}))


def test_just_outside_the_edge_is_no_data(get: Get) -> None:
    for x, y in (
        (1_169_999.9, 6_280_025),
        (1_172_000.1, 6_280_025),
        (1_170_025, 6_279_999.9),
        (1_170_025, 6_281_500.1),
    ):
        assert no_data(get("heat/position", {"coords": f"POINT({x} {y})", "crs": LAMBERT}))
    corner = get("heat/position", {"coords": "POINT(1172000 6281500)", "crs": LAMBERT})
    assert coverage(corner)[1][0] == pytest.approx(field(0)[-1, -1], abs=1e-6)


def test_a_box_between_centres_is_no_data(get: Get) -> None:
    response = get("heat/cube", {"bbox": "1170030,6280030,1170040,6280040", "crs": LAMBERT})
    assert "larger box" in no_data(response)


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("position", {}),
        ("position", {"coords": "POINT(garbage"}),
        ("position", {"coords": "POINT EMPTY"}),
        ("position", {"coords": "POINT(nan 3)"}),
        ("position", {"coords": "LINESTRING(3 43,4 44)"}),
        ("position", {"coords": "POLYGON((3 43,4 43,4 44,3 43))"}),
        ("position", {"coords": "POINT Z(3 43 10)"}),
        ("position", {"coords": "POINT(3 43)", "parameter-name": "air_temperature,nothing"}),
        ("position", {"coords": "POINT(3 43)", "datetime": "yesterday"}),
        ("position", {"coords": "POINT(3 43)", "datetime": "2026-07-02/2026-07-01"}),
        ("position", {"coords": "POINT(3 43)", "datetime": "2026-07-01T00:00:00"}),
        ("position", {"coords": "POINT(3 43)", "crs": "EPSG:27700"}),
        ("position", {"coords": "POINT(3 43)", "z": "high"}),
        ("position", {"coords": "POINT(3 43)", "z": "../.."}),
        ("position", {"coords": "POINT(3 43)", "f": "GRIB"}),
        ("position", {"coords": "POINT(3 43)", "within": "10"}),
        ("cube", {}),
        ("cube", {"bbox": "1,2,3"}),
        ("cube", {"bbox": "4,44,3,43"}),
        ("cube", {"bbox": "a,b,c,d"}),
        ("cube", {"bbox": "nan,0,1,1"}),
        ("cube", {"bbox": "3,43,4,44", "coords": "POINT(3 43)"}),
    ],
)
def test_bad_requests_are_400_with_a_sentence(get: Get, query: str, parameters: dict[str, str]) -> None:
    response = get(f"heat/{query}", parameters)
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].endswith((".", "?"))


def test_unknown_parameter_name_lists_those_there_are(get: Get) -> None:
    detail = get("heat/position", {"coords": "POINT(3 43)", "parameter-name": "no_such"}).json()["detail"]
    assert "air_temperature" in detail


def test_parameters_may_be_named_as_owslib_does(get: Get) -> None:
    point = {"coords": "POINT(1170025 6280025)", "crs": LAMBERT}
    plain = get("heat/position", {**point, "parameter-name": "air_temperature"})
    assert get("heat/position", {**point, "parameter_names": "air_temperature"}).json() == plain.json()


def test_six_numbers_in_a_box_leave_the_heights_out(get: Get) -> None:
    four = get("heat/cube", {"bbox": "-180,-90,180,90", **DAY})
    six = get("heat/cube", {"bbox": "-180,-90,0,180,90,500", **DAY})
    assert six.json() == four.json()


def test_a_box_across_the_antimeridian_is_its_side_of_the_grid(get: Get) -> None:
    across = coverage(get("heat/cube", {"bbox": "8.82,43,-179.9,43.47", **DAY}))
    near = coverage(get("heat/cube", {"bbox": "8.82,43,9.5,43.47", **DAY}))
    assert across[2] == near[2]
    assert 1 < len(across[0]["x"]) < XS.size, "west of 8.82 is left out"
    far = {"bbox": "179.9,43,-179.9,43.47", **DAY}
    for asked in ({}, {"aggregation": "mean", "aggregate": "area", "period": "P1D"}):
        assert "heat" in no_data(get("heat/cube", {**far, **asked}))


def test_a_grid_across_the_antimeridian_is_asked_side_by_side(tmp_path: Path) -> None:
    crs, x = "EPSG:3832", 3_339_584.7  # of longitude 180, in the Mercator of the Pacific
    settings = Settings.model_validate({"store": {"folder": tmp_path}, "city": {"crs": crs}})
    store = open_store(tmp_path, crs)
    dataset = samples.cube(hours=1).assign_coords(x=x + 1000.0 * np.arange(-15, 15), y=1000.0 * np.arange(40.0))
    samples.put_cube(store, dataset, collection=samples.coverage().model_copy(update={"crs": crs}))
    edr = Edr(Twin.over(settings, store), BASE)
    get = requests_to(edr)
    refused = get("built_fraction/cube", {"bbox": "170,-1,-170,1"})
    assert refused.status_code == 400
    assert "both of its sides" in refused.json()["detail"]
    assert get("built_fraction/cube", {"bbox": "170,-1,180,1"}).status_code == 200
    edr.close()
    store.close()


def test_too_much_is_413_before_reading(get: Get, tmp_path: Path) -> None:
    response = get("heat/cube", {"bbox": "-180,-90,180,90"})
    assert XS.size * YS.size * HOURS <= 200_000
    assert response.status_code == 200
    with opened(tmp_path / "small", values=47) as twin:
        fill(twin)
        edr = Edr(twin, BASE)
        refused = requests_to(edr)("heat/position", {"coords": "POINT(1170025 6280025)", "crs": LAMBERT})
        assert refused.status_code == 413
        assert "47" in refused.json()["detail"]
        edr.close()


def test_coverage_without_time(get: Get) -> None:
    axes, values, found = coverage(
        get("built_fraction/position", {"coords": "POINT(1170075 6280025)", "crs": LAMBERT}), "built_fraction"
    )
    assert found["domain"]["domainType"] == "Point"
    assert set(axes) == {"x", "y"}
    assert values == pytest.approx(field(0)[0, 1])
    axes, values, _ = coverage(get("built_fraction/cube", {"bbox": "-180,-90,180,90"}), "built_fraction")
    assert values.shape == (YS.size, XS.size)


def test_each_query_reads_the_layout_made_for_it(twin: Twin) -> None:
    with (
        twin.store.cubes.open("heat", OPERATOR, "map") as maps,
        twin.store.cubes.open("heat", OPERATOR, "series") as series,
    ):
        one_cell = (slice(0, HOURS), slice(3, 4), slice(5, 6))
        one_map = (slice(7, 8), slice(0, YS.size), slice(0, XS.size))
        assert _touched(series["air_temperature"], one_cell) < _touched(maps["air_temperature"], one_cell)
        assert _touched(maps["air_temperature"], one_map) < _touched(series["air_temperature"], one_map)


def test_a_new_revision_is_served_at_once_and_tagged(tmp_path: Path) -> None:
    with opened(tmp_path / "live") as twin:
        fill(twin)
        edr = Edr(twin, BASE)
        get = requests_to(edr)
        point = {"coords": "POINT(1170025 6280025)", "crs": LAMBERT, "datetime": "2026-07-01T00:00:00Z"}
        before = get("heat/position", point)
        tag = before.headers["etag"]
        unchanged = get("heat/position", point, **{"if-none-match": tag})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        put_heat(twin.store, offset=1.0)
        after = get("heat/position", point, **{"if-none-match": tag})
        assert after.status_code == 200
        assert after.headers["etag"] != tag
        assert coverage(after)[1][0] == pytest.approx(coverage(before)[1][0] + 1)
        edr.close()


def test_what_a_coverage_does_not_answer_is_404(get: Get) -> None:
    for path in ("observations/cube", "stations/position", "nothing/position"):
        response = get(path, {"coords": "POINT(3 43)"})
        assert response.status_code == 404


@pytest.mark.parametrize("z", ["10", "-0.5", "2,10,80", "10/100", "../10", "10/..", "R20/100/50"])
@pytest.mark.parametrize(
    ("query", "parameters"),
    [("position", {"coords": "POINT(8.8118 43.464225)"}), ("cube", {"bbox": "8,43,9,44"})],
)
def test_z_is_ignored_without_a_vertical_extent(get: Get, query: str, parameters: dict[str, str], z: str) -> None:
    """EDR 1.1, requirement /req/edr/z-response, A."""
    answer = get(f"heat/{query}", parameters | {"z": z})
    assert answer.status_code == 200, answer.text
    assert answer.content == get(f"heat/{query}", parameters).content
