"""The application as a whole: its doors, its health, its metrics, and no word about what is private."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import httpx
import pytest


def test_every_door_answers(served_demo: str) -> None:
    with httpx.Client(base_url=served_demo, follow_redirects=True) as client:
        for path in ("/health", "/metrics", "/docs", "/openapi.json", "/ogc/", "/ogc/collections", "/export/"):
            assert client.get(path).status_code == 200, path
        assert client.get("/scenes/catalogue.json").json()["collections"]


def test_metrics_tell_what_the_store_holds_and_what_was_asked(served_demo: str) -> None:
    httpx.get(f"{served_demo}/ogc/collections/nothing")
    text = httpx.get(f"{served_demo}/metrics").text
    assert 'jumeau_collection_count{collection="buildings"}' in text
    assert 'jumeau_requests_total{door="/ogc",status="404"}' in text


def test_pages_load_nothing_from_elsewhere(served_demo: str) -> None:
    for path in ("/docs", "/ogc/?f=html", "/ogc/collections?f=html", "/ogc/collections/buildings/items?f=html"):
        page = httpx.get(f"{served_demo}{path}", follow_redirects=True).text
        for attribute in ('src="http', 'rel="stylesheet" href="http', "@import url(http"):
            assert attribute not in page.replace(served_demo, ""), (path, attribute)


def test_links_never_repeat_the_host_of_a_request(served_demo: str) -> None:
    page = httpx.get(f"{served_demo}/ogc/collections?f=json", headers={"Host": "evil.example"}).text
    assert "evil.example" not in page


@pytest.mark.parametrize("target", [b"/ogc?" + b"a" * 70_000, b"/ogc?\xff=\xfe", b"ogc"])
def test_what_is_no_http_is_refused_with_a_problem_document(served_demo: str, target: bytes) -> None:
    place = urlsplit(served_demo)
    with socket.create_connection((place.hostname, place.port), timeout=30) as connection:
        connection.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target)
        connection.settimeout(30)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head.lower()
    assert "64 kB" in json.loads(body)["detail"]
