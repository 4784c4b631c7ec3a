"""``/export`` over a real server: files, their headers, and every refusal as a problem document."""

from __future__ import annotations

import json
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pyarrow.parquet as pq
import pyogrio
import pytest
import uvicorn
from starlette.applications import Starlette

from tests.export.city import BUILDINGS, HOURS, ORIGIN, STATIONS
from twin.app import Doors
from twin.context import Twin
from twin.doors.export import ExportDoor
from twin.settings import AccessSettings, Bounds, Server, Settings, StoreSettings
from twin.store import Store

PUBLIC_URL = "https://ville.example/jumeau"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("door")


@pytest.fixture(scope="module")
def client(store: Store, folder: Path) -> Iterator[httpx.Client]:
    settings = Settings(
        store=StoreSettings(folder=folder),
        server=Server(public_url=PUBLIC_URL),
        bounds=Bounds(export_rows=BUILDINGS),
        access=AccessSettings(private=("heat",)),
    )
    door = ExportDoor(Twin.over(settings, store))
    door.start()
    app = Doors([door], Starlette(), "", frozenset())
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as opened:
            yield opened
    finally:
        server.should_exit = True
        thread.join()
        door.stop()
    assert not (folder / "export").exists()


def _saved(response: httpx.Response, path: Path) -> Path:
    assert response.status_code == 200, response.text
    path.write_bytes(response.content)
    return path


def test_lists_what_can_be_taken(client: httpx.Client) -> None:
    told = client.get("/export/", params={"lang": "en"}, headers={"Host": "evil.example"}).json()
    buildings = next(each for each in told["collections"] if each["id"] == "buildings")
    assert buildings["title"] == "Summer buildings"
    assert buildings["count"] == BUILDINGS
    assert [each["href"] for each in buildings["files"]] == [
        f"{PUBLIC_URL}/export/buildings{suffix}" for suffix in (".csv", ".gpkg", ".parquet")
    ]
    assert "evil" not in json.dumps(told)
    names = [each["id"] for each in told["collections"]]
    assert "heat" not in names, "a private collection is not told of"
    assert next(each for each in told["collections"] if each["id"] == "meters")["files"] == []
    assert client.get("/export").json()["collections"][0]["title"].startswith("Été")


def test_gives_a_geopackage(client: httpx.Client, folder: Path, tmp_path: Path) -> None:
    response = client.get("/export/buildings.gpkg", params={"crs": "EPSG:4326"})
    told = pyogrio.read_info(_saved(response, tmp_path / "b.gpkg"))
    assert told["features"] == BUILDINGS
    assert told["crs"] == "EPSG:4326"
    assert response.headers["content-disposition"] == 'attachment; filename="buildings.gpkg"'
    assert response.headers["content-type"] == "application/geopackage+sqlite3"
    assert response.headers["content-crs"] == "<http://www.opengis.net/def/crs/EPSG/0/4326>"
    assert response.headers["link"] == '<https://www.etalab.gouv.fr/licence>; rel="license"'
    assert int(response.headers["content-length"]) == len(response.content)
    assert list((folder / "export").iterdir()) == []


def test_bbox_and_datetime_select(client: httpx.Client, tmp_path: Path) -> None:
    box = f"{ORIGIN[0] - 1},{ORIGIN[1] - 1},{ORIGIN[0] + 1},{ORIGIN[1] + 1}"
    query = {"bbox": box, "bbox-crs": "http://www.opengis.net/def/crs/EPSG/0/2154", "datetime": "2026-07-02"}
    path = _saved(client.get("/export/observations.parquet", params=query), tmp_path / "o.parquet")
    assert pq.read_metadata(path).num_rows == 24
    everything = _saved(client.get("/export/observations.parquet"), tmp_path / "all.parquet")
    assert pq.read_metadata(everything).num_rows == HOURS * len(STATIONS)


def test_csv_speaks_the_language_asked(client: httpx.Client) -> None:
    french = client.get("/export/stations.csv")
    assert french.content.startswith(b"\xef\xbb\xbfid;name;")
    assert french.headers["content-language"] == "fr"
    english = client.get("/export/stations.csv", headers={"Accept-Language": "en-GB,en;q=0.8,fr;q=0.5"})
    assert english.content.startswith(b"id,name,")
    assert client.get("/export/stations.csv", params={"lang": "en"}).content == english.content


