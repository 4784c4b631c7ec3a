"""What is answered ahead of routing is, to the byte, what the routes answer; and it is never old."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from ogc_api.direct import Address, Direct
from ogc_api.edr import Edr, direct, routes
from ogc_api.edr.question import Question
from ogc_api.published import Publisher
from tests.ogc_api.conftest import Client
from tests.ogc_api.edr.edr_twin import BASE, XS, YS, opened, put_heat
from tests.ogc_api.edr.test_areas import HOLED, LAMBERT
from twin.context import Twin
from twin.crs import CRS84, BBox
from twin.doors.problems import HANDLERS
from twin.store import OPERATOR

MOMENT = "2026-07-01T03:00:00Z"
BOX = BBox(xmin=XS[1], ymin=YS[1], xmax=XS[9], ymax=YS[6], crs="EPSG:2154").to(CRS84)
CENTRE = f"{(BOX.xmin + BOX.xmax) / 2} {(BOX.ymin + BOX.ymax) / 2}"
SIDES = f"{BOX.xmin},{BOX.ymin},{BOX.xmax},{BOX.ymax}"
TRIANGLE = f"POLYGON(({BOX.xmin} {BOX.ymin},{BOX.xmax} {BOX.ymin},{BOX.xmin} {BOX.ymax},{BOX.xmin} {BOX.ymin}))"
LINE = f"LINESTRING({BOX.xmin} {BOX.ymin},{BOX.xmax} {BOX.ymax})"
ASKED: list[tuple[str, dict[str, str]]] = [
    ("heat/position", {"coords": f"POINT({CENTRE})"}),
    ("heat/position", {"coords": f"POINT({CENTRE})", "f": "CSV"}),
    ("heat/position", {"coords": "POINT(0 0)"}),
    ("heat/position", {"coords": "POINT(0)"}),
    ("heat/position", {"coords": f"POINT({CENTRE})", "colour": "red"}),
    ("heat/cube", {"bbox": SIDES, "datetime": MOMENT}),
    ("heat/cube", {"bbox": SIDES, "f": "GeoTIFF", "datetime": MOMENT}),
    ("heat/cube", {"bbox": SIDES, "period": "P1D"}),
    ("heat/area", {"coords": TRIANGLE, "aggregate": "area"}),
    ("heat/cube", {"bbox": "3,43,5,44", "parameter-name": "air_temperature"}),
    ("heat/area", {"coords": TRIANGLE, "datetime": MOMENT}),
    ("heat/area", {"coords": HOLED, "crs": LAMBERT, "datetime": MOMENT}),
    ("heat/area", {"coords": "POLYGON((-9 35,9 35,9 50,-9 50,-9 35))"}),
    ("heat/radius", {"coords": f"POINT({CENTRE})", "within": "120", "within-units": "m", "datetime": MOMENT}),
    ("heat/trajectory", {"coords": LINE, "datetime": MOMENT}),
    ("heat/corridor", {"coords": LINE, "corridor-width": "90", "width-units": "m", "datetime": MOMENT}),
    ("heat/position/more", {"coords": f"POINT({CENTRE})"}),
    ("heat/locations", {}),
    ("observations/position", {"coords": "POINT(3.87 43.61)"}),
    ("none/position", {"coords": f"POINT({CENTRE})"}),
]


#: What the routes are to answer: a path below it that is not a form, a series, what is wrong or not there.
OTHERS = {"heat/position/more", "heat/locations", "none/position", "observations/position"}


class Reached:
    """The routes; tells what has reached them."""

    def __init__(self, edr: Edr) -> None:
        self.paths: list[str] = []
        self.app = Starlette(routes=routes(edr), exception_handlers=HANDLERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"].removeprefix("/ogc/collections/"))
        await self.app(scope, receive, send)


@pytest.fixture
def reached(edr: Edr) -> Reached:
    return Reached(edr)


@pytest.fixture
def client(twin: Twin, edr: Edr, reached: Reached) -> Client:
    return asking(twin, edr, reached)


def asking(twin: Twin, edr: Edr, reached: Reached) -> Client:
    return Client(SimpleNamespace(app=Direct(Publisher(twin, edr, BASE), direct.readers(edr), reached)))


def told(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    return response.status_code, response.content, dict(response.headers)


@pytest.mark.parametrize(("path", "query"), ASKED)
def test_every_answer_is_that_of_the_routes(client: Client, reached: Reached, path: str, query: dict[str, str]) -> None:
    answers = [told(client.get(f"/collections/{path}", **query)) for _ in range(3)]
    taken = answers[0][0] in (200, 204) and path not in OTHERS
    assert reached.paths == ([] if taken else 3 * [path])
    routed = told(Client(SimpleNamespace(app=reached.app)).get(f"/collections/{path}", **query))
    assert answers == 3 * [routed]


def test_the_routes_are_asked_by_who_has_a_key_and_for_instances(client: Client, reached: Reached) -> None:
    path, query = "/collections/heat/position", {"coords": f"POINT({CENTRE})"}
    assert client.get(path, headers={"Authorization": "Bearer none"}, **query).status_code == 401
    client.get(path, method="HEAD", **query)
    client.get("/collections/heat/instances/1/position", **query)
    assert reached.paths == ["heat/position", "heat/position", "heat/instances/1/position"]


def test_who_has_the_answer_is_told_so(client: Client, reached: Reached) -> None:
    path, query = "/collections/heat/position", {"coords": f"POINT({CENTRE})"}
    tag = client.get(path, **query).headers["etag"]
    unchanged = client.get(path, headers={"If-None-Match": tag}, **query)
    assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    assert reached.paths == []


@pytest.mark.parametrize("more", ["", "&aggregate=area"])
def test_threads_that_answer_one_question_together_answer_the_same(edr: Edr, more: str) -> None:
    collection = edr.collection("heat", "area", OPERATOR)
    query = f"coords={quote(TRIANGLE)}&datetime={MOMENT}{more}".encode()
    request = Address("heat", "area", "", "/collections/heat/area", query, b"", b"").request()
    question = Question.read(edr, request, "area", collection, OPERATOR)
    with ThreadPoolExecutor(8) as threads:
        bodies = [each.result() for each in [threads.submit(lambda: question.answer().body) for _ in range(200)]]
    assert len(set(bodies)) == 1


def test_what_is_past_a_bound_is_refused_without_the_routes(tmp_path: Path) -> None:
    with opened(tmp_path, values=100) as twin, closing(Edr(twin, BASE)) as edr:
        put_heat(twin.store)
        reached = Reached(edr)
        client = asking(twin, edr, reached)
        sentences = {client.refused("/collections/heat/cube", 413, bbox=SIDES) for _ in range(3)}
        assert reached.paths == []
        assert sentences == {
            Client(SimpleNamespace(app=reached.app)).refused("/collections/heat/cube", 413, bbox=SIDES)
        }


def test_an_answer_is_of_the_revision_of_now(tmp_path: Path) -> None:
    path, query = "/collections/heat/position", {"coords": f"POINT({CENTRE})"}
    with opened(tmp_path) as twin, closing(Edr(twin, BASE)) as edr:
        client = asking(twin, edr, Reached(edr))
        put_heat(twin.store)
        before = [client.json(path, **query)["ranges"]["air_temperature"]["values"] for _ in range(2)]
        put_heat(twin.store, offset=1)
        after = client.json(path, **query)["ranges"]["air_temperature"]["values"]
    assert before[0] == before[1]
    np.testing.assert_allclose(np.array(after), np.array(before[0]) + 1, atol=1e-5)
