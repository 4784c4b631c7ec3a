"""The areas by whose names coverages are asked: the polygons of a collection that the settings name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from urllib.parse import quote

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from ogc_api.edr.locations import Document, interval, listed
from ogc_api.edr.query import EdrQuery, observed_names
from ogc_api.edr.shapes import Area, areas
from ogc_api.edr.streams import geometries
from ogc_api.features.regions import region_of
from ogc_api.features.versions import former_rows
from twin.context import Twin
from twin.errors import NoData, NotFound
from twin.model import Collection, Kind
from twin.settings import Bounds
from twin.store import FeatureQuery, Principal, Store
from twin.time import TimeSpan


@dataclass(frozen=True)
class Places:
    """The areas, as one principal sees them.

    Attributes
    ----------
    collection
        What holds them; None where there is none, or none that the principal may know of.
    now
        The instant at which they are taken where a query names no time.
    """

    store: Store
    principal: Principal
    collection: Collection | None
    now: datetime

    @classmethod
    def of(cls, twin: Twin, principal: Principal) -> Self:
        """Return the areas that the settings name."""
        name = twin.settings.city.areas
        try:
            found = None if name is None else twin.store.catalogue.collection(name, principal)
        except NotFound:
            found = None
        if found is not None and found.kind is not Kind.FEATURES:
            found = None
        return cls(twin.store, principal, found, twin.clock())

    def listed(self, coverage: Collection, query: EdrQuery, href: str) -> Document:
        """Return the areas that meet the grid of a coverage, as GeoJSON.

        Parameters
        ----------
        href
            Address of the locations, to which ``/`` and the id of one is added.
        """
        if self.collection is None or coverage.grid is None:
            return listed([])
        region = region_of(query.boxes, self.collection)
        if query.boxes and region is None:
            return listed([])
        grid = coverage.grid.bbox.polygon(self.collection.crs)
        table = self._read(self.collection, self._time(query), region=region.wkb if region else None)
        table = table.filter(pa.array(shapely.intersects(_shapes(table), grid)))
        shapes = shapely.to_geojson(geometries(table["geometry"], self.collection.crs, query.crs))
        ids = table["id"].to_pylist()
        label = self.collection.style.label
        names = ids if label is None else table[label].to_pylist()
        told = {
            "object_collection": self.collection.id,
            "datetime": interval(coverage),
            "parameter-name": observed_names(coverage),
        }
        return listed(
            [
                {
                    "type": "Feature",
                    "id": identity,
                    "geometry": orjson.Fragment(shape),
                    "properties": {
                        "label": identity if name is None else str(name),
                        **told,
                        "edrqueryendpoint": f"{href}/{quote(identity, safe='')}",
                    },
                }
                for identity, name, shape in zip(ids, names, shapes, strict=True)
            ]
        )

    def areas(self, identity: str, coverage: Collection, query: EdrQuery, bounds: Bounds) -> tuple[Area, ...]:
        """Return each polygon of one area, as it stood last in the time asked.

        Raises
        ------
        NotFound
            When there is no such area.
        NoData
            When it was not there at the time asked.
        TooLarge
            When it is larger than the bound.
        """
        unknown = NotFound(f"{coverage.id} has no location {identity!r}: see its locations.")
        if self.collection is None:
            raise unknown
        time = self._time(query)
        table = self._read(self.collection, time, ids=(identity,))
        if table.num_rows:
            return areas(_shapes(table)[0], self.collection.crs, query.crs, coverage, bounds)
        if self._read(self.collection, None, ids=(identity,)).num_rows:
            raise NoData(f"The location {identity!r} was not there at datetime={time}.")
        raise unknown

    def _time(self, query: EdrQuery) -> TimeSpan:
        return query.time or TimeSpan.at(self.now)

    def _read(
        self,
        collection: Collection,
        time: TimeSpan | None,
        *,
        region: bytes | None = None,
        ids: tuple[str, ...] | None = None,
    ) -> pa.Table:
        """Return the polygons alive in a span of time, each in its last version of it."""
        label = collection.style.label
        asked = FeatureQuery(
            collection=collection.id,
            region=region,
            ids=ids,
            time=time,
            columns=() if label is None else (label,),
        )
        table = self.store.features.read(asked, self.principal).read_all()
        table = table.filter(pc.invert(pc.is_in(table["row"], value_set=former_rows(table))))
        return table.filter(pa.array(shapely.get_dimensions(_shapes(table)) == 2))


def _shapes(table: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    return np.asarray(shapely.force_2d(shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))))
