"""What EDR answers, whoever asks: our routes and pygeoapi's provider share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ogc_api.edr import grids, series
from ogc_api.edr.coveragejson import Document
from ogc_api.edr.coverages import OpenCoverages
from ogc_api.edr.query import EdrQuery, Form
from twin.context import Twin
from twin.errors import BadInput, NotFound
from twin.model import Collection, Kind
from twin.store import OPERATOR, Principal

type QueryType = Literal["position", "cube", "locations"]

#: The types of query that each kind of collection answers.
QUERY_TYPES: dict[Kind, tuple[QueryType, ...]] = {
    Kind.TIMESERIES: ("locations", "position"),
    Kind.COVERAGE: ("position", "cube"),
}
#: The type of query, as the standard names it, of each way to ask.
QUERY_TYPE: dict[Form, QueryType] = {
    "position": "position",
    "cube": "cube",
    "locations": "locations",
    "location": "locations",
}


def query_types(collection: Collection) -> tuple[QueryType, ...]:
    """Return the types of query that a collection answers.

    A collection that may be published only as aggregates (``finest_period``) answers none: EDR gives
    single values.
    """
    return () if collection.finest_period else QUERY_TYPES.get(collection.kind, ())


class Edr:
    """EDR over one twin. Coverages stay open, once per revision, until :meth:`close`.

    Parameters
    ----------
    base_url
        Public address of the door's root, without a trailing slash; every link is made from it.
    """

    def __init__(self, twin: Twin, base_url: str) -> None:
        self._twin = twin
        self._base_url = base_url
        self._open = OpenCoverages(twin.store)

    def collection(self, collection_id: str, query_type: QueryType, principal: Principal) -> Collection:
        """Return a collection that answers `query_type`.

        Raises
        ------
        NotFound
            When it does not exist, or does not answer such a query.
        """
        collection = self._twin.store.catalogue.collection(collection_id, principal)
        if query_type not in query_types(collection):
            offered = ", ".join(query_types(collection)) or "none"
            raise NotFound(f"{collection_id} answers no {query_type} query; it answers: {offered}.")
        return collection

    def position(self, collection: Collection, query: EdrQuery, principal: Principal) -> Document:
        """Return the values at a point (CoverageJSON)."""
        if query.point is None:
            raise BadInput("A position query needs coords: write for instance coords=POINT(3.87 43.61).")
        if collection.kind is Kind.TIMESERIES:
            return series.position(self._series(collection, principal), query.point, query)
        with self._open.coverage(collection, principal) as coverage:
            return grids.position(coverage, query.point, query, self._bound)

    def cube(self, collection: Collection, query: EdrQuery, principal: Principal) -> Document:
        """Return the cells of a box (CoverageJSON)."""
        if query.bbox is None:
            raise BadInput("A cube query needs bbox: write bbox=xmin,ymin,xmax,ymax.")
        with self._open.coverage(collection, principal) as coverage:
            return grids.cube(coverage, query.bbox, query, self._bound)

    def locations(self, collection: Collection, query: EdrQuery, principal: Principal) -> Document:
        """Return the objects observed (GeoJSON)."""
        return series.locations(self._series(collection, principal), query, f"{self.url(collection)}/locations")

    def location(self, identity: str, collection: Collection, query: EdrQuery, principal: Principal) -> Document:
        """Return the values observed at one object (CoverageJSON)."""
        return series.location(self._series(collection, principal), identity, query)

    def times(self, collection: Collection) -> NDArray[np.datetime64] | None:
        """Return the ascending naive-UTC steps of a coverage that has time, of which the one who asks knows."""
        with self._open.coverage(collection, OPERATOR) as coverage:
            return coverage.times

    def url(self, collection: Collection) -> str:
        """Return the public address of a collection."""
        return f"{self._base_url}/collections/{collection.id}"

    def version(self, principal: Principal) -> str:
        """Return a word that changes with what `principal` sees of the whole catalogue."""
        return self._twin.version(principal)

    def principal(self, headers: Mapping[str, str]) -> Principal:
        """Return who asks."""
        return self._twin.access.principal(headers)

    def close(self) -> None:
        """Let go of the coverages held open."""
        self._open.close()

    @property
    def _bound(self) -> int:
        return self._twin.settings.bounds.values

    def _series(self, collection: Collection, principal: Principal) -> series.Series:
        return series.Series(self._twin.store, principal, collection, self._bound)
