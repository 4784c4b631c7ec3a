"""The owner of a data folder: one process that holds its lock and answers on its socket."""

from __future__ import annotations

import fcntl
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
from pyarrow import flight
from pydantic import JsonValue

from twin.errors import BadInput, BadSettings, StoreFault
from twin.store.commits import Commit
from twin.store.embedded.engine import FORMAT
from twin.store.embedded.local import LocalStore
from twin.store.embedded.wire import Call, sent_errors
from twin.store.queries import AggregateQuery, FeatureQuery, ObservationQuery, Principal

#: A Unix socket has a path of at most 107 bytes, and its address is a URI: what cannot be written so is
#: reached through the folder's descriptor.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]{1,100}")

#: Seconds that an owner which ends gives to the answers under way.
_LAST_ANSWERS = 2.0

type Method = Callable[[dict[str, JsonValue]], JsonValue]


class Place:
    """The data folder held open, and the address of the socket in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.socket = folder / "owner.sock"
        plain = _PLAIN_PATH.fullmatch(str(self.socket))
        path = self.socket if plain else Path(f"/proc/self/fd/{self._descriptor}/owner.sock")
        self.location = flight.Location(f"grpc+unix://{path}")

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._descriptor)


class OwnerLock:
    """The lock file that says who owns the folder; the system lets go of it when the process ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "owner.lock"
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the lock if it is free; the file then holds our process number."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return True

    def holder(self) -> str:
        """Return the process number in the file."""
        try:
            return self._path.read_text().strip() or "?"
        except OSError:
            return "?"

    def release(self) -> None:
        """Let go of the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class OwnerServer(flight.FlightServerBase):  # type: ignore[misc]
    """Answers the calls of other processes over the socket."""

    def __init__(self, place: Place, store: LocalStore, crs: str) -> None:
        with suppress(FileNotFoundError):
            place.socket.unlink()
        super().__init__(place.location)
        place.socket.chmod(0o600)
        self._store = store
        self._crs = crs
        self._stopping = False
        self._methods: dict[str, Method] = {
            "hello": self._hello,
            "catalogue": self._catalogue,
            "runs": self._runs,
            "describe": lambda _: dict(store.catalogue.describe()),
            "count_features": lambda a: store.features.count(*_features(a)),
            "deleted": lambda a: list(store.features.deleted(str(a["collection"]), _principal(a))),
            "count_observations": lambda a: store.observations.count(*_observations(a)),
            "cube_revision": lambda a: store.cube_revision(str(a["collection"]), _principal(a)),
            "commit": lambda a: store.commit(Commit.model_validate(a["commit"])).model_dump(mode="json"),
            "remove": self._remove,
            "snapshot": self._snapshot,
        }

    def stop(self) -> None:
        """Answer what was asked, but wait no longer than a moment for a reader that has paused."""
        self._stopping = True
        ending = threading.Thread(target=self.shutdown, daemon=True)
        ending.start()
        ending.join(_LAST_ANSWERS)

    def do_get(self, _: flight.ServerCallContext, ticket: flight.Ticket) -> flight.GeneratorStream:
        """Stream the rows of a query."""
        call = Call.model_validate_json(ticket.ticket)
        with sent_errors():
            if call.method == "features":
                reader = self._store.features.read(*_features(call.arguments))
            elif call.method == "aggregates":
                reader = self._store.observations.aggregate(*_aggregates(call.arguments))
            else:
                reader = self._store.observations.read(*_observations(call.arguments))
        return flight.GeneratorStream(reader.schema, self._batches(reader))

    def _batches(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        try:
            with sent_errors():
                yield from reader
        except flight.FlightError:
            if self._stopping:
                raise flight.FlightUnavailableError("The owner of the store is ending.") from None
            raise

    def do_action(self, _: flight.ServerCallContext, action: flight.Action) -> Iterator[bytes]:
        """Answer one call with JSON."""
        call = Call.model_validate_json(action.body.to_pybytes())
        with sent_errors():
            if call.method not in self._methods:
                raise StoreFault(f"The owner of the store knows no {call.method!r}: it is of another version.")
            answer = self._methods[call.method](call.arguments)
        yield Call(method=call.method, arguments={"answer": answer}).packed()

    def _hello(self, arguments: dict[str, JsonValue]) -> JsonValue:
        if arguments["format"] != FORMAT:
            raise StoreFault("The owner of the store is another version of Jumeau: stop it, then try again.")
        if arguments["crs"] != self._crs:
            raise BadSettings(f"city.crs is {arguments['crs']}, but this store is in {self._crs}: set it so.")
        return None

    def _catalogue(self, arguments: dict[str, JsonValue]) -> JsonValue:
        hidden = arguments["hidden"]
        assert isinstance(hidden, list)  # noqa: S101 - written by our own client
        snapshot = self._store.catalogue.without(frozenset(map(str, hidden)))
        if arguments["known"] == snapshot.revision:
            return None
        return snapshot.model_dump(mode="json")

    def _runs(self, arguments: dict[str, JsonValue]) -> JsonValue:
        name, limit, kind = arguments["name"], arguments["limit"], arguments["kind"]
        if not isinstance(limit, int):
            raise BadInput("The number of runs is a whole number.")
        runs = self._store.catalogue.runs(
            None if name is None else str(name), limit, None if kind is None else str(kind)
        )
        return [run.model_dump(mode="json") for run in runs]

    def _remove(self, arguments: dict[str, JsonValue]) -> JsonValue:
        receipt = self._store.unpublish(str(arguments["collection"]), history=bool(arguments["history"]))
        return receipt.model_dump(mode="json")

    def _snapshot(self, arguments: dict[str, JsonValue]) -> JsonValue:
        self._store.snapshot(str(arguments["run"]))
        return None


def _principal(arguments: dict[str, JsonValue]) -> Principal:
    return Principal.model_validate(arguments["principal"])


def _features(arguments: dict[str, JsonValue]) -> tuple[FeatureQuery, Principal]:
    return FeatureQuery.model_validate(arguments["query"]), _principal(arguments)


def _observations(arguments: dict[str, JsonValue]) -> tuple[ObservationQuery, Principal]:
    return ObservationQuery.model_validate(arguments["query"]), _principal(arguments)


def _aggregates(arguments: dict[str, JsonValue]) -> tuple[AggregateQuery, Principal]:
    return AggregateQuery.model_validate(arguments["query"]), _principal(arguments)
