"""One small city, read only, and a client of its door."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.scenes.small_city import door_over, filled
from twin.context import Twin


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with filled(tmp_path_factory.mktemp("twin")) as twin:
        yield twin


@pytest.fixture(scope="module")
def client(twin: Twin) -> Iterator[httpx.Client]:
    with door_over(twin) as client:
        yield client
