"""What EDR answers, whoever asks: our routes and pygeoapi's provider share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ogc_api.edr import coverage_answers, series
from ogc_api.edr import locations as locations_
from ogc_api.edr.answer import Answer
from ogc_api.edr.coverages import OpenCoverages
from ogc_api.edr.periods import PERIODS, at_least
from ogc_api.edr.places import Places
from ogc_api.edr.query import EdrQuery, Form
from ogc_api.edr.streams import Series
from twin.context import Twin
from twin.errors import NotFound
from twin.model import Collection, Kind
from twin.settings import Bounds
from twin.store import OPERATOR, Principal

type QueryType = Literal[
    "position", "radius", "area", "cube", "trajectory", "corridor", "locations", "items", "instances"
]

#: The types of query that each kind of collection answers. A time series has no values between its
#: places, so that a trajectory would meet none; a coverage has no objects, and its locations are
#: the areas that the settings name; features are not sampled.
QUERY_TYPES: dict[Kind, tuple[QueryType, ...]] = {
    Kind.TIMESERIES: ("locations", "position", "radius", "area", "corridor", "items", "instances"),
    Kind.COVERAGE: ("position", "radius", "area", "cube", "trajectory", "corridor", "locations", "instances"),
    Kind.FEATURES: ("items",),
}


def query_types(collection: Collection) -> tuple[QueryType, ...]:
    """Return the types of query that a collection answers.

    A collection that may be published only as aggregates (``finest_period``) has no items, and none
    at all when the finest period is longer than any offered.
    """
    kinds = QUERY_TYPES.get(collection.kind, ())
    if collection.finest_period is None:
        return kinds
    if not any(at_least(period, collection.finest_period) for period in PERIODS):
        return ()
    return tuple(kind for kind in kinds if kind != "items")


def query_type(form: Form) -> QueryType:
    """Return the type of query, as the standard names it, of a way to ask."""
    return "locations" if form == "location" else form


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

    def collection(self, collection_id: str, kind: QueryType, principal: Principal) -> Collection:
        """Return a collection that answers a type of query.

        Raises
        ------
        NotFound
            When it does not exist, or does not answer such a query.
        """
        collection = self._twin.store.catalogue.collection(collection_id, principal)
        if kind not in query_types(collection):
            offered = ", ".join(query_types(collection)) or "none"
            raise NotFound(f"{collection_id} answers no {kind} query; it answers: {offered}.")
        return collection

    def values(self, form: Form, collection: Collection, query: EdrQuery, principal: Principal) -> Answer:
        """Return the values that a query asks for, other than those of a location by its id."""
        if collection.kind is Kind.TIMESERIES:
            asked = self._series(collection, principal)
            return series.position(asked, query) if form == "position" else series.area(asked, query)
        with self._open.coverage(collection, principal) as coverage:
            if form == "position":
                return coverage_answers.position(coverage, query, self.bounds)
            if form == "trajectory":
                return coverage_answers.trajectory(coverage, query, self.bounds)
            if form == "cube":
                return coverage_answers.cube(coverage, query, self.bounds)
            return coverage_answers.area(coverage, query, self.bounds)

    def location(self, identity: str, collection: Collection, query: EdrQuery, principal: Principal) -> Answer:
        """Return the values observed at one object, or of a coverage in one area."""
        if collection.kind is Kind.TIMESERIES:
            return series.location(self._series(collection, principal), identity, query)
        areas = Places.of(self._twin, principal).areas(identity, collection, query, self.bounds)
        return self.values("area", collection, replace(query, areas=areas), principal)

    def locations(
        self, collection: Collection, query: EdrQuery, principal: Principal, url: str, language: str
    ) -> dict[str, Any]:
        """Return the objects observed, or the areas of a coverage, as GeoJSON.

        `url` is the address of the collection or of its instance.
        """
        href = f"{url}/locations"
        if collection.kind is Kind.TIMESERIES:
            return locations_.locations(self._series(collection, principal), query, href, language)
        return Places.of(self._twin, principal).listed(collection, query, href)

    def times(self, collection: Collection) -> NDArray[np.datetime64] | None:
        """Return the ascending naive-UTC steps of a coverage that has time, of which the one who asks knows."""
        with self._open.coverage(collection, OPERATOR) as coverage:
            return coverage.times

    def url(self, collection: Collection, *, instance: bool = False) -> str:
        """Return the public address of a collection, or of its instance."""
        address = f"{self._base_url}/collections/{collection.id}"
        return f"{address}/instances/{collection.revision}" if instance else address

    def version(self, principal: Principal) -> str:
        """Return a word that changes with what `principal` sees of the whole catalogue."""
        return self._twin.version(principal)

    def principal(self, headers: Mapping[str, str]) -> Principal:
        """Return who asks."""
        return self._twin.access.principal(headers)

    @property
    def bounds(self) -> Bounds:
        """The largest questions and answers."""
        return self._twin.settings.bounds

    def close(self) -> None:
        """Let go of the coverages held open."""
        self._open.close()

    def _series(self, collection: Collection, principal: Principal) -> Series:
        return Series(self._twin.store, principal, collection, self.bounds)
