"""What crosses the owner socket: calls as JSON, rows as Arrow, errors by their name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from pyarrow import flight
from pydantic import JsonValue

from twin.errors import StoreFault, TwinError, by_name
from twin.model import Model


class OwnerGone(TwinError):
    """The process that owned the store has ended; another owner must be found."""


class Call(Model):
    """One call of a method of the owner; the arguments are JSON."""

    method: str
    arguments: dict[str, JsonValue] = {}

    def packed(self) -> bytes:
        """Return the call as bytes."""
        return self.model_dump_json().encode()


@contextmanager
def sent_errors() -> Iterator[None]:
    """On the owner's side: send an error of ours with its class and its sentence."""
    try:
        yield
    except TwinError as error:
        payload = json.dumps({"name": type(error).__name__, "message": str(error)})
        raise flight.FlightServerError(str(error), extra_info=payload.encode()) from error


@contextmanager
def received_errors() -> Iterator[None]:
    """On the client's side: raise what the owner raised, or :class:`OwnerGone`."""
    try:
        yield
    except (flight.FlightUnavailableError, flight.FlightTimedOutError) as error:
        raise OwnerGone("The owner of the store has ended.") from error
    except (flight.FlightError, pa.ArrowException) as error:
        payload: Any = getattr(error, "extra_info", b"")
        if not payload:
            raise StoreFault(f"The owner of the store failed: {str(error).splitlines()[0]}") from error
        found = json.loads(payload)
        raise by_name(found["name"])(found["message"]) from None
