"""Writing the demo city: the same bytes each time, once, and again when interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.demo.conftest import SCALE, Written
from twin import demo
from twin.errors import BadInput
from twin.ingest.manifest import Manifest


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_two_writes_give_the_same_bytes(city: Written, tmp_path: Path):
    demo.write(tmp_path, SCALE)
    assert contents(tmp_path) == contents(city.folder)


def test_what_is_complete_is_left_alone_and_what_was_interrupted_is_made_again(tmp_path: Path):
    demo.write(tmp_path, 0.01)
    whole = contents(tmp_path)
    streets = next(tmp_path.rglob("streets.gpkg"))
    streets.write_bytes(b"marked")
    demo.write(tmp_path, 0.01)
    assert streets.read_bytes() == b"marked"
    (tmp_path / "complete").unlink()
    demo.write(tmp_path, 0.01)
    assert contents(tmp_path) == whole
    demo.write(tmp_path, 0.012)
    assert contents(tmp_path) != whole


def test_another_scale_is_refused_in_one_sentence(tmp_path: Path):
    for scale in (0.0, 1.5, float("nan")):
        with pytest.raises(BadInput, match=r"from 0.01 to 1"):
            demo.write(tmp_path, scale)
    assert not any(tmp_path.iterdir())


def test_manifests_are_readable_and_name_files_that_are_there(city: Written):
    named = set()
    for path in demo.manifests(city.folder):
        manifest = Manifest.load(path)
        for name in manifest.collections:
            collection = manifest.collection(name, "EPSG:2154")
            assert collection.title.fr
            assert collection.title.en
            assert collection.description.fr.endswith(".")
        files = {path.parent / file for part in manifest.parts for file in part.files}
        assert all(file.is_file() for file in files)
        named |= files
    assert named == {file for file in (city.folder / "datasets").rglob("*") if file.suffix in (".gpkg", ".parquet")}
