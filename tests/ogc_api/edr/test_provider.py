"""pygeoapi loads the provider by its class path, and gets from it what the door answers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import shapely
from covjson_pydantic.coverage import Coverage
from pygeoapi.plugin import load_plugin
from pygeoapi.provider.base import (
    ProviderInvalidQueryError,
    ProviderItemNotFoundError,
    ProviderNoDataError,
    ProviderRequestEntityTooLargeError,
)

from ogc_api.configuration import EDR_PROVIDER
from ogc_api.edr import Edr
from tests.ogc_api.edr.edr_twin import BASE, Get, fill, opened
from twin.context import Twin
from twin.store import OPERATOR


def provider(twin: Twin, edr: Edr, name: str):
    collection = twin.store.catalogue.collection(name, OPERATOR)
    data = SimpleNamespace(collection=collection, language="fr", principal=OPERATOR, edr=edr)
    return load_plugin("provider", {"name": EDR_PROVIDER, "type": "edr", "data": data})


def test_fields_and_query_types(twin: Twin, edr: Edr) -> None:
    series, coverage = provider(twin, edr, "observations"), provider(twin, edr, "heat")
    assert series.get_query_types() == ["locations", "position", "radius", "area"]
    assert coverage.get_query_types() == ["position", "radius", "area", "cube", "trajectory", "locations"]
    temperature = {"type": "number", "title": "Température de l'air", "x-ogc-unit": "Cel"}
    assert series.fields["air_temperature"] == temperature
    assert coverage.fields == {"air_temperature": temperature}


def test_queries_answer_what_the_door_answers(twin: Twin, edr: Edr, get: Get) -> None:
    series, coverage = provider(twin, edr, "observations"), provider(twin, edr, "heat")
    instant = "2026-07-01T05:00:00Z"
    found = coverage.query(query_type="cube", bbox=[-180, -90, 180, 90], datetime_=instant)
    Coverage.model_validate(found, strict=False)
    assert found == get("heat/cube", {"bbox": "-180,-90,180,90", "datetime": instant}).json()
    assert series.query(query_type="locations") == get("observations/locations").json()
    one = series.query(query_type="locations", location_id="S001", select_properties=["air_temperature"])
    assert one == get("observations/locations/S001", {"parameter-name": "air_temperature"}).json()
    x, y = found["domain"]["axes"]["x"]["values"][3], found["domain"]["axes"]["y"]["values"][4]
    at = coverage.query(query_type="position", wkt=shapely.Point(x, y), datetime_=instant)
    assert at == get("heat/position", {"coords": f"POINT({x} {y})", "datetime": instant}).json()


def test_errors_are_pygeoapis(twin: Twin, edr: Edr, tmp_path) -> None:
    coverage = provider(twin, edr, "heat")
    with pytest.raises(ProviderItemNotFoundError):
        provider(twin, edr, "observations").query(query_type="locations", location_id="S999")
    with pytest.raises(ProviderNoDataError):
        coverage.query(query_type="position", wkt=shapely.Point(50, -60))
    for wkt in (None, shapely.LineString([(3, 43), (4, 44)])):
        with pytest.raises(ProviderInvalidQueryError):
            coverage.query(query_type="position", wkt=wkt)
    with opened(tmp_path / "small", values=10) as small:
        fill(small)
        other = Edr(small, BASE)
        with pytest.raises(ProviderRequestEntityTooLargeError):
            provider(small, other, "heat").query(query_type="cube", bbox=[-180, -90, 180, 90])
        other.close()
