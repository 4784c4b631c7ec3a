"""What is private leaves no trace: every route of every door is walked as one who may not know of it."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys

import httpx
import pyarrow as pa
import pytest

from tests.ogc_api.small_city import city
from twin.access import sight, token_hash
from twin.app import create_app
from twin.context import Twin
from twin.settings import AccessSettings
from twin.store import OPERATOR, Principal
from twin.testing import samples

#: What the settings may hide, and what that hides with it: series of which no datastream is left to see.
SECRETS = {
    "objects": ("secrets", "private_series", "built_fraction", "stations"),
    "datastreams": ("datastreams",),
}
UNSEEN = {
    "objects": (*SECRETS["objects"], "observations", "meters"),
    "datastreams": ("datastreams", "observations", "private_series", "meters", "mixed"),
}
OBJECTS = {
    "objects": (r"\bs[012]\b", r"\b[opm]s[012]\.", "Zo(é|%C3%A9)", "Saint-Pierre"),
    "datastreams": (r"\w\.air_temperature",),
}
#: What would betray: the names (those that are words too, not after a space), the private objects, and what alone
#: their datastreams observe.
TRACES = {
    hiding: re.compile("|".join([*(rf"(?<![\w ]){name}\b" for name in names), "water_flow", *OBJECTS[hiding]]))
    for hiding, names in UNSEEN.items()
}
ABSENT = "nothing_here"
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
KEYS = (
    {"name": "all", "hash": token_hash("t-all"), "scopes": {"*": ["read", "create", "replace", "update", "delete"]}},
    {"name": "other", "hash": token_hash("t-other"), "scopes": {"buildings": ["update"]}},
)
VALUES = {
    **{"z": "0", "x": "0", "y": "0", "revision": "1", "tile": "0", "featureId": "s0", "property": "air_temperature"},
    **{"instanceId": "1", "locationId": "s0"},
}


class Site:
    def __init__(self, twin: Twin) -> None:
        self.app = create_app(twin)

    def ask(self, path, method="GET", token=None, **headers):
        async def asked():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
                bearer = {"authorization": f"Bearer {token}"} if token else {}
                return await client.request(method, path, headers={**headers, **bearer}, content=b"")

        return asyncio.run(asked())


def commit_mixed(store):
    """Commit a series of the temperature of buildings, which are public, and of the flow at stations."""
    samples.put_series(
        store,
        samples.observation_table(2, 5),
        datastreams=samples.datastream_table(2, samples.series("mixed")),
        collection=samples.series("mixed"),
    )
    flow = samples.series("mixed", "water_flow")
    streams = samples.datastream_table(3, flow)
    streams = pa.table({**streams.to_pydict(), "object_collection": ["stations"] * 3}, schema=streams.schema)
    table = samples.observation_table(3, 9, observed="water_flow")
    samples.put_series(store, table, datastreams=streams, collection=flow, source="flows")


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    with city(tmp_path_factory.mktemp("private")) as made:
        commit_mixed(made.store)
        (made.settings.store.folder / "export").mkdir(exist_ok=True)

        def hiding(private):
            access = AccessSettings.model_validate({"private": private, "keys": KEYS})
            return Site(Twin.over(made.settings.model_copy(update={"access": access}), made.store))

        yield {name: hiding(private) for name, private in SECRETS.items()}


@pytest.fixture
def site(sites):
    return sites["objects"]


def routes_of(site, collection):
    """Return every path of the application that names a collection, with `collection` in it."""
    known = site.ask("/openapi.json").json()["paths"]
    found = {path.replace("/collections/buildings", f"/collections/{collection}") for path in known}
    forms = ("position", "radius", "area", "cube", "trajectory", "corridor", "locations", "locations/s0")
    for root in (f"/ogc/collections/{collection}", f"/ogc/collections/{collection}/instances/1"):
        found |= {root, *(f"{root}/{form}" for form in forms)}
    found.add(f"/ogc/collections/{collection}/instances")
    found |= {f"/export/{collection}{suffix}" for suffix in (".csv", ".gpkg", ".parquet", "")}
    found |= {f"/scenes/tiles/0/0/0.mvt?collections={collection}"}
    found |= {f"/scenes/values/observations/air_temperature.bin?objects={collection}"}
    shaped = {re.sub(r"\{(\w+)\}", lambda part: VALUES.get(part[1], collection), path) for path in found}
    return sorted(path for path in shaped if collection in path)


@pytest.mark.parametrize(
    ("hiding", "name", "token"),
    [(hiding, name, None) for hiding, names in UNSEEN.items() for name in names]
    + [("objects", name, token) for name in SECRETS["objects"] for token in ("t-other", "t-wrong")],
)
def test_what_is_not_seen_answers_as_what_is_absent(sites, hiding, name, token):
    site = sites[hiding]
    paths = routes_of(site, name)
    assert len(paths) > 15
    for path in paths:
        for method in METHODS:
            private = site.ask(path, method, token)
            absent = site.ask(path.replace(name, ABSENT), method, token)
            assert private.status_code == absent.status_code, (method, path)
            assert private.status_code in ((401, 404, 405) if token != "t-wrong" else (401, 405)), (method, path)
            assert private.text.replace(name, ABSENT) == absent.text, (method, path)
            told = [
                {key: value for key, value in answer.headers.items() if key not in ("content-length", "etag")}
                for answer in (private, absent)
            ]
            assert told[0] == told[1], (method, path)


@pytest.mark.parametrize("hiding", SECRETS)
def test_no_answer_to_the_public_bears_a_trace(sites, hiding):
    site, traces = sites[hiding], TRACES[hiding]
    seen, asked = set(), ["/openapi.json", "/docs", "/metrics", "/health", "/scenes/catalogue.json", "/export/"]
    asked += ["/", "/ogc", "/ogc/openapi", "/ogc/conformance", "/ogc/openapi?f=html", "/ogc/collections?f=html&lang=en"]
    shown = {one["id"] for one in site.ask("/ogc/collections").json()["collections"]}
    assert not shown & set(UNSEEN[hiding])
    asked += [f"/export/{name}.csv" for name in shown]
    asked += (
        []
        if "mixed" not in shown
        else [
            "/scenes/values/mixed/air_temperature.bin",
            "/scenes/values/mixed/rain.bin",
            "/ogc/collections/mixed/locations",
            "/ogc/collections/mixed/locations/b000000?parameter-name=rain",
            "/ogc/collections/mixed/items?filter=observed_property='air_temperature'",
            "/ogc/collections/mixed/position?coords=POINT(3.87 43.61)",
            "/ogc/collections/mixed/instances",
            "/ogc/collections/mixed/area?coords=POLYGON((3.8 43.5,4 43.5,4 43.7,3.8 43.7,3.8 43.5))"
            "&aggregation=mean&aggregate=area&period=P1D&datetime=2026-07-01T00:00:00Z/2026-07-03T00:00:00Z",
        ]
    )
    while asked:
        path = asked.pop()
        if path in seen or len(seen) > 400:
            continue
        seen.add(path)
        answer = site.ask(path)
        assert answer.status_code in (200, 204, 400, 404), path
        assert not (found := traces.search(answer.text)), (path, found)
        assert not traces.search(str(answer.headers)), path
        if "json" in answer.headers.get("content-type", ""):
            links = re.findall(r'"href":\s*"http://127.0.0.1:8000(/(?:ogc|export|scenes)[^"]*)"', answer.text)
            asked += [link.replace("\\u0026", "&") for link in links]
    assert len(seen) > 40


def test_an_entity_tag_confirms_no_guess():
    imports = "from twin.access import sight; from twin.store import Principal"
    told = f"{imports}; print(sight(Principal(name='p', hidden=frozenset('a'))))"
    other = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.strip()
    here = [sight(Principal(name="p", hidden=frozenset(hidden))) for hidden in ({"a"}, {"a"}, {"b"}, ())]
    assert here[0] == here[1]
    assert len({*here, other}) == 4


@pytest.mark.parametrize("hiding", SECRETS)
def test_only_what_has_something_to_show_is_listed(sites, hiding):
    site = sites[hiding]
    public = site.ask("/ogc/collections").json()["collections"]
    whole = site.ask("/ogc/collections", token="t-all").json()["collections"]
    assert {one["id"] for one in whole} - {one["id"] for one in public} == {*UNSEEN[hiding]}


def test_a_series_is_shown_without_what_is_private_in_it(site):
    listed = site.ask("/ogc/collections/datastreams/items").json()
    assert [one["id"] for one in listed["features"]] == ["b000000.air_temperature", "b000001.air_temperature"]
    assert listed["numberMatched"] == 2
    series = site.ask("/ogc/collections/mixed").json()
    assert {name.split("_quality")[0] for name in series["parameter_names"]} == {"air_temperature"}
    locations = site.ask("/ogc/collections/mixed/locations").json()["features"]
    assert [one["id"] for one in locations] == ["b000000", "b000001"]
    assert site.ask("/ogc/collections/mixed/items").json()["numberMatched"] == 10
    whole = site.ask("/ogc/collections/mixed", token="t-all").json()
    assert whole["extent"]["spatial"]["bbox"][0][2] > series["extent"]["spatial"]["bbox"][0][2]


def test_a_key_shows_what_it_opens_and_keeps_it_from_shared_caches(site):
    for path in (
        "/ogc/collections/secrets",
        "/ogc/collections/secrets/items",
        "/ogc/collections/private_series/locations",
        "/export/secrets.csv",
        "/scenes/catalogue.json",
        "/metrics",
    ):
        answer = site.ask(path, token="t-all")
        assert answer.status_code == 200, (path, answer.text)
        assert "secrets" in answer.text or "private_series" in path or "/export" in path
        assert answer.headers["cache-control"].startswith("private"), path
        assert "Authorization" in answer.headers["vary"], path
        tag = answer.headers.get("etag")
        if tag:
            assert site.ask(path, token="t-all", **{"if-none-match": tag}).status_code == 304, path
            assert site.ask(path, **{"if-none-match": tag}).status_code != 304, path
    public = site.ask("/scenes/catalogue.json")
    assert not public.headers["cache-control"].startswith("private")
    assert "Authorization" in public.headers["vary"]


def test_wrong_credentials_are_told_nothing_but_that(site):
    answers = [
        site.ask(path, token="t-wrong")
        for path in (
            "/ogc",
            "/ogc/collections/secrets",
            "/ogc/collections/buildings",
            f"/ogc/collections/{ABSENT}",
            "/export/",
            "/metrics",
            "/scenes/catalogue.json",
        )
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert all('Basic realm="Jumeau"' in answer.headers["www-authenticate"] for answer in answers)


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Basic", "Basic \xe9", "Basic ////", "Basic YQ==", "Bearer \xff", "Digest t-all", "t-all"]
)
def test_whatever_credentials_look_like_they_are_right_or_refused(site, given):
    answer = site.ask("/ogc/collections", authorization=given.encode("latin-1"))
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_revision_that_is_shown_is_not_that_of_what_is_private(site):
    shown = site.ask("/health").json()["revision"]
    keyed = re.search(r"^jumeau_revision (\S+)", site.ask("/metrics", token="t-all").text, re.M)
    assert keyed is not None
    assert shown <= float(keyed[1])
    assert OPERATOR.sees("secrets")
