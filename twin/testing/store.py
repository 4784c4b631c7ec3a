"""What every store must do, as tests: subclass :class:`StoreContract` and give it ``open_store``."""

# ruff: noqa: D102 - a test is told by its name

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import shapely

from twin.errors import BadInput, Conflict, NotFound, Outdated
from twin.model import DATASTREAMS, Field, FieldType, Quality, Text, feature_schema
from twin.store import (
    OPERATOR,
    AggregateQuery,
    Arithmetic,
    Commit,
    Condition,
    Constant,
    FeatureQuery,
    Filter,
    Folded,
    Logic,
    ObservationQuery,
    Principal,
    Property,
    Receipt,
    SortKey,
    Spatial,
    StagedCube,
    StagedFeatures,
    StagedSeries,
    Store,
    write_cube,
)
from twin.testing import samples
from twin.testing.filter_samples import FEATURE_FILTERS, OBSERVATION_FILTERS
from twin.testing.filters import holds
from twin.time import TimeSpan

type OpenStore = Callable[[], Store]

_X, _Y = samples.ORIGIN
_EXTRA = Field(name="roof", type=FieldType.STRING, title=Text(fr="Toit", en="Roof"))


def _read(store: Store, **query: object) -> pa.Table:
    return store.features.read(FeatureQuery.model_validate({"collection": "buildings", **query}), OPERATOR).read_all()


def _count(store: Store, **query: object) -> int:
    return store.features.count(FeatureQuery.model_validate({"collection": "buildings", **query}), OPERATOR)


def _observe(store: Store, **query: object) -> pa.Table:
    asked = ObservationQuery.model_validate({"collection": "observations", **query})
    return store.observations.read(asked, OPERATOR).read_all()


def _aggregated(store: Store, **query: object) -> pa.Table:
    return store.observations.aggregate(AggregateQuery.model_validate(query), OPERATOR).read_all()


def _counted(store: Store, **query: object) -> int:
    asked = ObservationQuery.model_validate({"collection": "observations", **query})
    return store.observations.count(asked, OPERATOR)


def _ids(table: pa.Table) -> list[str]:
    return [str(value) for value in table["id"].to_pylist()]


