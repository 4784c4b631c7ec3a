"""What the collection documents say of EDR, item 9: enough for a client to make its dialog of."""

from __future__ import annotations

import numpy as np
import pytest
from edr_pydantic.collections import Collection as EdrCollection

from ogc_api.edr import CONFORMANCE, Edr, describe, openapi_paths
from ogc_api.edr.metadata import repeated
from tests.ogc_api.edr.edr_twin import BASE
from twin.context import Twin
from twin.model import Category, Collection, Field, FieldType, Text
from twin.store import OPERATOR


def collection(twin: Twin, name: str) -> Collection:
    return twin.store.catalogue.collection(name, OPERATOR)


COVERAGE = ["position", "radius", "area", "cube", "trajectory", "corridor", "locations", "instances"]
VALUES = ["GeoJSON", "CoverageJSON", "CSV", "NetCDF"]


def formats_of(name: str, kind: str) -> list[str]:
    if kind in ("items", "instances"):
        return ["json"]
    gridded = name != "observations" and kind in ("radius", "area", "cube", "corridor", "locations")
    return [*VALUES, "GeoTIFF"] if gridded else VALUES


def default_of(kind: str) -> str:
    return "json" if kind in ("items", "instances") else "CoverageJSON"


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("observations", ["locations", "position", "radius", "area", "corridor", "items", "instances"]),
        ("heat", COVERAGE),
        ("built_fraction", COVERAGE),
    ],
)
def test_metadata_is_valid_and_whole(twin: Twin, edr: Edr, name: str, kinds: list[str]) -> None:
    found = describe(edr, collection(twin, name), "en")
    EdrCollection.model_validate({"id": name, "links": [], **found}, strict=False)
    assert list(found["data_queries"]) == kinds
    for kind, told in found["data_queries"].items():
        link = told["link"]
        assert link["href"] == f"{BASE}/collections/{name}/{kind}"
        assert link["variables"]["query_type"] == kind
        assert link["variables"]["output_formats"] == formats_of(name, kind)
        assert link["variables"]["default_output_format"] == default_of(kind)
        for details in link["variables"].get("crs_details", ()):
            assert details["wkt"].startswith(("GEOGCRS", "PROJCRS"))
    assert found["output_formats"] == formats_of(name, "cube")


def test_temporal_extent_lists_the_steps(twin: Twin, edr: Edr) -> None:
    temporal = describe(edr, collection(twin, "heat"), "fr")["extent"]["temporal"]
    assert temporal["interval"] == [["2026-07-01T00:00:00Z", "2026-07-02T23:00:00Z"]]
    assert temporal["values"][:2] == ["2026-07-01T00:00:00Z", "2026-07-01T01:00:00Z"]
    assert "Gregorian" in temporal["trs"]
    series = describe(edr, collection(twin, "observations"), "fr")["extent"]["temporal"]
    assert series["values"] == ["2026-07-01T00:00:00Z/2026-07-02T23:00:00Z"]
    assert "temporal" not in describe(edr, collection(twin, "built_fraction"), "fr")["extent"]


def test_many_regular_steps_are_one_repeating_interval() -> None:
    hours = np.datetime64("2026-07-01T00:00", "ns") + np.arange(720).astype("m8[h]")
    assert repeated(hours) == ["R719/2026-07-01T00:00:00Z/PT3600S"]
    assert repeated(np.delete(hours, 5)) == ["2026-07-01T00:00:00Z/2026-07-30T23:00:00Z"]


def test_parameters_are_told_in_the_language_with_their_unit(twin: Twin, edr: Edr) -> None:
    told = describe(edr, collection(twin, "observations"), "fr")["parameter_names"]
    assert told["air_temperature"]["label"] == "Température de l'air"
    assert told["air_temperature"]["unit"]["symbol"]["value"] == "Cel"
    assert told["air_temperature_quality"]["observedProperty"]["categories"][0] == {"id": "good", "label": "bonne"}


def test_features_answer_items_alone_and_tell_their_properties(twin: Twin, edr: Edr) -> None:
    kept = collection(twin, "stations")
    height = Field(name="height", type=FieldType.NUMBER, title=Text(fr="Hauteur", en="Height"), unit="m")
    use = Field(
        name="use",
        type=FieldType.STRING,
        title=Text(fr="Usage", en="Use"),
        categories=(Category(value="school", title=Text(fr="école", en="school")),),
    )
    lit = Field(name="lit", type=FieldType.BOOLEAN, title=Text(fr="Éclairé", en="Lit"))
    told = describe(edr, kept.model_copy(update={"fields": (height, use, lit)}), "fr")
    link = told["data_queries"]["items"]["link"]
    assert list(told["data_queries"]) == ["items"]
    assert link["href"] == f"{BASE}/collections/stations/items"
    assert link["variables"]["output_formats"] == told["output_formats"] == ["json"]
    parameters = told["parameter_names"]
    assert list(parameters) == ["height", "use", "lit", "valid_from", "valid_to"]
    assert (parameters["height"]["data-type"], parameters["height"]["unit"]["symbol"]["value"]) == ("float", "m")
    assert parameters["use"]["observedProperty"]["categories"] == [{"id": "school", "label": "école"}]
    assert parameters["lit"]["data-type"] == "integer"
    assert parameters["valid_from"]["data-type"] == "string"
    assert "unit" not in parameters["use"]
    assert openapi_paths(kept, "fr") == {}


def test_what_may_be_published_only_as_aggregates_has_no_items(twin: Twin, edr: Edr) -> None:
    personal = collection(twin, "observations").model_copy(update={"finest_period": "P1D"})
    told = describe(edr, personal, "fr")
    assert set(told["data_queries"]) == {"locations", "position", "radius", "area", "corridor", "instances"}
    assert told["crs"]
    longest = personal.model_copy(update={"finest_period": "P5Y"})
    assert describe(edr, longest, "fr") == {}


def test_openapi_paths_are_self_contained(twin: Twin) -> None:
    paths = openapi_paths(collection(twin, "observations"), "en")
    own = ["locations", "locations/{locationId}", "position", "radius", "area", "corridor"]
    assert list(paths) == [
        *(f"/collections/observations/{path}" for path in own),
        *(f"/collections/observations/instances/{{instanceId}}/{path}" for path in own),
        "/collections/observations/instances",
        "/collections/observations/instances/{instanceId}",
    ]
    assert all(part.startswith("#/components/") for part in str(paths).split("'$ref': '")[1:])
    aggregates = {"aggregation", "period", "time-zone", "minimum-completeness"}
    assert {"coords", "z", "datetime", "parameter-name", "crs", "f", "lang", *aggregates} == {
        parameter["name"] for parameter in paths["/collections/observations/position"]["get"]["parameters"]
    }


def test_conformance_claims_core_and_coveragejson() -> None:
    assert "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/core" in CONFORMANCE
    assert "http://www.opengis.net/spec/ogcapi-edr-1/1.1/conf/covjson" in CONFORMANCE
