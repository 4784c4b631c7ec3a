"""GeoPackage: one layer, native dates and date-times, column titles as aliases, origin in its metadata."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyogrio

from twin.crs import CRS84, definition
from twin.export.columns import GEOMETRY, about
from twin.export.geometries import has_heights, peeked
from twin.model import Collection, Kind, Language

_LAYER_TYPES = frozenset(
    {"Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"}
)


class GeoPackage:
    """Writes GeoPackage 1.3 (OGC 12-128r17) through GDAL.

    A column's title and unit are its alias, which recent QGIS show; its description is beside
    (``gpkg_data_columns``). Instants are UTC, to the millisecond.
    """

    suffix = ".gpkg"
    media_type = "application/geopackage+sqlite3"

    def accepts(self, collection: Collection) -> bool:
        """Whether this format can carry `collection`."""
        return collection.kind is not Kind.TILESET

    def write(
        self, collection: Collection, batches: pa.RecordBatchReader, crs: str, language: Language, path: Path
    ) -> None:
        """Write the rows as one layer, named after the collection."""
        told = about(collection, language)
        shape = pa.schema([_aliased(field) for field in batches.schema])
        first, rows = peeked(batches)
        aliased = (pa.RecordBatch.from_arrays(batch.columns, schema=shape) for batch in rows)
        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(shape, aliased),
            path,
            driver="GPKG",
            layer=collection.id,
            geometry_name=GEOMETRY,
            geometry_type=_layer_type(collection, first),
            # In a GeoPackage longitude comes first whatever the authority says, and 4326 is what readers know.
            crs=definition("EPSG:4326" if crs == CRS84 else crs).to_wkt(),
            # What GDAL 3.6 and QGIS 3.22 know whole; nothing of 1.4 is used.
            dataset_options={"VERSION": "1.3"},
            layer_metadata={key.upper(): text for key, text in told.items()},
            layer_options={
                "IDENTIFIER": told["title"],
                "DESCRIPTION": f"{told['description']} {told['attribution']} ({told['license']}).",
                "GEOMETRY_NAME": GEOMETRY,
            },
        )


def _aliased(field: pa.Field) -> pa.Field:
    """Return the field with its title and description where GDAL looks for an alias and a comment."""
    told = {key.decode(): text.decode() for key, text in (field.metadata or {}).items()}
    if "title" not in told:
        return field.remove_metadata()
    alias = f"{told['title']} ({told['unit']})" if "unit" in told else told["title"]
    return field.with_metadata(
        {"GDAL:OGR:alternative_name": alias, "GDAL:OGR:comment": told.get("description", "")},
    )


def _layer_type(collection: Collection, first: pa.RecordBatch | None) -> str:
    declared = "Polygon" if collection.kind is Kind.COVERAGE else collection.geometry
    if declared not in _LAYER_TYPES:
        return "Unknown"
    return f"{declared} Z" if has_heights(first) else declared
