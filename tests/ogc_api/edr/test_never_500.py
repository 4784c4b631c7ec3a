"""Whatever is asked, the answer is right or says what is wrong: never a fault of the service."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from tests.ogc_api.edr.edr_twin import Get

NUMBERS = st.one_of(
    st.floats(-400, 400),
    st.floats(1_169_000, 1_173_000),
    st.floats(6_279_000, 6_282_000),
    st.sampled_from(["nan", "inf", "-inf", "1e400", "", "٣", "0x10"]),
)
KINDS = st.sampled_from(["POINT", "point", "POINT Z", "SRID=4326;POINT"])
SHAPES = ["POINT", "POINT()", "LINESTRING(0 0,1 1)", "POLYGON((0 0,1 0,1 1,0 0))", "MULTIPOINT((0 0))", "\0"]
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
    "f": st.sampled_from(["json", "CoverageJSON", "GeoJSON", "html", ""]),
    "lang": st.sampled_from(["fr", "en", "xx"]),
    "z": st.just("0"),
}
BOX, POINT = {"bbox": "8,43,9,44"}, {"coords": "POINT(8.8118 43.464225)"}
SOUND: dict[str, dict[str, str]] = {
    "heat/position": POINT,
    "heat/cube": BOX,
    "built_fraction/position": POINT,
    "built_fraction/cube": BOX,
    "observations/position": POINT,
    "observations/locations": {},
    "observations/locations/S001": {},
    "observations/locations/a%2Fb%00": {},
}


@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(path=st.sampled_from(sorted(SOUND)), odd=st.sets(st.sampled_from(sorted(ODD)), max_size=2), data=st.data())
def test_never_a_fault(get: Get, path: str, odd: set[str], data: st.DataObject) -> None:
    query = SOUND[path] | {name: data.draw(ODD[name], name) for name in sorted(odd)}
    response = get(path, query)
    assert response.status_code in (200, 400, 404, 413), response.text
    if response.status_code != 200:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["detail"]
