"""The door over a small real store, asked without a socket."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import shapely

from ogc_api.door import OgcApiDoor
from tests.ogc_api.small_city import buildings, city

BASE = "https://ville.example/jumeau/ogc"


class Client:
    """Asks a door as the application would: its prefix in ``root_path``."""

    def __init__(self, door: OgcApiDoor) -> None:
        self._door = door

    def get(
        self,
        path: str,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        **query,
    ) -> httpx.Response:
        async def mounted(scope, receive, send):
            await self._door.app({**scope, "root_path": "/ogc"}, receive, send)

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(mounted, raise_app_exceptions=True)
            async with httpx.AsyncClient(transport=transport, base_url="http://elsewhere.example") as client:
                target = path.removeprefix(BASE) if path.startswith("http") else path
                params = {name.replace("__", "-"): value for name, value in query.items()} or None
                return await client.request(method, f"/ogc{target}", headers=headers, params=params, content=content)

        return asyncio.run(ask())

    def json(self, path: str, **query):
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def every(self, path: str, **query) -> tuple[list[dict], int]:
        """Follow `next` to the end; return all features and the number of pages."""
        features, pages = [], 0
        while path:
            page = self.json(path, **query)
            query = {}
            assert page["numberReturned"] == len(page["features"])
            features += page["features"]
            pages += 1
            path = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
        return features, pages

    def refused(self, path: str, status: int = 400, **query) -> str:
        """Return the sentence of a refusal."""
        answer = self.get(path, **query)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert "Traceback" not in answer.text
        return answer.json()["detail"]


@pytest.fixture(scope="session")
def ogc_twin(tmp_path_factory):
    with city(tmp_path_factory.mktemp("ogc"), public_url="https://ville.example/jumeau") as twin:
        yield twin


@pytest.fixture(scope="session")
def ogc(ogc_twin):
    door = OgcApiDoor(ogc_twin)
    door.start()
    yield Client(door)
    door.stop()


@pytest.fixture(scope="session")
def truth():
    """Return the buildings as they were put in the store, by columns, with their shapes."""
    table = buildings().to_pydict()
    table["shape"] = [shapely.from_wkb(wkb) if wkb else None for wkb in table["geometry"]]
    return table
