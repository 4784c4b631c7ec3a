"""The demo city is read as any other data, and nothing of it is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc
import pytest

from tests.demo.conftest import Written
from twin import demo, pipeline
from twin.app import open_twin
from twin.context import Twin
from twin.demo.truth import observation_rows, write_observations
from twin.pipeline import IngestReport
from twin.settings import Settings, StoreSettings
from twin.store import OPERATOR, FeatureQuery, ObservationQuery
from twin.tables import Quality
from twin.time import TimeSpan, parse_instant


@pytest.fixture(scope="module")
def ingested(city: Written, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Twin, list[IngestReport]]]:
    settings = Settings(store=StoreSettings(folder=tmp_path_factory.mktemp("var")))
    with open_twin(settings) as twin:
        yield twin, [pipeline.ingest(twin, manifest) for manifest in demo.manifests(city.folder)]


def test_every_object_and_every_value_arrives(city: Written, ingested: tuple[Twin, list[IngestReport]]):
    twin, reports = ingested
    truth = city.truth
    for name, count in truth["features"].items():
        assert twin.store.features.count(FeatureQuery(collection=name), OPERATOR) == count
    values = twin.store.observations.count(ObservationQuery(collection="observations"), OPERATOR)
    assert values == sum(truth["observations"].values()) == observation_rows(city.folder).num_rows
    streams = twin.store.features.count(FeatureQuery(collection="datastreams"), OPERATOR)
    assert streams == sum(truth["datastreams"].values())
    assert sum(report.quarantined for report in reports) == 0


@pytest.mark.parametrize("day", ["2012-01-01", "2026-07-01", "2026-07-15"])
def test_the_store_shows_the_city_as_it_stood(city: Written, ingested: tuple[Twin, list[IngestReport]], day: str):
    span = TimeSpan.at(parse_instant(f"{day}T00:00:00Z"))
    query = FeatureQuery(collection="buildings", time=span)
    assert ingested[0].store.features.count(query, OPERATOR) == city.truth["buildings_standing"][day]


def test_quality_control_finds_the_stuck_station_and_the_spikes(
    city: Written, ingested: tuple[Twin, list[IngestReport]]
):
    query = ObservationQuery(collection="observations", observed_properties=("air_temperature",), joined=True)
    table = ingested[0].store.observations.read(query, OPERATOR).read_all()
    flagged = table.filter(pc.not_equal(table["quality"], int(Quality.GOOD)))
    faults = city.truth["faults"]["weather"]
    (stuck,) = {fault["object_id"] for fault in faults if fault["kind"] == "stuck"}
    (spiky,) = {fault["object_id"] for fault in faults if fault["kind"] == "spike"}
    assert set(flagged["object_id"].to_pylist()) == {stuck, spiky}
    of_stuck = flagged.filter(pc.equal(flagged["object_id"], stuck))
    assert set(of_stuck["quality"].to_pylist()) == {int(Quality.PERSISTENCE)}
    assert of_stuck.num_rows == 72
    of_spiky = flagged.filter(pc.equal(flagged["object_id"], spiky))
    assert of_spiky.num_rows >= 12


def test_a_second_reading_changes_nothing(city: Written, ingested: tuple[Twin, list[IngestReport]]):
    twin = ingested[0]
    before = twin.store.catalogue.revision()
    assert all(pipeline.ingest(twin, manifest).run is None for manifest in demo.manifests(city.folder))
    assert twin.store.catalogue.revision() == before


@pytest.mark.parametrize(("name", "absent"), [("buildings", set()), ("stations", {"valid_to"})])
def test_the_truth_for_clients_has_the_fields_of_the_files(
    city: Written, ingested: tuple[Twin, list[IngestReport]], name: str, absent: set[str]
):
    truth = json.loads(Path(city.folder / "truth" / f"{name}.geojson").read_bytes())
    collection = ingested[0].store.catalogue.collection(name, OPERATOR)
    assert len(truth["features"]) == city.truth["features"][name]
    for feature in truth["features"]:
        assert set(feature["properties"]) == {field.name for field in collection.all_fields} - absent
    if name == "buildings":
        assert {feature["properties"]["public"] for feature in truth["features"]} == {0, 1}
    extent = collection.extent
    longitude, latitude = (
        truth["features"][0]["geometry"]["coordinates"][0][0]
        if name == "buildings"
        else truth["features"][0]["geometry"]["coordinates"]
    )
    assert extent.xmin <= longitude <= extent.xmax
    assert extent.ymin <= latitude <= extent.ymax


def test_observations_are_written_for_client_checks_when_asked(city: Written, tmp_path: Path):
    write_observations(city.folder, tmp_path / "observations.geojson")
    features = json.loads((tmp_path / "observations.geojson").read_bytes())["features"]
    assert len(features) == sum(city.truth["observations"].values())
    assert len({feature["id"] for feature in features}) == len(features)
    first = next(feature for feature in features if feature["id"].startswith("S001.air_temperature"))
    assert first["id"] == "S001.air_temperature@2026-07-01T00:00:00Z"
    assert first["geometry"]["type"] == "Point"
    assert isinstance(first["properties"]["result"], float)
