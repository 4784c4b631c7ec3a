"""The objects that a time series observes, as GeoJSON."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from ogc_api.edr.query import EdrQuery
from ogc_api.edr.streams import Series, datastreams, geometries
from ogc_api.features.regions import region_of
from twin.model import Collection
from twin.store import FeatureQuery
from twin.time import iso

type Document = dict[str, Any]


def locations(series: Series, query: EdrQuery, href: str, language: str) -> Document:
    """Return the objects observed as GeoJSON, each with its datastreams.

    ``bbox`` and ``parameter-name`` select datastreams; ``datetime`` those whose lifespan meets it.

    Parameters
    ----------
    href
        Address of the locations, to which ``/`` and the id of one is added.
    language
        That of the names of datastreams.
    """
    region = region_of(query.boxes, series.collection)
    if query.boxes and region is None:
        return listed([])
    streams = datastreams(series, query, region=region, alive=True)
    visible = {each.id: each for each in series.store.catalogue.collections(series.principal)}
    shapes = shapely.to_geojson(geometries(streams["geometry"], series.collection.crs, query.crs))
    names = _names(series, streams, visible)
    titles = {observed.name: observed.title.in_language(language) for observed in series.collection.observed_properties}
    features: dict[str, Document] = {}
    for stream, geometry in zip(streams.drop_columns("geometry").to_pylist(), shapes, strict=True):
        identity = stream["object_id"]
        feature = features.get(identity)
        if feature is None:
            feature = features[identity] = {
                "type": "Feature",
                "id": identity,
                "geometry": None if geometry is None else orjson.Fragment(geometry),
                "properties": {
                    "label": names.get(identity, identity),
                    "object_collection": collection if (collection := stream["object_collection"]) in visible else None,
                    "datetime": interval(series.collection),
                    "parameter-name": [],
                    "datastreams": [],
                    "edrqueryendpoint": f"{href}/{quote(identity, safe='')}",
                },
            }
        feature["properties"]["parameter-name"].append(stream["observed_property"])
        name = f"{feature['properties']['label']}, {titles[stream['observed_property']]}"
        feature["properties"]["datastreams"].append({"id": stream["id"], "name": name, "unit": stream["unit"]})
    return listed(list(features.values()))


def listed(features: list[Document]) -> Document:
    """Return locations as one collection of GeoJSON."""
    return {"type": "FeatureCollection", "numberReturned": len(features), "features": features}


def _names(series: Series, streams: pa.Table, visible: dict[str, Collection]) -> dict[str, str]:
    """Return the names that the objects observed have in their own collections, by the label of their style."""
    names: dict[str, str] = {}
    for collection_id in pc.unique(streams["object_collection"]).to_pylist():
        label = visible[collection_id].style.label if collection_id in visible else None
        if label is None:
            continue
        mine = streams.filter(pc.equal(streams["object_collection"], collection_id))
        asked = FeatureQuery(
            collection=collection_id,
            ids=tuple(pc.unique(mine["object_id"]).to_pylist()),
            columns=(label,),
            with_geometry=False,
        )
        table = series.store.features.read(asked, series.principal).read_all()
        named = zip(table["id"].to_pylist(), table[label].to_pylist(), strict=True)
        names.update({identity: str(name) for identity, name in named if name is not None})
    return names


def interval(collection: Collection) -> str | None:
    """Return the time that a collection spans, as ``datetime`` writes it; None where it has none."""
    if collection.temporal is None:
        return None
    start, end = collection.temporal
    return f"{iso(start)}/{iso(end) if end else '..'}"
