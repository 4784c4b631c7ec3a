"""What a collection's document says of its EDR queries, and the classes of conformance claimed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ogc_api.edr import coveragejson
from ogc_api.edr.query import crs_codes
from ogc_api.edr.service import Edr, QueryType, query_types
from twin import crs as crs_
from twin.crs import CRS84
from twin.model import QUALITY_TITLES, Collection, Kind, Text
from twin.time import iso

_CLASSES = ("core", "collections", "json", "geojson", "covjson", "oas30")
#: Clients of 1.0 look for its own names; what is served satisfies both versions.
CONFORMANCE = [
    f"http://www.opengis.net/spec/ogcapi-edr-1/{version}/conf/{name}" for version in ("1.0", "1.1") for name in _CLASSES
]

#: Names of the formats, as ``f`` takes them.
COVERAGEJSON = "CoverageJSON"
GEOJSON = "GeoJSON"

_GREGORIAN = 'TIMECRS["DateTime",TDATUM["Gregorian Calendar"],CS[TemporalDateTime,1],AXIS["Time (T)",unspecified]]'
#: The longest list of instants that a collection's document spells out.
_LISTED = 400

TITLES: dict[QueryType, Text] = {
    "locations": Text(fr="Lieux observés et leurs mesures", en="Places observed and their measurements"),
    "position": Text(fr="Valeurs en un point", en="Values at a point"),
    "cube": Text(fr="Valeurs dans une emprise", en="Values in a box"),
}


def describe(edr: Edr, collection: Collection, language: str) -> dict[str, Any]:
    """Return the EDR members of a collection's document; empty when it answers no EDR query."""
    kinds = query_types(collection)
    if not kinds:
        return {}
    # A time series is items too, whose list of CRS is longer: that of its EDR queries is in their links.
    crs = {"crs": [crs_.uri(code) for code in crs_codes(collection)]} if collection.kind is Kind.COVERAGE else {}
    return {
        "extent": _extent(edr, collection),
        "data_queries": {kind: {"link": _link(edr, collection, kind, language)} for kind in kinds},
        "parameter_names": parameters(collection, language),
        "output_formats": [COVERAGEJSON],
        **crs,
    }


def _link(edr: Edr, collection: Collection, kind: QueryType, language: str) -> dict[str, Any]:
    title = TITLES[kind].in_language(language)
    variables: dict[str, Any] = {
        "title": title,
        "query_type": kind,
        "output_formats": [COVERAGEJSON],
        "default_output_format": COVERAGEJSON,
        "crs_details": [{"crs": crs_.uri(code), "wkt": _wkt(code)} for code in crs_codes(collection)],
    }
    if kind == "cube":
        variables["height_units"] = ["m"]
    return {
        "href": f"{edr.url(collection)}/{kind}",
        "rel": "data",
        "type": "application/geo+json" if kind == "locations" else coveragejson.MEDIA_TYPE,
        "hreflang": language,
        "title": title,
        "variables": variables,
    }


def parameters(collection: Collection, language: str) -> dict[str, Any]:
    """Return the parameters as EDR tells them: as CoverageJSON does, but in one language."""
    found: dict[str, Any] = {}
    for observed in collection.observed_properties:
        label = observed.title.in_language(language)
        found[observed.name] = {
            "type": "Parameter",
            "id": observed.name,
            "label": label,
            "data-type": "float",
            "unit": {"label": observed.unit, "symbol": {"value": observed.unit, "type": coveragejson.UCUM}},
            "observedProperty": {"id": coveragejson.identifier(observed), "label": label},
        }
        if collection.kind is Kind.TIMESERIES:
            name = observed.name + coveragejson.QUALITY_SUFFIX
            title = coveragejson.quality_title(observed).in_language(language)
            categories = [
                {"id": quality.name.lower(), "label": text.in_language(language)}
                for quality, text in QUALITY_TITLES.items()
            ]
            found[name] = {
                "type": "Parameter",
                "id": name,
                "label": title,
                "data-type": "integer",
                "observedProperty": {"id": name, "label": title, "categories": categories},
            }
    return found


def _extent(edr: Edr, collection: Collection) -> dict[str, Any]:
    box = collection.extent.as_list() if collection.extent else [-180.0, -90.0, 180.0, 90.0]
    extent: dict[str, Any] = {"spatial": {"bbox": [box], "crs": crs_.uri(CRS84)}}
    if collection.temporal:
        start, end = collection.temporal
        times = edr.times(collection) if collection.kind is Kind.COVERAGE else None
        first, last = iso(start), iso(end) if end else None
        extent["temporal"] = {
            "interval": [[first, last]],
            "values": [f"{first}/{last or '..'}"] if times is None else repeated(times),
            "trs": _GREGORIAN,
        }
    return extent


def repeated(times: NDArray[np.datetime64]) -> list[str]:
    """Return ascending instants as EDR lists them: one repeating interval when they are regular and many.

    Instants too many and irregular are given as their first and last.
    """
    if len(times) <= _LISTED:
        return coveragejson.rfc3339(times)
    first, last = coveragejson.rfc3339(times[[0, -1]])
    gaps = np.diff(times.astype("M8[s]").astype(np.int64))
    return [f"R{len(gaps)}/{first}/PT{gaps[0]}S"] if (gaps == gaps[0]).all() else [f"{first}/{last}"]


@lru_cache(maxsize=16)
def _wkt(code: str) -> str:
    return crs_.definition(code).to_wkt()
