"""The page: its files and no others, by this site alone."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from scenes.page import ViewerDoor
from tests.scenes.small_city import served
from twin.context import Twin


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "cesium" / "Workers").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Ville-Jumelle</title>")
    (folder / "assets" / "main-abc123.js").write_text("export {};" * 500)
    (folder / "cesium" / "Workers" / "w.js").write_text("self;")
    (folder / "cesium" / "approximate.wasm").write_bytes(b"\0asm")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


def test_the_page_and_its_parts_are_served_with_a_strict_policy(twin: Twin, dist: Path) -> None:
    with served(ViewerDoor(twin, dist).app) as client:
        page = client.get("/")
        assert "Ville-Jumelle" in page.text
        assert page.headers["content-type"].startswith("text/html")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        script = client.get("/assets/main-abc123.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert "immutable" in script.headers["cache-control"]
        assert script.headers["content-encoding"] == "gzip"
        worker = client.get("/cesium/Workers/w.js")
        assert worker.headers["cache-control"] == "no-cache"
        assert client.get("/cesium/approximate.wasm").headers["content-type"] == "application/wasm"
        again = client.get("/", headers={"If-None-Match": page.headers["etag"]})
        assert again.status_code == 304


def test_only_what_was_built_can_be_asked_for(twin: Twin, dist: Path) -> None:
    with served(ViewerDoor(twin, dist).app) as client:
        for path in ("/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "/assets", "/nothing.js"):
            answer = client.get(httpx.URL(str(client.base_url)).copy_with(raw_path=path.encode()))
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"


def test_a_new_build_is_seen_without_a_restart(twin: Twin, dist: Path) -> None:
    with served(ViewerDoor(twin, dist).app) as client:
        before = client.get("/")
        (dist / "assets" / "main-def456.js").write_text("export {};")
        (dist / "index.html").write_text("<!doctype html><title>Neuve</title>")
        os.utime(dist / "index.html", ns=(1, 1))
        after = client.get("/", headers={"If-None-Match": before.headers["etag"]})
        assert "Neuve" in after.text
        assert client.get("/assets/main-def456.js").status_code == 200


def test_an_unbuilt_page_says_how_to_build_it(twin: Twin, tmp_path: Path) -> None:
    with served(ViewerDoor(twin, tmp_path / "none").app) as client:
        answer = client.get("/")
        assert answer.status_code == 200
        assert "make demo" in answer.text
        assert client.get("/main.js").status_code == 404
