"""Vector formats: the same features whatever the file, and its CRS and encoding believed or refused."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest
import shapely

from twin import pipeline
from twin.crs import transform_geometry
from twin.errors import BadData, BadManifest

from .samples import ORIGIN, features_entry, squares, write_manifest, write_vector

FIELDS = {"code": "string", "name": "string", "height": "number", "storeys": "integer", "built": "date"}


def columns(count=40):
    return {
        "code": np.array([f"b{k}" for k in range(count)], dtype=object),
        "name": np.array([None if k % 3 else f"Île n° {k}" for k in range(count)], dtype=object),
        "height": np.where(np.arange(count) % 4, np.arange(count) / 2, np.nan),
        "storeys": np.arange(count) % 7,
        "built": np.array(["2014-04-04"] * count, dtype="datetime64[D]"),
    }


def geoparquet(path, shapes, fields, crs):
    table = pa.table(
        {name: pa.array(values, from_pandas=True) for name, values in fields.items()}
        | {"geom": pa.array(shapely.to_wkb(shapes), pa.binary())}
    )
    column = {"encoding": "WKB", "geometry_types": ["Polygon"]}
    if crs is not None:
        column["crs"] = json.loads(pyproj.CRS.from_user_input(crs).to_json())
    geo = {"version": "1.1.0", "primary_column": "geom", "columns": {"geom": column}}
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    return path


def zipped(path, shapes, fields, crs):
    shape = write_vector(path.with_name("inside.shp"), shapes, fields, crs, encoding="utf-8")
    with zipfile.ZipFile(path, "w") as archive:
        for file in shape.parent.glob("inside.*"):
            archive.write(file, file.name)
            file.unlink()
    return path


WRITERS = {
    "a.gpkg": write_vector,
    "a.shp": write_vector,
    "a.zip": zipped,
    "a.fgb": write_vector,
    "a.geojson": lambda path, shapes, fields, _: write_vector(
        path, transform_geometry(shapes, "EPSG:2154", "OGC:CRS84"), fields, "EPSG:4326", COORDINATE_PRECISION=11
    ),
    "a.parquet": geoparquet,
}


def part(name, **more):
    readings = {field: field for field in FIELDS if field != "code"}
    features = {"collection": "buildings", "id": {"column": "code"}, "fields": readings}
    return {"source": "vector", "files": [name], "features": features} | more


def ingest(bench, name, geometry="MultiPolygon", **more):
    collections = {"buildings": features_entry(geometry, **FIELDS)}
    return pipeline.ingest(bench.twin, write_manifest(bench.folder, collections, [part(name, **more)]))


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_features_from_every_format(bench, name):
    WRITERS[name](bench.folder / name, squares(), columns(), "EPSG:2154")
    report = ingest(bench, name)
    assert report.rows == {"buildings": 40}
    assert report.quarantined == 0
    rows = sorted(bench.features("buildings").to_pylist(), key=lambda row: int(row["id"][1:]))  # FlatGeobuf sorts
    want = columns()
    assert [row["id"] for row in rows] == list(want["code"])
    assert [row["name"] for row in rows] == list(want["name"])
    assert [row["storeys"] for row in rows] == want["storeys"].tolist()
    assert [row["height"] for row in rows] == [None if np.isnan(h) else h for h in want["height"]]
    assert {str(row["built"]) for row in rows} == {"2014-04-04"}
    shapes = shapely.from_wkb([row["geometry"] for row in rows])
    assert {shape.geom_type for shape in shapes} == {"MultiPolygon"}
    assert np.all(shapely.hausdorff_distance(shapes, squares()) < 0.001)


def test_heights_of_geometries_are_kept(bench):
    write_vector(bench.folder / "a.gpkg", squares(z=57.5), columns(), "EPSG:2154")
    ingest(bench, "a.gpkg")
    shapes = shapely.from_wkb(bench.features("buildings")["geometry"].to_numpy())
    assert set(shapely.get_coordinates(shapes, include_z=True)[:, 2]) == {57.5}


def test_another_crs_is_transformed(bench):
    write_vector(
        bench.folder / "a.gpkg", transform_geometry(squares(), "EPSG:2154", "EPSG:3943"), columns(), "EPSG:3943"
    )
    ingest(bench, "a.gpkg")
    shapes = shapely.from_wkb(bench.features("buildings")["geometry"].to_numpy())
    assert np.all(shapely.hausdorff_distance(shapes, squares()) < 0.01)


def test_a_manifest_that_contradicts_the_file_is_refused(bench):
    write_vector(bench.folder / "a.gpkg", squares(), columns(), "EPSG:2154")
    with pytest.raises(BadManifest, match=r"a\.gpkg is in EPSG:2154, but the manifest declares EPSG:3857"):
        ingest(bench, "a.gpkg", read={"crs": "EPSG:3857"})
    assert bench.names() == []


def test_degrees_may_be_declared_by_either_name(bench):
    WRITERS["a.geojson"](bench.folder / "a.geojson", squares(), columns(), None)
    for crs in ("EPSG:4326", "OGC:CRS84"):
        ingest(bench, "a.geojson", read={"crs": crs})
        shape = shapely.from_wkb(bench.features("buildings")["geometry"][0].as_py())
        assert shapely.distance(shape, shapely.Point(ORIGIN)) < 0.01


def test_heights_in_another_datum_are_refused(bench):
    shapes = transform_geometry(squares(z=57.5), "EPSG:2154", "EPSG:2154")
    write_vector(bench.folder / "a.gpkg", shapes, columns(), "EPSG:5698")  # Lambert-93 + NGF-IGN69
    with pytest.raises(BadManifest, match="heights in EPSG:5720: write vertical_crs: EPSG:5720"):
        ingest(bench, "a.gpkg")


def test_a_shapefile_without_prj_is_recognised_or_refused(bench):
    write_vector(bench.folder / "a.shp", squares(), columns(), "EPSG:2154")
    (bench.folder / "a.prj").unlink()
    assert any("read as EPSG:2154" in note for note in ingest(bench, "a.shp").notes)
    write_vector(bench.folder / "b.shp", shapely.transform(squares(), lambda xy: xy * 2), columns(), "EPSG:2154")
    (bench.folder / "b.prj").unlink()
    with pytest.raises(BadManifest, match=r"b\.shp does not say its coordinate reference system: declare it"):
        ingest(bench, "b.shp")


def test_rows_without_a_place_go_to_quarantine(bench):
    shapes = squares()
    shapes[3], shapes[5] = None, shapely.box(0, 0, 0, 0)
    shapes[7] = shapely.transform(shapes[7], lambda xy: xy[:, ::-1])  # swapped axes
    shapes[9] = shapely.points(*ORIGIN)
    fields = columns()
    table = pa.table({name: pa.array(values, from_pandas=True) for name, values in fields.items()})
    table = table.append_column("geom", pa.array(shapely.to_wkb(shapes), pa.binary()))
    pyogrio.write_arrow(table, bench.folder / "a.gpkg", geometry_type="Unknown", geometry_name="geom", crs="EPSG:2154")
    report = ingest(bench, "a.gpkg")
    assert (report.rows["buildings"], report.quarantined) == (36, 4)
    lines = report.quarantine.read_text("utf-8").splitlines()
    assert lines[0] == "dataset,file,row,field,value,reason"
    reasons = {int(line.split(",")[2]): line for line in lines[1:]}
    assert "there is no geometry" in reasons[4]
    assert "0, 0 is no place" in reasons[6]
    assert "outside the area of EPSG:2154" in reasons[8]
    assert "not a MultiPolygon" in reasons[10]


def test_bytes_that_are_not_utf_8_are_refused_with_their_place(bench):
    path = WRITERS["a.geojson"](bench.folder / "a.geojson", squares(), columns(), None)
    latin = path.read_text("utf-8").encode("latin-1")
    path.write_bytes(latin)
    place = latin.index("Î".encode("latin-1"))
    with pytest.raises(BadData, match=rf"a\.geojson is not utf-8: byte {place} .*encoding: latin-1"):
        ingest(bench, "a.geojson")
    ingest(bench, "a.geojson", read={"encoding": "latin-1"})
    assert bench.features("buildings")["name"][0].as_py() == "Île n° 0"


def test_the_encoding_of_a_dbf_is_declared(bench):
    write_vector(bench.folder / "a.shp", squares(), columns(), "EPSG:2154", encoding="cp1252")
    (bench.folder / "a.cpg").unlink()
    ingest(bench, "a.shp", read={"encoding": "cp1252"})
    assert bench.features("buildings")["name"][0].as_py() == "Île n° 0"


def test_a_layer_or_a_column_that_is_not_there_is_named(bench):
    write_vector(bench.folder / "a.gpkg", squares(), columns(), "EPSG:2154", layer="one")
    write_vector(bench.folder / "a.gpkg", squares(), columns(), "EPSG:2154", layer="two", append=True)
    with pytest.raises(BadManifest, match=r"has 2 layers \(one, two\): name one in read.layer"):
        ingest(bench, "a.gpkg")
    with pytest.raises(BadManifest, match="has no layer 'three'"):
        ingest(bench, "a.gpkg", read={"layer": "three"})
    features = part("a.gpkg")["features"] | {"fields": {"height": "HAUTEUR"}}
    with pytest.raises(BadManifest, match=r"a\.gpkg has no column 'HAUTEUR'; it has: code, name"):
        ingest(bench, "a.gpkg", read={"layer": "two"}, features=features)


def test_parquet_without_geometry_is_refused(bench):
    pq.write_table(pa.table({"code": ["a"]}), bench.folder / "a.parquet")
    with pytest.raises(BadData, match=r"a\.parquet is no GeoParquet"):
        ingest(bench, "a.parquet")
