"""A filter keeps the same features by the columns of an index as in the store, whatever it compares."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ogc_api.features.fields import item_properties
from ogc_api.features.index import Indexes
from ogc_api.features.query import ItemsQuery
from ogc_api.features.regions import Region
from ogc_api.features.service import ItemsService
from ogc_api.features.versions import Versions
from tests.ogc_api.small_city import START, city, collection, commit_features, field
from tests.ogc_api.test_index import CENTRE, FIELDS, MIXED, NAMES, mixed
from twin.crs import BBox
from twin.errors import BadInput
from twin.model import FieldType
from twin.store import Condition, Logic, Property, Spatial
from twin.tables import feature_schema
from twin.time import TimeSpan

ODD = (field("depth", FieldType.NUMBER, "m"), field("slope", FieldType.NUMBER))
#: What Arrow and the store might not find the same of; a NaN is stored as null.
DEPTHS = (0.5, None, float("nan"), -0.0, float("inf"))
SLOPES = (0.0, -0.0, 1.0, None, 1e300, -float("inf"), 0.1, 0.30000000000000004)

_COMPARISON = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
_TEXTS = st.sampled_from([*filter(None, NAMES), "m3", "m30", "", "Perols", "P", "日", "\U0001f600"]) | st.text(
    max_size=3
)
_WHOLES = st.integers(-1, 14) | st.sampled_from([2**53 + 1, -(2**63) + 1, 2**63, 10**29])
_NUMBERS = st.sampled_from([*filter(None, SLOPES[:-1]), 0, 1, 0.3, -1e29, 61.5]) | st.floats(-100, 100)
_TIMES = st.integers(-5, 700).map(lambda days: START + timedelta(days=days, microseconds=days % 3))
_VALUES = {
    "id": _TEXTS,
    "name": _TEXTS,
    "height": _NUMBERS,
    "slope": _NUMBERS,
    "depth": _NUMBERS,
    "storeys": _WHOLES | st.floats(-1, 14),
    "public": st.booleans(),
    "surveyed": _TIMES,
    "valid_from": _TIMES,
    "valid_to": _TIMES,
}


def _conditions(name):
    values = _VALUES[name].filter(lambda value: "\x00" not in value if isinstance(value, str) else True)
    return st.one_of(
        st.builds(Condition, field=st.just(name), operator=_COMPARISON, value=values),
        st.builds(
            Condition, field=st.just(name), operator=st.just("in"), value=st.lists(values, max_size=4).map(tuple)
        ),
        st.just(Condition(field=name, operator="is null")),
    )


_PLAIN = st.one_of(*map(_conditions, _VALUES))
_PATTERNS = st.sampled_from([Condition(field="name", operator="like", value="%a%"), Property(name="name")]).map(
    lambda node: node if isinstance(node, Condition) else Condition(field="id", operator="<>", value=node)
)
FILTERS = st.recursive(
    _PLAIN | _PATTERNS,
    lambda inner: st.one_of(
        st.builds(Logic, operator=st.sampled_from(["and", "or"]), filters=st.lists(inner, min_size=1, max_size=3)),
        st.builds(Logic, operator=st.just("not"), filters=st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=6,
)
_REGIONS = st.builds(
    lambda x, y, half: Region(
        (BBox(xmin=x - half, ymin=y - half, xmax=x + half, ymax=y + half, crs="EPSG:2154"),), "EPSG:2154"
    ),
    *(st.floats(middle - 2_500, middle + 2_500) for middle in CENTRE),
    st.sampled_from([5.0, 400.0, 1_500.0]),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with city(tmp_path_factory.mktemp("filters")) as twin:
        made = collection("mixed", fields=(*FIELDS, *ODD))
        plain = pa.Table.from_batches([mixed(np.random.default_rng(7))])
        for each, values in zip(ODD, (DEPTHS, SLOPES), strict=True):
            column = pa.array(
                [values[number % len(values)] for number in range(MIXED)], pa.float64(), from_pandas=False
            )
            plain = plain.append_column(each.name, column)
        (rows,) = plain.cast(feature_schema((*FIELDS, *ODD))).combine_chunks().to_batches()
        commit_features(twin.store, made, rows)
        versions = Versions(twin.store)
        indexes = Indexes(twin, versions)
        mixed_ = twin.store.catalogue.collection("mixed", twin.access.public)
        index = indexes.ready(mixed_, twin.access.public)
        assert index is not None
        stored = ItemsService(twin, twin.access.public, versions)
        query = ItemsQuery(collection=mixed_, properties=item_properties(mixed_), limit=1_000)
        yield index, stored, query
        indexes.stop()


def _answer(page, query):
    try:
        found = page(query)
    except BadInput as error:
        return str(error)
    return found.matched, found.returned, bytes(found.features)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(filters=st.lists(FILTERS, min_size=1, max_size=2), region=st.none() | _REGIONS, start=st.none() | _TIMES)
@example(filters=[Condition(field="depth", operator=">", value=1.0)], region=None, start=None)
@example(filters=[Condition(field="slope", operator="in", value=(0.0, 1.0))], region=None, start=None)
@example(filters=[Condition(field="name", operator="<", value="\ue000")], region=None, start=None)
@example(
    filters=[Logic(operator="not", filters=[Condition(field="name", operator="in", value=("Pérols",))])],
    region=None,
    start=None,
)
def test_both_ways_keep_the_same_features(served, filters, region, start):
    index, stored, query = served
    time = None if start is None else TimeSpan(start=start, end=None)
    asked = replace(query, where=tuple(filters), region=region, time=time)
    assert _answer(index.page, asked) == _answer(stored.page, asked)


def _without_store(index, monkeypatch):
    def refused(_):
        raise AssertionError("the store was asked")

    monkeypatch.setattr(index, "_rows_of", refused)
    index._selected.clear()


def test_comparisons_ask_nothing_of_the_store(served, monkeypatch):
    index, stored, query = served
    filters = (
        Condition(field="height", operator=">", value=10),
        Condition(field="name", value="Pérols"),
        Logic(operator="not", filters=(Condition(field="storeys", operator="in", value=(1, 2, 3)),)),
        Condition(field="surveyed", operator="<", value=START + timedelta(seconds=1)),
        Condition(field="valid_to", operator="is null"),
    )
    expected = [stored.page(replace(query, where=(node,))).matched for node in filters]
    assert all(0 < matched < MIXED for matched in expected)
    _without_store(index, monkeypatch)
    assert [index.page(replace(query, where=(node,))).matched for node in filters] == expected


@pytest.mark.parametrize(
    "node",
    [
        Condition(field="depth", operator=">", value=float("nan")),
        Condition(field="name", operator="like", value="P%"),
        Condition(field="storeys", operator=">", value=2.5),
        Condition(field="slope", operator="in", value=(0.0, 1.0)),
        Condition(field="height", operator="<", value=Property(name="storeys")),
        Spatial(relation="intersects", right=None),
    ],
)
def test_what_arrow_would_read_in_another_way_is_the_store_s(served, node):
    index, _stored, query = served
    index._selected.clear()
    assert not index.is_quick(replace(query, where=(node,)))
