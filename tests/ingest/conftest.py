"""A twin over a real store, for tests that ingest."""

from __future__ import annotations

import pytest

from twin.app import open_twin
from twin.settings import Settings, StoreSettings
from twin.store import OPERATOR, FeatureQuery, ObservationQuery


class Bench:
    """A twin, and short ways to ask what it holds."""

    def __init__(self, twin, folder):
        self.twin, self.folder = twin, folder

    def features(self, collection, **query):
        return self.twin.store.features.read(FeatureQuery(collection=collection, **query), OPERATOR).read_all()

    def observations(self, collection="observations", **query):
        return self.twin.store.observations.read(ObservationQuery(collection=collection, **query), OPERATOR).read_all()

    def collection(self, name):
        return self.twin.store.catalogue.collection(name, OPERATOR)

    def names(self):
        return [item.id for item in self.twin.store.catalogue.collections(OPERATOR)]


@pytest.fixture
def bench(tmp_path):
    settings = Settings(store=StoreSettings(folder=tmp_path / "var"))
    with open_twin(settings) as twin:
        yield Bench(twin, tmp_path)


@pytest.fixture
def real(tmp_path, shared_data):
    """Return a bench whose data folder is that of the real sets."""
    settings = Settings(store=StoreSettings(folder=tmp_path / "var"), data=shared_data)
    with open_twin(settings) as twin:
        yield Bench(twin, tmp_path)
