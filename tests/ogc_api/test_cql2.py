"""CQL2 on items: every operator against the rows it is about, and nothing that is broken gets through."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime

import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ogc_api.features.cql2_text import parse
from tests.ogc_api.small_city import BUILDINGS, HOURS, STATIONS, buildings, observations
from twin.crs import uri

ITEMS = "/collections/buildings/items"
OBSERVATIONS = "/collections/observations/items"
WHOLE = {"limit": 100, "properties": "storeys", "skipGeometry": "true"}
TO_CRS84 = pyproj.Transformer.from_crs("EPSG:2154", "OGC:CRS84", always_xy=True)
JULY = [datetime(2026, 7, day, tzinfo=UTC) for day in range(1, 31)]
_SQUARE = shapely.Polygon([(770_103, 6_279_100), (770_700, 6_279_120), (770_690, 6_279_702), (770_120, 6_279_690)])


def lonlat(shape):
    """Return a geometry of the store as WKT in CRS84."""
    return shapely.transform(shapely.segmentize(shape, 100.0), TO_CRS84.transform, interleaved=False).wkt


@pytest.fixture(scope="module")
def rows():
    table = buildings().to_pylist()
    for row in table:
        row["shape"] = shapely.from_wkb(row["geometry"]) if row["geometry"] else None
    return table


def names(rows):
    """Return the ids that items bear: a former version has its start in its own."""
    return sorted("b0001@2026-07-02T00:00:00Z" if row["valid_to"] == JULY[19] else row["id"] for row in rows)


def found(ogc, path=ITEMS, **query):
    """Return the ids that a filter finds, over all pages, and how many it says there are."""
    ids, page = [], ogc.json(path, **WHOLE, **query)
    matched = page["numberMatched"]
    while True:
        assert page["numberMatched"] == matched
        ids += [feature["id"] for feature in page["features"]]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            assert len(ids) == len(set(ids)) == matched
            return sorted(ids)
        page = ogc.json(following[0])


def known(*values):
    return all(value is not None for value in values)


TRUTH = {
    "height = 50": lambda r: r["height"] == 50,
    "height <> 50": lambda r: known(r["height"]) and r["height"] != 50,
    "height < 12 OR height >= 1.1e2": lambda r: known(r["height"]) and (r["height"] < 12 or r["height"] >= 110),
    "storeys = 3 OR storeys = 4 AND height > 60": lambda r: (
        r["storeys"] == 3 or (r["storeys"] == 4 and (r["height"] or 0) > 60)
    ),
    "(storeys = 3 OR storeys = 4) AND height > 60": lambda r: r["storeys"] in (3, 4) and (r["height"] or 0) > 60,
    "NOT height > 50": lambda r: known(r["height"]) and r["height"] <= 50,
    "NOT (height > 50 OR public = TRUE)": lambda r: (
        known(r["height"], r["public"]) and r["height"] <= 50 and not r["public"]
    ),
    "height IS NULL": lambda r: r["height"] is None,
    "public IS NOT NULL AND public = 1": lambda r: r["public"] is True,
    "geometry IS NULL": lambda r: r["shape"] is None,
    "storeys BETWEEN 2 AND 4": lambda r: 2 <= r["storeys"] <= 4,
    "height NOT BETWEEN storeys AND 90": lambda r: known(r["height"]) and not r["storeys"] <= r["height"] <= 90,
    "storeys IN (1, 5, 7)": lambda r: r["storeys"] in (1, 5, 7),
    "commune NOT IN ('Mauguio', 'x')": lambda r: r["commune"] != "Mauguio",
    "5 IN (storeys, height)": lambda r: 5 in (r["storeys"], r["height"]),
    "commune LIKE 'P_rol%'": lambda r: r["commune"] == "Pérols",
    "commune NOT LIKE 'M%'": lambda r: not r["commune"].startswith("M"),
    "CASEI(commune) = CASEI('PÉROLS')": lambda r: r["commune"] == "Pérols",
    "ACCENTI(commune) = ACCENTI('Perôls')": lambda r: r["commune"] == "Pérols",
    "ACCENTI(CASEI(commune)) LIKE ACCENTI(CASEI('PÈ%'))": lambda r: r["commune"] == "Pérols",
    "CASEI('STRASSE') = CASEI('Straße') AND CASEI(commune) = CASEI('PÉROLS')": lambda r: r["commune"] == "Pérols",
    "'Pérols' LIKE 'P_rols' AND ACCENTI(CASEI('ÉTÉ')) LIKE ACCENTI('e%')": lambda r: True,
    "'a\\tb\\'c' LIKE 'a_b''c' AND 'C:\\x' = 'C:\\x' AND 2 ^ 3 ^ 2 = 512": lambda r: True,
    "POINT(3 43) IS NULL OR storeys = 1": lambda r: r["storeys"] == 1,
    "CASEI(commune) IN (CASEI('MAUGUIO'), CASEI('pérols'))": lambda r: r["commune"] in ("Mauguio", "Pérols"),
    "commune = 'A<B & \"C\"'": lambda r: r["commune"].startswith("A"),
    "\"commune\" = 'Mauguio'": lambda r: r["commune"] == "Mauguio",
    "id >= 'b0110' AND id <> 'b0115'": lambda r: r["id"] >= "b0110" and r["id"] != "b0115",
    "height + storeys * 2 > 100 - 10 / 4": lambda r: known(r["height"]) and r["height"] + r["storeys"] * 2 > 97.5,
    "height % 10 = 3": lambda r: known(r["height"]) and r["height"] % 10 == 3,
    "height DIV 10 = 3": lambda r: known(r["height"]) and r["height"] // 10 == 3,
    "storeys ^ 2 = 49": lambda r: r["storeys"] == 7,
    "height / storeys > 20": lambda r: known(r["height"]) and r["storeys"] and r["height"] / r["storeys"] > 20,
    "-height < -100": lambda r: known(r["height"]) and r["height"] > 100,
    "100 < height": lambda r: known(r["height"]) and r["height"] > 100,
    "storeys = height": lambda r: r["storeys"] == r["height"],
    "permit = DATE('2026-07-02')": lambda r: r["permit"] == date(2026, 7, 2),
    "permit > '2026-07-01'": lambda r: r["permit"] > date(2026, 7, 1),
    "valid_from < TIMESTAMP('2026-07-03T02:00:00+02:00')": lambda r: r["valid_from"] < JULY[2],
    "valid_from >= DATE('2026-07-05')": lambda r: r["valid_from"] >= JULY[4],
    "TRUE": lambda r: True,
    "FALSE OR 1 > 2": lambda r: False,
    "TRUE AND 'b' > 'a' AND storeys = 1": lambda r: r["storeys"] == 1,
    "T_AFTER(valid_from, DATE('2026-07-05'))": lambda r: r["valid_from"] > JULY[4],
    "T_BEFORE(valid_from, TIMESTAMP('2026-07-05T00:00:00Z'))": lambda r: r["valid_from"] < JULY[4],
    "T_DURING(valid_from, INTERVAL('2026-07-02T00:00:00Z', '2026-07-05'))": lambda r: (
        JULY[1] < r["valid_from"] <= JULY[4]
    ),
    "T_INTERSECTS(valid_from, INTERVAL('..', '2026-07-03'))": lambda r: r["valid_from"] <= JULY[2],
    "T_INTERSECTS(valid_from, DATE('2026-07-03'))": lambda r: r["valid_from"] == JULY[2],
    "T_INTERSECTS(INTERVAL(valid_from, valid_to), INTERVAL('2026-07-16', '..'))": lambda r: (
        r["valid_to"] is None or r["valid_to"] >= JULY[15]
    ),
    "T_BEFORE(INTERVAL(valid_from, valid_to), TIMESTAMP('2026-07-16T00:00:00Z'))": lambda r: (
        r["valid_to"] is not None and r["valid_to"] < JULY[15]
    ),
    "T_CONTAINS(INTERVAL(valid_from, valid_to), INTERVAL('2026-07-08', '2026-07-14'))": lambda r: (
        r["valid_from"] < JULY[7] and (r["valid_to"] is None or r["valid_to"] >= JULY[14])
    ),
    "T_EQUALS(valid_to, TIMESTAMP('2026-07-15T00:00:00Z'))": lambda r: r["valid_to"] == JULY[14],
    "T_DISJOINT(valid_to, DATE('2026-07-15'))": lambda r: known(r["valid_to"]) and r["valid_to"] != JULY[14],
    "T_STARTS(INTERVAL(valid_from, valid_to), INTERVAL('2026-07-01', '2026-07-20'))": lambda r: (
        r["valid_from"] == JULY[0] and r["valid_to"] == JULY[14]
    ),
    "T_FINISHES(INTERVAL(valid_from, valid_to), INTERVAL('2026-06-01', '..'))": lambda r: r["valid_to"] is None,
    "T_MEETS(INTERVAL(valid_from, valid_to), INTERVAL('2026-07-15T00:00:00Z', '..'))": lambda r: (
        r["valid_to"] == JULY[14]
    ),
    "NOT T_AFTER(permit, DATE('2026-07-02'))": lambda r: r["permit"] <= date(2026, 7, 2),
    "T_AFTER(valid_from, permit)": lambda r: r["valid_from"].date() > r["permit"],
    f"S_INTERSECTS(geometry, {lonlat(_SQUARE)})": lambda r: r["shape"] and r["shape"].intersects(_SQUARE),
    f"S_WITHIN(geometry, {lonlat(_SQUARE)})": lambda r: r["shape"] and r["shape"].within(_SQUARE),
    f"S_CONTAINS({lonlat(_SQUARE)}, geometry)": lambda r: r["shape"] and r["shape"].within(_SQUARE),
    f"S_DISJOINT(geometry, {lonlat(_SQUARE)})": lambda r: r["shape"] and r["shape"].disjoint(_SQUARE),
    f"NOT S_INTERSECTS(geometry, {lonlat(_SQUARE)})": lambda r: r["shape"] and r["shape"].disjoint(_SQUARE),
    f"S_OVERLAPS(geometry, {lonlat(_SQUARE)})": lambda r: r["shape"] and r["shape"].overlaps(_SQUARE),
    f"S_CONTAINS(geometry, {lonlat(shapely.Point(770_405, 6_279_405))})": lambda r: r["id"] == "b0010",
    f"S_CROSSES({lonlat(shapely.LineString([(770_395, 6_279_395), (770_455, 6_279_455)]))}, geometry)": lambda r: (
        r["id"] in ("b0010", "b0011")
    ),
    f"s_intersects(geometry, {lonlat(_SQUARE)}) AND height > 15": lambda r: (
        r["shape"] and r["shape"].intersects(_SQUARE) and (r["height"] or 0) > 15
    ),
    "S_INTERSECTS(geometry, BBOX(-180,-90,180,90))": lambda r: r["shape"],
    "S_INTERSECTS(geometry, BBOX(100,-10,101,-9))": lambda r: False,
    "S_DISJOINT(geometry, POINT(100 -9))": lambda r: r["shape"],
    "S_EQUALS(geometry, geometry)": lambda r: r["shape"],
    "S_WITHIN(POINT(1 1), BBOX(0,0,2,2))": lambda r: True,
}


@pytest.mark.parametrize("text", TRUTH)
def test_a_filter_finds_what_it_says_as_text_and_as_json(ogc, rows, text):
    wanted = names(row for row in rows if TRUTH[text](row))
    assert found(ogc, filter=text) == wanted
    assert found(ogc, filter=json.dumps(parse(text)), **{"filter-lang": "cql2-json"}) == wanted


def test_geometries_are_read_in_the_crs_named_and_in_its_order(ogc, rows):
    wanted = names(row for row in rows if row["shape"] and row["shape"].intersects(_SQUARE))
    assert 0 < len(wanted) < BUILDINGS
    for crs in ("OGC:CRS84", "EPSG:2154", "EPSG:3857", "EPSG:4326", *(f"EPSG:{zone}" for zone in range(3942, 3951))):
        there = pyproj.Transformer.from_crs("EPSG:2154", crs)  # the authority's order
        wkt = shapely.transform(shapely.segmentize(_SQUARE, 100.0), there.transform, interleaved=False).wkt
        query = {"filter": f"S_INTERSECTS(geometry, {wkt})", "filter-crs": uri(crs)}
        assert found(ogc, **query) == wanted, crs
    assert "EPSG:27700" in ogc.refused(ITEMS, filter="TRUE", **{"filter-crs": "EPSG:27700"})
    for name in ("filter-crs", "filter-lang"):
        assert name in ogc.refused(ITEMS, **{name: "cql2-text" if name == "filter-lang" else uri("EPSG:2154")})


@pytest.mark.parametrize("crs", ["EPSG:3943", "EPSG:3945"])
def test_zones_of_lambert_are_served_and_asked_in(ogc, crs):
    feature = ogc.json(ITEMS, id="b0010", crs=uri(crs))["features"][0]
    x, y = feature["geometry"]["coordinates"][0][0]
    wanted = pyproj.Transformer.from_crs("EPSG:2154", crs, always_xy=True).transform(770_410, 6_279_400)
    assert math.dist((x, y), wanted) < 1e-3
    box = {"bbox": f"{x - 1},{y - 1},{x + 1},{y + 1}", "bbox-crs": uri(crs)}
    assert [one["id"] for one in ogc.json(ITEMS, **box)["features"]] == ["b0007", "b0010"], "b0007 has no place"


def test_a_filter_joins_what_else_is_asked_and_next_keeps_it(ogc):
    query = {"filter": "height > 20", "datetime": "2026-07-16T00:00:00Z", "storeys": "4", "sortby": "-height"}
    heights, page = [], ogc.json(ITEMS, limit=2, **query)
    matched = page["numberMatched"]
    while page:
        heights += [feature["properties"]["height"] for feature in page["features"]]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        page = ogc.json(following[0]) if following else None
    wanted = [float(n) for n in range(21, BUILDINGS) if n % 7 and n % 4 and n % 9 == 4]
    assert heights == wanted[::-1]
    assert matched == len(wanted)


def test_observations_are_filtered_by_themselves_and_by_their_datastream(ogc):
    table = observations("observations").to_pylist()
    for text, test in {
        "result > 15": lambda r: r["result"] > 15,
        "quality = 'range'": lambda r: r["quality"] == 1,
        "quality <> 'good' AND result < 5": lambda r: r["quality"] == 1 and r["result"] < 5,
        "CASEI(quality) LIKE CASEI('GO%')": lambda r: r["quality"] == 0,
        "object_id = 's1' OR result < 1": lambda r: "s1" in r["datastream"] or r["result"] < 1,
        "NOT (object_id = 's1' OR quality = 'range')": lambda r: "s1" not in r["datastream"] and r["quality"] == 0,
        "datastream IN ('os0.air_temperature', 'x')": lambda r: "os0" in r["datastream"],
        "T_DURING(phenomenon_time, INTERVAL('2026-07-02T00:00:00Z', '2026-07-02T12:00:00Z'))": lambda r: (
            JULY[1] < r["phenomenon_time"] < datetime(2026, 7, 2, 12, tzinfo=UTC)
        ),
        "S_INTERSECTS(geometry, BBOX(3.86,43.60,3.87,43.62)) OR result = 25": lambda r: (
            "s0" in r["datastream"] or r["result"] == 25
        ),
        "result_text IS NULL AND phenomenon_time = result_time": lambda r: True,
        "result % 1 = 0": lambda r: r["result"] % 1 == 0,
    }.items():
        wanted = sorted(f"{r['datastream']}@{r['phenomenon_time']:%Y-%m-%dT%H:%M:%SZ}" for r in table if test(r))
        query = {**WHOLE, "properties": "result"}
        page = ogc.json(OBSERVATIONS, **query, filter=text)
        ids = [feature["id"] for feature in page["features"]]
        while following := [link["href"] for link in page["links"] if link["rel"] == "next"]:
            page = ogc.json(following[0])
            ids += [feature["id"] for feature in page["features"]]
        assert sorted(ids) == wanted, text
        assert page["numberMatched"] == len(wanted), text


def test_observations_are_sorted_only_as_they_are_kept(ogc):
    assert list(ogc.json("/collections/observations/sortables")["properties"]) == ["datastream"]
    page, times = ogc.json(OBSERVATIONS, sortby="-datastream", limit=50), []
    while page:
        times += [feature["id"] for feature in page["features"]]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        page = ogc.json(following[0]) if following else None
    assert len(times) == len(STATIONS) * HOURS
    streams = [name.split("@")[0] for name in times]
    assert streams == sorted(streams, reverse=True)
    assert "use some of datastream" in ogc.refused(OBSERVATIONS, sortby="-phenomenon_time")


BROKEN = {
    "height >": "ends too early, at character 8",
    "height > 3 )": "at character 12: ')'",
    "height = 'x": "at character 10",
    "": "'filter' is empty",
    "heigth > 3": "no property 'heigth' to filter by; there are: id, height,",
    "xmin > 3": "no property 'xmin'",
    "height": "where a condition is expected",
    "3": "where a condition is expected",
    "height > 'tall'": "'tall'",
    "height > '3'": "number is expected",
    "height = TRUE": "number is expected",
    "public = 'true'": "boolean is expected",
    "public = 2": "boolean is expected",
    "commune = 3": "string is expected",
    "height = commune": "of type number is expected, not string",
    "height + commune > 3": "only numbers can be calculated",
    "CASEI(height) = 'x'": "only a text",
    "commune LIKE commune": "after LIKE",
    "height LIKE '1%'": "only texts can be matched",
    "permit = DATE('2026-02-30')": "is not a date",
    "valid_from > TIMESTAMP('yesterday')": "is not a date-time",
    "valid_from > TIMESTAMP('2026-07-01T00:00:00')": "no time zone",
    "commune > DATE('2026-02-03')": "compared with a date",
    "T_AFTER(height, DATE('2026-07-01'))": "no place in time",
    "T_DURING(valid_from, INTERVAL('2026-07-02', '2026-07-01'))": "ends before it starts",
    "T_DURING(valid_from, INTERVAL('2026-07-02'))": "DATE, TIMESTAMP, INTERVAL",
    "T_AFTER(permit, TIMESTAMP('2026-07-01T00:00:00Z'))": "with a date, not with a date-time",
    "1 = 'a'": "another type",
    "height = 1e999": "number is expected",
    "height = " + "9" * 400: "number is expected",
    "geometry = 3": "no property 'geometry'",
    "S_INTERSECTS(commune, POINT(3 43))": "'commune'",
    "S_INTERSECTS(geometry, 'POINT(3 43)')": "no geometry",
    "S_INTERSECTS(geometry)": "'s_intersects' 1 arguments",
    "S_INTERSECTS(geometry, POLYGON((3 43, 4 44, 4 43, 3 44, 3 43)))": "not valid: Self-intersection",
    "S_INTERSECTS(geometry, POLYGON((3 43, 4 44)))": "geometry at character 24",
    "S_INTERSECTS(geometry, POLYGON((3 43, 4)))": "at character 40: ')'",
    "S_INTERSECTS(geometry, POINT(1e300 43))": "coordinates lie nowhere",
    "S_INTERSECTS(geometry, BBOX(4,44,5,43))": "lower left first",
    "S_INTERSECTS(geometry, BBOX(4,43,3))": "four or six numbers",
    "S_NEAR(geometry, POINT(3 43))": "'s_near' where a condition is expected",
    "foo(height) = 3": "'foo' with 1 arguments",
    "commune = 'a\x00b'": "NUL",
    "NOT " * 40 + "height = 3": "deeper than 32",
    "height" + " + 1" * 40 + " > 3": "deeper than 32",
    "storeys IN (" + ",".join(map(str, range(1200))) + ")": "more than 1000 parts",
    "height = 3 OR " * 1500 + "height = 4": "at most 16000",
    "(" * 6000 + "height = 3": "ends too early",
}


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text[:30])
def test_a_broken_filter_is_refused_in_one_sentence(ogc, text):
    sentence = ogc.refused(ITEMS, filter=text)
    assert BROKEN[text] in sentence
    assert len(sentence) < 600
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON: at character 2"),
        ("[" * 5000, "not JSON"),
        ("null", "where a condition"),
        ('{"op": "and", "args": [true]}', "'and' 1 arguments"),
        ('{"op": "=", "args": [{"property": "height"}, null]}', "None where a property or a value"),
        ('{"op": "=", "args": [{"property": "height"}, [1]]}', "where a property or a value"),
        ('{"op": "=", "args": {"property": "height"}}', "where a condition"),
        ('{"op": "in", "args": [{"property": "height"}, []]}', "'in' 2 arguments"),
        ('{"op": "isNull", "args": [{"property": ["height"]}]}', "where a property"),
        ('{"op": "s_within", "args": [{"property": "geometry"}, {"type": "Point"}]}', "geometry of the filter"),
        ('{"op": "s_within", "args": [{"property": "geometry"}, {"type": "Point", "coordinates": []}]}', "geometry"),
        ('{"op": "not", "args": [' * 40 + "true" + "]}" * 40, "deeper than 32"),
    ],
)
def test_broken_json_is_refused_in_one_sentence(ogc, text, reason):
    assert reason in ogc.refused(ITEMS, filter=text, **{"filter-lang": "cql2-json"})


@pytest.mark.parametrize(
    "text",
    [
        "commune = 'x'' OR 1=1 --'",
        "commune = '''; DROP TABLE feature.buildings; --'",
        "commune LIKE '%''%'",
        "commune IN ('a'') OR (''1''=''1')",
        "CASEI(commune) = '\") OR TRUE --'",
    ],
)
def test_a_value_never_becomes_a_statement(ogc, text):
    assert ogc.json(ITEMS, filter=text)["numberMatched"] == 0
    assert ogc.json(ITEMS)["numberMatched"] == BUILDINGS


def test_an_identifier_never_becomes_a_statement(ogc):
    for name in ('"height"" IS NULL OR ""height"', '"1=1) OR (1=1"', '"row"', '"revision_to"'):
        assert "no property" in ogc.refused(ITEMS, filter=f"{name} IS NULL")


_PIECES = st.sampled_from(
    """
    height|storeys|commune|public|permit|valid_from|geometry|id|1|-2.5|1e9|'a'|'é%'|''|TRUE|FALSE|(|)|,|=|<>|<|>|+|-|*|/
    %|^|DIV|AND|OR|NOT|LIKE|IN|BETWEEN|IS|NULL|CASEI(|ACCENTI(|DATE('2026-07-01')|TIMESTAMP('2026-07-01T00:00:00Z')
    INTERVAL(|'..'|T_AFTER(|T_DURING(|S_INTERSECTS(|S_WITHIN(|POINT(3 43)|BBOX(3,43,4,44)|POLYGON((|"|;|\\|\x00
    """.strip()
    .replace("\n    ", "|")
    .split("|")
)
_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(
            lambda op, args: {"op": op, "args": args},
            st.sampled_from(["and", "not", "=", "<", "in", "like", "between", "+", "casei", "s_within", "t_after"]),
            st.lists(inner | st.just({"property": "height"}) | st.just({"property": "commune"}), max_size=3),
        )
        | st.dictionaries(
            st.sampled_from(["property", "date", "timestamp", "bbox", "interval", "type"]), inner, max_size=2
        )
    ),
    max_leaves=8,
)
_QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_QUICK
@given(text=st.lists(_PIECES, min_size=1, max_size=14).map(" ".join) | st.text(min_size=1, max_size=40))
def test_no_text_breaks_the_service(ogc, text):
    assert ogc.get(ITEMS, filter=text, limit=1).status_code in (200, 400)


@_QUICK
@given(tree=_ANY_JSON)
def test_no_json_breaks_the_service(ogc, tree):
    answer = ogc.get(ITEMS, filter=json.dumps(tree), limit=1, **{"filter-lang": "cql2-json"})
    assert answer.status_code in (200, 400)
