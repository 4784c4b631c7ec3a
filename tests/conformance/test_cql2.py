"""CQL2: the abstract tests that any data can be put to, with each of its languages.

What each function means is held to the rows themselves in ``tests/ogc_api/test_cql2.py``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import chain, pairwise

import pytest

from ogc_api.features.cql2_text import parse
from tests.conformance.abstract_tests import CQL2, abstract_test
from tests.conformance.service import GEOJSON, WHOLE, Json, Service

LANGUAGES = ("cql2-text", "cql2-json")
COMPARISONS = ("=", "<>", ">", "<=", "<", ">=")
#: A value of each type that is compared.
VALUES = {
    "String": "'foo'",
    "Boolean": "true",
    "Number": "3.14",
    "Integer": "1",
    "Timestamp": "TIMESTAMP('2022-04-14T14:48:46Z')",
    "Date": "DATE('2022-04-14')",
}
_FORMATS = {"date-time": "Timestamp", "date": "Date"}
WORLD = ("BBOX(-180,-90,180,90)", "POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))")
LINE, POINT, NOWHERE = "LINESTRING(7 50,10 51)", "POINT(7.02 49.92)", "POINT(90 180)"
POINTS = "MULTIPOINT(7 50,10 51)"
HOLED = "((-180 -90,-90 -90,-90 90,-180 90,-180 -90),(-120 -50,-100 -50,-100 -40,-120 -40,-120 -50))"
RING = "((0 0,10 0,10 10,0 10,0 0))"
LITERALS = (
    "LINESTRING(-180 -45,0 -45)",
    "MULTILINESTRING((-180 -45,0 -45),(0 45,180 45))",
    f"POLYGON{HOLED}",
    f"MULTIPOLYGON({HOLED},{RING})",
    f"GEOMETRYCOLLECTION(POINT(7.02 49.92),POLYGON{RING})",
)
INSTANTS = {
    "Timestamp": ("TIMESTAMP('2022-04-24T07:59:57Z')", "INTERVAL('2021-01-01T00:00:00Z','2021-12-31T23:59:59Z')"),
    "Date": ("DATE('2022-04-24')", "INTERVAL('2021-01-01','2021-12-31')"),
}
OF_INSTANTS = ("AFTER", "BEFORE", "DISJOINT", "EQUALS", "INTERSECTS")
OF_INTERVALS = ("CONTAINS", "DURING", "FINISHEDBY", "FINISHES", "MEETS", "METBY", "OVERLAPPEDBY", "OVERLAPS")
OF_INTERVALS += (*OF_INSTANTS, "STARTEDBY", "STARTS")


class Source:
    """A collection of items, asked in one language."""

    def __init__(self, service: Service, collection: Json, language: str) -> None:
        self._service = service
        self._path = f"/collections/{collection['id']}"
        self._language = language
        schema = service.json(f"{self._path}/queryables")["properties"]
        self.types = {name: _type(one) for name, one in schema.items()}

    def of(self, *types: str) -> list[str]:
        """Return the queryables of some types, as a filter names them."""
        return [f'"{name}"' for name, type_ in self.types.items() if type_ in types]

    def count(self, text: str) -> int:
        """Return how many items a filter selects."""
        answer = self._asked(text)
        assert answer.status_code == 200, f"{text}: {answer.text}"
        found: int = answer.json()["numberMatched"]
        return found

    def refuses(self, text: str) -> bool:
        """Tell whether a filter is refused."""
        return self._asked(text).status_code == 400

    def apart(self, one: str, other: str) -> bool:
        """Tell whether no item is selected by both of two filters."""
        return self.count(one) >= 0 <= self.count(other) and self.count(f"({one}) AND ({other})") == 0

    def same(self, *texts: str) -> bool:
        """Tell whether filters select the same items."""
        first, *others = texts
        count = self.count(first)
        return all(self.count(f"({first}) AND ({text})") == count == self.count(text) for text in others)

    def _asked(self, text: str):
        written = text if self._language == "cql2-text" else json.dumps(parse(text))
        asked = {"filter": written, "filter-lang": self._language, "limit": 1}
        return self._service.get(f"{self._path}/items", accept=GEOJSON, **asked)


def _type(schema: Json) -> str:
    form = schema.get("format", "")
    if schema.get("enum") == [0, 1]:
        return "Boolean"  # as clients that know no boolean read it
    return "Geometry" if form.startswith("geometry-") else _FORMATS.get(form) or str(schema["type"]).capitalize()


@pytest.fixture(scope="module", params=LANGUAGES)
def sources(service: Service, request: pytest.FixtureRequest) -> list[Source]:
    """Return as many collections, of few enough items, as it takes to have every type of queryable of theirs."""
    found: list[Source] = []
    for collection in service.feature_collections:
        source = Source(service, collection, request.param)
        known = {type_ for one in found for type_ in one.types.values()}
        if not known.issuperset(source.types.values()) and source.count("true") <= WHOLE:
            found.append(source)
    return found


def compared(source: Source) -> Iterator[tuple[str, str]]:
    for type_, value in VALUES.items():
        for name in source.of(type_):
            yield name, value


@abstract_test(f"{CQL2}/cql2-text/validate", f"{CQL2}/cql2-json/validate")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_is_declared(service: Service, language: str) -> None:
    """Every test here is of each language."""
    assert any(one.endswith(f"{CQL2}/{language}") for one in service.conforms_to)
    assert set(LANGUAGES) == {"cql2-text", "cql2-json"}


@abstract_test(f"{CQL2}/cql2-text/escaping")
def test_quotes_and_control_characters_are_escaped() -> None:
    escapes = {r"\a": "\a", r"\b": "\b", r"\t": "\t", r"\n": "\n", r"\v": "\v", r"\f": "\f", r"\r": "\r", r"\'": "'"}
    for written, meant in {**escapes, "''": "'"}.items():
        assert parse(f"name = 'l{written}eau'") == {"op": "=", "args": [{"property": "name"}, f"l{meant}eau"]}


@abstract_test(f"{CQL2}/basic-cql2/basic-test")
def test_every_collection_has_queryables_to_compare(sources: list[Source]) -> None:
    for source in sources:
        assert set(source.types.values()) <= {*VALUES, "Geometry"}
        assert list(compared(source))


@abstract_test(f"{CQL2}/basic-cql2/comparison")
def test_comparisons_exclude_their_contraries(sources: list[Source]) -> None:
    for source in sources:
        for name, value in compared(source):
            for one, other in (COMPARISONS[:2], COMPARISONS[2:4], COMPARISONS[4:]):
                assert source.apart(f"{name} {one} {value}", f"{name} {other} {value}"), name


@abstract_test(f"{CQL2}/basic-cql2/is-null")
def test_what_is_null_is_not_not_null(sources: list[Source]) -> None:
    for source in sources:
        for name in source.of(*VALUES, "Geometry"):
            assert source.apart(f"{name} IS NULL", f"{name} is not null"), name


@abstract_test(f"{CQL2}/basic-cql2/boolean")
def test_true_is_everything_and_false_nothing(sources: list[Source]) -> None:
    for source in sources:
        assert source.count("true") > 0
        assert source.count("false") == 0


@abstract_test(f"{CQL2}/advanced-comparison-operators/like")
def test_patterns(sources: list[Source]) -> None:
    for source in sources:
        for name in source.of("String"):
            assert source.apart(f"{name} like '_%'", f"{name} like ''")
            assert source.same(f"{name} LIKE '%'", f"{name} like '%%'")
            assert source.count(rf"{name} like '\%\_'") == 0


@abstract_test(f"{CQL2}/advanced-comparison-operators/between")
def test_ranges(sources: list[Source]) -> None:
    for source in sources:
        for name in source.of("Number", "Integer"):
            assert source.same(f"{name} BETWEEN 0 AND 100", f"{name} >= 0 AND {name} <= 100")
            assert source.count(f"{name} between 100.0 and 1.0") == 0


@abstract_test(f"{CQL2}/advanced-comparison-operators/in")
def test_lists(sources: list[Source]) -> None:
    given = {"String": "'foo','bar'", "Boolean": "true", "Date": "DATE('2022-04-14'),DATE('2022-04-15')"}
    given |= dict.fromkeys(("Number", "Integer"), "1,2,3")
    given["Timestamp"] = "TIMESTAMP('2022-04-14T14:52:56Z'),TIMESTAMP('2022-04-14T15:52:56Z')"
    for source in sources:
        for type_, values in given.items():
            for name in source.of(type_):
                assert source.apart(f"{name} IN ({values})", f"{name} NOT IN ({values})")


@abstract_test(f"{CQL2}/case-insensitive-comparison/casei")
def test_case_is_folded(sources: list[Source]) -> None:
    _each_text(sources, "{} = casei('foo')", "{} <> casei('FOO')", folded="CASEI({})", apart=True)


@abstract_test(f"{CQL2}/case-insensitive-comparison/casei-like")
def test_case_is_folded_in_patterns(sources: list[Source]) -> None:
    _each_text(sources, "{} LIKE casei('foo%')", "{} LIKE casei('FOO%')", folded="CASEI({})")


@abstract_test(f"{CQL2}/accent-insensitive-comparison/accenti")
def test_accents_are_folded(sources: list[Source]) -> None:
    _each_text(sources, "{} = accenti('äöüéáí')", "{} <> accenti('aoueai')", folded="ACCENTI({})", apart=True)


@abstract_test(f"{CQL2}/accent-insensitive-comparison/accenti-like")
def test_accents_are_folded_in_patterns(sources: list[Source]) -> None:
    _each_text(sources, "{} LIKE accenti('Ä%')", "{} LIKE accenti('A%')", folded="ACCENTI({})")


@abstract_test(f"{CQL2}/accent-insensitive-comparison/accenti-casei")
def test_accents_and_case_are_folded(sources: list[Source]) -> None:
    both = "ACCENTI(CASEI({}))"
    _each_text(sources, "{} = accenti(casei('ÄÉ'))", "{} = accenti(casei('ae'))", folded=both)


@abstract_test(f"{CQL2}/accent-insensitive-comparison/accenti-casei-like")
def test_accents_and_case_are_folded_in_patterns(sources: list[Source]) -> None:
    both = "ACCENTI(CASEI({}))"
    _each_text(sources, "{} LIKE accenti(casei('Ä%'))", "{} LIKE accenti(casei('a%'))", folded=both)


def _each_text(sources: list[Source], one: str, other: str, *, folded: str, apart: bool = False) -> None:
    for source in sources:
        for name in source.of("String"):
            told = [text.format(folded.format(name)) for text in (one, other)]
            assert source.apart(*told) if apart else source.same(*told), name


def _each_place(sources: list[Source]) -> Iterator[tuple[Source, str]]:
    assert any(source.of("Geometry") for source in sources)
    for source in sources:
        for name in source.of("Geometry"):
            yield source, name


@abstract_test(f"{CQL2}/basic-spatial-functions/s_intersects")
def test_boxes_and_points_intersect(sources: list[Source]) -> None:
    for source, name in _each_place(sources):
        assert source.count(f"S_INTERSECTS({name},{WORLD[0]})") > 0
        assert source.count(f"S_INTERSECTS({name},{POINT})") == 0
        assert source.refuses(f"S_INTERSECTS({name},{NOWHERE})")
        west, east = (f"S_INTERSECTS({name},BBOX({box}))" for box in ("-180,-90,-90,90", "90,-90,180,90"))
        assert source.apart(west, east)


@abstract_test(f"{CQL2}/basic-spatial-functions-plus/s_intersects")
def test_every_kind_of_geometry_intersects(sources: list[Source]) -> None:
    for source, name in _each_place(sources):
        assert source.refuses(f"S_INTERSECTS({name},MULTIPOINT(7.02 49.92,90 180))")
        assert all(source.count(f"S_INTERSECTS({name},{literal})") == 0 for literal in LITERALS)


@abstract_test(f"{CQL2}/spatial-functions/s_intersects", f"{CQL2}/spatial-functions/s_disjoint")
def test_what_intersects_is_not_disjoint(sources: list[Source]) -> None:
    for source, name in _each_place(sources):
        assert source.same(*(f"S_INTERSECTS({name},{shape})" for shape in WORLD))
        for shape in WORLD:
            assert source.count(f"S_DISJOINT({name},{shape})") == 0
        for shape in (LINE, POINT):
            assert source.apart(f"S_INTERSECTS({name},{shape})", f"S_DISJOINT({name},{shape})")
        assert source.refuses(f"S_INTERSECTS({name},{NOWHERE})")
        assert source.refuses(f"S_DISJOINT({name},{NOWHERE})")


@abstract_test(f"{CQL2}/spatial-functions/s_equals")
def test_nothing_equals_the_world_or_what_is_elsewhere(sources: list[Source]) -> None:
    for source, name in _each_place(sources):
        assert all(source.count(f"S_EQUALS({name},{shape})") == 0 for shape in (WORLD[1], LINE, POINT))


@abstract_test(f"{CQL2}/spatial-functions/s_touches", f"{CQL2}/spatial-functions/s_crosses")
def test_nothing_touches_or_crosses_the_edge_of_the_world(sources: list[Source]) -> None:
    for source, name in _each_place(sources):
        for shape in (*WORLD, LINE):
            assert source.count(f"S_TOUCHES({name},{shape})") == source.count(f"S_CROSSES({name},{shape})") == 0


@abstract_test(f"{CQL2}/spatial-functions/s_within", f"{CQL2}/spatial-functions/s_contains")
def test_what_is_within_does_not_contain(sources: list[Source]) -> None:
    for source, name in _each_place(sources):
        assert source.same(*(f"S_WITHIN({name},{shape})" for shape in WORLD))
        assert source.same(*(f"S_CONTAINS({name},{shape})" for shape in WORLD))
        for shape in (*WORLD, LINE, POINTS):
            assert source.apart(f"S_WITHIN({name},{shape})", f"S_CONTAINS({name},{shape})")


@abstract_test(f"{CQL2}/spatial-functions/s_overlaps")
def test_nothing_overlaps_what_is_elsewhere(sources: list[Source]) -> None:
    for source, name in _each_place(sources):
        assert all(source.count(f"S_OVERLAPS({name},{shape})") == 0 for shape in (POINTS, LINE, WORLD[1]))


@abstract_test(f"{CQL2}/temporal-functions/temporal-functions-1")
def test_instants(sources: list[Source]) -> None:
    for source in sources:
        for text in _of_instants(source):
            assert source.count(text) >= 0
        for type_, others in INSTANTS.items():
            for name in source.of(type_):
                for other in others:
                    assert source.apart(f"T_INTERSECTS({name},{other})", f"T_DISJOINT({name},{other})")


@abstract_test(f"{CQL2}/temporal-functions/temporal-functions-2")
def test_intervals(sources: list[Source]) -> None:
    assert any(list(_of_intervals(source)) for source in sources)
    for source in sources:
        for text in _of_intervals(source):
            assert source.count(text) >= 0


def _of_instants(source: Source) -> Iterator[str]:
    for type_, others in INSTANTS.items():
        for name in source.of(type_):
            yield from (f"T_{function}({name},{other})" for function in OF_INSTANTS for other in others)


def _of_intervals(source: Source) -> Iterator[str]:
    for type_, (_, other) in INSTANTS.items():
        names = source.of(type_)
        for first, second in pairwise(names):
            yield from (f"T_{function}(INTERVAL({first},{second}),{other})" for function in OF_INTERVALS)


@abstract_test(f"{CQL2}/property-property/comparison-value-property")
def test_values_may_come_first(sources: list[Source]) -> None:
    for source in sources:
        for name, value in compared(source):
            for one, other in (COMPARISONS[:2], COMPARISONS[2:4], COMPARISONS[4:]):
                assert source.apart(f"{value} {one} {name}", f"{value} {other} {name}"), name


@abstract_test(f"{CQL2}/property-property/comparison-property-property")
def test_properties_equal_themselves(sources: list[Source]) -> None:
    for source in sources:
        for name, _ in compared(source):
            _assert_equal(source, name)


@abstract_test(f"{CQL2}/property-property/comparison-value-value")
def test_values_equal_themselves(sources: list[Source]) -> None:
    for source in sources:
        for value in VALUES.values():
            _assert_equal(source, value)


def _assert_equal(source: Source, term: str) -> None:
    assert all(source.count(f"{term} {sign} {term}") == 0 for sign in ("<>", "<", ">")), term
    assert source.same(*(f"{term} {sign} {term}" for sign in ("=", ">=", "<="))), term


@abstract_test(f"{CQL2}/arithmetic/arithmetic")
def test_arithmetic(sources: list[Source]) -> None:
    for source in sources:
        for name in source.of("Number", "Integer"):
            assert source.same(f"{name} > 2 * 3 + 2 ^ 2 - 20 / 10", f"{name} > 21 div 2 - 9 % 7")
            assert source.same(f"{name} > 8", f"{name} * 2 - 6 > {name} + 2", f"-{name} < -8")


def predicates(source: Source) -> Iterator[str]:
    """Yield sound filters of every class."""
    texts, numbers = source.of("String"), source.of("Number", "Integer")
    yield from (f"{name} {sign} {value}" for name, value in compared(source) for sign in COMPARISONS)
    yield from (f"{name} IS NULL" for name in source.of(*VALUES, "Geometry"))
    yield from (f"{name} LIKE '_%'" for name in texts)
    yield from (f"ACCENTI(CASEI({name})) = accenti(casei('ÄÉ'))" for name in texts)
    yield from (f"{name} BETWEEN 0 AND 100" for name in numbers)
    yield from (f"{name} * 2 > {name} + 1" for name in numbers)
    for name in source.of("Geometry"):
        yield from (f"S_{function}({name},{WORLD[1]})" for function in ("INTERSECTS", "DISJOINT", "WITHIN"))
    yield from chain(_of_instants(source), _of_intervals(source))


@abstract_test(
    *(
        f"{CQL2}/{name}/logical"
        for name in (
            *("basic-cql2", "advanced-comparison-operators", "case-insensitive-comparison", "property-property"),
            *("accent-insensitive-comparison", "basic-spatial-functions", "spatial-functions", "temporal-functions"),
            "arithmetic",
        )
    )
)
def test_filters_are_combined(sources: list[Source]) -> None:
    chosen = random.Random(4)
    for source in sources:
        known = list(predicates(source))
        for _ in range(10):
            one, two, three, four = chosen.sample(known, 4)
            text = f"((NOT ({one}) AND {two}) OR ({three} and NOT ({four})) or not ({one} AND {four}))"
            assert 0 <= source.count(text) <= source.count("true"), text
