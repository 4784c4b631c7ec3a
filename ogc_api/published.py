"""What the service publishes at one revision of the catalogue, made anew when the catalogue grows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType

from ogc_api.answers import Body
from ogc_api.configuration import configuration
from ogc_api.core import Core
from ogc_api.documents import Document, Documents
from ogc_api.edr import Edr, query_types
from ogc_api.features.index import Indexes
from ogc_api.features.service import ItemsService
from ogc_api.features.versions import Versions
from twin.context import Twin
from twin.errors import NotFound
from twin.model import Collection, Language
from twin.settings import Verb
from twin.store import Principal


class Published:
    """An unchanging view: the collections that one principal sees at one revision, and documents of them."""

    def __init__(
        self, twin: Twin, principal: Principal, items: ItemsService, edr: Edr, base: str, revision: int
    ) -> None:
        self.revision = revision
        self.items = items
        self._twin = twin
        self.principal = principal
        self._edr = edr
        self.base = base
        self._bodies: dict[tuple[Language, tuple[str, ...]], Body] = {}
        self._openapi: dict[Language, Document] = {}
        self._documents: dict[Language, Documents] = {}
        self._lock = threading.RLock()

    @cached_property
    def seen(self) -> str:
        """What tells this view from any other: the revisions of what is seen, and of nothing else."""
        return self._twin.version(self.principal)

    @cached_property
    def collections(self) -> list[Collection]:
        """The collections with something to give, ordered by id."""
        seen = self._twin.store.catalogue.collections(self.principal)
        return [collection for collection in seen if query_types(collection)]

    @cached_property
    def _by_id(self) -> dict[str, Collection]:
        return {collection.id: collection for collection in self.collections}

    def collection(self, collection_id: str) -> Collection:
        """Return one collection, or raise NotFound."""
        if (found := self._by_id.get(collection_id)) is not None:
            return found
        raise NotFound(f"There is no collection {collection_id!r}: see {self.base}/collections.")

    def editable(self, collection: Collection) -> tuple[Verb, ...]:
        """Return the verbs by which some key may change a collection."""
        return self._twin.access.editable(collection)

    def url(self, collection: Collection) -> str:
        """Return the public address of a collection."""
        return f"{self.base}/collections/{collection.id}"

    def body(self, language: Language, key: tuple[str, ...], write: Callable[[Documents], bytes]) -> Body:
        """Return a document as it is sent, written the first time that it is asked for."""
        with self._lock:
            if (language, key) not in self._bodies:
                self._bodies[language, key] = Body(write(self._in(language)))
            return self._bodies[language, key]

    def openapi(self, language: Language) -> Document:
        """Return the OpenAPI document."""
        with self._lock:
            if language not in self._openapi:
                self._openapi[language] = self._in(language).openapi(self.collections)
            return self._openapi[language]

    def _in(self, language: Language) -> Documents:
        if language not in self._documents:
            config = configuration(
                self._twin, self.principal, self.items, self._edr, self.collections, self.base, language
            )
            self._documents[language] = Documents(
                Core(config), self._edr, self._twin.settings, self.base, language, self._twin.access.editable
            )
        return self._documents[language]


class Publisher:
    """Gives the current view of the catalogue; asking its revision at each request is how it stays live."""

    def __init__(self, twin: Twin, edr: Edr, base: str) -> None:
        self._twin = twin
        self._edr = edr
        self._base = base
        self._versions = Versions(twin.store)
        self._indexes = Indexes(twin, self._versions)
        self._lock = threading.Lock()
        self._current: dict[Principal, Published] = {}

    def start(self) -> None:
        """Keep the indexes up with the store."""
        self._indexes.start()

    def stop(self) -> None:
        """Let go of the indexes."""
        self._indexes.stop()

    def current(self, headers: Mapping[str, str] = MappingProxyType({})) -> Published:
        """Return the view of the catalogue's revision of now, of the one who sends `headers`.

        Raises
        ------
        Unauthorised
            When the credentials among them are wrong.
        """
        principal = self._twin.access.principal(headers)
        revision = self._twin.store.catalogue.revision()
        with self._lock:
            view = self._current.get(principal)
            if view is None or view.revision != revision:
                # Commits of another process are told by the revision alone.
                self._indexes.refresh()
                items = ItemsService(self._twin, principal, self._versions, self._indexes)
                view = Published(self._twin, principal, items, self._edr, self._base, revision)
                self._current[principal] = view
            return view
