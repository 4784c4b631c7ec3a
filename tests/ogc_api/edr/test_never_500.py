"""Whatever is asked, the answer is right or says what is wrong: never a fault of the service."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from tests.ogc_api.edr.edr_twin import Get, no_data

NUMBERS = st.one_of(
    st.floats(-400, 400),
    st.floats(1_169_000, 1_173_000),
    st.floats(6_279_000, 6_282_000),
    st.sampled_from(["nan", "inf", "-inf", "1e400", "", "٣", "0x10"]),
)
KINDS = st.sampled_from(["POINT", "point", "POINT Z", "SRID=4326;POINT"])
RING = "8.81 43.46,8.82 43.46,8.82 43.47,8.81 43.46"
SHAPES = [
    *("POINT", "POINT()", "LINESTRING(0 0,1 1)", "POLYGON((0 0,1 0,1 1,0 0))", "MULTIPOINT((0 0))", "\0"),
    *(f"POLYGON(({RING}))", f"MULTIPOLYGON((({RING})),(({RING})))", f"POLYGON(({RING}),(0 0,1 1,1 0,0 0))"),
    *(
        f"LINESTRING({RING})",
        f"MULTILINESTRING(({RING}),(0 0,1 1))",
        "LINESTRINGM(8.8 43.4 1782874800,8.9 43.5 1782880000)",
    ),
    *(
        "LINESTRINGM(8.8 43.4 1e300,8.9 43.5 nan)",
        "LINESTRING(8.8 43.4,8.8 43.4)",
        "POLYGON EMPTY",
        "CURVEPOLYGON((0 0,1 1))",
    ),
    *(
        "POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))",
        "GEOMETRYCOLLECTION(POINT(1 1))",
        "LINESTRING(-180 0,180 0)",
    ),
    *(
        "MULTIPOINT((8.8118 43.464225),(0 0),(8.8118 43.464225))",
        "POLYGON((1e308 1e308,-1e308 1e308,0 -1e308,1e308 1e308))",
    ),
    "POLYGON((1170000 6280000,1171000 6280000,1171000 6281000,1170000 6280000))",
]
INSTANTS = [
    *("..", "../..", "/", "now", "24:00", "2026-07-01", "2026-02-30", "2026-07-01T25:00:00Z"),
    *("2026-07-01T00:00:00+02:00", "2026-07-01/2026-07-02/2026-07-03", "2026-07-01T05:00:00.123456789Z"),
    *("0001-01-01/..", "../9999-12-31T23:59:59Z", "9999-12-31", "0000-01-01"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"),
]
ODD = {
    "coords": st.one_of(st.builds("{}({} {})".format, KINDS, NUMBERS, NUMBERS), st.sampled_from(SHAPES)),
    "bbox": st.lists(NUMBERS, min_size=1, max_size=7).map(lambda parts: ",".join(map(str, parts))),
    "datetime": st.one_of(st.sampled_from(INSTANTS), st.datetimes().map("{:%Y-%m-%dT%H:%M:%S}Z".format)),
    "parameter-name": st.sampled_from(["air_temperature_quality", ",", "air_temperature,", "x" * 5000, "é", "a b"]),
    "crs": st.sampled_from(
        ["CRS84", "EPSG:2154", "EPSG:4326", "EPSG:", "http://www.opengis.net/def/crs/", "+proj=utm"]
    ),
    "f": st.sampled_from(["json", "CoverageJSON", "GeoJSON", "CSV", "NetCDF", "GeoTIFF", "html", ""]),
    "within": st.sampled_from(["0", "-1", "nan", "inf", "1e-9", "1e400", "300", "9999999"]),
    "within-units": st.sampled_from(["m", "km", "parsec"]),
    "corridor-width": st.sampled_from(["0", "nan", "1e-9", "200", "9999999"]),
    "width-units": st.sampled_from(["m", "mi", ""]),
    "corridor-height": st.sampled_from(["10", "x"]),
    "aggregation": st.sampled_from(["mean", "p1,p99,sum", "count,count", "p0", "mean,", "MEAN", "p٣"]),
    "period": st.sampled_from(["PT1H", "P1D", "P1M", "P1Y", "P1W", "P"]),
    "time-zone": st.sampled_from(["UTC", "Europe/Paris", "Pacific/Kiritimati", "../etc", "x" * 300]),
    "minimum-completeness": st.sampled_from(["0", "1", "0.75", "nan", "-1", "2", "x"]),
    "aggregate": st.sampled_from(["area", "time"]),
    "lang": st.sampled_from(["fr", "en", "xx"]),
    "z": st.just("0"),
}
BOX, POINT = {"bbox": "8,43,9,44"}, {"coords": "POINT(8.8118 43.464225)"}
AREA, LINE = {"coords": f"POLYGON(({RING}))"}, {"coords": "LINESTRING(8.81 43.46,8.84 43.475)"}
RADIUS = {**POINT, "within": "300", "within-units": "m"}
CORRIDOR = {**LINE, "corridor-width": "300", "width-units": "m", "corridor-height": "1", "height-units": "m"}
SOUND: dict[str, dict[str, str]] = {
    "heat/position": POINT,
    "heat/cube": BOX,
    "built_fraction/position": POINT,
    "built_fraction/cube": BOX,
    "heat/area": AREA,
    "heat/radius": RADIUS,
    "heat/trajectory": LINE,
    "heat/corridor": CORRIDOR,
    "built_fraction/area": {**AREA, "aggregate": "area"},
    "built_fraction/trajectory": LINE,
    "heat/instances/x/position": POINT,
    "observations/area": AREA,
    "observations/radius": RADIUS,
    "observations/corridor": {**CORRIDOR, "aggregate": "area", "period": "P1D"},
    "observations/position": POINT,
    "observations/locations": {},
    "observations/locations/S001": {},
    "observations/locations/a%2Fb%00": {},
}


@settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(path=st.sampled_from(sorted(SOUND)), odd=st.sets(st.sampled_from(sorted(ODD)), max_size=3), data=st.data())
def test_never_a_fault(get: Get, path: str, odd: set[str], data: st.DataObject) -> None:
    query = SOUND[path] | {name: data.draw(ODD[name], name) for name in sorted(odd)}
    response = get(path, query)
    assert response.status_code in (200, 204, 400, 404, 413), response.text
    if response.status_code == 204:
        assert no_data(response)
    elif response.status_code != 200:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"]
