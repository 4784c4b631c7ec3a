"""Vector files: GeoPackage, Shapefile (also zipped), GeoJSON, FlatGeobuf, GeoParquet."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from twin.crs import CRS84
from twin.errors import BadData, BadManifest
from twin.ingest.features import read_features
from twin.ingest.intake import BATCH_ROWS, Intake, Rows
from twin.ingest.manifest import Manifest
from twin.ingest.parts import Part
from twin.ingest.places import SaidCrs, degrees, settle_crs
from twin.products import Product

_JSON = (".geojson", ".json")
_GDAL = (".gpkg", ".shp", ".zip", ".fgb", *_JSON)
_PARQUET = (".parquet", ".geoparquet")
_CHUNK = 1 << 20
# A crs member stands before or after the features: no need to read what is between.
_CRS_MEMBER = re.compile(rb'"crs"\s*:\s*\{')


class VectorSource:
    """Reads features from vector files, batch by batch, through GDAL's Arrow stream or pyarrow."""

    def read(self, manifest: Manifest, part: Part, files: list[Path], intake: Intake) -> Iterator[Product]:
        """Stream the features of `files`.

        Raises
        ------
        BadManifest
            When the manifest does not fit the file (layer, column, CRS).
        BadData
            When a file is damaged, or not in the encoding that it should be in.
        """
        if part.features is None:
            raise BadManifest(f"{manifest.dataset}: the vector source reads features; use the table source for series.")
        collection = manifest.collection(part.features.collection, intake.crs)
        rows = (batch for file in files for batch in _rows(file, part, collection.vertical_crs, intake))
        yield read_features(collection, part, rows, intake)


def _rows(file: Path, part: Part, vertical: str | None, intake: Intake) -> Iterator[Rows]:
    suffix = file.suffix.lower()
    if suffix in _PARQUET:
        yield from _geoparquet(file, part, vertical, intake)
    elif suffix in _GDAL:
        yield from _gdal(file, part, vertical, intake)
    else:
        raise BadManifest(f"{file.name}: vector files end in {', '.join((*_GDAL, *_PARQUET))}.")


def _gdal(file: Path, part: Part, vertical: str | None, intake: Intake) -> Iterator[Rows]:
    readable, encoding = file, part.read.encoding
    if file.suffix.lower() in _JSON:
        readable, encoding = _utf8(file, encoding, intake), None
    path = f"/vsizip/{readable}" if file.suffix.lower() == ".zip" else str(readable)
    layer = _layer(path, part.read.layer, file.name)
    try:
        info = pyogrio.read_info(path, layer=layer, encoding=encoding, force_total_bounds=True)
        bounds = info["total_bounds"]
        said = SaidCrs.parse(info["crs"], file.name)
        if file.suffix.lower() in _JSON and not _names_crs(readable):
            # GDAL gives WGS84 to every GeoJSON that names no CRS, as RFC 7946 wants; older writers did not obey.
            silent = bounds is not None and not degrees(bounds)
            said = SaidCrs() if silent or part.read.crs else SaidCrs(CRS84)
        crs = settle_crs(said, part.read.crs, vertical, bounds, file.name, intake)
        first = 1
        with pyogrio.open_arrow(path, layer=layer, encoding=encoding, batch_size=BATCH_ROWS, use_pyarrow=True) as (
            meta,
            reader,
        ):
            geometry = meta["geometry_name"] or "wkb_geometry"
            for batch in reader:
                yield _batch(file, first, pa.table(batch), geometry, crs)
                first += len(batch)
    except (DataSourceError, DataLayerError, pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise BadData(f"{file.name} cannot be read: {' '.join(str(error).split())}") from None


def _layer(path: str, wanted: str | None, name: str) -> str:
    try:
        layers = [str(layer[0]) for layer in pyogrio.list_layers(path)]
    except DataSourceError:
        raise BadData(f"{name} cannot be opened: it is damaged, or not what its name says.") from None
    if wanted is not None and wanted not in layers:
        raise BadManifest(f"{name} has no layer {wanted!r}; it has: {', '.join(layers)}.")
    if wanted is None and len(layers) != 1:
        raise BadManifest(f"{name} has {len(layers)} layers ({', '.join(layers)}): name one in read.layer.")
    return wanted or layers[0]


def _batch(file: Path, first: int, table: pa.Table, geometry: str, crs: str) -> Rows:
    try:
        table.validate(full=True)
    except pa.ArrowInvalid:
        raise BadData(
            f"{file.name}: its text, from row {first}, is not in the encoding that the file states; "
            "declare the right one, for instance read: {encoding: latin-1}."
        ) from None
    wkb = table.column(geometry).to_numpy()
    try:
        shapes = shapely.from_wkb(wkb)
    except shapely.errors.GEOSException as error:
        raise BadData(f"{file.name}: a geometry after row {first} cannot be read ({error}).") from None
    numbers = np.arange(first, first + table.num_rows)
    return Rows(file.name, numbers, table.drop_columns([geometry]), np.asarray(shapes, dtype=object), crs)


def _geoparquet(file: Path, part: Part, vertical: str | None, intake: Intake) -> Iterator[Rows]:
    try:
        parquet = pq.ParquetFile(file)
        stated: dict[str, Any] = json.loads((parquet.schema_arrow.metadata or {}).get(b"geo", b"{}"))
        primary = stated.get("primary_column")
        column: dict[str, Any] = stated.get("columns", {}).get(primary, {})
    except (pa.ArrowInvalid, ValueError):
        raise BadData(f"{file.name} cannot be opened: it is damaged, or no GeoParquet.") from None
    if column.get("encoding") != "WKB":
        raise BadData(
            f"{file.name} is no GeoParquet with WKB geometries ({column.get('encoding') or 'no geo metadata'})."
        )
    # GeoParquet 1.1: no crs key means OGC:CRS84, a null one that it is not known.
    wkt = column["crs"] and json.dumps(column["crs"]) if "crs" in column else CRS84
    crs = settle_crs(SaidCrs.parse(wkt, file.name), part.read.crs, vertical, _box(column), file.name, intake)
    first = 1
    for batch in parquet.iter_batches(BATCH_ROWS):
        yield _batch(file, first, pa.table(batch), str(primary), crs)
        first += len(batch)


def _box(column: dict[str, Any]) -> tuple[float, float, float, float] | None:
    box = column.get("bbox")
    if not box:
        return None
    half = len(box) // 2
    return (box[0], box[1], box[half], box[half + 1])


def _utf8(file: Path, encoding: str | None, intake: Intake) -> Path:
    """Return a UTF-8 copy of a file in the declared encoding, or the file itself once seen to be UTF-8."""
    codec = codecs.lookup(encoding or "utf-8")
    decoder = codec.incrementaldecoder()
    copy = intake.scratch / f"{file.stem}-utf8{file.suffix}"
    start = 0
    try:
        with file.open("rb") as source, copy.open("w", encoding="utf-8", newline="") as target:
            while chunk := source.read(_CHUNK):
                pending = len(decoder.getstate()[0])
                text = decoder.decode(chunk)
                start += len(chunk)
                if encoding:
                    target.write(text)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise BadData(
            f"{file.name} is not {codec.name}: byte {start - pending + error.start} cannot be decoded; "
            "declare its encoding, for instance read: {encoding: latin-1}."
        ) from None
    return copy if encoding else file


def _names_crs(file: Path) -> bool:
    with file.open("rb") as content:
        head = content.read(_CHUNK // 16)
        content.seek(max(0, file.stat().st_size - _CHUNK // 16))
        return bool(_CRS_MEMBER.search(head) or _CRS_MEMBER.search(content.read()))
