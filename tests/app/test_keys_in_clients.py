"""Keys in the hands of real clients: GDAL by basic authentication and by bearer token, a page of another origin."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import httpx
import pytest
import yaml

from tests.installation import Installation
from tests.ogc_api.small_city import city
from twin.access import token_hash

PAGE, STRANGER = "https://ville.example", "https://elsewhere.example"
ACCESS = {
    "private": ["secrets"],
    "keys": [{"name": "gis", "hash": token_hash("t-gis"), "scopes": {"*": ["read"], "buildings": ["update"]}}],
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    installation = Installation(tmp_path_factory.mktemp("keys"))
    with city(installation.data):
        pass
    settings = {"access": ACCESS, "server": {"port": 0, "cors_write_origins": [PAGE]}}
    (installation.folder / "config.yml").write_text(yaml.safe_dump(settings), "utf-8")
    process, url = installation.start("serve")
    yield url
    process.terminate()
    process.wait(30)


def ogrinfo(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not shutil.which("ogrinfo"):
        pytest.skip("ogrinfo (gdal-bin) is not installed")
    return subprocess.run(["ogrinfo", *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_gdal_reads_what_a_key_opens(url: str) -> None:
    source = f"OAPIF:{url}/ogc"
    assert "secrets" not in ogrinfo("-ro", source).stdout
    for key in (("-oo", "USERPWD=gis:t-gis"), ("--config", "GDAL_HTTP_HEADERS", "Authorization: Bearer t-gis")):
        found = ogrinfo("-ro", "-so", *key, source, "secrets")
        assert "Feature Count: 3" in found.stdout, found.stdout + found.stderr
    assert "401" in ogrinfo("-ro", "-oo", "USERPWD=gis:wrong", source).stderr


def revisions(client: httpx.Client, url: str) -> dict[str, int]:
    return {part["id"]: part["revision"] for part in client.get(f"{url}/scenes/catalogue.json").json()["collections"]}


def test_an_edit_over_the_wire_moves_every_door(url: str) -> None:
    item = f"{url}/ogc/collections/buildings/items/b0003"
    with httpx.Client(auth=("gis", "t-gis")) as client:
        tag = client.get(item).headers["etag"]
        before = revisions(client, url)
        headers = {"content-type": "application/merge-patch+json", "if-match": tag}
        assert client.patch(item, json={"properties": {"height": 77.5}}, headers=headers).status_code == 204
        assert client.patch(item, json={"properties": {"height": 1}}, headers=headers).status_code == 412
        after = revisions(client, url)
    assert after["buildings"] > before["buildings"]
    assert {**after, "buildings": 0} == {**before, "buildings": 0}
    assert "77.5" in httpx.get(f"{url}/export/buildings.csv?lang=en&datetime=2100-01-01").text
    assert httpx.get(f"{url}/scenes/tilesets/buildings/{after['buildings']}/tileset.json").status_code == 200
    assert httpx.get(f"{url}/ogc/collections/buildings/items?id=b0003").json()["numberMatched"] == 2


def test_a_page_of_another_origin_writes_only_where_told(url: str) -> None:
    item = f"{url}/ogc/collections/buildings/items/b0003"
    for origin, method, allowed in ((PAGE, "PATCH", True), (STRANGER, "PATCH", False), (STRANGER, "GET", True)):
        asked = {"Origin": origin, "Access-Control-Request-Method": method}
        answer = httpx.options(item, headers={**asked, "Access-Control-Request-Headers": "authorization"})
        assert (answer.status_code == 200) is allowed, (origin, method)
        assert (method in answer.headers["access-control-allow-methods"]) is allowed
