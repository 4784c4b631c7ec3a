"""What a store must do of its catalogue, and of edits."""

# ruff: noqa: D102 - a test is told by its name

from __future__ import annotations

from datetime import timedelta

import pytest

from twin.errors import BadInput, Conflict, NotFound, Outdated
from twin.store import (
    OPERATOR,
    FeatureQuery,
    Principal,
    Receipt,
    Store,
)
from twin.tables import DATASTREAMS
from twin.testing import samples
from twin.testing.store.asks import (
    count_buildings,
    count_observations,
    read_buildings,
)
from twin.time import TimeSpan


class CatalogueTests:
    """What is listed, hidden, removed, erased and edited."""

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
        told = samples.coverage().model_copy(update={"assessed_by": "buildings"})
        samples.put_cube(store, samples.cube(3), collection=told)
        public = Principal(name="public", hidden=frozenset({"buildings"}))
        assert store.catalogue.collection("built_fraction", OPERATOR).assessed_by == "buildings"
        assert store.catalogue.collection("built_fraction", public).assessed_by is None

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
            count_buildings(store)
        with pytest.raises(NotFound):
            store.remove("buildings")
        assert store.catalogue.runs(limit=1)[0].kind == "remove"
        back = samples.put_features(store, samples.building_table(range(2)))
        assert back.revision > second.revision
        assert (count_buildings(store), count_buildings(store, revision=first.revision)) == (2, 3)

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
        assert count_buildings(store, revision=first.revision) == 0
        samples.put_series(
            store, samples.observation_table(2, 5), datastreams=samples.datastream_table(2, samples.series())
        )
        assert count_observations(store) == 10

    def test_an_edit_makes_a_version_and_the_former_one_ends(self, store: Store) -> None:
        first = samples.put_features(store, samples.building_table(range(5)))
        before = read_buildings(store, ids=("b000001",)).to_pylist()[0]
        at = samples.START + timedelta(days=1)
        receipt = samples.put_edit(store, "b000001", before["row"], samples.building_table([1], raised=2.0), at=at)
        assert receipt.changed == {"buildings": receipt.revision}
        former, last = read_buildings(store, ids=("b000001",)).to_pylist()
        changed = {"row", "valid_to"}
        assert {**former, **dict.fromkeys(changed)} == {**before, **dict.fromkeys(changed)}
        assert (former["valid_to"], last["valid_from"], last["valid_to"]) == (at, at, None)
        assert (former["height"], last["height"]) == (4.0, 6.0)
        assert former["row"] != before["row"], "a row never changes"
        assert read_buildings(store, ids=("b000001",), revision=first.revision).to_pylist() == [before]
        assert read_buildings(store, ids=("b000001",), time=TimeSpan.at(at)).to_pylist() == [last]
        assert store.catalogue.collection("buildings", OPERATOR).count == 6
        assert (store.catalogue.runs()[0].kind, store.catalogue.runs(kind="ingest", limit=1)[0].kind) == (
            "edit",
            "ingest",
        )

    def test_an_edit_of_what_has_changed_since_is_refused(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(6)))
        row = read_buildings(store, ids=("b000001",)).to_pylist()[0]["row"]
        edited = samples.building_table([1], raised=2.0)
        receipt = samples.put_edit(store, "b000001", row, edited, run_id="run-2")
        assert samples.put_edit(store, "b000001", row, edited, run_id="run-2") == receipt, "the same run again"
        with pytest.raises(Outdated, match="b000001"):
            samples.put_edit(store, "b000001", row, edited)
        with pytest.raises(NotFound, match="b9"):
            samples.put_edit(store, "b9", row, edited)
        with pytest.raises(Conflict, match="b000002"):
            samples.put_edit(store, "b000002", None, samples.building_table([2]))
        ended = read_buildings(store, ids=("b000004",)).to_pylist()[0]["row"]
        with pytest.raises(Conflict, match="1914"):
            samples.put_edit(store, "b000004", ended, None)
        with pytest.raises(BadInput, match="b000005"):
            samples.put_edit(store, "b000005", read_buildings(store, ids=("b000005",))["row"][0].as_py(), edited)
        assert store.catalogue.revision() == receipt.revision
        assert count_buildings(store) == 7

    def test_an_edit_wins_over_the_source_of_its_object_for_ever(self, store: Store) -> None:
        samples.put_features(store, samples.building_table(range(5)))
        rows = {row["id"]: row["row"] for row in read_buildings(store).to_pylist()}
        samples.put_edit(store, "b000001", rows["b000001"], samples.building_table([1], raised=2.0))
        samples.put_edit(store, "b000002", rows["b000002"], None)
        samples.put_edit(store, "b000077", None, samples.building_table([77]))
        assert store.features.deleted("buildings", OPERATOR) == ("b000002",)
        stands = [row for row in read_buildings(store).to_pylist() if row["id"] in ("b000001", "b000002", "b000077")]
        for numbers, kept in ((range(5), 2), ([0, 77], 1), ([0], 0)):
            receipt = samples.put_features(store, samples.building_table(list(numbers), raised=1.0))
            assert receipt.edited == ({"buildings": kept} if kept else {})
            after = read_buildings(store).to_pylist()
            assert [row for row in after if row["id"] in ("b000001", "b000002", "b000077")] == stands
            assert {row["id"] for row in after} == {f"b{n:06d}" for n in numbers} | {"b000001", "b000002", "b000077"}
        with pytest.raises(NotFound, match="b000002"):
            samples.put_edit(store, "b000002", stands[-1]["row"], samples.building_table([2]))
        store.remove("buildings", history=True)
        assert samples.put_features(store, samples.building_table(range(5))).edited == {}
        assert store.features.deleted("buildings", OPERATOR) == ()
