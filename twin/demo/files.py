"""The files of the demo city: GeoPackages of features and Parquet files of series."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely
from numpy.typing import NDArray

from twin.demo.city import City
from twin.demo.furniture import SPECIES
from twin.demo.plan import CRS
from twin.demo.shapes import GRID, Geometries
from twin.demo.streets import CLASSES

#: Dataset and file of each table of features.
FEATURES = {
    "communes": "territory",
    "streets": "territory",
    "water": "territory",
    "land_cover": "land_cover",
    "buildings": "buildings",
    "lamp_posts": "street_furniture",
    "trees": "street_furniture",
    "stations": "measurements",
}
_FOUNDED = np.datetime64("1905-01-01", "D")


def write_files(city: City, folder: Path) -> None:
    """Write every table of the city under `folder`, a folder for each dataset.

    The same city gives the same bytes: GeoPackages carry a fixed date of writing.
    """
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2026-08-01T00:00:00.000Z"})
    try:
        for name, table in feature_tables(city).items():
            file = folder / FEATURES[name] / f"{name}.gpkg"
            file.parent.mkdir(parents=True, exist_ok=True)
            pyogrio.write_arrow(
                table.replace_schema_metadata(None),
                file,
                layer=name,
                driver="GPKG",
                geometry_name="geometry",
                geometry_type=table.schema.metadata[b"geometry"].decode(),
                crs=CRS,
            )
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    (folder / "measurements").mkdir(parents=True, exist_ok=True)
    for name, measured in city.measured.items():
        pq.write_table(measured.table, folder / "measurements" / f"{name}.parquet", compression="zstd")


def feature_tables(city: City) -> dict[str, pa.Table]:
    """Return the table of each collection of features, in the storage CRS.

    Columns are ``id``, the fields of the collection, ``valid_from`` (and ``valid_to`` where objects
    end) as dates, and ``geometry`` as WKB; the schema's metadata names the geometry type.
    """
    communes = np.array([row[0] for row in city.plan.communes], dtype=object)
    return {
        "communes": _communes(city, communes),
        "streets": _streets(city, communes),
        "water": _water(city),
        "land_cover": _land_cover(city),
        "buildings": _buildings(city, communes),
        "lamp_posts": _lamp_posts(city),
        "trees": _trees(city),
        "stations": _stations(city, communes),
    }


def _communes(city: City, names: NDArray[np.object_]) -> pa.Table:
    network = city.network
    shape = [shapely.union_all(network.face[network.commune == k], grid_size=GRID) for k in range(len(names))]
    people = [max(120, round(row[3] * city.plan.scale)) for row in city.plan.communes]
    codes = [f"99{k + 1:03d}" for k in range(len(names))]
    return _table(codes, shape, "MultiPolygon", _FOUNDED, name=names, insee_code=codes, population=people)


def _streets(city: City, communes: NDArray[np.object_]) -> pa.Table:
    network = city.network
    return _table(
        _ids("R", 5, len(network.line)),
        network.line,
        "LineString",
        _FOUNDED,
        name=network.name,
        street_class=np.array(CLASSES, dtype=object)[network.street_class],
        width=network.width,
        commune=communes[network.street_commune],
    )


def _water(city: City) -> pa.Table:
    water = city.water
    ids = _ids("W", 3, len(water.polygon))
    return _table(ids, water.polygon, "MultiPolygon", _FOUNDED, name=water.name, water_type=water.water_type)


def _land_cover(city: City) -> pa.Table:
    cover = city.land_cover
    years = sorted(set(cover.vintage.tolist()))
    number = np.concatenate([np.arange(1, (cover.vintage == year).sum() + 1) for year in years])
    following = {year: np.datetime64(f"{after}-01-01", "D") for year, after in pairwise(years)}
    return _table(
        [f"O{year}-{row:05d}" for year, row in zip(cover.vintage, number, strict=True)],
        cover.polygon,
        "MultiPolygon",
        (cover.vintage - 1970).astype("datetime64[Y]").astype("datetime64[D]"),
        np.array([following.get(year, np.datetime64("NaT", "D")) for year in cover.vintage.tolist()]),
        cover=cover.cover,
        land_use=cover.land_use,
        vintage=cover.vintage,
    )


def _buildings(city: City, communes: NDArray[np.object_]) -> pa.Table:
    buildings = city.buildings
    return _table(
        buildings.id,
        buildings.polygon,
        "Polygon",
        buildings.valid_from,
        buildings.valid_to,
        height=buildings.height,
        ground_altitude=buildings.ground_altitude,
        storeys=buildings.storeys,
        usage=buildings.usage,
        commune=communes[buildings.commune],
        name=buildings.name,
        public=buildings.public,
    )


def _lamp_posts(city: City) -> pa.Table:
    lamps = city.lamp_posts
    street = city.network.name[lamps.street]
    kind, power = lamps.lamp_type, lamps.power
    return _table(lamps.id, lamps.point, "Point", lamps.valid_from, street=street, power=power, lamp_type=kind)


def _trees(city: City) -> pa.Table:
    trees = city.trees
    species = np.array([name for name, _, _ in SPECIES], dtype=object)[trees.species]
    ids = _ids("T", 5, len(trees.point))
    return _table(ids, trees.point, "Point", trees.valid_from, species=species, height=trees.height)


def _stations(city: City, communes: NDArray[np.object_]) -> pa.Table:
    stations = city.stations
    return _table(
        stations.id,
        stations.point,
        "Point",
        stations.valid_from,
        name=stations.name,
        station_type=stations.station_type,
        altitude=stations.altitude,
        commune=communes[stations.commune],
        environment=stations.environment,
    )


def _ids(letter: str, digits: int, count: int) -> list[str]:
    return [f"{letter}{number:0{digits}d}" for number in range(1, count + 1)]


def _table(
    ids: Iterable[str],
    shapes: Iterable[shapely.Geometry],
    geometry: str,
    start: NDArray[np.datetime64] | np.datetime64,
    end: NDArray[np.datetime64] | None = None,
    **fields: object,
) -> pa.Table:
    names = list(ids)
    wkb = shapely.to_wkb(_of_type(np.asarray(shapes, dtype=object), geometry))
    columns = {"id": pa.array(names), **{name: pa.array(values) for name, values in fields.items()}}
    columns["valid_from"] = pa.array(np.broadcast_to(start, len(names)), pa.date32())
    if end is not None:
        columns["valid_to"] = pa.array(end, pa.date32())
    field = pa.field("geometry", pa.binary(), metadata={"ARROW:extension:name": "geoarrow.wkb"})
    schema = pa.schema(
        [*(pa.field(name, column.type) for name, column in columns.items()), field],
        metadata={"geometry": geometry},
    )
    return pa.Table.from_arrays([*columns.values(), pa.array(wkb, pa.binary())], schema=schema)


def _of_type(shapes: Geometries, geometry: str) -> Geometries:
    """Return the shapes as the declared type: single areas of a collection of multi-areas become such."""
    if geometry != "MultiPolygon":
        return shapes
    parts, owner = shapely.get_parts(shapes, return_index=True)
    return np.asarray(shapely.multipolygons(parts, indices=owner))
