"""What a store must do of coverages, and of commits of every kind."""

# ruff: noqa: D102 - a test is told by its name

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest
import xarray as xr
from numpy.typing import NDArray

from twin.errors import BadInput, NotFound
from twin.products import CubeSteps
from twin.store import (
    OPERATOR,
    Commit,
    ObservationQuery,
    Principal,
    StagedCube,
    StagedFeatures,
    StagedSeries,
    Store,
    write_cube,
)
from twin.store.cubes import LAYOUTS
from twin.tables import DATASTREAMS
from twin.testing import samples
from twin.testing.store.asks import (
    X,
    Y,
    read_buildings,
)


class CommitTests:
    """Layouts and leases of coverages; all or nothing."""

    def test_a_coverage_is_the_same_in_both_layouts(self, store: Store) -> None:
        given = samples.cube()
        receipt = samples.put_cube(store, given)
        for layout in ("map", "series"):
            with store.cubes.open("built_fraction", OPERATOR, layout) as found:
                assert found.equals(given)
        collection = store.catalogue.collection("built_fraction", OPERATOR)
        assert collection.grid is not None
        assert (collection.grid.columns, collection.grid.rows) == (30, 40)
        assert collection.grid.bbox.as_list() == [X - 5, Y - 5, X + 295, Y + 395]
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

    def test_steps_that_did_not_change_are_taken_from_the_present_revision(self, store: Store) -> None:
        asked: list[int] = []

        def steps(hours: int, corrected: int | None = None) -> CubeSteps:
            whole = samples.cube(hours)
            prints = np.arange(hours, dtype=np.uint64)
            if corrected is not None:
                whole["built_fraction"][corrected] *= -1
                prints[corrected] += np.uint64(1000)

            def compute(numbers: NDArray[np.intp]) -> Iterator[xr.Dataset]:
                asked.extend(numbers.tolist())
                yield whole.isel(time=numbers)

            return CubeSteps(samples.coverage(), whole["time"].values, prints, compute)

        first = samples.put_steps(store, steps(6))
        with store.cubes.open("built_fraction", OPERATOR) as held:
            again = samples.put_steps(store, steps(6))
            assert (again.revision, again.changed) == (first.revision, {})
            samples.put_steps(store, steps(8, corrected=2))
            assert asked == [0, 1, 2, 3, 4, 5, 2, 6, 7]
            assert held.equals(samples.cube(6))
        expected = samples.cube(8)
        expected["built_fraction"][2] *= -1
        for layout in LAYOUTS:
            with store.cubes.open("built_fraction", OPERATOR, layout) as found:
                assert found.equals(expected)

    def test_the_folder_of_a_coverage_is_lent_to_those_who_see_it(self, store: Store) -> None:
        samples.put_cube(store, samples.cube())
        with store.cubes.folder("built_fraction", OPERATOR) as folder:
            samples.put_cube(store, samples.cube(offset=1.0))
            assert (folder / "map.zarr").is_dir()
        hidden = Principal(name="public", hidden=frozenset({"built_fraction"}))
        with pytest.raises(NotFound), store.cubes.folder("built_fraction", hidden):
            pass

    def test_a_coverage_holds_what_it_declares(self, store: Store) -> None:
        with pytest.raises(BadInput, match="built_fraction"):
            samples.put_cube(store, samples.cube().rename(built_fraction="heat"))
        with pytest.raises(BadInput, match="ascending"):
            samples.put_cube(store, samples.cube().isel(y=slice(None, None, -1)))
        assert store.catalogue.collections(OPERATOR) == []

    def test_one_commit_of_every_kind_is_seen_whole_or_not_at_all(self, store: Store) -> None:
        others = samples.series("derived", "anomaly")
        for cube_name in ("absent", "cube"):
            run = samples.new_run()
            with store.staging(run.id) as folder:
                pq.write_table(samples.building_table(range(3)), folder / "features.parquet")
                write_cube(samples.coverage(), samples.cube(2), folder / "cube")
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
                heights = set(read_buildings(store)["height"].drop_null().to_pylist())
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
        assert set(read_buildings(store)["height"].drop_null().to_pylist()) == {11.0}
