"""What cannot be answered is refused with one sentence that names the value and the mend; nothing is a fault."""

from __future__ import annotations

import string
from urllib.parse import quote

import hypothesis.strategies as st
import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings

from ogc_api.features.cql2_text import MAX_LENGTH

BUILDINGS, OBSERVATIONS = "/collections/buildings/items", "/collections/observations/items"
AREA, POSITION = "/collections/built_fraction/area", "/collections/observations/position"
BOWTIE = "POLYGON((3.86 43.60,3.88 43.62,3.88 43.60,3.86 43.62,3.86 43.60))"
VAST = "POLYGON((0 40,10 40,10 50,0 50,0 40))"
LAMBERT = "http://www.opengis.net/def/crs/EPSG/0/2154"
DEEP = '{"op":"not","args":[' * 40 + "true" + "]}" * 40

#: Path, query, status; then the value and the mend, as the sentence names them.
REFUSED = [
    # An unknown parameter, everywhere.
    *((path, "colour=red", 400, "'colour'", "known are") for path in ("/", "/conformance", "/openapi", "/collections")),
    *(
        (f"/collections/buildings{path}", "colour=red", 400, "'colour'", "known are")
        for path in ("", "/schema", "/queryables", "/sortables", "/items", "/items/b0003")
    ),
    (BUILDINGS, "limits=3", 400, "'limits'", "Did you mean 'limit'"),
    (POSITION, "colour=red&coords=POINT(3 43)", 400, "'colour'", "known are"),
    (BUILDINGS, "limit=3&limit=4", 400, "'limit'", "give it once"),
    (BUILDINGS, "limit=", 400, "'limit'", "leave it out"),
    # A box.
    (BUILDINGS, "bbox=1,2", 400, "not 2", "xmin,ymin,xmax,ymax"),
    (BUILDINGS, "bbox=1,2,3", 400, "not 3", "xmin,ymin,xmax,ymax"),
    (BUILDINGS, "bbox=1,2,3,4,5", 400, "not 5", "xmin,ymin,xmax,ymax"),
    (BUILDINGS, "bbox=1,2,3,4,5,6,7", 400, "not 7", "xmin,ymin,xmax,ymax"),
    (BUILDINGS, "bbox=a,2,3,4", 400, "'a,2,3,4'", "xmin,ymin,xmax,ymax"),
    (BUILDINGS, "bbox=nan,2,3,4", 400, "'nan,2,3,4'", "finite"),
    (BUILDINGS, "bbox=1,2,inf,4", 400, "'1,2,inf,4'", "finite"),
    (BUILDINGS, "bbox=1,4,3,2", 400, "'1,4,3,2'", "lower left first"),
    (BUILDINGS, f"bbox=800000,2,3,4&bbox-crs={LAMBERT}", 400, "'800000,2,3,4'", "lower left first"),
    (BUILDINGS, "bbox=1,2,3,4&bbox-crs=EPSG:27700", 400, "'EPSG:27700'", "OGC:CRS84"),
    (BUILDINGS, f"bbox-crs={LAMBERT}", 400, "bbox-crs", "give both"),
    ("/collections/built_fraction/cube", "bbox=1,2,3", 400, "not 3", "xmin,ymin,xmax,ymax"),
    # A CRS.
    (BUILDINGS, "crs=EPSG:9999", 400, "'EPSG:9999'", "OGC:CRS84"),
    (BUILDINGS, "crs=%2Bproj=utm", 400, "'+proj=utm'", "OGC:CRS84"),
    # A time.
    *(
        (path, f"datetime={text}{more}", 400, *words)
        for path, more in ((BUILDINGS, ""), (OBSERVATIONS, ""), (POSITION, "&coords=POINT(3 43)"))
        for text, *words in (
            ("yesterday", "'yesterday'", "2026-07-15T13:00:00Z"),
            ("2026-02-30", "'2026-02-30'", "calendar"),
            ("2026-07-01T12:00:00", "'2026-07-01T12:00:00'", "add Z"),
            ("2026-07-02/2026-07-01", "'2026-07-02/2026-07-01'", "earlier side first"),
            ("2026-07-01/2026-07-02/2026-07-03", "more than one '/'", "start/end"),
            ("../..", "'../..'", "leave the parameter out"),
        )
    ),
    # The length of a page; one above the maximum is the maximum, by the standard.
    *((BUILDINGS, f"limit={text}", 400, f"'{text}'", "at least 1") for text in ("0", "-1", "1e3", "ten", "9" * 30)),
    (BUILDINGS, "offset=-1", 400, "'-1'", "at least 0"),
    (BUILDINGS, "cursor=x", 400, "cursor", "follow the link"),
    (BUILDINGS, "skipGeometry=maybe", 400, "'maybe'", "true, false"),
    (BUILDINGS, "f=jsonld", 400, "'jsonld'", "json, html"),
    (BUILDINGS, "lang=de", 400, "'de'", "fr, en"),
    # A property.
    (BUILDINGS, "properties=colour", 400, "'colour'", "height"),
    (BUILDINGS, "sortby=-colour", 400, "'colour'", "height"),
    (BUILDINGS, "height=tall", 400, "height='tall'", "number"),
    (BUILDINGS, "permit=soon", 400, "permit='soon'", "date"),
    (OBSERVATIONS, "quality=splendid", 400, "'splendid'", "good"),
    # A filter.
    (BUILDINGS, "filter=colour='red'", 400, "colour", "height"),
    (BUILDINGS, "filter=height%20%3E%20", 400, "character 9", "too early"),
    (BUILDINGS, "filter=height%20%3E%3E%203", 400, "character 9", "expected"),
    (BUILDINGS, "filter=height%20%3E%20'tall'", 400, "height", "number"),
    (BUILDINGS, f"filter={'NOT%20' * 40}TRUE", 400, "32", "deeper"),
    (BUILDINGS, f"filter={'(' * 200}TRUE{')' * 200}&filter-lang=cql2-json", 400, "character 1", "JSON"),
    (BUILDINGS, f"filter={DEEP}&filter-lang=cql2-json", 400, "32", "deeper"),
    (BUILDINGS, f"filter={'x' * (MAX_LENGTH + 1)}", 400, str(MAX_LENGTH + 1), f"at most {MAX_LENGTH}"),
    (BUILDINGS, "filter=TRUE&filter-lang=sql", 400, "'sql'", "cql2-text"),
    (BUILDINGS, f"filter=S_INTERSECTS(geometry,{BOWTIE})", 400, "Self-intersection", "not valid"),
    (BUILDINGS, "filter=S_INTERSECTS(geometry,POLYGON((3 43,4 43)))", 400, "character 23", "closed"),
    # A geometry asked of EDR, and its size.
    (AREA, f"coords={BOWTIE}", 400, "Self-intersection", "valid geometry"),
    (AREA, "coords=POLYGON((3 43,4", 400, "POLYGON((3 43,4", ""),
    (AREA, "coords=POINT(3 43)", 400, "POINT", "POLYGON"),
    (AREA, "", 400, "coords", "POLYGON"),
    (AREA, f"coords={VAST}", 413, "km2 and the bound is", "ask a smaller one"),
    (POSITION, "coords=POINT(3 43)&z=high", 400, "'high'", "10/100"),
    (POSITION, "coords=POINT(3 43)&parameter-name=colour", 400, "'colour'", "air_temperature"),
    # What is not there.
    ("/collections/colours", "", 404, "'colours'", "/collections"),
    (f"{BUILDINGS}/b9999", "", 404, "'b9999'", "buildings"),
    ("/collections/built_fraction/items", "", 404, "'built_fraction'", "none"),
    ("/colours", "", 404, "/colours", ""),
]


