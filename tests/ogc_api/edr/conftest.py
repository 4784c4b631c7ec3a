"""One filled twin for each module of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ogc_api.edr import Edr
from tests.ogc_api.edr.edr_twin import BASE, Get, fill, opened, requests_to
from twin.context import Twin


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with opened(tmp_path_factory.mktemp("twin"), values=200_000) as twin:
        fill(twin)
        yield twin


@pytest.fixture(scope="module")
def edr(twin: Twin) -> Iterator[Edr]:
    edr = Edr(twin, BASE)
    yield edr
    edr.close()


@pytest.fixture(scope="module")
def get(edr: Edr) -> Get:
    return requests_to(edr)
