"""The formats of answers: their names for ``f``, their media types, and what writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ogc_api import answers
from ogc_api.edr import coveragejson, geotiff, netcdf, tables
from ogc_api.edr.answer import Answer
from twin.model import Collection, Kind
from twin.settings import Bounds

COVERAGEJSON, GEOJSON, CSV, NETCDF, GEOTIFF = "CoverageJSON", "GeoJSON", "CSV", "NetCDF", "GeoTIFF"


@dataclass(frozen=True)
class Format:
    """One format: what it is on the wire, what asks for it, and the ending of a file's name (none: shown in place)."""

    media_type: str
    accepted: tuple[str, ...]
    ending: str | None = None


FORMATS: Mapping[str, Format] = {
    COVERAGEJSON: Format(coveragejson.MEDIA_TYPE, (coveragejson.MEDIA_TYPE, "application/vnd.cov+json")),
    GEOJSON: Format(answers.GEOJSON, (answers.GEOJSON,)),
    CSV: Format("text/csv", ("text/csv",), "csv"),
    NETCDF: Format("application/netcdf", ("application/netcdf", "application/x-netcdf"), "nc"),
    GEOTIFF: Format("image/tiff; application=geotiff", ("image/tiff",), "tif"),
}
_VALUES = (COVERAGEJSON, GEOJSON, CSV, NETCDF)
#: Queries of coverages whose answer is a grid.
_GRIDS = ("cube", "area", "radius", "corridor", "location")


def offered(form: str, kind: Kind) -> tuple[str, ...]:
    """Return the names of the formats of a query, the default first."""
    if form == "locations":
        return (GEOJSON,)
    return (*_VALUES, GEOTIFF) if kind is Kind.COVERAGE and form in _GRIDS else _VALUES


def negotiable(form: str, collection: Collection) -> dict[str, tuple[str, ...]]:
    """Return the names that ``f`` takes and the media types that ask for them; ``json`` is the default one."""
    first, *others = offered(form, collection.kind)
    named = {first: FORMATS[first].accepted, "json": (answers.JSON,)}
    return named | {name: FORMATS[name].accepted for name in others}


def encode(answer: Answer, name: str, bounds: Bounds) -> bytes:
    """Return an answer in a format.

    Raises
    ------
    TooLarge
        When the format would lay it out on more rows or values than the bounds.
    """
    match name:
        case "GeoJSON":
            return tables.geojson(answer, bounds.rows)
        case "CSV":
            return tables.csv(answer, bounds.rows)
        case "NetCDF":
            return netcdf.encode(answer, bounds.values)
        case "GeoTIFF":
            return geotiff.encode(answer)
        case _:
            return coveragejson.encode(answer)
