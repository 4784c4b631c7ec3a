"""The contract: every operation of the OpenAPI document is asked what it should answer, and what it should not.

schemathesis makes requests that fit the document and requests that break it, and reads in the document
what may come back: no fault, no status, media type, header or body but those told, nothing taken that was
to be refused. What the schema of a text cannot tell (CQL2, WKT, ISO 8601) may be refused.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pyarrow as pa
import pytest
import schemathesis.openapi

from tests.ogc_api.small_city import city, collection, commit_features
from tests.scenes.small_city import served
from twin.access import token_hash
from twin.app import create_app
from twin.store import OPERATOR
from twin.tables import feature_schema

EDITOR = "t-editor"
KEYS = [
    {
        "name": "Urbanisme",
        "hash": token_hash(EDITOR),
        "scopes": {"buildings": ["create", "replace", "update", "delete"], "secrets": ["read"]},
    }
]
# A page longer than the maximum is the maximum, by the standard (Features Part 1, fc-limit-response-1):
# what breaks the schema of `limit` is taken, and told by the tests of items.
SETTINGS = f"""
continue-on-failure = true
headers = {{ Authorization = "Bearer {EDITOR}" }}

[generation]
deterministic = true
database = "none"

[checks.positive_data_acceptance]
enabled = false

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "409", "412", "413", "415"]

[[operations]]
include-path-regex = "/items$"
parameters = {{ "query.limit" = 10 }}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Return the address of a whole service over a city of its own, which is written to."""
    with city(tmp_path_factory.mktemp("contract"), keys=KEYS) as twin, served(create_app(twin), "on") as client:
        grid = twin.store.catalogue.collection("built_fraction", OPERATOR).grid
        commune = {
            "id": ["34172"],
            "valid_from": [None],
            "valid_to": [None],
            "geometry": [grid.bbox.polygon(grid.bbox.crs).wkb],
        }
        communes = pa.RecordBatch.from_pydict(commune, schema=feature_schema([]))
        commit_features(twin.store, collection("communes", geometry="Polygon"), communes)
        yield str(client.base_url)


def test_every_operation_answers_as_it_says(service: str, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{service}/openapi.json", "--no-color"]
    bounds = ["--phases", "examples,coverage,fuzzing", "--max-examples", "2", "--seed", "1"]
    done = subprocess.run([*command, *bounds], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


class Sound:
    """What a sound request to each operation names: objects that are there, and places where something is."""

    def __init__(self, client) -> None:
        self._client = client
        self._path = {"property": "air_temperature", "file": "buildings.csv"}
        self._items = {"communes": "34172", "stations": "s0", "datastreams": "os0.air_temperature"}
        self._items["observations"] = "os0.air_temperature@2026-07-01T05:00:00Z"
        point = client.get("/ogc/collections/stations/items/s0").json()["geometry"]["coordinates"]
        self._places = {"observations": point, "meters": point}

    def request(self, operation) -> tuple[dict[str, str], dict[str, str]]:
        """Return the parameters of the path and of the query."""
        parts = operation.path.split("/")
        name = parts[3] if parts[1:3] == ["ogc", "collections"] and len(parts) > 3 else ""
        location = "s0" if name in self._places else "34172"
        own = {
            "featureId": self._items.get(name, "b0003"),
            "instanceId": self._revision(name),
            "locationId": location,
        }
        path = {one.name: {**self._path, **own}[one.name] for one in operation.path_parameters}
        asked = {one.name for one in operation.query}
        query = {"period": "P1D", "aggregation": "mean,count"} if name == "meters" and "period" in asked else {}
        if "parameter-name" in asked and parts[-1] != "locations":
            query |= {key: value for key, value in self._query(name, parts[-1]).items() if key in asked}
        return path, query

    def _revision(self, name: str) -> str:
        answer = self._client.get(f"/ogc/collections/{name}/instances")
        return answer.json()["instances"][0]["id"] if answer.status_code == 200 else "0"

    def _query(self, name: str, form: str) -> dict[str, str]:
        x, y = self._places.get(name) or self._middle(name)
        line = f"LINESTRING({x} {y},{x + 0.0001} {y + 0.0001})"
        ring = f"POLYGON(({x - 0.01} {y - 0.01},{x + 0.01} {y - 0.01},{x} {y + 0.01},{x - 0.01} {y - 0.01}))"
        coords = {"area": ring, "trajectory": line, "corridor": line}
        metres = dict.fromkeys(("within-units", "width-units", "height-units"), "m")
        sizes = {"within": "500", "corridor-width": "500", "corridor-height": "10"}
        box = f"{x - 0.01},{y - 0.01},{x + 0.01},{y + 0.01}"
        return {"coords": coords.get(form, f"POINT({x} {y})"), "bbox": box, **metres, **sizes}

    def _middle(self, name: str) -> list[float]:
        west, south, east, north = self._client.get(f"/ogc/collections/{name}").json()["extent"]["spatial"]["bbox"][0]
        return [(west + east) / 2, (south + north) / 2]


def test_every_format_of_every_operation_is_as_the_document_says(service: str) -> None:
    """A sound request succeeds, in each format and language, and its answer fits its schema."""
    schema = schemathesis.openapi.from_url(f"{service}/openapi.json")
    answered = 0
    with httpx.Client(base_url=service) as client:
        sound = Sound(client)
        for operation in (result.ok() for result in schema.get_all_operations()):
            # What is drawn is told by the catalogue of the viewer, and tested with it.
            if operation.method.upper() != "GET" or operation.path.startswith("/scenes/"):
                continue
            path, query = sound.request(operation)
            formats = [one.definition["schema"]["enum"] for one in operation.query if one.name == "f"]
            for name in [None, *(formats[0] if formats else [])]:
                asked = query if name is None else {**query, "f": name, "lang": "en"}
                case = operation.Case(path_parameters=path, query=asked)
                answer = case.call()
                assert answer.status_code == 200, f"{operation.path} {asked}: {answer.text}"
                case.validate_response(answer)
                answered += 1
    assert answered > 200
