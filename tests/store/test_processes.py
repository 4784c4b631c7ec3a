"""Several processes, one data folder: who owns it, and what is left when one of them dies."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyarrow import flight

from tests.store.owner_process import FILLED
from twin.errors import BadSettings, StoreBusy, StoreFault
from twin.store import OPERATOR, FeatureQuery, Store
from twin.store.embedded import client, elected, open_store
from twin.testing import samples

ALL = FeatureQuery(collection="buildings")


def opened(folder: Path) -> elected.ElectedStore:
    store = open_store(folder, "EPSG:2154")
    assert isinstance(store, elected.ElectedStore)
    return store


def heights(store: Store) -> set[float]:
    return set(store.features.read(ALL, OPERATOR).read_all()["height"].drop_null().to_pylist())


def test_two_servers_by_mistake(tmp_path, shared_owner, monkeypatch):
    shared_owner.tell("open", tmp_path)
    monkeypatch.setattr(elected, "_PATIENCE", 0.2)
    with pytest.raises(StoreBusy, match=f"owned by process {shared_owner.process.pid}"):
        open_store(tmp_path, "EPSG:2154", serve=True)
    shared_owner.tell("close", tmp_path)


def test_an_owner_that_does_not_answer_is_named(tmp_path, own_owner, monkeypatch):
    own_owner.tell("open", tmp_path)
    own_owner.process.send_signal(signal.SIGSTOP)
    monkeypatch.setattr(elected, "_PATIENCE", 0.2)
    monkeypatch.setattr(client, "_HELLO", flight.FlightCallOptions(timeout=0.3))
    with pytest.raises(StoreBusy, match=rf"process {own_owner.process.pid}: it does not answer"):
        open_store(tmp_path, "EPSG:2154")
    own_owner.process.send_signal(signal.SIGCONT)


def test_a_server_waits_for_a_command_to_end(tmp_path, own_owner):
    own_owner.tell("join", tmp_path)
    own_owner.begin("fill", tmp_path)
    own_owner.let_go()
    store = open_store(tmp_path, "EPSG:2154", serve=True)
    assert store.features.count(ALL, OPERATOR) == FILLED
    store.close()


def test_when_the_owner_is_killed_another_takes_its_place(tmp_path, own_owner):
    own_owner.tell("open", tmp_path)
    own_owner.tell("fill:200000", tmp_path)
    store = opened(tmp_path)
    assert not store.owner
    batches = iter(store.features.read(ALL, OPERATOR))
    rows = next(batches)["row"].to_pylist()
    with store.staging("mine") as folder:
        own_owner.process.kill()
        own_owner.process.wait()
        for batch in batches:
            rows += batch["row"].to_pylist()
        assert rows == list(range(1, 200_001))
        assert store.owner
        assert folder.is_dir()
    samples.put_features(store, samples.building_table(range(5)))
    assert store.features.count(ALL, OPERATOR) == 5
    store.close()


def test_a_commit_outlives_its_owner(tmp_path, own_owner):
    """The owner dies between the staging and the commit: the client becomes owner and commits."""
    own_owner.tell("open", tmp_path)
    store = opened(tmp_path)
    own_owner.process.kill()
    own_owner.process.wait()
    samples.put_cube(store, samples.cube(3))
    with store.cubes.open("built_fraction", OPERATOR) as dataset:
        assert dataset.equals(samples.cube(3))
    store.close()


def test_when_the_owner_leaves_the_others_follow(tmp_path, shared_owner):
    first = opened(tmp_path)
    shared_owner.tell("join", tmp_path)
    second = opened(tmp_path)
    samples.put_features(second, samples.building_table(range(9)))
    first.close()
    assert second.features.count(ALL, OPERATOR) == 9
    shared_owner.tell("close", tmp_path)
    assert second.features.count(ALL, OPERATOR) == 9
    second.close()


@pytest.mark.parametrize("after", [0.0, 0.1, 0.3])
def test_a_commit_that_is_killed_is_whole_or_absent(tmp_path, own_owner, after):
    own_owner.tell("open", tmp_path)
    own_owner.begin("fill", tmp_path)
    time.sleep(after)  # the moment of the kill is what is tried
    own_owner.process.kill()
    own_owner.process.wait()
    store = opened(tmp_path)
    found = store.catalogue.collections(OPERATOR)
    assert [collection.count for collection in found] in ([], [FILLED])
    assert list((tmp_path / "staging").iterdir()) == []
    samples.put_features(store, samples.building_table(range(FILLED)))
    assert store.features.count(ALL, OPERATOR) == FILLED
    store.close()


def test_only_the_staging_of_the_dead_is_swept(tmp_path, own_owner, shared_owner):
    keeper = opened(tmp_path)
    own_owner.tell("join", tmp_path)
    own_owner.begin("stage", tmp_path)
    assert own_owner.process.stdout.readline() == "staged\n"
    keeper.close()
    keeper = opened(tmp_path)
    assert (tmp_path / "staging" / "forgotten" / "half.parquet").exists()
    own_owner.process.kill()
    own_owner.process.wait()
    keeper.close()
    keeper = opened(tmp_path)
    assert list((tmp_path / "staging").iterdir()) == []
    assert keeper.catalogue.revision() == 0
    keeper.close()


def test_a_read_in_flight_keeps_its_revision(tmp_path, shared_owner):
    shared_owner.tell("open", tmp_path)
    shared_owner.tell("fill", tmp_path)
    store = opened(tmp_path)
    before = heights(store)
    reader = store.features.read(ALL, OPERATOR)
    first = next(iter(reader))
    samples.put_features(store, samples.building_table(range(FILLED), raised=100.0))
    rest = list(reader)
    values = {value for batch in [first, *rest] for value in batch["height"].drop_null().to_pylist()}
    assert values == before
    assert heights(store) == {value + 100.0 for value in before}
    store.close()
    shared_owner.tell("close", tmp_path)


def test_only_the_user_can_reach_the_folder_and_its_socket(tmp_path):
    store = open_store(tmp_path / "var", "EPSG:2154")
    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "var" / "owner.sock").stat().st_mode) == 0o600
    store.close()
    assert not (tmp_path / "var" / "owner.sock").exists()


@pytest.mark.parametrize("name", ["a" * 120, "l'été [2026]"])
def test_a_folder_whose_path_is_no_address_of_a_socket(tmp_path, shared_owner, name):
    folder = tmp_path / name
    shared_owner.tell("open", folder)
    store = opened(folder)
    assert not store.owner
    samples.put_features(store, samples.building_table(range(3)))
    assert store.features.count(ALL, OPERATOR) == 3
    store.close()
    shared_owner.tell("close", folder)


def test_what_cannot_be_a_data_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    for name in ("file", "what?"):
        with pytest.raises(BadSettings, match=r"store\.folder"):
            open_store(tmp_path / name, "EPSG:2154")
    (tmp_path / "twin.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreFault, match="not a valid DuckDB"):
        open_store(tmp_path, "EPSG:2154")


def test_another_storage_crs_is_refused(tmp_path, shared_owner):
    shared_owner.tell("open", tmp_path)
    with pytest.raises(BadSettings, match="EPSG:2154"):
        open_store(tmp_path, "EPSG:3857")
    shared_owner.tell("close", tmp_path)
    with pytest.raises(BadSettings, match="EPSG:2154"):
        open_store(tmp_path, "EPSG:3857")


def test_a_newer_format_is_refused(tmp_path):
    store = opened(tmp_path)
    with store._held.store._database.transaction() as cursor:
        cursor.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    store.close()
    with pytest.raises(StoreFault, match=r"format 99.*upgrade"):
        open_store(tmp_path, "EPSG:2154")


def test_a_full_disk_stores_nothing_and_breaks_nothing(tmp_path):
    """A limit on the size of files stands for the disk: the system refuses the write in the same way."""
    script = """
        import resource, signal, sys
        from pathlib import Path
        from twin.errors import StoreFault
        from twin.store import OPERATOR, FeatureQuery
        from twin.store.embedded import open_store
        from twin.testing import samples

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        query = FeatureQuery(collection="buildings")
        store = open_store(Path(sys.argv[1]), "EPSG:2154")
        samples.put_features(store, samples.building_table(range(10)))
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        for room in (20_000, 1_000_000):
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
            try:
                samples.put_features(store, samples.building_table(range(20_000)))
            except StoreFault as error:
                print(error)
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            assert store.features.count(query, OPERATOR) == 10, room
            assert store.features.read(query, OPERATOR).read_all().num_rows == 10, room
        samples.put_features(store, samples.building_table(range(20_000)))
        store.close()
        store = open_store(Path(sys.argv[1]), "EPSG:2154")
        assert store.features.count(query, OPERATOR) == 20_000
        store.close()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout.splitlines()
        == ["The disk is full: nothing of this was stored; free some space, then run it again."] * 2
    )


def test_an_owner_ends_though_a_reader_has_paused(tmp_path, own_owner):
    own_owner.tell("open", tmp_path)
    own_owner.tell("fill:200000", tmp_path)
    store = opened(tmp_path)
    batches = iter(store.features.read(ALL, OPERATOR))
    rows = next(batches).num_rows
    own_owner.tell("close", tmp_path)
    rows += sum(batch.num_rows for batch in batches)
    assert rows == 200_000
    assert store.features.count(ALL, OPERATOR) == 200_000
    assert store.owner
    store.close()


def test_a_store_of_the_first_format_is_migrated(tmp_path):
    store = opened(tmp_path)
    samples.put_features(store, samples.building_table(range(3)))
    with store._held.store._database.transaction() as cursor:
        cursor.execute("DROP TABLE edited; UPDATE meta SET value = '1' WHERE key = 'format'")
    store.close()
    store = opened(tmp_path)
    row = store.features.read(ALL, OPERATOR).read_all()["row"][0].as_py()
    samples.put_edit(store, "b000000", row, None, at=datetime(1901, 1, 1, tzinfo=UTC))
    assert store.features.deleted("buildings", OPERATOR) == ("b000000",)
    store.close()
