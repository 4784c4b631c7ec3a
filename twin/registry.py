"""What plugs in, found by entry point: built-ins come in exactly as third parties do."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol

from twin.errors import NotFound

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from pydantic import BaseModel
    from starlette.types import ASGIApp

    from twin.context import Twin
    from twin.ingest.intake import Intake
    from twin.ingest.manifest import Manifest
    from twin.ingest.parts import Part
    from twin.model import Collection, Language, Text
    from twin.products import Product
    from twin.store import Store

SOURCES = "jumeau.sources"
LAYERS = "jumeau.layers"
EXPORTERS = "jumeau.exporters"
DOORS = "jumeau.doors"
STORES = "jumeau.stores"


class Source(Protocol):
    """Reads the files of one part of a manifest, once: bytes in, Arrow products out.

    A row that cannot be read goes to the quarantine with its reason; the rest is kept. What is
    wrong with the whole file raises :class:`~twin.errors.BadData` or
    :class:`~twin.errors.BadManifest`.
    """

    def read(self, manifest: Manifest, part: Part, files: list[Path], intake: Intake) -> Iterator[Product]:
        """Stream the products of `files`, which are those that `part` names, in the CRS of `intake`."""
        ...


class Layer(Protocol):
    """Derives collections from collections.

    A layer is pure functions over arrays and this declaration. ``version`` changes when the method
    does; ``parameters`` is the model that checks what ``config.yml`` gives.
    """

    name: str
    title: Text
    version: str
    parameters: type[BaseModel]

    def inputs(self, parameters: Any) -> tuple[str, ...]:  # noqa: ANN401
        """Return the ids of the collections read; a change of theirs, or of ``settings.city``, derives anew."""
        ...

    def derive(self, twin: Twin, parameters: Any) -> Iterator[Product]:  # noqa: ANN401
        """Read the inputs from the store and stream the products."""
        ...


class Exporter(Protocol):
    """Writes rows of one collection to one file.

    It is made by calling the entry point. ``suffix`` starts with a dot and is the file's.
    """

    suffix: str
    media_type: str

    def accepts(self, collection: Collection) -> bool:
        """Whether this format can carry `collection`."""
        ...

    def write(
        self, collection: Collection, batches: pa.RecordBatchReader, crs: str, language: Language, path: Path
    ) -> None:
        """Write the batches as they come, never all of them in memory, and close the file.

        Their columns are those of ``twin.export.columns.schema``: each field has its title, unit and
        description in its metadata, in `language`; ``geometry``, the last, is WKB in `crs`, x first.
        """
        ...


class Door(Protocol):
    """One part of the service: an ASGI application under a prefix.

    It is made over the twin by calling the entry point; the application that mounts it runs
    ``start`` before the first request and ``stop`` after the last.
    """

    prefix: str
    app: ASGIApp

    def start(self) -> None:
        """Prepare what must live as long as the service."""
        ...

    def stop(self) -> None:
        """Give up what ``start`` took."""
        ...

    def openapi(self) -> dict[str, Any]:
        """Return the ``paths`` of the application's own OpenAPI 3.0 that are here, and the ``components`` they name."""
        ...


class StoreEngine(Protocol):
    """Opens the store of a data folder."""

    def __call__(self, folder: Path, crs: str, *, serve: bool = False) -> Store:
        """Open, create or join the store in `folder`; with `serve`, insist on owning it."""
        ...


def names(group: str) -> list[str]:
    """Return the names that plug in under `group`, ordered."""
    return sorted({entry.name for entry in entry_points(group=group)})


def load(group: str, name: str) -> Any:  # noqa: ANN401
    """Return what is plugged in under `group` as `name`.

    Raises
    ------
    NotFound
        When nothing is; the message lists what is there.
    """
    for entry in entry_points(group=group):
        if entry.name == name:
            return entry.load()
    kind = group.removeprefix("jumeau.").removesuffix("s")
    raise NotFound(f"There is no {kind} called {name!r}; there are: {', '.join(names(group)) or 'none'}.")
