"""The embedded engine passes the contract, in its own process and over the owner's socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from twin.store import OPERATOR, ObservationQuery, Store
from twin.store.embedded import observation_commit, observations
from twin.store.embedded import open_store as open_embedded
from twin.testing import samples
from twin.testing.store import StoreContract


class TestInProcess(StoreContract):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Callable[[], Store]:
        return lambda: open_embedded(tmp_path / "var", "EPSG:2154")


class TestOverTheSocket(StoreContract):
    @pytest.fixture
    def open_store(self, tmp_path: Path, shared_owner) -> Iterator[Callable[[], Store]]:
        folder = tmp_path / "var"
        shared_owner.tell("open", folder)
        yield lambda: open_embedded(folder, "EPSG:2154")
        shared_owner.tell("close", folder)


def test_a_series_read_in_groups_is_the_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A series larger than a group is read group by group, in the same order and of one moment."""
    monkeypatch.setattr(observations, "_GROUP_ROWS", 70)
    store = open_embedded(tmp_path, "EPSG:2154")
    whole = samples.observation_table(9, 24)
    samples.put_series(store, whole, datastreams=samples.datastream_table(9, samples.series()))
    query = ObservationQuery(collection="observations")
    batches = iter(store.observations.read(query, OPERATOR))
    first = next(batches)
    samples.put_series(store, samples.observation_table(9, 24, warmer=1.0, days_late=1))
    assert first.num_rows == 72
    assert pa.Table.from_batches([first, *batches]).equals(whole)
    backwards = store.observations.read(query.model_copy(update={"descending": True}), OPERATOR).read_all()
    assert backwards["result"].to_pylist() == [23 - k % 24 + (8 - k // 24) / 1000 + 1.0 for k in range(9 * 24)]
    store.close()


def test_small_batches_are_folded_into_history_and_history_is_sorted_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observation_commit, "_FOLD", 20)
    monkeypatch.setattr(observation_commit, "_RUNS", 3)
    store = open_embedded(tmp_path, "EPSG:2154")
    streams = samples.datastream_table(3, samples.series())
    for first in range(0, 96, 4):
        samples.put_series(store, samples.observation_table(3, 4, first=first), datastreams=streams)
    samples.put_series(store, samples.observation_table(3, 6, first=40, warmer=1.0, days_late=1))
    query = ObservationQuery(collection="observations")
    found = store.observations.read(query, OPERATOR).read_all()
    assert found.num_rows == store.observations.count(query, OPERATOR) == 3 * 96
    assert found["result"].to_pylist() == [h + s / 1000 + (40 <= h < 46) for s in range(3) for h in range(96)]
    store.close()