@pytest.mark.parametrize(("path", "query", "status", "value", "mend"), REFUSED)
def test_the_sentence_names_the_value_and_the_mend(ogc, path, query, status, value, mend):
    sentence = ogc.refused(f"{path}?{query.replace(' ', '%20')}" if query else path, status)
    assert value in sentence
    assert mend in sentence
    assert "\n" not in sentence
    assert len(sentence) < 1_000


NAMES = ["limit", "offset", "bbox", "bbox-crs", "datetime", "crs", "properties", "sortby", "cursor", "f", "lang"]
NAMES += ["filter", "filter-lang", "filter-crs", "skipGeometry", "height", "permit", "public", "id", "coords", "z"]
PATHS = [
    BUILDINGS,
    f"{BUILDINGS}/b0003",
    OBSERVATIONS,
    AREA,
    POSITION,
    "/collections/buildings/schema",
    "/",
    "/openapi",
]
#: Anything that may stand in the query of an address, and much that should not.
RUBBISH = st.one_of(
    st.text(max_size=40),
    st.text(string.printable, max_size=40),
    st.sampled_from(["\0", "%", "%zz", "%ff", "%00", "%c3%28", "&&&", "=", "+", "..", "\u202e", "💧" * 50, "9" * 400]),
)
TOKENS = ["height", "storeys", "geometry", "colour", "'a'", "1", "1e999", "(", ")", ",", "=", "<>", "AND", "OR", "NOT"]
TOKENS += ["LIKE", "IN", "BETWEEN", "IS NULL", "S_INTERSECTS", "POINT(3 43)", "POLYGON((", "BBOX(1,2,3,4)", "CASEI"]
TOKENS += [
    "T_AFTER",
    "valid_from",
    "DATE('2026-07-01')",
    "TIMESTAMP('x')",
    "INTERVAL('..','..')",
    "TRUE",
    "-",
    "*",
    "'",
]
CQL2_TEXT = st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join)
CQL2_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=8), st.just({"property": "height"})),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.builds(
            lambda op, args: {"op": op, "args": args},
            st.sampled_from(
                ["and", "or", "not", "=", "<", "like", "in", "isNull", "between", "s_within", "t_after", "+"]
            ),
            st.lists(inner, max_size=3),
        ),
        st.dictionaries(st.sampled_from(["op", "args", "property", "type", "coordinates", "date", "bbox"]), inner),
    ),
    max_leaves=12,
).map(lambda tree: orjson.dumps(tree).decode())
HEADER = st.one_of(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=80),
    st.sampled_from(["*/*;q=x", "text/html;q=-1,*/*;q=nan", ";;;,,,", "fr-" * 400, "a/b," * 400, "q=1", "*;q=1e999"]),
)
FUZZED = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def answered(answer):
    """An answer is the one asked for, or a problem that says what is wrong."""
    assert answer.status_code in (200, 400, 404, 413), answer.text
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]


