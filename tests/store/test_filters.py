"""Any filter at all keeps the rows that the reference says, in SQL and after a journey as JSON."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin.store import (
    OPERATOR,
    Arithmetic,
    Condition,
    Constant,
    FeatureQuery,
    Folded,
    Logic,
    ObservationQuery,
    Property,
    Spatial,
)
from twin.store.embedded import open_store
from twin.store.embedded.folding import folded
from twin.testing import samples
from twin.testing.filters import holds

_X, _Y = samples.ORIGIN
_COMPARISON = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


def _prop(*names):
    return st.sampled_from(names).map(lambda name: Property(name=name))


_NUMBERS = st.recursive(
    _prop("height", "storeys"),
    lambda inner: st.builds(
        Arithmetic,
        operator=st.sampled_from(["+", "-", "*", "/", "%", "div"]),
        left=inner | st.integers(-6, 12).map(float),
        right=inner | st.sampled_from([-2.0, 0.0, 0.5, 3.0]),
    ),
    max_leaves=4,
)
_TEXTS = st.recursive(
    _prop("name", "id"),
    lambda inner: st.builds(Folded, without=st.sampled_from(["case", "accents"]), of=inner),
    max_leaves=2,
)
_WORDS = st.sampled_from(["Bâtiment 1", "BATIMENT 22", "bâtiment 4", "b000003", "", "'; --", "é%_\\"])
_PATTERNS = st.text("Bâatimen %_1\\.*0b", max_size=8) | st.sampled_from(["%iment%", "b_00001%", "%1_", "%"])
_TIMES = st.integers(-5, 45).map(lambda hours: samples.START + timedelta(hours=hours))


def _regions():
    side = st.integers(-2, 60).map(lambda k: k * 5.0)
    box = st.builds(
        lambda x, y, w, h: shapely.box(_X + x, _Y + y / 9, _X + x + w + 5, _Y + y / 9 + h / 9 + 1), *[side] * 4
    )
    disc = side.map(lambda x: shapely.Point(_X + x, _Y).buffer(17))
    line = st.builds(lambda x, y: shapely.LineString([(_X + x, _Y + 2), (_X + y + 1, _Y + 3)]), side, side)
    return (box | disc | line).filter(lambda shape: shape.is_valid).map(lambda shape: shape.wkb)


def _condition(field, operator, value):
    return st.builds(Condition, field=field, operator=operator, value=value)


_LEAVES = st.one_of(
    _condition(_NUMBERS, _COMPARISON, st.integers(-3, 12) | st.floats(-3, 12) | _NUMBERS),
    _condition(
        _NUMBERS, st.just("in"), st.lists(st.integers(0, 9) | _prop("storeys"), min_size=1, max_size=4).map(tuple)
    ),
    _condition(_TEXTS, _COMPARISON, _WORDS | _TEXTS),
    _condition(_TEXTS, st.just("like"), _PATTERNS),
    _condition(st.sampled_from(["name", "height", "valid_to", "geometry"]) | _NUMBERS, st.just("is null"), st.none()),
    _condition(st.just("public"), st.sampled_from(["=", "<>"]), st.booleans()),
    _condition(st.sampled_from(["seen", "valid_from", "valid_to"]), _COMPARISON, _TIMES | _prop("seen", "permit")),
    _condition(
        st.just("permit"), _COMPARISON, _TIMES.map(lambda instant: instant.replace(year=2000).date().isoformat())
    ),
    st.builds(
        Spatial,
        relation=st.sampled_from(
            ["intersects", "disjoint", "within", "contains", "touches", "crosses", "overlaps", "equals"]
        ),
        right=_regions(),
    ),
    st.builds(Spatial, relation=st.sampled_from(["within", "contains", "disjoint"]), left=_regions()),
    st.builds(Constant, true=st.booleans()),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.builds(
        Logic,
        operator=st.sampled_from(["and", "or", "not"]),
        filters=st.lists(inner, min_size=1, max_size=3).map(tuple),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    opened = open_store(Path(tmp_path_factory.mktemp("filters")) / "var", "EPSG:2154")
    samples.put_features(opened, samples.building_table(range(40)))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def rows(store):
    return store.features.read(FeatureQuery(collection="buildings"), OPERATOR).read_all().to_pylist()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(node=_TREES)
def test_any_tree_keeps_what_the_reference_keeps(store, rows, node):
    query = FeatureQuery(collection="buildings", where=(node,), columns=(), with_geometry=False)
    found = store.features.read(FeatureQuery.model_validate_json(query.model_dump_json()), OPERATOR).read_all()
    wanted = [row["id"] for row in rows if holds(node, row)]
    assert found["id"].to_pylist() == wanted
    assert store.features.count(query, OPERATOR) == len(wanted)


def test_a_pattern_of_many_wildcards_costs_no_more_than_another(store):
    """DuckDB's LIKE takes 10 s for this one over a few thousand texts, which a regular expression does not."""
    samples.put_series(
        store, samples.observation_table(3, 2000), datastreams=samples.datastream_table(3, samples.series())
    )
    for pattern in ("%" + "_%" * 40 + "X", "%a" * 40 + "%X"):
        node = Condition(field="datastream", operator="like", value=pattern)
        assert store.observations.count(ObservationQuery(collection="observations", where=(node,)), OPERATOR) == 0
        either = Logic(operator="or", filters=(node, Condition(field="quality_reason", operator="like", value=pattern)))
        assert store.observations.count(ObservationQuery(collection="observations", where=(either,)), OPERATOR) == 0


def test_case_is_folded_as_unicode_does():
    letters = [chr(code) for code in range(1, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    letters_table = pa.table({"letter": [f"aé{letter}Z" for letter in letters]})
    sql, _ = folded("letter", [], "case")
    with duckdb.connect() as connection:
        found = [one for (one,) in connection.execute(f"SELECT {sql} FROM letters_table").fetchall()]
    assert found == [text.casefold() for text in letters_table["letter"].to_pylist()]
