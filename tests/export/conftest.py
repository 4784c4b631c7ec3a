"""The small store that the exports are made from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.export.city import fill
from twin.store import Store
from twin.store.embedded import open_store


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Return the filled store. Read only."""
    opened = open_store(tmp_path_factory.mktemp("export") / "var", "EPSG:2154")
    fill(opened)
    yield opened
    opened.close()
