"""What every exporter must do: subclass :class:`ExporterContract` in a test module."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely

from twin.export.columns import GEOMETRY, schema
from twin.model import Collection, Field, FieldType, Kind, Language, Licence, Text
from twin.registry import Exporter

_TITLES = {
    FieldType.STRING: Text(fr="Nom d'été", en="Summer name"),
    FieldType.INTEGER: Text(fr="Nombre", en="Count"),
    FieldType.NUMBER: Text(fr="Mesure", en="Measure"),
    FieldType.BOOLEAN: Text(fr="Vrai ou faux", en="True or false"),
    FieldType.DATE: Text(fr="Jour", en="Day"),
    FieldType.DATETIME: Text(fr="Instant", en="Instant"),
}
_NAMES = ("Œuvre; « L'Haÿ »", 'a "quoted", text', None, "two\nlines")
_BATCHES = 20


class ExporterContract(ABC):
    """The suite: what goes in comes out, whatever the values, in both languages, as a stream."""

    @abstractmethod
    def exporter(self) -> Exporter:
        """Return the exporter to test."""

    @abstractmethod
    def read(self, path: Path, language: Language) -> pa.Table:
        """Return the rows of a file, with the names and types that were written, and WKB ``geometry``."""

    def collection(self) -> Collection:
        """Return the collection that is written: a field of every type, and points."""
        return Collection(
            id="things",
            kind=Kind.FEATURES,
            title=Text(fr="Choses d'été", en="Summer things"),
            description=Text(fr="Des choses.", en="Things."),
            fields=tuple(Field(name=f"a_{kind}", type=kind, title=title) for kind, title in _TITLES.items()),
            geometry="Point",
            licence=Licence(title="Licence Ouverte 2.0", attribution="Ville"),
            producer="Ville",
        )

    def rows(self, count: int, start: int = 0, language: Language = "fr") -> pa.RecordBatch:
        """Return `count` rows numbered from `start`, whose every fourth has nulls."""
        numbers = np.arange(start, start + count)
        empty = numbers % 4 == 2
        points = np.where(empty, None, shapely.points(770_000 + numbers, 6_279_000 + numbers / 8))
        instant = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
        values = {
            "id": [f"t{number}" for number in numbers],
            "a_string": [_NAMES[number % 4] for number in numbers],
            "a_integer": [None if null else int(number) for number, null in zip(numbers, empty, strict=True)],
            "a_number": [None if null else number / 8 for number, null in zip(numbers, empty, strict=True)],
            "a_boolean": [None if null else bool(number % 2) for number, null in zip(numbers, empty, strict=True)],
            "a_date": [None if null else date(2024, 2, 29) for null in empty],
            "a_datetime": [None if null else instant for null in empty],
            "valid_from": [instant] * count,
            "valid_to": [None] * count,
            GEOMETRY: pa.array(shapely.to_wkb(points), pa.binary()),
        }
        return pa.RecordBatch.from_pydict(values, schema=schema(self.collection(), language))

    def write(self, path: Path, batches: list[pa.RecordBatch], language: Language = "fr") -> None:
        """Write batches in Lambert-93."""
        reader = pa.RecordBatchReader.from_batches(schema(self.collection(), language), batches)
        self.exporter().write(self.collection(), reader, "EPSG:2154", language, path)

    def test_tells_its_suffix_and_media_type(self) -> None:
        """The suffix has its dot, the media type its slash, and features are accepted."""
        exporter = self.exporter()
        assert exporter.suffix.startswith(".")
        assert "/" in exporter.media_type
        assert exporter.accepts(self.collection())

    @pytest.mark.parametrize("language", ["fr", "en"])
    def test_gives_back_what_was_written(self, tmp_path: Path, language: Language) -> None:
        """Texts, numbers, dates, instants, nulls and places survive, in order, in several batches."""
        path = tmp_path / f"things{self.exporter().suffix}"
        batches = [self.rows(5, 0, language), self.rows(3, 5, language)]
        self.write(path, batches, language)
        found = self.read(path, language)
        expected = pa.Table.from_batches(batches)
        for name in expected.schema.names:
            if name != GEOMETRY:
                assert found.column(name).to_pylist() == expected.column(name).to_pylist(), name
        places = [shapely.from_wkb(each.column(GEOMETRY).to_numpy()) for each in (found, expected)]
        assert (shapely.is_missing(places[0]) == shapely.is_missing(places[1])).all()
        present = ~shapely.is_missing(places[1])
        assert shapely.equals_exact(places[0][present], places[1][present], tolerance=1e-3).all()

    def test_writes_a_file_without_rows(self, tmp_path: Path) -> None:
        """Nothing selected is an empty file that opens, not an error."""
        path = tmp_path / f"things{self.exporter().suffix}"
        self.write(path, [])
        assert self.read(path, "fr").num_rows == 0

    def test_takes_batches_as_they_come(self, tmp_path: Path) -> None:
        """A batch is given up before many more are asked for: a whole collection is never in memory."""
        batch = self.rows(10_000)
        every_row = pa.array(range(batch.num_rows))
        before = pa.total_allocated_bytes()
        held: list[int] = []

        def batches() -> Iterator[pa.RecordBatch]:
            for _ in range(_BATCHES):
                held.append(pa.total_allocated_bytes() - before)
                yield batch.take(every_row)

        reader = pa.RecordBatchReader.from_batches(batch.schema, batches())
        path = tmp_path / f"things{self.exporter().suffix}"
        self.exporter().write(self.collection(), reader, "EPSG:2154", "fr", path)
        assert max(held) < _BATCHES * batch.nbytes / 2

    def test_what_stops_the_rows_stops_the_file(self, tmp_path: Path) -> None:
        """A stream that fails half-way raises; it never ends as a shorter file."""
        shape = schema(self.collection(), "fr")

        def batches() -> Iterator[pa.RecordBatch]:
            yield self.rows(10)
            raise OSError("the source is gone")

        path = tmp_path / f"things{self.exporter().suffix}"
        reader = pa.RecordBatchReader.from_batches(shape, batches())
        with pytest.raises((OSError, RuntimeError)):
            self.exporter().write(self.collection(), reader, "EPSG:2154", "fr", path)
