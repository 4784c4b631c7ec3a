"""The store as another process has it: the same contract, asked of the owner over its socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyarrow import flight

from twin.model import Collection, Run
from twin.store.commits import Commit, Receipt
from twin.store.embedded.catalogue import Snapshot
from twin.store.embedded.engine import FORMAT
from twin.store.embedded.owner import Place
from twin.store.embedded.wire import Call, received_errors
from twin.store.queries import AggregateQuery, FeatureQuery, ObservationQuery, Principal

#: Each store has its own connection, so that two in one process never share one by a reused descriptor.
_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
#: An owner that does not answer the first call in so many seconds is taken for gone.
_HELLO = flight.FlightCallOptions(timeout=3.0)


class RemoteStore:
    """A store owned by another process on this machine.

    Every call raises :class:`~twin.store.embedded.wire.OwnerGone` when that process has ended.
    """

    def __init__(self, place: Place, crs: str) -> None:
        with received_errors():
            self._client = flight.FlightClient(place.location, generic_options=_OPTIONS)
        self.catalogue = _Catalogue(self)
        self.features = _Features(self)
        self.observations = _Observations(self)
        self.ask("hello", _HELLO, format=FORMAT, crs=crs)

    def ask(self, method: str, options: flight.FlightCallOptions | None = None, **arguments: Any) -> Any:  # noqa: ANN401
        """Call a method of the owner and return its answer."""
        call = Call(method=method, arguments=arguments)
        with received_errors():
            results = list(self._client.do_action(flight.Action(method, call.packed()), options))
        return Call.model_validate_json(results[0].body.to_pybytes()).arguments["answer"]

    def stream(self, method: str, **arguments: Any) -> pa.RecordBatchReader:  # noqa: ANN401
        """Return the rows of a query of the owner."""
        call = Call(method=method, arguments=arguments)
        with received_errors():
            reader = self._client.do_get(flight.Ticket(call.packed()))
            schema = reader.schema

        def batches() -> Iterator[pa.RecordBatch]:
            with received_errors():
                for chunk in reader:
                    yield chunk.data

        return pa.RecordBatchReader.from_batches(schema, batches())

    def cube_revision(self, collection: str, principal: Principal) -> int:
        """Return the revision whose folder holds a coverage that `principal` sees."""
        return int(self.ask("cube_revision", collection=collection, principal=principal.model_dump(mode="json")))

    def commit(self, commit: Commit) -> Receipt:
        """Ask the owner to make staged files visible."""
        return Receipt.model_validate(self.ask("commit", commit=commit.model_dump(mode="json")))

    def unpublish(self, collection: str, *, history: bool) -> Receipt:
        """Ask the owner to remove a collection."""
        return Receipt.model_validate(self.ask("remove", collection=collection, history=history))

    def snapshot(self, run_id: str) -> None:
        """Ask the owner for a copy of its files in the staging folder of a run."""
        self.ask("snapshot", run=run_id)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class _Catalogue:
    def __init__(self, store: RemoteStore) -> None:
        self._store = store
        self._known: dict[frozenset[str], Snapshot] = {}

    def _without(self, hidden: frozenset[str]) -> Snapshot:
        known = self._known.get(hidden) or Snapshot(revision=-1, listed=())
        answer = self._store.ask("catalogue", known=known.revision, hidden=sorted(hidden))
        if answer is not None:
            known = self._known[hidden] = Snapshot.model_validate(answer)
        return known

    def revision(self) -> int:
        return self._without(frozenset()).revision

    def collections(self, principal: Principal) -> list[Collection]:
        return self._without(principal.hidden).seen_by(principal)

    def collection(self, collection: str, principal: Principal) -> Collection:
        return self._without(principal.hidden).find(collection, principal)

    def runs(self, name: str | None = None, limit: int = 100, kind: str | None = None) -> list[Run]:
        return [Run.model_validate(run) for run in self._store.ask("runs", name=name, limit=limit, kind=kind)]

    def describe(self) -> dict[str, str | int]:
        return dict(self._store.ask("describe"))


class _Features:
    def __init__(self, store: RemoteStore) -> None:
        self._store = store

    def read(self, query: FeatureQuery, principal: Principal) -> pa.RecordBatchReader:
        return self._store.stream("features", **_arguments(query, principal))

    def count(self, query: FeatureQuery, principal: Principal) -> int:
        return int(self._store.ask("count_features", **_arguments(query, principal)))

    def deleted(self, collection: str, principal: Principal) -> tuple[str, ...]:
        return tuple(self._store.ask("deleted", collection=collection, principal=principal.model_dump(mode="json")))


class _Observations:
    def __init__(self, store: RemoteStore) -> None:
        self._store = store

    def read(self, query: ObservationQuery, principal: Principal) -> pa.RecordBatchReader:
        return self._store.stream("observations", **_arguments(query, principal))

    def count(self, query: ObservationQuery, principal: Principal) -> int:
        return int(self._store.ask("count_observations", **_arguments(query, principal)))

    def aggregate(self, query: AggregateQuery, principal: Principal) -> pa.RecordBatchReader:
        return self._store.stream("aggregates", **_arguments(query, principal))


def _arguments(query: FeatureQuery | ObservationQuery | AggregateQuery, principal: Principal) -> dict[str, Any]:
    return {"query": query.model_dump(mode="json"), "principal": principal.model_dump(mode="json")}