class StoreContract:
    """The tests; ``open_store`` opens the one store of a test, new at its first call."""

    @pytest.fixture
    def open_store(self) -> OpenStore:
        """Return what opens the store of the test; the engine's own suite defines it."""
        raise NotImplementedError("a subclass of StoreContract defines the fixture open_store")

    @pytest.fixture
    def store(self, open_store: OpenStore) -> Iterator[Store]:
        """Return an open store."""
        opened = open_store()
        yield opened
        opened.close()

    # Features

    def test_what_was_committed_is_read_as_it_was_given(self, store: Store) -> None:
        given = samples.building_table(range(25))
        receipt = samples.put_features(store, given)
        found = _read(store)
        assert found.schema.equals(
            pa.schema([*feature_schema(samples.buildings().fields), pa.field("row", pa.int64(), nullable=False)])
        )
        assert found.drop_columns("row").equals(given)
        assert shapely.from_wkb(found["geometry"][0].as_py()).has_z
        collection = store.catalogue.collection("buildings", OPERATOR)
        assert (collection.count, collection.revision) == (25, receipt.revision)
        assert collection.temporal == (given["valid_from"][0].as_py(), None)
        assert collection.extent is not None
        assert collection.extent.as_list() == pytest.approx([3.866785, 43.606571, 3.869819, 43.606640], abs=2e-6)
        assert collection.sources == ("sample",)

    def test_the_same_again_makes_no_revision(self, store: Store) -> None:
        first = samples.put_features(store, samples.building_table(range(25)))
        again = samples.put_features(store, samples.building_table(list(range(25))[::-1]))
        assert first.changed == {"buildings": first.revision}
        assert (again.revision, again.changed) == (first.revision, {})
        assert len(store.catalogue.runs("sample")) == 2

    def test_a_difference_replaces_and_the_former_revision_stays_readable(self, store: Store) -> None:
        before = samples.put_features(store, samples.building_table(range(25)))
        rows = {row["id"]: row["row"] for row in _read(store).to_pylist()}
        after = pa.concat_tables([samples.building_table(range(1, 24)), samples.building_table([24], raised=1.0)])
        receipt = samples.put_features(store, after)
        assert receipt.revision > before.revision
        assert _ids(_read(store)) == [f"b{k:06d}" for k in range(1, 25)]
        assert all(row["row"] == rows[row["id"]] for row in _read(store).to_pylist()[:-1])
        assert _count(store, revision=before.revision) == 25
        former = _read(store, revision=before.revision).drop_columns("row")
        assert former.equals(samples.building_table(range(25)))

    def test_the_same_run_twice_is_harmless(self, store: Store) -> None:
        first = samples.put_features(store, samples.building_table(range(3)), run_id="run-1")
        again = samples.put_features(store, samples.building_table(range(9)), run_id="run-1")
        assert again == first
        assert _count(store) == 3

    def test_pages_by_offset_and_by_cursor_hold_every_row_once(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(50)))
        for sort in ((), ("height",), ("-height", "storeys"), ("-name",)):
            keys = tuple(SortKey(field=name.lstrip("-"), descending=name.startswith("-")) for name in sort)
            whole = _ids(_read(store, sort=keys))
            assert len(set(whole)) == 50
            by_offset = [name for at in range(0, 60, 7) for name in _ids(_read(store, sort=keys, offset=at, limit=7))]
            assert by_offset == whole
            by_cursor: list[str] = []
            after = None
            while page := _read(store, sort=keys, after=after, limit=7).to_pylist():
                by_cursor += [row["id"] for row in page]
                after = (*(page[-1][key.field] for key in keys), page[-1]["row"])
            assert by_cursor == whole

    def test_nulls_come_last_both_ways(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(20)))
        for descending in (False, True):
            found = _read(store, sort=(SortKey(field="height", descending=descending),))["height"].to_pylist()
            assert found[-2:] == [None, None]
            assert found[:-2] == sorted(found[:-2], reverse=descending)

    def test_a_lifespan_meets_a_span_until_its_end_excluded(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(20)))
        for span, wanted in {
            "1904-01-01T00:00:00Z": range(5),
            "1910-01-01T00:00:00Z": [k for k in range(11) if k],
            "../1902-12-31": range(3),
            "1918-06-01T00:00:00Z/..": [k for k in range(20) if k % 4 or k > 8],
        }.items():
            found = _ids(_read(store, time=TimeSpan.parse(span)))
            assert found == [f"b{k:06d}" for k in wanted], span

    def test_a_region_keeps_what_meets_it_exactly(self, store: Store) -> None:
        table = samples.building_table(range(40))
        samples.put_features(store, table)
        shapes = shapely.from_wkb(table["geometry"].to_pylist())
        for region in (
            shapely.box(_X + 2, _Y + 1, _X + 103, _Y + 2),
            shapely.Polygon([(_X, _Y), (_X + 400, _Y), (_X, _Y + 7)]),
            shapely.Point(_X + 200, _Y + 100).buffer(101),
            shapely.box(_X + 5, _Y, _X + 10, _Y),
        ):
            wanted = np.asarray(table["id"])[shapely.intersects(shapely.make_valid(region), shapes)].tolist()
            assert _ids(_read(store, region=region.wkb)) == wanted
            assert _count(store, region=region.wkb) == len(wanted) > 0

    def test_conditions_filter_by_type(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(30)))
        for condition, wanted in (
            (Condition(field="height", operator=">", value=8), 4),
            (Condition(field="name", operator="=", value="Bâtiment 7"), 1),
            (Condition(field="name", operator="like", value="Bâtiment 1%"), 8),
            (Condition(field="name", operator="is null"), 10),
            (Condition(field="storeys", operator="in", value=(0, 3)), 12),
            (Condition(field="public", value=True), 15),
            (Condition(field="permit", operator="<=", value="2000-01-03"), 3),
            (Condition(field="seen", operator="<", value=samples.START + timedelta(hours=2)), 2),
            (Condition(field="id", operator="<>", value="b000000"), 29),
        ):
            assert _count(store, where=(condition,)) == _read(store, where=(condition,)).num_rows == wanted, condition
        assert _ids(_read(store, ids=("b000003", "b000001", "none"))) == ["b000001", "b000003"]

    @pytest.mark.parametrize(
        "query",
        [
            {"where": (Condition(field="heigth", value=1),)},
            {"where": (Condition(field="height", value="tall"),)},
            {"where": (Condition(field="public", value=1),)},
            {"where": (Condition(field="permit", value="yesterday"),)},
            {"where": (Condition(field="storeys", value=10**400),)},
            {"where": (Condition(field="height", operator="like", value="1%"),)},
            {"where": (Condition(field='height" IS NULL OR "height', operator="is null"),)},
            {"where": (Condition(field="height", value=Property(name="heigth")),)},
            {"where": (Condition(field="height", value=Property(name="name")),)},
            {"where": (Condition(field=Arithmetic(operator="+", left=1, right=Property(name="name")), value=1),)},
            {"where": (Condition(field=Folded(without="case", of=Property(name="height")), value="x"),)},
            {"where": (Condition(field="name", operator="like", value=Property(name="name")),)},
            {"where": (Condition(field="geometry", value="x"),)},
            {"where": (Spatial(relation="within", right=b"not a geometry"),)},
            {"where": (Spatial(relation="within", right=shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 3)]).wkb),)},
            {"sort": (SortKey(field='height" DESC; --'),)},
            {"columns": ("heigth",)},
            {"after": ("x", 1)},
            {"region": b"not a geometry"},
            {"region": shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 3)]).wkb},
        ],
    )
    def test_a_query_that_makes_no_sense_is_refused(self, store: Store, query: dict[str, object]) -> None:
        samples.put_features(store, samples.building_table(range(3)))
        with pytest.raises(BadInput):
            _read(store, **query)

    def test_filters_mean_what_their_nodes_say(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(40)))
        rows = _read(store).to_pylist()
        for node in FEATURE_FILTERS:
            for asked in (node, Logic(operator="not", filters=(node,))):
                wanted = [row["id"] for row in rows if holds(asked, row)]
                assert _ids(_read(store, where=(asked,))) == wanted, asked
                assert _count(store, where=(asked,)) == len(wanted), asked
        kept = sum(0 < _count(store, where=(node,)) < 40 for node in FEATURE_FILTERS)
        assert kept > 0.8 * len(FEATURE_FILTERS), "a filter that keeps all or nothing shows little"

    def test_filters_too_deep_or_too_large_are_refused(self) -> None:
        node: Filter = Constant(true=True)
        for _ in range(31):
            node = Logic(operator="not", filters=(node,))
        FeatureQuery(collection="buildings", where=(node,))
        with pytest.raises(BadInput, match="deep"):
            FeatureQuery(collection="buildings", where=(Logic(operator="not", filters=(node,)),))
        many = Condition(field="storeys", operator="in", value=tuple(range(1001)))
        for where in ((many,), (Logic(operator="or", filters=(Constant(true=True),) * 1000),)):
            with pytest.raises(BadInput, match="parts"):
                ObservationQuery(collection="observations", where=where)

    def test_only_the_columns_asked_for(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(3)))
        found = _read(store, columns=("storeys",), with_geometry=False)
        assert found.column_names == ["id", "valid_from", "valid_to", "storeys", "row"]

    def test_objects_without_geometry_and_numbers_that_are_none(self, store: Store) -> None:
        table = samples.building_table(range(3))
        place = table.schema.get_field_index("height")
        table = table.set_column(place, table.schema.field(place), pa.array([float("nan"), None, 2.0]))
        place = table.schema.get_field_index("geometry")
        table = table.set_column(place, table.schema.field(place), pa.array([None] * 3, pa.binary()))
        samples.put_features(store, table)
        assert _read(store)["height"].to_pylist() == [None, None, 2.0]
        assert store.catalogue.collection("buildings", OPERATOR).extent is None
        assert _count(store, region=shapely.box(0, 0, 1e7, 1e7).wkb) == 0

    def test_several_sources_feed_one_collection(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(5)), source="north")
        samples.put_features(store, samples.building_table(range(5, 8)), source="south")
        samples.put_features(store, samples.building_table(range(4)), source="north")
        assert _ids(_read(store)) == [f"b{k:06d}" for k in (0, 1, 2, 3, 5, 6, 7)]
        with pytest.raises(BadInput, match=r"b000005.*south"):
            samples.put_features(store, samples.building_table([5]), source="north")

    def test_a_new_field_is_added_and_a_changed_one_refused(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(2)))
        grown = samples.building_table(range(2)).append_column("roof", pa.array(["flat", None]))
        samples.put_features(store, grown, collection=samples.buildings(_EXTRA))
        roofs = {"b000000": "flat", "b000001": None}
        assert {row["id"]: row["roof"] for row in _read(store).to_pylist()} == roofs
        other = samples.building_table(range(2)).append_column("roof", pa.array([1, 2]))
        with pytest.raises(BadInput, match="roof"):
            samples.put_features(
                store, other, collection=samples.buildings(_EXTRA.model_copy(update={"type": FieldType.INTEGER}))
            )
        assert {row["id"]: row["roof"] for row in _read(store).to_pylist()} == roofs

    @pytest.mark.parametrize("wrong", ["missing", "unknown", "type", "twice", "backwards", "wkb", "nameless"])
    def test_staged_rows_that_cannot_be_stored_are_refused_whole(self, store: Store, wrong: str) -> None:
        table = samples.building_table(range(3))
        geometry = table.schema.get_field_index("geometry")
        start, end = (table.schema.get_field_index(name) for name in ("valid_from", "valid_to"))
        broken = {
            "missing": lambda: table.drop_columns("height"),
            "unknown": lambda: table.append_column("colour", pa.array(["red"] * 3)),
            "type": lambda: table.set_column(geometry, "geometry", pa.array(["POINT (0 0)"] * 3)),
            "twice": lambda: pa.concat_tables([table, table]),
            "backwards": lambda: table.set_column(
                end, table.schema.field(end), pc.subtract(table.column(start), pa.scalar(timedelta(days=1)))
            ),
            "wkb": lambda: table.set_column(geometry, table.schema.field(geometry), pa.array([b"\x01\x03"] * 3)),
            "nameless": lambda: table.set_column(0, table.schema.field(0), pa.array(["", "a", "b"])),
        }[wrong]()
        with pytest.raises(BadInput, match="buildings"):
            samples.put_features(store, broken)
        assert store.catalogue.collections(OPERATOR) == []
        assert store.catalogue.revision() == 0
        samples.put_features(store, table)
        assert _count(store) == 3

    def test_staged_files_are_those_of_the_run(self, store: Store) -> None:
        with pytest.raises(BadInput, match="run id"), store.staging("../elsewhere"):
            pass
        with store.staging("mine") as folder:
            pq.write_table(samples.building_table(range(3)), folder.parent / "stray.parquet")
            part = StagedFeatures(collection=samples.buildings(), source="s", files=("../stray.parquet",))
            with pytest.raises(BadInput, match="staging folder"):
                store.commit(Commit(run=samples.new_run("mine"), features=(part,)))
        assert not folder.exists()

    # The catalogue

    def test_what_is_hidden_does_not_exist(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(3)))
        samples.put_cube(store, samples.cube(2))
        public = Principal(name="public", hidden=frozenset({"buildings", "built_fraction"}))
        assert store.catalogue.collections(public) == []
        with pytest.raises(NotFound) as hidden:
            store.features.read(FeatureQuery(collection="buildings"), public)
        with pytest.raises(NotFound) as absent:
            store.features.read(FeatureQuery(collection="bridges"), public)
        assert str(hidden.value) == str(absent.value).replace("bridges", "buildings")
        with pytest.raises(NotFound):
            store.features.count(FeatureQuery(collection="buildings"), public)
        with pytest.raises(NotFound):
            store.catalogue.collection("buildings", public)
        with pytest.raises(NotFound), store.cubes.open("built_fraction", public):
            pass

    def test_listeners_hear_of_each_commit(self, store: Store) -> None:
        heard: list[Receipt] = []
        store.subscribe(heard.append)
        receipt = samples.put_features(store, samples.building_table(range(3)))
        assert heard == [receipt]

    def test_removed_then_given_again_comes_back_with_its_history(self, store: Store) -> None:
        first = samples.put_features(store, samples.building_table(range(3)))
        second = samples.put_features(store, samples.building_table(range(2)))
        store.remove("buildings")
        with pytest.raises(NotFound):
            _count(store)
        with pytest.raises(NotFound):
            store.remove("buildings")
        assert store.catalogue.runs(limit=1)[0].kind == "remove"
        back = samples.put_features(store, samples.building_table(range(2)))
        assert back.revision > second.revision
        assert (_count(store), _count(store, revision=first.revision)) == (2, 3)

    def test_erased_leaves_nothing(self, store: Store) -> None:
        first = samples.put_features(store, samples.building_table(range(3)))
        samples.put_series(
            store, samples.observation_table(3, 5), datastreams=samples.datastream_table(3, samples.series())
        )
        samples.put_cube(store, samples.cube(2))
        for name in ("buildings", "observations", "built_fraction"):
            store.remove(name, history=True)
        assert [found.id for found in store.catalogue.collections(OPERATOR)] == [DATASTREAMS]
        samples.put_features(store, samples.building_table(range(2)))
        assert _count(store, revision=first.revision) == 0
        samples.put_series(
            store, samples.observation_table(2, 5), datastreams=samples.datastream_table(2, samples.series())
        )
        assert _counted(store) == 10

    # Edits

    def test_an_edit_makes_a_version_and_the_former_one_ends(self, store: Store) -> None:
        first = samples.put_features(store, samples.building_table(range(5)))
        before = _read(store, ids=("b000001",)).to_pylist()[0]
        at = samples.START + timedelta(days=1)
        receipt = samples.put_edit(store, "b000001", before["row"], samples.building_table([1], raised=2.0), at=at)
        assert receipt.changed == {"buildings": receipt.revision}
        former, last = _read(store, ids=("b000001",)).to_pylist()
        changed = {"row", "valid_to"}
        assert {**former, **dict.fromkeys(changed)} == {**before, **dict.fromkeys(changed)}
        assert (former["valid_to"], last["valid_from"], last["valid_to"]) == (at, at, None)
        assert (former["height"], last["height"]) == (4.0, 6.0)
        assert former["row"] != before["row"], "a row never changes"
        assert _read(store, ids=("b000001",), revision=first.revision).to_pylist() == [before]
        assert _read(store, ids=("b000001",), time=TimeSpan.at(at)).to_pylist() == [last]
        assert store.catalogue.collection("buildings", OPERATOR).count == 6
        assert (store.catalogue.runs()[0].kind, store.catalogue.runs(kind="ingest", limit=1)[0].kind) == (
            "edit",
            "ingest",
        )

    def test_an_edit_of_what_has_changed_since_is_refused(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(6)))
        row = _read(store, ids=("b000001",)).to_pylist()[0]["row"]
        edited = samples.building_table([1], raised=2.0)
        receipt = samples.put_edit(store, "b000001", row, edited, run_id="run-2")
        assert samples.put_edit(store, "b000001", row, edited, run_id="run-2") == receipt, "the same run again"
        with pytest.raises(Outdated, match="b000001"):
            samples.put_edit(store, "b000001", row, edited)
        with pytest.raises(NotFound, match="b9"):
            samples.put_edit(store, "b9", row, edited)
        with pytest.raises(Conflict, match="b000002"):
            samples.put_edit(store, "b000002", None, samples.building_table([2]))
        ended = _read(store, ids=("b000004",)).to_pylist()[0]["row"]
        with pytest.raises(Conflict, match="1914"):
            samples.put_edit(store, "b000004", ended, None)
        with pytest.raises(BadInput, match="b000005"):
            samples.put_edit(store, "b000005", _read(store, ids=("b000005",))["row"][0].as_py(), edited)
        assert store.catalogue.revision() == receipt.revision
        assert _count(store) == 7

    def test_an_edit_wins_over_the_source_of_its_object_for_ever(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(5)))
        rows = {row["id"]: row["row"] for row in _read(store).to_pylist()}
        samples.put_edit(store, "b000001", rows["b000001"], samples.building_table([1], raised=2.0))
        samples.put_edit(store, "b000002", rows["b000002"], None)
        samples.put_edit(store, "b000077", None, samples.building_table([77]))
        assert store.features.deleted("buildings", OPERATOR) == ("b000002",)
        stands = [row for row in _read(store).to_pylist() if row["id"] in ("b000001", "b000002", "b000077")]
        for numbers, kept in ((range(5), 2), ([0, 77], 1), ([0], 0)):
            receipt = samples.put_features(store, samples.building_table(list(numbers), raised=1.0))
            assert receipt.edited == ({"buildings": kept} if kept else {})
            after = _read(store).to_pylist()
            assert [row for row in after if row["id"] in ("b000001", "b000002", "b000077")] == stands
            assert {row["id"] for row in after} == {f"b{n:06d}" for n in numbers} | {"b000001", "b000002", "b000077"}
        with pytest.raises(NotFound, match="b000002"):
            samples.put_edit(store, "b000002", stands[-1]["row"], samples.building_table([2]))
        store.remove("buildings", history=True)
        assert samples.put_features(store, samples.building_table(range(5))).edited == {}
        assert store.features.deleted("buildings", OPERATOR) == ()

    # Observations

    def test_what_is_hidden_shows_in_no_count_and_no_extent(self, store: Store) -> None:
        streams = samples.datastream_table(2, samples.series())
        samples.put_series(store, samples.observation_table(2, 5), datastreams=streams)
        hidden = samples.series("hidden", "anomaly")
        table = samples.observation_table(4, 9, observed="anomaly")
        samples.put_series(store, table, datastreams=samples.datastream_table(4, hidden), collection=hidden)
        whole = store.catalogue.collection(DATASTREAMS, OPERATOR)
        public = Principal(name="public", hidden=frozenset({"hidden"}))
        seen = store.catalogue.collection(DATASTREAMS, public)
        assert (whole.count, seen.count) == (6, 2)
        assert whole.extent is not None
        assert seen.extent is not None
        assert seen.extent.xmax < whole.extent.xmax
        assert [found.id for found in store.catalogue.collections(public)] == [DATASTREAMS, "observations"]
        assert store.catalogue.collection("observations", public).count == 10
        again = samples.datastream_table(5, hidden)
        table = samples.observation_table(5, 9, observed="anomaly")
        samples.put_series(store, table, datastreams=again, collection=hidden)
        assert store.catalogue.collection(DATASTREAMS, public) == seen, "nor in its revision"
        blind = Principal(name="blind", hidden=frozenset({"hidden", "observations"}))
        assert store.catalogue.collections(blind) == [], "datastreams of nothing are no collection"
        of_private_objects = Principal(name="public", hidden=frozenset({"buildings"}))
        query = ObservationQuery(collection="observations")
        assert store.observations.count(query, of_private_objects) == 0
        assert store.observations.read(query, of_private_objects).read_all().num_rows == 0
        for pooled in (False, True):
            statistics = AggregateQuery(select=query, pooled=pooled)
            assert store.observations.aggregate(statistics, of_private_objects).read_all().num_rows == 0
        described = store.catalogue.collection("observations", of_private_objects)
        assert (described.count, described.extent, described.temporal) == (0, None, None)

    def test_observations_come_by_datastream_then_time(self, store: Store) -> None:
        given = samples.observation_table(4, 48)
        shuffled = given.take(np.random.default_rng(1).permutation(given.num_rows))
        samples.put_series(store, shuffled, datastreams=samples.datastream_table(4, samples.series()))
        assert _observe(store).equals(given)
        collection = store.catalogue.collection("observations", OPERATOR)
        assert (collection.count, _counted(store)) == (192, 192)
        assert collection.temporal == (samples.START, samples.START + timedelta(hours=47))
        assert collection.extent is not None
        assert store.catalogue.collection(DATASTREAMS, OPERATOR).count == 4

    def test_observations_are_found_by_what_and_where_and_when(self, store: Store) -> None:
        streams = samples.datastream_table(4, samples.series())
        samples.put_series(store, samples.observation_table(4, 48), datastreams=streams)
        near = shapely.box(_X + 5, _Y - 1, _X + 25, _Y + 1).wkb
        day = TimeSpan.parse("2026-07-02")
        for query, wanted in (
            ({"datastreams": ("b000001.air_temperature",)}, 48),
            ({"objects": ("b000001", "b000002", "b9")}, 96),
            ({"observed_properties": ("air_temperature",)}, 192),
            ({"observed_properties": ("wind",)}, 0),
            ({"region": near, "time": day}, 48),
            ({"good_only": True}, 184),
            ({"where": (Condition(field="result", operator=">=", value=47),)}, 4),
            ({"where": (Condition(field="object_id", value="b000003"), Condition(field="quality", value=1))}, 2),
            ({"latest": True}, 4),
            ({"latest": True, "time": TimeSpan.parse("../2026-07-01")}, 4),
        ):
            assert _counted(store, **query) == _observe(store, **query).num_rows == wanted, query
        last = _observe(store, latest=True, time=TimeSpan.parse("../2026-07-01"))["phenomenon_time"].to_pylist()
        assert last == [samples.START + timedelta(hours=23)] * 4
        joined = _observe(store, joined=True, objects=("b000002",), limit=1).to_pylist()[0]
        assert joined["object_collection"] == "buildings"
        assert (joined["object_id"], joined["observed_property"], joined["unit"]) == (
            "b000002",
            "air_temperature",
            "Cel",
        )
        assert shapely.from_wkb(joined["geometry"]).equals(shapely.Point(_X + 20, _Y))
        with pytest.raises(BadInput):
            _observe(store, where=(Condition(field="results", value=1),))

    def test_filters_of_observations_look_at_them_and_at_their_datastream(self, store: Store) -> None:
        streams = samples.datastream_table(4, samples.series())
        samples.put_series(store, samples.observation_table(4, 48), datastreams=streams)
        names = [quality.name.lower() for quality in Quality]
        rows = [{**row, "quality_name": names[row["quality"]]} for row in _observe(store, joined=True).to_pylist()]
        for node in OBSERVATION_FILTERS:
            for asked in (node, Logic(operator="not", filters=(node,))):
                wanted = [(row["datastream"], row["phenomenon_time"]) for row in rows if holds(asked, row)]
                found = _observe(store, where=(asked,))
                pairs = zip(found["datastream"].to_pylist(), found["phenomenon_time"].to_pylist(), strict=True)
                assert list(pairs) == wanted, asked
                assert _counted(store, where=(asked,)) == len(wanted), asked
                paged = _observe(store, where=(asked,), offset=3, limit=5)
                assert paged.equals(found.slice(3, 5)), asked
                assert _observe(store, where=(asked,), latest=True).num_rows == len({name for name, _ in wanted})
        assert sum(0 < _counted(store, where=(node,)) < len(rows) for node in OBSERVATION_FILTERS) > 8

    def test_statistics_of_each_datastream_and_period(self, store: Store) -> None:
        """Hours 0 to 47, the first of each day flagged; stream 1 is a thousandth above stream 0."""
        given = samples.observation_table(3, 48)
        holes = pc.and_(pc.equal(given["datastream"], "b000002.air_temperature"), pc.less(given["result"], 47))
        given = given.filter(pc.invert(holes))
        samples.put_series(store, given, datastreams=samples.datastream_table(3, samples.series()))
        edges = tuple(samples.START + timedelta(hours=24 * k) for k in range(3))
        good = {"collection": "observations", "good_only": True}
        statistics = ("mean", "min", "max", "sum", "count", "p50", "p90")
        found = _aggregated(store, select=good, edges=edges, statistics=statistics)
        assert found.column_names == ["datastream", "period", "values", "expected", *statistics]
        rows = found.to_pylist()
        assert [(row["datastream"], row["period"]) for row in rows] == [
            *((f"b00000{k}.air_temperature", edge) for k in range(2) for edge in edges[:2]),
            ("b000002.air_temperature", edges[1]),
        ]
        assert (rows[0]["values"], rows[0]["expected"]) == (23, 24)
        wanted = [12, 1, 23, 276, 23, 12, 20.8]
        assert [rows[0][name] for name in statistics] == pytest.approx(wanted)
        assert [rows[3][name] for name in statistics[:4]] == pytest.approx([36.001, 25.001, 47.001, 828.023])
        assert (rows[4]["values"], rows[4]["expected"], rows[4]["max"]) == (1, None, 47.002)
        every = _aggregated(store, select={"collection": "observations"}, edges=edges, pooled=True).to_pylist()
        assert every[0]["observed_property"] == "air_temperature"
        assert [(row["values"], row["expected"]) for row in every] == [(48, 48), (49, 48)]
        assert every[0]["mean"] == pytest.approx(11.5005)

    def test_statistics_of_each_instant_and_of_nothing(self, store: Store) -> None:
        samples.put_series(
            store, samples.observation_table(3, 5), datastreams=samples.datastream_table(3, samples.series())
        )
        select = {"collection": "observations", "good_only": True, "time": TimeSpan.parse("../2026-07-01T02:00:00Z")}
        found = _aggregated(store, select=select, statistics=("mean",), pooled=True).to_pylist()
        assert [row["period"] for row in found] == [samples.START + timedelta(hours=k) for k in (1, 2)]
        assert [row["mean"] for row in found] == pytest.approx([1.001, 2.001])
        assert [(row["values"], row["expected"]) for row in found] == [(3, 3)] * 2
        assert _aggregated(store, select={**select, "objects": ("nobody",)}).num_rows == 0
        edges = (samples.START - timedelta(hours=2), samples.START)
        assert _aggregated(store, select=select, edges=edges).num_rows == 0
        with pytest.raises(NotFound):
            _aggregated(store, select={"collection": "nothing"})

    def test_pages_of_observations_hold_every_one_once(self, store: Store) -> None:
        streams = samples.datastream_table(5, samples.series())
        samples.put_series(store, samples.observation_table(5, 20), datastreams=streams)
        for descending in (False, True):
            whole = _observe(store, descending=descending)
            key = [("datastream", "descending" if descending else "ascending")]
            assert whole["datastream"].to_pylist() == whole.sort_by(key)["datastream"].to_pylist()
            pages, after = [], None
            while (page := _observe(store, descending=descending, after=after, limit=13)).num_rows:
                pages.append(page)
                last = page.slice(page.num_rows - 1).to_pylist()[0]
                after = (last["datastream"], last["phenomenon_time"])
            assert pa.concat_tables(pages).equals(whole)
            parts = [_observe(store, descending=descending, offset=at, limit=30) for at in range(0, 100, 30)]
            assert pa.concat_tables(parts).equals(whole)

    @pytest.mark.parametrize("hours", [30, 3000])
    def test_a_correction_takes_the_place_and_the_former_value_stays(self, store: Store, hours: int) -> None:
        streams = samples.datastream_table(2, samples.series())
        first = samples.put_series(store, samples.observation_table(2, 3000), datastreams=streams)
        again = samples.put_series(store, samples.observation_table(2, hours, days_late=1), datastreams=streams)
        assert again.changed == {}
        corrected = samples.observation_table(2, hours, warmer=5.0, days_late=2)
        receipt = samples.put_series(store, corrected)
        assert receipt.revision > first.revision
        span = TimeSpan(start=samples.START, end=samples.START + timedelta(hours=hours - 1))
        assert _observe(store, time=span).equals(corrected)
        assert _observe(store, superseded=True).equals(samples.observation_table(2, hours))
        assert _counted(store) == 6000
        late = samples.observation_table(2, hours, warmer=9.0, days_late=1)
        samples.put_series(store, late)
        assert _observe(store, time=span).equals(corrected)
        assert _counted(store, superseded=True) == 4 * hours
        assert samples.put_series(store, late).changed == {}
        samples.put_series(store, samples.observation_table(2, hours, warmer=7.0, days_late=3))
        assert _counted(store, superseded=True) == 6 * hours
        assert _counted(store) == 6000

    @pytest.mark.parametrize("hours", [3, 70_000])
    def test_of_two_values_in_one_file_the_later_produced_is_current(self, store: Store, hours: int) -> None:
        streams = samples.datastream_table(2, samples.series())
        later = samples.observation_table(2, hours, warmer=1.0, days_late=1)
        former = samples.observation_table(2, hours).take(np.random.default_rng(2).permutation(2 * hours)[:5])
        samples.put_series(store, pa.concat_tables([former, later, later.slice(0, 4)]), datastreams=streams)
        assert _observe(store).equals(later)
        kept = _observe(store, superseded=True)
        assert kept.equals(former.sort_by([("datastream", "ascending"), ("phenomenon_time", "ascending")]))

    def test_small_batches_add_up_as_a_large_one_does(self, store: Store) -> None:
        streams = samples.datastream_table(3, samples.series())
        for first in range(0, 48, 8):
            table = samples.observation_table(3, 8, first=first)
            samples.put_series(store, table, datastreams=streams if first == 0 else None)
        assert _observe(store).equals(samples.observation_table(3, 48))
        assert store.catalogue.collection("observations", OPERATOR).count == 144

    def test_a_derived_series_is_replaced_whole(self, store: Store) -> None:
        for source, streams in (("measured", 5), ("derived", 3)):
            observed = "air_temperature" if source == "measured" else "anomaly"
            collection = samples.series(observed=observed)
            samples.put_series(
                store,
                samples.observation_table(streams, 10, observed=observed),
                datastreams=samples.datastream_table(streams, collection),
                collection=collection,
                source=source,
            )
        anomaly = samples.series(observed="anomaly")
        fewer = samples.datastream_table(2, anomaly)
        table = samples.observation_table(2, 8, warmer=1.0, observed="anomaly")
        samples.put_series(store, table, datastreams=fewer, collection=anomaly, source="derived", replace=True)
        assert _observe(store, observed_properties=("anomaly",)).equals(table)
        assert _counted(store, observed_properties=("air_temperature",)) == 50
        assert _counted(store, superseded=True) == 0
        assert store.catalogue.collection(DATASTREAMS, OPERATOR).count == 7
        names = {found.name for found in store.catalogue.collection("observations", OPERATOR).observed_properties}
        assert names == {"air_temperature", "anomaly"}
        again = samples.put_series(store, table, datastreams=fewer, collection=anomaly, source="derived", replace=True)
        assert again.changed == {}

    def test_datastreams_that_are_not_known_or_not_its_own_are_refused(self, store: Store) -> None:
        streams = samples.datastream_table(2, samples.series())
        samples.put_series(store, samples.observation_table(2, 5), datastreams=streams)
        with pytest.raises(BadInput, match="b000002"):
            samples.put_series(store, samples.observation_table(3, 5))
        other = samples.series("elsewhere")
        with pytest.raises(BadInput, match="observations"):
            samples.put_series(
                store,
                samples.observation_table(2, 5),
                datastreams=samples.datastream_table(2, other),
                collection=other,
            )
        assert _counted(store) == 10

    def test_a_removed_series_takes_its_datastreams_and_brings_them_back(self, store: Store) -> None:
        streams = samples.datastream_table(2, samples.series())
        samples.put_series(store, samples.observation_table(2, 5), datastreams=streams)
        store.remove("observations")
        assert store.catalogue.collection(DATASTREAMS, OPERATOR).count == 0
        samples.put_series(store, samples.observation_table(2, 2, first=5), datastreams=streams)
        assert _observe(store).equals(samples.observation_table(2, 7))

    # Coverages

    def test_a_coverage_is_the_same_in_both_layouts(self, store: Store) -> None:
        given = samples.cube()
        receipt = samples.put_cube(store, given)
        for layout in ("map", "series"):
            with store.cubes.open("built_fraction", OPERATOR, layout) as found:
                assert found.equals(given)
        collection = store.catalogue.collection("built_fraction", OPERATOR)
        assert collection.grid is not None
        assert (collection.grid.columns, collection.grid.rows) == (30, 40)
        assert collection.grid.bbox.as_list() == [_X - 5, _Y - 5, _X + 295, _Y + 395]
        assert collection.temporal == (samples.START, samples.START + timedelta(hours=29))
        assert samples.put_cube(store, given).revision == receipt.revision

    def test_a_reader_keeps_its_revision_of_a_coverage(self, store: Store) -> None:
        samples.put_cube(store, samples.cube())
        with store.cubes.open("built_fraction", OPERATOR) as held:
            samples.put_cube(store, samples.cube(offset=1.0))
            samples.put_cube(store, samples.cube(offset=2.0))
            assert held.equals(samples.cube())
        with store.cubes.open("built_fraction", OPERATOR) as found:
            assert found.equals(samples.cube(offset=2.0))

    def test_a_coverage_holds_what_it_declares(self, store: Store) -> None:
        with pytest.raises(BadInput, match="built_fraction"):
            samples.put_cube(store, samples.cube().rename(built_fraction="heat"))
        with pytest.raises(BadInput, match="ascending"):
            samples.put_cube(store, samples.cube().isel(y=slice(None, None, -1)))
        assert store.catalogue.collections(OPERATOR) == []

    # Together

    def test_one_commit_of_every_kind_is_seen_whole_or_not_at_all(self, store: Store) -> None:
        others = samples.series("derived", "anomaly")
        for cube_name in ("absent", "cube"):
            run = samples.new_run()
            with store.staging(run.id) as folder:
                pq.write_table(samples.building_table(range(3)), folder / "features.parquet")
                write_cube(samples.cube(2), folder / "cube")
                parts = []
                for collection in (samples.series(), others):
                    observed = collection.observed_properties[0].name
                    streams, values = f"{observed}-streams.parquet", f"{observed}.parquet"
                    pq.write_table(samples.datastream_table(2, collection), folder / streams)
                    pq.write_table(samples.observation_table(2, 4, observed=observed), folder / values)
                    parts.append(
                        StagedSeries(collection=collection, source="s", datastreams=(streams,), files=(values,))
                    )
                commit = Commit(
                    run=run,
                    features=(StagedFeatures(collection=samples.buildings(), source="s", files=("features.parquet",)),),
                    series=tuple(parts),
                    cubes=(StagedCube(collection=samples.coverage(), source="s", folder=cube_name),),
                )
                if cube_name == "absent":
                    with pytest.raises(BadInput, match="absent"):
                        store.commit(commit)
                    assert store.catalogue.collections(OPERATOR) == []
                else:
                    receipt = store.commit(commit)
        assert set(receipt.changed) == {"buildings", "built_fraction", DATASTREAMS, "derived", "observations"}
        counts = {found.id: found.count for found in store.catalogue.collections(OPERATOR)}
        assert counts == {"buildings": 3, "built_fraction": 2400, DATASTREAMS: 4, "derived": 8, "observations": 8}

    def test_kinds_do_not_mix(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(3)))
        with pytest.raises(BadInput):
            store.observations.read(ObservationQuery(collection="buildings"), OPERATOR)
        with pytest.raises(BadInput), store.cubes.open("buildings", OPERATOR):
            pass
        with pytest.raises(BadInput, match="features"):
            samples.put_series(store, samples.observation_table(1, 1), collection=samples.series("buildings"))

    def test_readers_see_whole_revisions_while_commits_land(self, store: Store) -> None:
        """Each commit raises every building by one metre: no answer may mix two heights."""
        samples.put_features(store, samples.building_table(range(0, 700, 7)))
        stop = threading.Event()
        mixed: list[set[float]] = []
        reads: list[int] = []

        def read() -> None:
            while not stop.is_set():
                heights = set(_read(store)["height"].drop_null().to_pylist())
                reads.append(len(heights))
                if len(heights) != 1:
                    mixed.append(heights)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for metres in range(1, 9):
            samples.put_features(store, samples.building_table(range(0, 700, 7), raised=float(metres)))
        stop.set()
        for reader in readers:
            reader.join()
        assert mixed == []
        assert reads
        assert set(_read(store)["height"].drop_null().to_pylist()) == {11.0}
