"""Items over HTTP: CPU of the server for a request, beside a bare callable that gives the same bytes, and the peers.

Ours, the bare callable, tipg and stock pygeoapi are served by the same server (uvicorn with uvloop and httptools), each
in a process of its own; MapServer and QGIS Server are FastCGI programs behind lighttpd. User and system time is read
before and after, that of the database with it. Requests go round different addresses, so that no single answer is what
is measured. The bare callable knows each answer beforehand, its headers too, and looks it up by its address. Every
answer is checked against the table that was put in before it is timed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.served import fastcgi, stock, tipg
from benchmarks.served.buildings import Truth, collection
from benchmarks.served.compare import CONNECTIONS, Question, answers, compared
from benchmarks.served.environments import Absent
from benchmarks.served.load import Served, listen, served
from benchmarks.served.postgis import NAME, database
from twin.context import Twin
from twin.settings import Server, Settings, StoreSettings
from twin.store.embedded import open_store
from twin.testing import samples

BUILDINGS = 100_000


def run(buildings: int = BUILDINGS) -> dict[str, Any]:
    """Return milliseconds of CPU a request, and the ratios to the bare callable and to each peer."""
    truth = Truth.of(buildings)
    figures: dict[str, Any] = {"buildings": buildings}
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        with closing(open_store(folder / "var", samples.CRS)) as store:
            samples.put_features(store, truth.table, collection=collection())
        ours = running.enter_context(serve("ours", folder))
        figures |= _warmed(ours, buildings)
        questions = truth.questions()
        fresh = {kind: _fresh(ours, asked) for kind, asked in questions.items()}
        exact = {kind: answers(ours, asked) for kind, asked in questions.items()}
        told = {address: _given(ours, address) for found in exact.values() for address in _at(ours, found)}
        (folder / "answers.json").write_text(json.dumps(told), "utf-8")
        servers = {"ours": ours, "bare": running.enter_context(serve("bare", folder))}
        servers |= _peers(folder, truth, running, figures)
        for kind, asked in questions.items():
            figures[kind] = {"bytes": round(median(len(text.encode()) for text in exact[kind].values()))}
            figures[kind] |= compared(servers, asked)
            for connections, cost in fresh[kind].items():
                _add_fresh(figures[kind][f"connections_{connections}"], cost)
        figures["unchanged_304_ms"] = _unchanged(ours, questions["limit_100"])
    return figures


def _fresh(ours: Served, asked: Question) -> dict[int, float]:
    """Return milliseconds of CPU for a question never asked before, by how many connections ask: each is asked once."""
    parts = enumerate(CONNECTIONS)
    shares = {connections: _at(ours, asked.fresh[at :: len(CONNECTIONS)]) for at, connections in parts}
    return {connections: ours.cost(paths, len(paths), connections) for connections, paths in shares.items()}


def _add_fresh(repeated: dict[str, float], cost: float) -> None:
    """Add what a fresh question costs to the figures of those that are asked over and over, by the same ratios."""
    costs = {name.removesuffix("_ms"): known for name, known in repeated.items() if name.endswith("_ms")}
    found = {"ms": round(cost, 3), "times_bare": round(cost / costs.pop("bare"), 2)}
    found |= {f"times_less_than_{name}": round(known / cost, 1) for name, known in costs.items() if name != "ours"}
    repeated |= {f"never_asked_before_{name}": figure for name, figure in found.items()}


def serve(how: str, folder: Path) -> Any:  # noqa: ANN401 - a context manager
    """Serve the store in `folder`, or its answers."""
    return served(sys.executable, "-m", "benchmarks.items", str(folder), how, address=lambda path: f"/ogc{path}")


def _peers(folder: Path, truth: Truth, running: ExitStack, figures: dict[str, Any]) -> dict[str, Served]:
    """Start the peers; what is absent is told among the figures."""
    found: dict[str, Served] = {}
    try:
        base = running.enter_context(database(folder, truth.table, truth.shapes))
    except Absent as error:
        figures["peers"] = f"absent: {error}"
        return found
    peers = {
        "stock_pygeoapi": lambda: stock.items(folder, base),
        "tipg": lambda: tipg.items(base),
        "mapserver": lambda: fastcgi.mapserver(folder, base),
        "qgis_server": lambda: fastcgi.qgis_server(folder, base),
    }
    for name, start in peers.items():
        try:
            found[name] = running.enter_context(start())
        except Absent as error:
            figures[name] = f"absent: {error}"
    return found


def _warmed(ours: Served, buildings: int) -> dict[str, Any]:
    """Return what the index of the collection takes; the first request makes the server build it."""
    before, memory = ours.seconds(), ours.resident()
    ours.client.get(f"/ogc/collections/{NAME}/items").raise_for_status()
    ours.rest()
    return {
        "index_cpu_seconds": round(ours.seconds() - before, 2),
        "resident_bytes_per_feature": round((ours.resident() - memory) / buildings),
    }


def _at(server: Served, paths: Any) -> list[str]:  # noqa: ANN401
    return [address for path in paths if (address := server.address(path))]


def _given(ours: Served, address: str) -> tuple[list[tuple[str, str]], str]:
    """Return the headers of an answer, without those that the server itself adds, and its body."""
    answer = ours.client.get(address)
    return [header for header in answer.headers.multi_items() if header[0] not in ("date", "server")], answer.text


def _unchanged(ours: Served, asked: Question) -> float:
    """Return milliseconds of CPU for an answer that the client has already."""
    address = _at(ours, asked.paths)[0]
    tag = ours.client.get(address).headers["etag"]
    count, before = 1_000, ours.seconds()
    for _ in range(count):
        if ours.client.get(address, headers={"If-None-Match": tag}).status_code != 304:
            raise RuntimeError(f"{address} is answered anew to one who has it.")
    return round(1000 * (ours.seconds() - before) / count, 3)


def _serve(folder: Path, how: str) -> None:
    from twin.app import create_app  # noqa: PLC0415 - the bare server must not pay for it

    if how == "bare":
        return listen(_bare(json.loads((folder / "answers.json").read_text("utf-8"))))
    settings = Settings(store=StoreSettings(folder=folder / "var"), server=Server(port=0))
    with closing(open_store(folder / "var", settings.city.crs)) as store:
        return listen(create_app(Twin.over(settings, store)))


def _bare(answers: dict[str, tuple[list[tuple[str, str]], str]]) -> ASGIApp:
    given = {
        path.encode(): ([(name.encode(), value.encode()) for name, value in headers], text.encode())
        for path, (headers, text) in answers.items()
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        query = scope["query_string"]
        headers, body = given[scope["raw_path"].split(b"?")[0] + (b"?" + query if query else b"")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
