"""A backup made while the twin is in use is the whole twin, elsewhere."""

from __future__ import annotations

import io
import tarfile

import pyarrow as pa
import pytest

from twin.errors import BadInput
from twin.store import OPERATOR, FeatureQuery, ObservationQuery
from twin.store.embedded import open_store, restore
from twin.testing import samples

ALL = FeatureQuery(collection="buildings")


def fill(store):
    samples.put_features(store, samples.building_table(range(50)))
    streams = samples.datastream_table(3, samples.series())
    samples.put_series(store, samples.observation_table(3, 48), datastreams=streams)
    samples.put_cube(store, samples.cube(5))


def check(store):
    assert store.features.count(ALL, OPERATOR) == 50
    found = store.observations.read(ObservationQuery(collection="observations"), OPERATOR).read_all()
    assert found.equals(samples.observation_table(3, 48))
    with store.cubes.open("built_fraction", OPERATOR, "series") as dataset:
        assert dataset.equals(samples.cube(5))


@pytest.mark.parametrize("over_socket", [False, True])
def test_a_backup_made_in_use_restores_elsewhere(tmp_path, shared_owner, over_socket):
    folder, target = tmp_path / "var", tmp_path / "twin.backup"
    if over_socket:
        shared_owner.tell("open", folder)
    store = open_store(folder, "EPSG:2154")
    fill(store)
    (folder / "quarantine").mkdir()
    (folder / "quarantine" / "run.csv").write_text("row,reason\n")
    reader = store.features.read(ALL, OPERATOR)
    store.backup(target)
    assert reader.read_all().num_rows == 50
    samples.put_features(store, samples.building_table(range(3)))
    store.close()
    if over_socket:
        shared_owner.tell("close", folder)
    restore(target, tmp_path / "elsewhere" / "var")
    restored = open_store(tmp_path / "elsewhere" / "var", "EPSG:2154")
    check(restored)
    samples.put_features(restored, samples.building_table(range(4)))
    assert restored.features.count(ALL, OPERATOR) == 4
    restored.close()
    assert (tmp_path / "elsewhere" / "var" / "quarantine" / "run.csv").read_text() == "row,reason\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "twin.backup", "var"]


def test_a_folder_in_use_is_not_written_over(tmp_path):
    store = open_store(tmp_path / "var", "EPSG:2154")
    fill(store)
    store.backup(tmp_path / "twin.backup")
    store.close()
    with pytest.raises(BadInput, match="not empty"):
        restore(tmp_path / "twin.backup", tmp_path / "var")
    with pytest.raises(BadInput, match="no such file"):
        restore(tmp_path / "none.backup", tmp_path / "new")


def test_a_backup_cut_short_restores_nothing(tmp_path):
    store = open_store(tmp_path / "var", "EPSG:2154")
    fill(store)
    store.backup(tmp_path / "twin.backup")
    store.close()
    whole = (tmp_path / "twin.backup").read_bytes()
    for content in (whole[: len(whole) // 2], b"not an archive at all", b""):
        (tmp_path / "cut.backup").write_bytes(content)
        with pytest.raises(BadInput, match=r"cut\.backup"):
            restore(tmp_path / "cut.backup", tmp_path / "new")
        assert list((tmp_path / "new").iterdir()) == []


def test_an_archive_cannot_write_outside_of_the_folder(tmp_path):
    with (
        pa.CompressedOutputStream(str(tmp_path / "evil.backup"), "zstd") as stream,
        tarfile.open(fileobj=stream, mode="w|") as archive,
    ):
        member = tarfile.TarInfo("../../escaped")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"oops"))
    with pytest.raises(BadInput, match=r"evil\.backup"):
        restore(tmp_path / "evil.backup", tmp_path / "a" / "b")
    assert not (tmp_path / "escaped").exists()
    assert list((tmp_path / "a" / "b").iterdir()) == []
