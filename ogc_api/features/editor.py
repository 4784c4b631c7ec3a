"""Edits of the features of one collection: each is a run of its own, committed whole."""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ogc_api.features.feature_input import FeatureInput, Json, merged
from ogc_api.features.query import ItemsQuery
from ogc_api.features.service import ItemsService
from ogc_api.features.versions import SEPARATOR
from twin.context import Twin
from twin.errors import BadInput, NotFound, Outdated
from twin.model import Collection, Run
from twin.settings import Verb
from twin.store import Commit, Edit, Principal

_TAG = re.compile(r'(?:W/)?"(\d+)-[0-9a-f]+"')
LONGEST_ID = 200


@dataclass(frozen=True)
class Editor:
    """Edits one collection, for one principal, in one CRS.

    Attributes
    ----------
    crs
        Code of the CRS of the geometries sent.
    """

    twin: Twin
    principal: Principal
    items: ItemsService
    collection: Collection
    crs: str

    def create(self, document: Json) -> str:
        """Add an object, and return its id: the one sent where there is one, else a new one."""
        sent = document.get("id")
        identity = str(uuid.uuid4()) if sent is None else _identity(sent)
        now = self.twin.clock()
        table = FeatureInput(self.collection, self.crs).table(document, identity, now, None)
        self._commit("create", identity, None, table)
        return identity

    def replace(self, identity: str, document: Json, condition: str | None) -> None:
        """Give an object a new version, as it is sent."""
        self._succeed("replace", identity, document, self._last(identity, condition))

    def update(self, identity: str, patch: Json, condition: str | None) -> None:
        """Give an object a new version: the last one with a merge patch applied."""
        last = self._last(identity, condition)
        asked = ItemsQuery(
            collection=self.collection,
            properties=tuple(field.name for field in self.collection.all_fields),
            crs=self.crs,
        )
        current: Json = orjson.loads(self.items.encode(last, asked, identity))
        self._succeed("update", identity, merged(current, patch), last)

    def delete(self, identity: str, condition: str | None) -> None:
        """End the life of an object."""
        self._commit("delete", identity, self._last(identity, condition), None)

    def _succeed(self, verb: Verb, identity: str, document: Json, last: pa.Table) -> None:
        if document.get("id") is not None and str(document["id"]) != identity:
            raise BadInput(f"The feature sent has the id {document['id']!r}, and its address {identity!r}: send one.")
        table = FeatureInput(self.collection, self.crs).table(document, identity, self.twin.clock(), last)
        self._commit(verb, identity, last, table)

    def _last(self, identity: str, condition: str | None) -> pa.Table:
        """Return the last version of an object, which the header ``If-Match`` must be about when it is given."""
        asked = ItemsQuery(collection=self.collection)
        last = self.items.version(asked, identity)
        if not last.num_rows:
            raise NotFound(f"The collection {self.collection.id!r} has no item {identity!r}.")
        seen = {int(row) for row in _TAG.findall(condition or "")}
        if condition is not None and condition.strip() != "*" and last["row"][0].as_py() not in seen:
            raise Outdated(f"{identity!r} has been changed since it was read: read it again, then edit it.")
        return last

    def _commit(self, verb: Verb, identity: str, last: pa.Table | None, table: pa.Table | None) -> None:
        now = self.twin.clock()
        row = None if last is None else last["row"][0].as_py()
        run = Run(
            id=f"{now:%Y%m%dT%H%M%S}-edit-{secrets.token_hex(8)}",
            kind="edit",
            name=self.principal.name,
            fingerprint="",
            parameters={"collection": self.collection.id, "id": identity, "verb": verb},
            started=now,
            finished=now,
            rows=1,
        )
        with self.twin.store.staging(run.id) as folder:
            if table is not None:
                pq.write_table(table, folder / "feature.parquet")
            file = "feature.parquet" if table is not None else None
            edit = Edit(collection=self.collection.id, id=identity, row=row, at=now, file=file)
            self.twin.store.commit(Commit(run=run, edits=(edit,)))


def _identity(sent: object) -> str:
    """Return the id of a new object, as the client wants it."""
    identity = str(sent) if isinstance(sent, str | int) and not isinstance(sent, bool) else ""
    if not identity.strip() or len(identity) > LONGEST_ID or not identity.isprintable() or SEPARATOR in identity:
        raise BadInput(
            f"The id {sent!r} cannot be used: leave it out, or write a text of at most {LONGEST_ID} characters "
            f"without {SEPARATOR!r}."
        )
    return identity
