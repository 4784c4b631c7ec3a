"""What every source must do: subclass :class:`SourceContract` in a test module."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import shapely

from twin.errors import BadData, BadManifest
from twin.ingest.files import find
from twin.ingest.intake import Intake, Notes
from twin.ingest.manifest import Manifest
from twin.ingest.quarantine import Quarantine
from twin.products import Cube, CubeSteps, Features, Product, Series
from twin.registry import Source
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, feature_schema

CRS = "EPSG:2154"
_LAMBERT_93 = shapely.box(0, 6_000_000, 1_300_000, 7_200_000)


@dataclass(frozen=True)
class Outcome:
    """What a source gave: the products, each with its rows, and what it said beside them."""

    products: list[tuple[Product, pa.Table]]
    quarantined: int
    notes: tuple[str, ...]


def read(source: Source, manifest: Manifest, data: Path, room: Path, crs: str = CRS) -> Outcome:
    """Read every part of a manifest with one source, as the pipeline does, and keep all of it."""
    room.mkdir(parents=True)
    notes = Notes()
    products: list[tuple[Product, pa.Table]] = []
    with Quarantine(room / "quarantine.csv", manifest.dataset) as quarantine:
        for number, part in enumerate(manifest.parts):
            scratch = room / str(number)
            scratch.mkdir()
            files = find(part.files, [data], data)
            for product in source.read(manifest, part, files, Intake(crs, quarantine, scratch, notes)):
                batches = [] if isinstance(product, Cube | CubeSteps) else list(product.batches)
                products.append((product, pa.Table.from_batches(batches) if batches else pa.table({})))
    return Outcome(products, quarantine.rows, notes.sentences())


class SourceContract(ABC):
    """The suite: products as the model wants them, the same each time, and clear refusals."""

    @abstractmethod
    def source(self) -> Source:
        """Return the source to test."""

    @abstractmethod
    def dataset(self, folder: Path) -> Manifest:
        """Write good files of at least two rows, in Lambert-93 France, in `folder`, and return their manifest."""

    def test_products_are_what_the_model_says(self, tmp_path: Path) -> None:
        """Columns, types, CRS, identities and times."""
        outcome = self._read(tmp_path)
        assert outcome.products, "nothing was read"
        for product, rows in outcome.products:
            assert product.collection.crs == CRS
            if isinstance(product, Features):
                assert rows.schema.equals(feature_schema(product.collection.fields))
                ids = rows["id"].to_pylist()
                lives = list(zip(ids, rows["valid_from"].to_pylist(), strict=True))
                assert rows.num_rows > 1
                assert None not in ids
                assert "" not in ids
                assert len(set(lives)) == len(lives), "an identity comes twice"
                geometry = shapely.from_wkb(rows["geometry"].to_numpy())
                assert bool(shapely.within(geometry, _LAMBERT_93).all()), "a place is not in the storage CRS"
            elif isinstance(product, Series):
                assert rows.schema.equals(OBSERVATION_SCHEMA)
                assert product.datastreams.schema.equals(feature_schema(DATASTREAM_FIELDS))
                known = product.datastreams["id"].combine_chunks()
                assert pc.all(pc.is_in(rows["datastream"], known)).as_py(), "a datastream is not listed"
                keys = rows.select(["datastream", "phenomenon_time"])
                assert keys.group_by(keys.column_names).aggregate([]).num_rows == rows.num_rows, "an instant twice"

    def test_reading_twice_gives_the_same(self, tmp_path: Path) -> None:
        """A run can be repeated, and proves where its figures come from."""
        first, second = self._read(tmp_path / "first"), self._read(tmp_path / "second")
        for (_, one), (_, other) in zip(first.products, second.products, strict=True):
            assert one.equals(other)
        assert (first.quarantined, first.notes) == (second.quarantined, second.notes)

    def test_files_are_left_as_they_were(self, tmp_path: Path) -> None:
        """A source writes nowhere but in its scratch folder."""
        data = tmp_path / "data"
        data.mkdir()
        manifest = self.dataset(data)
        before = _content(data)
        read(self.source(), manifest, data, tmp_path / "room")
        assert _content(data) == before

    def test_a_damaged_file_is_refused_by_name(self, tmp_path: Path) -> None:
        """One sentence with the file's name, of a class that says whose fault it is."""
        data = tmp_path / "data"
        data.mkdir()
        manifest = self.dataset(data)
        files = [file for part in manifest.parts for file in find(part.files, [data], data)]
        for file in files:
            file.write_bytes(b"\x00\xff not what it was \x00" * 40)
        with pytest.raises((BadData, BadManifest)) as caught:
            read(self.source(), manifest, data, tmp_path / "room")
        assert any(file.name in str(caught.value) for file in files)

    def _read(self, folder: Path) -> Outcome:
        data = folder / "data"
        data.mkdir(parents=True)
        return read(self.source(), self.dataset(data), data, folder / "room")


def _content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
