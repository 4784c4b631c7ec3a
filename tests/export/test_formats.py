"""Each format, read back by a program that knows nothing of us."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from tests.export.city import collection
from twin.export.columns import GEOMETRY, schema
from twin.export.csv import Csv
from twin.export.geopackage import GeoPackage
from twin.export.geoparquet import GeoParquet
from twin.model import Field, FieldType, Kind, Language, Text
from twin.registry import Exporter
from twin.testing.exporter import ExporterContract


class TestGeoPackage(ExporterContract):
    def exporter(self) -> Exporter:
        return GeoPackage()

    def read(self, path: Path, language: Language) -> pa.Table:
        told, table = pyogrio.read_arrow(path)
        table = table.rename_columns(
            [GEOMETRY if name == told["geometry_name"] else name for name in table.column_names]
        )
        return table.select(self.rows(1).schema.names).cast(self.rows(1).schema)

    def test_names_the_layer_and_its_columns_for_people(self, tmp_path: Path) -> None:
        path = tmp_path / "things.gpkg"
        self.write(path, [self.rows(4)])
        with sqlite3.connect(path) as file:
            contents = file.execute("SELECT table_name, identifier, description, srs_id FROM gpkg_contents").fetchall()
            aliases = dict(file.execute("SELECT column_name, name FROM gpkg_data_columns").fetchall())
        assert contents == [("things", "Choses d'été", "Des choses. Ville (Licence Ouverte 2.0).", 2154)]
        assert aliases["a_number"] == "Mesure"
        assert aliases["valid_from"] == "Existe depuis"
        told = pyogrio.read_info(path)
        assert told["layer_metadata"]["ATTRIBUTION"] == "Ville"
        assert told["layer_metadata"]["LICENSE"] == "Licence Ouverte 2.0"

    def test_has_native_types(self, tmp_path: Path) -> None:
        path = tmp_path / "things.gpkg"
        self.write(path, [self.rows(4)])
        told = pyogrio.read_info(path)
        types = dict(zip(told["fields"], told["ogr_types"], strict=True))
        assert types["a_datetime"] == types["valid_from"] == "OFTDateTime"
        assert types["a_date"] == "OFTDate"
        assert dict(zip(told["fields"], told["ogr_subtypes"], strict=True))["a_boolean"] == "OFSTBoolean"

    @pytest.mark.filterwarnings("error")
    def test_keeps_heights(self, tmp_path: Path) -> None:
        path = tmp_path / "things.gpkg"
        batch = self.rows(2)
        points = pa.array(shapely.to_wkb(shapely.points([1, 2], [3, 4], [5, 6])), pa.binary())
        self.write(path, [batch.set_column(batch.num_columns - 1, batch.schema.field(GEOMETRY), points)])
        told, table = pyogrio.read_arrow(path)
        assert pyogrio.read_info(path)["geometry_type"] == "Point Z"
        assert shapely.get_z(shapely.from_wkb(table.column(told["geometry_name"]).to_numpy())).tolist() == [5, 6]


class TestGeoParquet(ExporterContract):
    def exporter(self) -> Exporter:
        return GeoParquet()

    def read(self, path: Path, language: Language) -> pa.Table:
        return pq.read_table(path).drop_columns("bbox")

    def test_says_what_geoparquet_asks(self, tmp_path: Path) -> None:
        path = tmp_path / "things.parquet"
        self.write(path, [self.rows(5), self.rows(5, 5)])
        file = pq.ParquetFile(path)
        geo = json.loads(file.metadata.metadata[b"geo"])
        column = geo["columns"][geo["primary_column"]]
        assert geo["version"] == "1.1.0"
        assert column["encoding"] == "WKB"
        assert column["geometry_types"] == ["Point"]
        assert column["crs"]["id"] == {"authority": "EPSG", "code": 2154}
        assert column["bbox"] == [770_000, 6_279_000, 770_009, 6_279_000 + 9 / 8]
        assert column["covering"]["bbox"]["xmax"] == ["bbox", "xmax"]
        assert file.metadata.num_row_groups == 2
        boxes = file.read().column("bbox").combine_chunks()
        assert pc.struct_field(boxes, "ymax").to_pylist()[:4] == [6_279_000, 6_279_000.125, None, 6_279_000.375]

    def test_leaves_the_crs_out_for_crs84_which_is_its_default(self, tmp_path: Path) -> None:
        path = tmp_path / "things.parquet"
        batch = self.rows(3)
        reader = pa.RecordBatchReader.from_batches(batch.schema, [batch])
        GeoParquet().write(self.collection(), reader, "OGC:CRS84", "en", path)
        assert "crs" not in json.loads(pq.read_metadata(path).metadata[b"geo"])["columns"][GEOMETRY]

    def test_keeps_titles_and_origin(self, tmp_path: Path) -> None:
        path = tmp_path / "things.parquet"
        self.write(path, [self.rows(3, language="en")], "en")
        assert pq.read_schema(path).field("a_string").metadata[b"title"] == b"Summer name"
        told = json.loads(pq.read_metadata(path).metadata[b"jumeau"])
        assert told["license"] == "Licence Ouverte 2.0"
        assert told["title"] == "Summer things"


class TestCsv(ExporterContract):
    def exporter(self) -> Exporter:
        return Csv()

    def read(self, path: Path, language: Language) -> pa.Table:
        french = language == "fr"
        text = path.read_bytes().decode("utf-8-sig" if french else "utf-8")
        head, *lines = csv.reader(io.StringIO(text, newline=""), delimiter=";" if french else ",", strict=True)
        rows = [dict(zip(head, line, strict=True)) for line in lines]
        values = {}
        for field in self.rows(1).schema:
            if field.name != GEOMETRY:
                spelt = f"{field.name} (UTC)" if french and pa.types.is_timestamp(field.type) else field.name
                values[field.name] = [self._value(row[spelt], field.type, french=french) for row in rows]
        x, y = (np.array([_number(row[axis]) for row in rows], dtype=float) for axis in "xy")
        points = np.where(np.isnan(x), None, shapely.points(x, y))
        values[GEOMETRY] = pa.array(shapely.to_wkb(points), pa.binary())
        return pa.Table.from_pydict(values, schema=self.rows(1).schema)

    @staticmethod
    def _value(text: str, kind: pa.DataType, *, french: bool) -> object:
        if text == "":
            return None
        if pa.types.is_floating(kind):
            return _number(text)
        if pa.types.is_integer(kind):
            return int(text)
        if pa.types.is_boolean(kind):
            return {"VRAI": True, "FAUX": False}[text] if french else {"true": True, "false": False}[text]
        if pa.types.is_date(kind):
            return date.fromisoformat(text)
        if pa.types.is_timestamp(kind):
            assert french or text.endswith("Z")
            return pa.scalar(text.removesuffix("Z")).cast(pa.timestamp("us")).cast(kind).as_py()
        return text

    def test_french_is_what_a_french_spreadsheet_opens(self, tmp_path: Path) -> None:
        path = tmp_path / "things.csv"
        self.write(path, [self.rows(2)])
        head, first, second, *end = path.read_bytes().decode().split("\r\n")
        instants = "a_datetime (UTC);valid_from (UTC);valid_to (UTC)"
        assert head == f"\ufeffid;a_string;a_integer;a_number;a_boolean;a_date;{instants};x;y"
        instants = "2026-03-29 01:30:00;2026-03-29 01:30:00;"
        assert first == f't0;"Œuvre; « L\'Haÿ »";0;0;FAUX;2024-02-29;{instants};770000;6279000'
        assert second.endswith(";770001;6279000,125")
        assert end == [""]

    def test_english_is_rfc_4180(self, tmp_path: Path) -> None:
        path = tmp_path / "things.csv"
        self.write(path, [self.rows(2, language="en")], "en")
        head, _, second, _ = path.read_bytes().decode().split("\r\n")
        assert head.startswith("id,a_string,a_integer")
        instants = "2026-03-29T01:30:00Z,2026-03-29T01:30:00Z,"
        assert second == f't1,"a ""quoted"", text",1,0.125,true,2024-02-29,{instants},770001,6279000.125'

    def test_other_geometries_are_wkt(self, tmp_path: Path) -> None:
        path = tmp_path / "areas.csv"
        areas = collection("areas", Kind.FEATURES, geometry="Polygon")
        shape = schema(areas, "en")
        square = pa.array([shapely.box(0, 0, 1, 1).wkb], pa.binary())
        values = {"id": ["a"], "valid_from": [None], "valid_to": [None], GEOMETRY: square}
        batch = pa.RecordBatch.from_pydict(values, schema=shape)
        Csv().write(areas, pa.RecordBatchReader.from_batches(shape, [batch]), "EPSG:2154", "en", path)
        row = next(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
        assert shapely.from_wkt(row["geometry"]).equals(shapely.box(0, 0, 1, 1))

    def test_coordinates_give_way_to_fields_of_their_name(self, tmp_path: Path) -> None:
        path = tmp_path / "points.csv"
        field = Field(name="x", type=FieldType.NUMBER, title=Text(fr="X", en="X"))
        points = collection("points", Kind.FEATURES, geometry="Point", fields=(field,))
        shape = schema(points, "en")
        place = pa.array([shapely.Point(3, 4).wkb], pa.binary())
        values = {"id": ["a"], "x": [1.0], "valid_from": [None], "valid_to": [None], GEOMETRY: place}
        batch = pa.RecordBatch.from_pydict(values, schema=shape)
        Csv().write(points, pa.RecordBatchReader.from_batches(shape, [batch]), "EPSG:2154", "en", path)
        assert path.read_text("utf-8").splitlines() == ["id,x,valid_from,valid_to,geometry_x,geometry_y", "a,1,,,3,4"]


def _number(text: str) -> float:
    return float(text.replace(",", ".")) if text else float("nan")