@FUZZED
@given(
    path=st.sampled_from(PATHS), query=st.dictionaries(st.one_of(st.sampled_from(NAMES), RUBBISH), RUBBISH, max_size=4)
)
def test_no_parameter_is_a_fault(ogc, path, query):
    answered(ogc.get(path, **query))


@FUZZED
@given(path=st.sampled_from(PATHS), query=st.text(string.printable[:-6].replace("#", ""), max_size=60))
@example(BUILDINGS, "limit=%ff").via("bytes that are no UTF-8")
@example(BUILDINGS, "a" * 60_000).via("an address as long as servers take")
@example(BUILDINGS, "&".join(f"p{number}=1" for number in range(200))).via("more parameters than anyone has")
def test_no_query_is_a_fault(ogc, path, query):
    answered(ogc.get(f"{path}?{query}"))


@FUZZED
@given(name=RUBBISH, item=RUBBISH)
@example("buildings", "\0").via("NUL")
@example("buildings", "x" * 10_000).via("a long id")
def test_no_path_is_a_fault(ogc, name, item):
    answered(ogc.get(f"/collections/{quote(name, safe='')}/items/{quote(item, safe='')}"))
    answered(ogc.get(f"/collections/observations/locations/{quote(item, safe='')}"))


@FUZZED
@given(text=st.one_of(CQL2_TEXT.map(lambda text: (text, "cql2-text")), CQL2_JSON.map(lambda text: (text, "cql2-json"))))
def test_no_filter_is_a_fault(ogc, text):
    answered(ogc.get(BUILDINGS, filter=text[0], limit=1, **{"filter-lang": text[1]}))


@FUZZED
@given(path=st.sampled_from(PATHS[:3]), accept=HEADER, language=HEADER, known=HEADER)
def test_no_header_is_a_fault(ogc, path, accept, language, known):
    headers = {"Accept": accept, "Accept-Language": language, "If-None-Match": known}
    answered(ogc.get(path, headers=headers))
