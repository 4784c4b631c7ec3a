"""Items over HTTP: CPU of the server for a request, beside a bare callable that gives the same bytes, and a peer.

All are served by the same server (uvicorn with uvloop and httptools), each in a process of its own,
whose user and system time is read before and after; the database of the peer, stock pygeoapi on
PostGIS, counts with it. Requests go round different addresses, so that no single answer is what is
measured. Every answer is checked against the table that was put in before it is timed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.served import pygeoapi_postgis
from benchmarks.served.load import Served, listen, served
from benchmarks.tiles3d import city
from twin.context import Twin
from twin.crs import CRS84, transform_geometry
from twin.model import Collection, feature_schema
from twin.settings import Server, Settings, StoreSettings
from twin.store.embedded import open_store
from twin.testing import samples

BUILDINGS = 100_000
ROUNDS, ADDRESSES, CONNECTIONS = 3, 20, (1, 32)
_REQUESTS = {"ours": 1_500, "bare": 3_000, "stock": 40}  # the clock of a process ticks every 10 ms
_ITEMS = f"/collections/{pygeoapi_postgis.NAME}/items"
_ROOTS = {"ours": "/ogc", "bare": "/ogc", "stock": ""}
_FIELDS = ("id", "valid_from", "valid_to", "geometry", "height")


def collection() -> Collection:
    """Return the collection of buildings that is measured."""
    plain = samples.buildings()
    return plain.model_copy(update={"fields": tuple(field for field in plain.fields if field.name in _FIELDS)})


def run(buildings: int = BUILDINGS) -> dict[str, Any]:
    """Return milliseconds of CPU a request, and the ratios to the bare callable and to the peer."""
    truth = _Truth.of(city(buildings).select([*_FIELDS]).cast(feature_schema(collection().fields)))
    figures: dict[str, Any] = {"buildings": buildings}
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        with closing(open_store(folder / "var", samples.CRS)) as store:
            samples.put_features(store, truth.table, collection=collection())
        servers = {"ours": running.enter_context(served("benchmarks.items", name, "ours"))}
        figures |= _warmed(servers["ours"], buildings)
        if (lacking := pygeoapi_postgis.missing()) is None:
            servers["stock"] = running.enter_context(pygeoapi_postgis.serve(folder, truth.table, truth.shapes))
        else:
            figures["stock_pygeoapi"] = f"not measured: {lacking} is missing"
        questions = _questions(truth)
        for kind, asked in questions.items():
            figures[kind] = {"first_ms": servers["ours"].cost([_ROOTS["ours"] + path for path in asked.fresh], 100, 1)}
        answers = {path: _checked(servers, path, asked) for asked in questions.values() for path in asked.paths}
        (folder / "answers.json").write_text(json.dumps({_ROOTS["bare"] + path: answers[path] for path in answers}))
        servers["bare"] = running.enter_context(served("benchmarks.items", name, "bare"))
        for kind, asked in questions.items():
            figures[kind] |= {"bytes": round(median(len(answers[path].encode()) for path in asked.paths))}
            for connections in CONNECTIONS:
                figures[kind][f"connections_{connections}"] = _compared(servers, asked.paths, connections)
    return figures


def _warmed(ours: Served, buildings: int) -> dict[str, Any]:
    """Return what the index of the collection takes; the first request makes the server build it."""
    before, memory = ours.seconds(), ours.resident()
    ours.client.get(_ROOTS["ours"] + _ITEMS).raise_for_status()
    ours.rest()
    return {
        "index_cpu_seconds": round(ours.seconds() - before, 2),
        "resident_bytes_per_feature": round((ours.resident() - memory) / buildings),
    }


@dataclass(frozen=True)
class _Truth:
    """The table that was put in, with its geometries in CRS84."""

    table: pa.Table
    ids: list[str]
    shapes: list[shapely.Geometry]

    @classmethod
    def of(cls, table: pa.Table) -> _Truth:
        shapes = transform_geometry(shapely.from_wkb(table["geometry"].to_numpy()), samples.CRS, CRS84)
        return cls(table, table["id"].to_pylist(), shapes)

    def within(self, box: tuple[float, ...]) -> set[str]:
        return {self.ids[at] for at in np.flatnonzero(shapely.intersects(shapely.box(*box), self.shapes))}


@dataclass(frozen=True)
class _Question:
    """Addresses of one kind, how to tell that the answer of a server to one of them is exact, and 100 more."""

    paths: list[str]
    fresh: list[str]
    is_exact: Callable[[str, str, dict[str, Any]], bool]


def _questions(truth: _Truth) -> dict[str, _Question]:
    count = len(truth.ids)
    steps = [at * count // ADDRESSES // 2 for at in range(ADDRESSES)]
    fresh = [at * count // 100 // 2 + 7 for at in range(100)]
    expected = {"ours": truth.ids, "stock": sorted(truth.ids)}
    west, south, east, north = shapely.total_bounds(truth.shapes)
    # About 100 buildings, one every 35 m, stand in such a box of 350 m.
    corners = np.random.default_rng(2).uniform((west, south), (east - 0.0043, north - 0.0031), (ADDRESSES + 100, 2))
    boxes = [tuple(round(float(side), 5) for side in (x, y, x + 0.0043, y + 0.0031)) for x, y in corners]
    by_box = {f"{_ITEMS}?limit=1000&bbox={','.join(map(str, box))}": box for box in boxes}
    by_id = [f"{_ITEMS}/{one}" for one in truth.ids[:: count // (ADDRESSES + 100)]]

    def page_is_exact(limit: int) -> Callable[[str, str, dict[str, Any]], bool]:
        def is_exact(server: str, path: str, answer: dict[str, Any]) -> bool:
            start = int(path.rpartition("=")[2])
            found = [feature["id"] for feature in answer["features"]]
            return answer["numberMatched"] == count and found == expected[server][start : start + limit]

        return is_exact

    def box_is_exact(_: str, path: str, answer: dict[str, Any]) -> bool:
        found = {feature["id"] for feature in answer["features"]}
        return answer["numberMatched"] == len(found) and found == truth.within(by_box[path])

    def item_is_exact(_: str, path: str, answer: dict[str, Any]) -> bool:
        at = truth.ids.index(path.rpartition("/")[2])
        same = shapely.geometry.shape(answer["geometry"]).equals_exact(truth.shapes[at], 1e-8)
        return bool(same and answer["properties"]["height"] == truth.table["height"][at].as_py())

    def paged(limit: int) -> _Question:
        paths, others = ([f"{_ITEMS}?limit={limit}&offset={step}" for step in some] for some in (steps, fresh))
        return _Question(paths, others, page_is_exact(limit))

    return {
        "limit_100": paged(100),
        "limit_1000": paged(1000),
        "bbox": _Question([*by_box][:ADDRESSES], [*by_box][ADDRESSES:], box_is_exact),
        "by_id": _Question(by_id[:ADDRESSES], by_id[ADDRESSES : ADDRESSES + 100], item_is_exact),
    }


def _checked(servers: dict[str, Served], path: str, asked: _Question) -> str:
    """Return our answer, once every server has given an exact one."""
    texts = {}
    for name, server in servers.items():
        answer = server.client.get(_ROOTS[name] + path, headers={"Accept": "application/geo+json"})
        answer.raise_for_status()
        if not asked.is_exact(name, path, answer.json()):
            raise RuntimeError(f"{name} answers {path} otherwise than the table that was put in.")
        texts[name] = answer.text
    return texts["ours"]


def _compared(servers: dict[str, Served], paths: list[str], connections: int) -> dict[str, float]:
    costs: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            asked = [_ROOTS[name] + path for path in paths]
            costs[name].append(server.cost(asked, _REQUESTS[name], connections))
    found = {name: median(cost) for name, cost in costs.items()}
    figures = {f"{name}_ms": round(cost, 3) for name, cost in found.items()}
    figures["times_bare"] = round(found["ours"] / found["bare"], 2)
    if "stock" in found:
        figures["times_less_than_stock_pygeoapi"] = round(found["stock"] / found["ours"])
    return figures


def _serve(folder: Path, how: str) -> None:
    from twin.app import create_app  # noqa: PLC0415 - the bare server must not pay for it

    if how == "bare":
        return listen(_bare(json.loads((folder / "answers.json").read_text("utf-8"))))
    settings = Settings(store=StoreSettings(folder=folder / "var"), server=Server(port=0))
    with closing(open_store(folder / "var", settings.city.crs)) as store:
        return listen(create_app(Twin.over(settings, store)))


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


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
