"""What every store must do, as tests: subclass :class:`StoreContract` and give it ``open_store``."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from twin.store import Store
from twin.testing.store.catalogue import CatalogueTests
from twin.testing.store.commits import CommitTests
from twin.testing.store.features import FeatureTests
from twin.testing.store.observations import ObservationTests
from twin.testing.store.verdicts import VerdictTests

type OpenStore = Callable[[], Store]


class StoreContract(FeatureTests, CatalogueTests, ObservationTests, VerdictTests, CommitTests):
    """The tests; ``open_store`` opens the one store of a test, new at its first call."""

    @pytest.fixture
    def open_store(self) -> OpenStore:
        """Return what opens the store of the test; the engine's own suite defines it."""
        raise NotImplementedError("a subclass of StoreContract defines the fixture open_store")

    @pytest.fixture
    def store(self, open_store: OpenStore) -> Iterator[Store]:
        """Return an open store."""
        opened = open_store()
        yield opened
        opened.close()
