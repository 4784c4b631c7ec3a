"""What the operator watches: requests by door, and what the store holds, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from twin.access import cached
from twin.context import Twin
from twin.store import Principal


class Metrics:
    """Counts requests of one application, and reads its catalogue when asked.

    Only what the one who asks may know is shown: a private collection has no line.
    """

    def __init__(self, twin: Twin, prefixes: Iterable[str]) -> None:
        self._twin = twin
        self._prefixes = sorted((f"{prefix.rstrip('/')}/" for prefix in prefixes), key=len, reverse=True)
        self._registry = CollectorRegistry()
        self._requests = Counter("jumeau_requests", "Requests answered", ["door", "status"], registry=self._registry)
        self._seconds = Histogram(
            "jumeau_request_seconds", "Time to the end of the answer", ["door"], registry=self._registry
        )
        self._of = lru_cache(self._labelled)

    def page(self, request: Request) -> Response:
        """Answer ``/metrics``."""
        principal = self._twin.access.principal(request.headers)
        catalogue = CollectorRegistry()
        catalogue.register(_Catalogue(self._twin, principal))
        headers = {"Vary": "Authorization", "Cache-Control": cached("no-cache", principal)}
        body = generate_latest(catalogue) + generate_latest(self._registry)
        return Response(body, headers=headers, media_type=CONTENT_TYPE_LATEST)

    def measure(self, app: ASGIApp) -> ASGIApp:
        """Return `app` with its requests counted and timed."""

        async def measured(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            status = 500
            started = time.perf_counter()

            async def watch(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, watch)
            finally:
                requests, seconds = self._of(self._door(scope["path"]), status)
                requests.inc()
                seconds.observe(time.perf_counter() - started)

        return measured

    def _door(self, path: str) -> str:
        for prefix in self._prefixes:
            if path.startswith(prefix):
                return prefix.rstrip("/") or "/"
        return "/"

    def _labelled(self, door: str, status: int) -> tuple[Counter, Histogram]:
        return self._requests.labels(door, str(status)), self._seconds.labels(door)


class _Catalogue(Collector):
    """The state of the catalogue, as one principal sees it."""

    def __init__(self, twin: Twin, principal: Principal) -> None:
        self._twin = twin
        self._principal = principal

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges; called by the registry."""
        revision = self._twin.revision(self._principal)
        yield GaugeMetricFamily("jumeau_revision", "Greatest revision of the collections", value=revision)
        objects = GaugeMetricFamily("jumeau_collection_count", "Objects or observations held", labels=["collection"])
        updated = GaugeMetricFamily(
            "jumeau_collection_updated_seconds", "When the collection last changed", labels=["collection"]
        )
        for collection in self._twin.store.catalogue.collections(self._principal):
            objects.add_metric([collection.id], collection.count)
            if collection.updated:
                updated.add_metric([collection.id], collection.updated.timestamp())
        yield objects
        yield updated

    def describe(self) -> Iterable[Metric]:
        """Yield nothing: the names are known only when collected."""
        return ()
