"""An instance is a revision: the current one answers as its collection does, any other not at all."""

from __future__ import annotations

from pathlib import Path

from edr_pydantic.collections import Instance, Instances

from ogc_api.edr import Edr
from tests.ogc_api.edr.edr_twin import BASE, Get, fill, opened, put_heat, requests_to
from twin.context import Twin
from twin.store import OPERATOR


def test_an_instance_answers_as_its_collection(twin: Twin, get: Get) -> None:
    for name, query, asked in (
        ("heat", "position", {"coords": "POINT(8.8118 43.464225)"}),
        ("observations", "locations/S001", {}),
    ):
        revision = twin.store.catalogue.collection(name, OPERATOR).revision
        listed = get(f"{name}/instances").json()
        Instances.model_validate(listed, strict=False)
        assert [each["id"] for each in listed["instances"]] == [str(revision)]
        one = get(f"{name}/instances/{revision}").json()
        Instance.model_validate(one, strict=False)
        assert one["data_queries"]["position"]["link"]["href"] == (
            f"{BASE}/collections/{name}/instances/{revision}/position"
        )
        assert not {"items", "instances"} & set(one["data_queries"])
        assert get(f"{name}/instances/{revision}/{query}", asked).json() == get(f"{name}/{query}", asked).json()
        assert get(f"{name}/instances/{revision + 1}/{query}", asked).status_code == 404
        assert get(f"{name}/instances/x").status_code == 404
    assert get("stations/instances").status_code == 404


def test_a_former_revision_is_no_instance(tmp_path: Path) -> None:
    with opened(tmp_path) as twin:
        fill(twin)
        edr = Edr(twin, BASE)
        get = requests_to(edr)
        before = get("heat/instances").json()["instances"][0]["id"]
        put_heat(twin.store, offset=1.0)
        after = get("heat/instances").json()["instances"][0]["id"]
        assert int(after) > int(before)
        assert get(f"heat/instances/{before}").status_code == 404
        refused = get(f"heat/instances/{before}/position", {"coords": "POINT(8.8118 43.464225)"})
        assert refused.status_code == 404
        assert after in refused.json()["detail"]
        edr.close()
