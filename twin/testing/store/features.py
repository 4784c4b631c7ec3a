"""What a store must do of features."""

# ruff: noqa: D102 - a test is told by its name

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import shapely

from twin.errors import BadInput
from twin.model import FieldType
from twin.store import (
    OPERATOR,
    Arithmetic,
    Commit,
    Condition,
    Constant,
    FeatureQuery,
    Filter,
    Folded,
    Logic,
    ObservationQuery,
    Property,
    SortKey,
    Spatial,
    StagedFeatures,
    Store,
)
from twin.tables import feature_schema
from twin.testing import samples
from twin.testing.filter_samples import FEATURE_FILTERS
from twin.testing.filters import holds
from twin.testing.store.asks import (
    EXTRA,
    X,
    Y,
    count_buildings,
    ids_of,
    read_buildings,
)
from twin.time import TimeSpan


class FeatureTests:
    """Versions, regions, conditions, pages and refusals."""

    def test_what_was_committed_is_read_as_it_was_given(self, store: Store) -> None:
        given = samples.building_table(range(25))
        receipt = samples.put_features(store, given)
        found = read_buildings(store)
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
        rows = {row["id"]: row["row"] for row in read_buildings(store).to_pylist()}
        after = pa.concat_tables([samples.building_table(range(1, 24)), samples.building_table([24], raised=1.0)])
        receipt = samples.put_features(store, after)
        assert receipt.revision > before.revision
        assert ids_of(read_buildings(store)) == [f"b{k:06d}" for k in range(1, 25)]
        assert all(row["row"] == rows[row["id"]] for row in read_buildings(store).to_pylist()[:-1])
        assert count_buildings(store, revision=before.revision) == 25
        former = read_buildings(store, revision=before.revision).drop_columns("row")
        assert former.equals(samples.building_table(range(25)))

    def test_the_same_run_twice_is_harmless(self, store: Store) -> None:
        first = samples.put_features(store, samples.building_table(range(3)), run_id="run-1")
        again = samples.put_features(store, samples.building_table(range(9)), run_id="run-1")
        assert again == first
        assert count_buildings(store) == 3

    def test_pages_by_offset_and_by_cursor_hold_every_row_once(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(50)))
        for sort in ((), ("height",), ("-height", "storeys"), ("-name",)):
            keys = tuple(SortKey(field=name.lstrip("-"), descending=name.startswith("-")) for name in sort)
            whole = ids_of(read_buildings(store, sort=keys))
            assert len(set(whole)) == 50
            by_offset = [
                name for at in range(0, 60, 7) for name in ids_of(read_buildings(store, sort=keys, offset=at, limit=7))
            ]
            assert by_offset == whole
            by_cursor: list[str] = []
            after = None
            while page := read_buildings(store, sort=keys, after=after, limit=7).to_pylist():
                by_cursor += [row["id"] for row in page]
                after = (*(page[-1][key.field] for key in keys), page[-1]["row"])
            assert by_cursor == whole

    def test_rows_that_lead_come_first_and_once(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(20)))
        rows = read_buildings(store)["row"].to_pylist()
        for given in ((rows[7],), (rows[19], rows[0], rows[3]), (10**12, rows[4], 0, rows[5])):
            led = {"leading": given}
            there = [row for row in given if row in rows]
            expected = there + [row for row in rows if row not in there]
            assert read_buildings(store, **led)["row"].to_pylist() == expected
            assert count_buildings(store, **led) == 20
            for limit in (1, 2, 7):
                found: list[int] = []
                while page := read_buildings(store, **led, offset=len(found), limit=limit)["row"].to_pylist():
                    found += page
                assert found == expected
                found = page = read_buildings(store, **led, limit=limit)["row"].to_pylist()
                while page:
                    page = read_buildings(store, **led, after=(page[-1],), limit=limit)["row"].to_pylist()
                    found = found + page
                assert found == expected

    def test_the_first_features_know_every_field_between_them(self, store: Store) -> None:
        def first() -> pa.Table:
            return read_buildings(store, leading=store.catalogue.collection("buildings", OPERATOR).leading, limit=5)

        table = samples.building_table(range(40)).append_column("roof", pa.array([None] * 30 + ["flat"] + [None] * 9))
        bare = {"name": 34, "permit": 35, "valid_to": 36, "height": None}
        for name, only in bare.items():
            place = table.schema.get_field_index(name)
            known = pa.array([at == only for at in range(40)])
            field = table.schema.field(place)
            table = table.set_column(place, field, pc.if_else(known, table[name], pa.scalar(None, field.type)))
        described = samples.buildings(EXTRA)
        samples.put_features(store, table, collection=described)
        known = {name for name in table.column_names if first()[name].null_count < 5}
        assert known == set(table.column_names) - {"height"}
        assert len({row["id"] for row in first().to_pylist()}) == 5
        # The one that knew a field is gone, and another commit brings one that knows all.
        samples.put_features(store, table.filter(pc.not_equal(table["id"], "b000030")), collection=described)
        assert first()["roof"].null_count == 5
        more = samples.building_table([4, 60]).append_column("roof", pa.array(["flat", "flat"]))
        samples.put_features(store, more.slice(1), collection=described, source="south")
        assert first()["id"][0].as_py() == "b000060"
        assert first()["roof"].null_count < 5

    def test_features_that_tell_every_field_are_in_the_order_of_their_rows(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(20)))
        assert store.catalogue.collection("buildings", OPERATOR).leading == ()

    def test_nulls_come_last_both_ways(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(20)))
        for descending in (False, True):
            found = read_buildings(store, sort=(SortKey(field="height", descending=descending),))["height"].to_pylist()
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
            found = ids_of(read_buildings(store, time=TimeSpan.parse(span)))
            assert found == [f"b{k:06d}" for k in wanted], span

    def test_a_region_keeps_what_meets_it_exactly(self, store: Store) -> None:
        table = samples.building_table(range(40))
        samples.put_features(store, table)
        shapes = shapely.from_wkb(table["geometry"].to_pylist())
        for region in (
            shapely.box(X + 2, Y + 1, X + 103, Y + 2),
            shapely.Polygon([(X, Y), (X + 400, Y), (X, Y + 7)]),
            shapely.Point(X + 200, Y + 100).buffer(101),
            shapely.box(X + 5, Y, X + 10, Y),
        ):
            wanted = np.asarray(table["id"])[shapely.intersects(shapely.make_valid(region), shapes)].tolist()
            assert ids_of(read_buildings(store, region=region.wkb)) == wanted
            assert count_buildings(store, region=region.wkb) == len(wanted) > 0

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
            assert (
                count_buildings(store, where=(condition,))
                == read_buildings(store, where=(condition,)).num_rows
                == wanted
            ), condition
        assert ids_of(read_buildings(store, ids=("b000003", "b000001", "none"))) == ["b000001", "b000003"]

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
            read_buildings(store, **query)

    def test_filters_mean_what_their_nodes_say(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(40)))
        rows = read_buildings(store).to_pylist()
        for node in FEATURE_FILTERS:
            for asked in (node, Logic(operator="not", filters=(node,))):
                wanted = [row["id"] for row in rows if holds(asked, row)]
                assert ids_of(read_buildings(store, where=(asked,))) == wanted, asked
                assert count_buildings(store, where=(asked,)) == len(wanted), asked
        kept = sum(0 < count_buildings(store, where=(node,)) < 40 for node in FEATURE_FILTERS)
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
        found = read_buildings(store, columns=("storeys",), with_geometry=False)
        assert found.column_names == ["id", "valid_from", "valid_to", "storeys", "row"]

    def test_objects_without_geometry_and_numbers_that_are_none(self, store: Store) -> None:
        table = samples.building_table(range(3))
        place = table.schema.get_field_index("height")
        table = table.set_column(place, table.schema.field(place), pa.array([float("nan"), None, 2.0]))
        place = table.schema.get_field_index("geometry")
        table = table.set_column(place, table.schema.field(place), pa.array([None] * 3, pa.binary()))
        samples.put_features(store, table)
        assert read_buildings(store)["height"].to_pylist() == [None, None, 2.0]
        assert store.catalogue.collection("buildings", OPERATOR).extent is None
        assert count_buildings(store, region=shapely.box(0, 0, 1e7, 1e7).wkb) == 0

    def test_several_sources_feed_one_collection(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(5)), source="north")
        samples.put_features(store, samples.building_table(range(5, 8)), source="south")
        samples.put_features(store, samples.building_table(range(4)), source="north")
        assert ids_of(read_buildings(store)) == [f"b{k:06d}" for k in (0, 1, 2, 3, 5, 6, 7)]
        with pytest.raises(BadInput, match=r"b000005.*south"):
            samples.put_features(store, samples.building_table([5]), source="north")

    def test_a_new_field_is_added_and_a_changed_one_refused(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(2)))
        grown = samples.building_table(range(2)).append_column("roof", pa.array(["flat", None]))
        samples.put_features(store, grown, collection=samples.buildings(EXTRA))
        roofs = {"b000000": "flat", "b000001": None}
        assert {row["id"]: row["roof"] for row in read_buildings(store).to_pylist()} == roofs
        other = samples.building_table(range(2)).append_column("roof", pa.array([1, 2]))
        with pytest.raises(BadInput, match="roof"):
            samples.put_features(
                store, other, collection=samples.buildings(EXTRA.model_copy(update={"type": FieldType.INTEGER}))
            )
        assert {row["id"]: row["roof"] for row in read_buildings(store).to_pylist()} == roofs

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
        assert count_buildings(store) == 3

    def test_staged_files_are_those_of_the_run(self, store: Store) -> None:
        with pytest.raises(BadInput, match="run id"), store.staging("../elsewhere"):
            pass
        with store.staging("mine") as folder:
            pq.write_table(samples.building_table(range(3)), folder.parent / "stray.parquet")
            part = StagedFeatures(collection=samples.buildings(), source="s", files=("../stray.parquet",))
            with pytest.raises(BadInput, match="staging folder"):
                store.commit(Commit(run=samples.new_run("mine"), features=(part,)))
        assert not folder.exists()