def test_unchanged_is_304_and_a_head_costs_nothing(client: httpx.Client) -> None:
    first = client.get("/export/stations.csv")
    assert client.get("/export/stations.csv", headers={"If-None-Match": first.headers["etag"]}).status_code == 304
    other = client.get("/export/stations.csv", params={"crs": "EPSG:3857"})
    assert other.headers["etag"] != first.headers["etag"]
    head = client.head("/export/stations.csv")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == first.headers["etag"]
    assert "content-length" not in head.headers


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/export/nothing.gpkg", 404, "nothing"),
        ("/export/heat.gpkg", 404, "heat"),
        ("/export/buildings/more.gpkg", 404, "/export/buildings/more.gpkg"),
        ("/export/..%2Ftwin.duckdb", 404, "twin"),
        ("/export/buildings.shp", 400, ".gpkg"),
        ("/export/buildings", 400, ".gpkg"),
        ("/export/meters.csv", 400, "P1D"),
        ("/export/buildings.gpkg?limit=3", 400, "limit"),
        ("/export/buildings.gpkg?bbox=1,2,3", 400, "4 or 6"),
        ("/export/buildings.gpkg?bbox=1,2,3,4&bbox=1,2,3,4", 400, "more than once"),
        ("/export/buildings.gpkg?bbox=", 400, "is empty"),
        ("/export/buildings.gpkg?bbox=nan,1,2,3", 400, "finite"),
        ("/export/buildings.gpkg?bbox-crs=EPSG:2154", 400, "bbox"),
        ("/export/buildings.gpkg?datetime=yesterday", 400, "yesterday"),
        ("/export/buildings.gpkg?crs=EPSG:0", 400, "EPSG:0"),
        ("/export/buildings.gpkg?crs=RGF93%20v1%20/%20Lambert-93", 400, "EPSG:2154"),
        ("/export/buildings.gpkg?crs=%2Bproj%3Dlonglat%0D%0AX:1", 400, "coordinate reference system"),
        ("/export/buildings.gpkg?lang=de", 400, "fr, en"),
        ("/export/?crs=EPSG:2154", 400, "crs"),
        ("/export/buildings%00.gpkg", 404, "buildings"),
        ("/export/datastreams.gpkg?bbox=2e5,1,3e5,2&bbox-crs=EPSG:4326", 400, "bbox"),
    ],
)
def test_what_cannot_be_is_a_problem_document(client: httpx.Client, address: str, status: int, words: str) -> None:
    response = client.get(address)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert words in problem["detail"]


def test_only_reading_is_offered(client: httpx.Client) -> None:
    response = client.post("/export/buildings.gpkg")
    assert response.status_code == 405
    assert response.headers["content-type"] == "application/problem+json"


def test_too_many_rows_are_413(store: Store, tmp_path: Path) -> None:
    settings = Settings(store=StoreSettings(folder=tmp_path), bounds=Bounds(export_rows=10))
    door = ExportDoor(Twin.over(settings, store))
    door.start()
    response = _ask(door, "/export/buildings.gpkg")
    assert response.status_code == 413
    assert response.json()["detail"].startswith("buildings: 400 rows are asked for, of 10 at most")
    assert list((tmp_path / "export").iterdir()) == []


def test_a_failure_names_no_folder_of_the_service(store: Store, tmp_path: Path) -> None:
    door = ExportDoor(Twin.over(Settings(store=StoreSettings(folder=tmp_path)), store))
    door.start()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        response = _ask(door, "/export/buildings.gpkg")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert response.status_code == 503
    assert str(tmp_path) not in response.text
    assert list((tmp_path / "export").iterdir()) == []


def test_many_at_once_are_all_answered_or_told_to_come_back(store: Store, tmp_path: Path) -> None:
    door = ExportDoor(Twin.over(Settings(store=StoreSettings(folder=tmp_path)), store))
    door.start()
    answers: list[httpx.Response] = []

    async def ask() -> None:
        transport = httpx.ASGITransport(Doors([door], Starlette(), "", frozenset()))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

            async def one() -> None:
                answers.append(await client.get("/export/buildings.gpkg"))

            async with anyio.create_task_group() as group:
                for _ in range(12):
                    group.start_soon(one)

    anyio.run(ask)
    assert len(answers) == 12
    busy = [each for each in answers if each.status_code != 200]
    assert {each.status_code for each in busy} == {503}
    assert all(each.headers["retry-after"] for each in busy)
    assert len(answers) - len(busy) >= 2
    assert list((tmp_path / "export").iterdir()) == []


def _ask(door: ExportDoor, address: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Doors([door], Starlette(), "", frozenset()))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(address)

    return anyio.run(ask)
