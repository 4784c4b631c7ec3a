"""The service under test, and the identifiers of the abstract tests for ``pytest -k``."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.conformance.service import Service


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "abstract_test(*identifiers): the abstract tests that a function is")


def pytest_itemcollected(item: pytest.Item) -> None:
    for mark in item.iter_markers("abstract_test"):
        item.extra_keyword_matches.update(mark.args)


@pytest.fixture(scope="session")
def service(served_demo: str) -> Iterator[Service]:
    with httpx.Client(timeout=30) as client:
        yield Service(client, f"{served_demo}/ogc")
