"""The embedded engine passes the contract, in its own process and over the owner's socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from twin.store import Store
from twin.store.embedded import open_store as open_embedded
from twin.testing.store import StoreContract


class TestInProcess(StoreContract):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Callable[[], Store]:
        return lambda: open_embedded(tmp_path / "var", "EPSG:2154")


class TestOverTheSocket(StoreContract):
    @pytest.fixture
    def open_store(self, tmp_path: Path, shared_owner) -> Iterator[Callable[[], Store]]:
        folder = tmp_path / "var"
        shared_owner.tell("open", folder)
        yield lambda: open_embedded(folder, "EPSG:2154")
        shared_owner.tell("close", folder)
