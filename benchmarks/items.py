"""Items over HTTP: CPU of the server for a request, beside a bare callable that gives the same bytes.

Both are served by the same server (uvicorn with uvloop and httptools), each in a process of its own,
whose user and system time is read before and after. Requests go round different addresses, so that
no single answer is what is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.tiles3d import city
from twin.context import Twin
from twin.model import Collection, feature_schema
from twin.settings import Server, Settings, StoreSettings
from twin.store.embedded import open_store
from twin.testing import samples

BUILDINGS = 100_000
ROUNDS, ADDRESSES = 3, 20
_REQUESTS = {"ours": 100, "bare": 600}  # the clock of a process ticks every 10 ms
_ITEMS = "/ogc/collections/buildings/items"
_FIELDS = ("id", "valid_from", "valid_to", "geometry", "height")


def _collection() -> Collection:
    plain = samples.buildings()
    return plain.model_copy(update={"fields": tuple(field for field in plain.fields if field.name in _FIELDS)})


def run(buildings: int = BUILDINGS) -> dict[str, Any]:
    """Return milliseconds of CPU a request, ours and the bare callable's, and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with closing(open_store(folder / "var", samples.CRS)) as store:
            table = city(buildings).select([*_FIELDS]).cast(feature_schema(_collection().fields))
            samples.put_features(store, table, collection=_collection())
        with _server(folder, "ours") as ours:
            asked = {kind: [ours.keep(path) for path in paths] for kind, paths in _addresses(ours, buildings).items()}
            (folder / "answers.json").write_text(json.dumps(ours.answers), "utf-8")
            with _server(folder, "bare") as bare:
                return {"buildings": buildings, **{kind: _compared(ours, bare, paths) for kind, paths in asked.items()}}


def _addresses(ours: _Client, buildings: int) -> dict[str, list[str]]:
    steps = [at * buildings // ADDRESSES // 2 for at in range(ADDRESSES)]
    page = ours.client.get(f"{_ITEMS}?limit=1000").json()
    lon, lat = page["features"][0]["geometry"]["coordinates"][0][0]
    # About 100 buildings, one every 35 m, stand in such a box of 350 m.
    boxes = [(lon + 0.002 * at, lat, lon + 0.002 * at + 0.0043, lat + 0.0031) for at in range(ADDRESSES)]
    return {
        "limit_100": [f"{_ITEMS}?limit=100&offset={step}" for step in steps],
        "limit_1000": [f"{_ITEMS}?limit=1000&offset={step}" for step in steps],
        "bbox": [f"{_ITEMS}?limit=1000&bbox=" + ",".join(f"{side:.5f}" for side in box) for box in boxes],
        "by_id": [f"{_ITEMS}/{feature['id']}" for feature in page["features"][::50]],
    }


def _compared(ours: _Client, bare: _Client, paths: list[str]) -> dict[str, float]:
    for client in (ours, bare):
        client.ask(paths, len(paths))
    pairs = [(ours.cost(paths), bare.cost(paths)) for _ in range(ROUNDS)]
    mine, floor = (median(side) for side in zip(*pairs, strict=True))
    size = median(len(ours.answers[path].encode()) for path in paths)
    return {
        "bytes": round(size),
        "ms": round(mine, 2),
        "bare_ms": round(floor, 2),
        "times_bare": round(mine / floor, 1),
    }


class _Client:
    """Asks one server, and reads what CPU that costs it."""

    def __init__(self, address: str, pid: int, requests: int) -> None:
        self.client = httpx.Client(base_url=address, headers={"Accept-Encoding": "identity"}, timeout=60)
        self.answers: dict[str, str] = {}
        self._pid = pid
        self._requests = requests

    def keep(self, path: str) -> str:
        answer = self.client.get(path)
        answer.raise_for_status()
        self.answers[path] = answer.text
        return path

    def ask(self, paths: list[str], count: int) -> None:
        for at in range(count):
            self.client.get(paths[at % len(paths)]).raise_for_status()

    def cost(self, paths: list[str]) -> float:
        before = self._seconds()
        self.ask(paths, self._requests)
        return 1000 * (self._seconds() - before) / self._requests

    def _seconds(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _server(folder: Path, how: str) -> Iterator[_Client]:
    command = [sys.executable, "-m", "benchmarks.items", str(folder), how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield _Client(process.stdout.readline().strip(), process.pid, _REQUESTS[how])
    finally:
        process.terminate()
        process.wait(timeout=30)


def _serve(folder: Path, how: str) -> None:
    from twin.app import create_app  # noqa: PLC0415 - the bare server must not pay for it

    if how == "bare":
        return _listen(_bare(json.loads((folder / "answers.json").read_text("utf-8"))))
    settings = Settings(store=StoreSettings(folder=folder / "var"), server=Server(port=0))
    with closing(open_store(folder / "var", settings.city.crs)) as store:
        return _listen(create_app(Twin.over(settings, store)))


def _bare(answers: dict[str, str]) -> ASGIApp:
    bodies = {path.encode(): text.encode() for path, text in answers.items()}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        query = scope["query_string"]
        body = bodies[scope["raw_path"].split(b"?")[0] + (b"?" + query if query else b"")]
        headers = [(b"content-type", b"application/geo+json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def _listen(app: ASGIApp) -> None:
    config = uvicorn.Config(app, port=0, loop="uvloop", http="httptools", access_log=False, log_level="error")
    listening = config.bind_socket()
    listening.listen()
    print("http://{}:{}".format(*listening.getsockname()), flush=True)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
