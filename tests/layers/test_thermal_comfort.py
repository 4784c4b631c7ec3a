"""Thermal comfort: the index against published values, and what stations that lack something say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import shapely

from layers.thermal_comfort import method
from tests.layers.layer_twin import STAMP, STATION_FIELDS, collection, commit_features, empty_twin, instants
from twin import pipeline
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Kind
from twin.observed_properties import known_properties
from twin.store import OPERATOR, FeatureQuery, ObservationQuery
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, datastream_id, feature_schema
from twin.testing.samples import put_series

START = np.datetime64("2026-07-15T00", "us")


def commit(twin: Twin, measured: Mapping[str, Mapping[str, list[float]]]) -> None:
    """Commit stations and what each measures, by property, hour after hour."""
    ids = list(measured)
    points = [shapely.Point(770_000 + 1000 * i, 6_280_000).wkb for i in range(len(ids))]
    never = {"valid_from": pa.nulls(len(ids), STAMP), "valid_to": pa.nulls(len(ids), STAMP), "geometry": points}
    stations = {"id": ids, **never, "name": ids, "altitude": [0.0] * len(ids), "environment": [""] * len(ids)}
    commit_features(twin, "stations", STATION_FIELDS, stations, "Point")
    pairs = [(station, name) for station, properties in measured.items() for name in properties]
    observed = known_properties()
    streams = {
        "id": [datastream_id(*pair) for pair in pairs],
        "valid_from": pa.nulls(len(pairs), STAMP),
        "valid_to": pa.nulls(len(pairs), STAMP),
        "geometry": [points[ids.index(station)] for station, _ in pairs],
        "name": [" ".join(pair) for pair in pairs],
        "timeseries": ["observations"] * len(pairs),
        "object_collection": ["stations"] * len(pairs),
        "object_id": [station for station, _ in pairs],
        "observed_property": [name for _, name in pairs],
        "unit": [observed[name].unit for _, name in pairs],
    }
    rows = [
        (datastream_id(station, name), START + np.timedelta64(hour, "h"), value)
        for station, name in pairs
        for hour, value in enumerate(measured[station][name])
    ]
    times = instants(np.array([time for _, time, _ in rows], "M8[us]"))
    put_series(
        twin.store,
        pa.table(
            {
                "datastream": [stream for stream, _, _ in rows],
                "phenomenon_time": times,
                "result_time": times,
                "result": [value for _, _, value in rows],
                "result_text": pa.nulls(len(rows), pa.string()),
                "quality": pa.array(np.zeros(len(rows), np.uint8)),
                "quality_reason": pa.nulls(len(rows), pa.string()),
            },
            schema=OBSERVATION_SCHEMA,
        ),
        datastreams=pa.table(streams, schema=feature_schema(DATASTREAM_FIELDS)),
        collection=collection(
            "observations", Kind.TIMESERIES, observed_properties=tuple(observed[name] for name in {n for _, n in pairs})
        ),
    )


def complete(**change: list[float]) -> dict[str, list[float]]:
    return {
        "air_temperature": [25.0, 27.0, 27.0],
        "relative_humidity": [50.0, 50.0, 50.0],
        "wind_speed": [1.0, 1.0, 0.2],
        "mean_radiant_temperature": [25.0, 22.0, 22.0],
    } | change


# --- The method ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("air", "radiant", "wind", "humidity", "expected"),
    [
        (25, 25, 1, 50, 24.6),
        (19, 24, 1, 50, 20.0),
        (19, 14, 1, 50, 16.8),
        (27, 22, 1, 50, 25.5),
        (27, 22, 10, 50, 20.0),
        (27, 22, 16, 50, 15.8),
        (40, 25, 1, 50, 40.4),
        (20, 25, 2.94, 50, 17.9),
        (20, 20, 3, 50, 16.24),
        (30, 30, 0.5, 90, 35.51),
    ],
)
def test_published_values(air: float, radiant: float, wind: float, humidity: float, expected: float) -> None:
    """To a tenth of a degree: the validation table of pythermalcomfort, then values of utci.org and of Ladybug."""
    found = method.utci(*(np.array([float(value)]) for value in (air, radiant, wind, humidity)))
    assert found[0] == pytest.approx(expected, abs=0.1)


def test_in_the_reference_environment_the_index_is_the_air_temperature() -> None:
    """Its definition (Bröde et al. 2012): radiant as air, 0.5 m/s, 50 %; the polynomial errs by 1.1 K (their RMSE)."""
    air = np.arange(-20.0, 29.0)
    error = method.utci(air, air, np.full(len(air), 0.5), np.full(len(air), 50.0)) - air
    assert np.sqrt((error**2).mean()) < 1.1


@pytest.mark.parametrize(
    "change", [{"wind": 0.4}, {"wind": 17.5}, {"radiant": 100.0}, {"air": 51.0}, {"humidity": np.nan}]
)
def test_outside_of_its_domain_there_is_no_index(change: dict[str, float]) -> None:
    values = {"air": 25.0, "radiant": 30.0, "wind": 2.0, "humidity": 50.0} | change
    assert np.isnan(method.utci(**{name: np.array([value]) for name, value in values.items()})[0])


def test_wind_is_brought_to_ten_metres() -> None:
    """ln(10 / 0.01) / ln(2 / 0.01) = 6.908 / 5.298."""
    assert method.wind_at_ten_metres(np.array([2.0]), 2.0)[0] == pytest.approx(2 * 6.907755 / 5.298317)
    assert method.wind_at_ten_metres(np.array([3.0]), 10.0)[0] == 3.0


def test_a_globe_shows_the_radiation_by_iso_7726() -> None:
    """Its annex B: 55 °C for a globe of 0.15 m in air at 30 °C and 0.3 m/s; forced convection wins.

    h = max(1.4 (25 / 0.15)^0.25, 6.3 0.3^0.6 / 0.15^0.4) = max(5.03, 6.53); T^4 = 328.15^4 + h 25 / (0.95 sigma).
    """
    forced = 6.3 * 0.3**0.6 / 0.15**0.4
    fourth = 328.15**4 + forced * 25 / (0.95 * 5.67e-8)
    found = method.radiant_from_globe(np.array([55.0]), np.array([30.0]), np.array([0.3]), 0.15, 0.95)
    assert found[0] == pytest.approx(fourth**0.25 - 273.15, abs=0.01)


def test_categories_include_their_upper_bound() -> None:
    found = method.hours_of_stress(np.array([[46.1, 46.0, 38.0, 26.0, 9.0, np.nan, -40.0, -40.1]]))
    told = {name: int(count[0]) for name, count in found.items() if count[0]}
    assert told == {
        "extreme_heat": 1, "very_strong_heat": 1, "strong_heat": 1, "no_stress": 1, "slight_cold": 1, "extreme_cold": 2,
    }  # fmt: skip


# --- The layer -------------------------------------------------------------------------------------


def test_where_all_is_measured_there_is_an_index_and_elsewhere_what_is_missing(tmp_path: Path) -> None:
    globe = complete(globe_temperature=[25.0, 22.0, 22.0])
    del globe["mean_radiant_temperature"]
    calm = complete()
    del calm["wind_speed"]
    with empty_twin(tmp_path) as twin:
        commit(twin, {"S1": complete(), "S2": globe, "S3": calm, "S4": {"air_temperature": [20.0] * 3}})
        report = pipeline.derive(twin, "thermal_comfort", {})
        assert set(report.changed) == {"datastreams", "thermal_comfort", "thermal_comfort_stations"}
        table = twin.store.observations.read(ObservationQuery(collection="thermal_comfort"), OPERATOR).read_all()
        by_station: dict[str, list[float]] = {}
        for stream, value in zip(table["datastream"].to_pylist(), table["result"].to_pylist(), strict=True):
            by_station.setdefault(stream, []).append(value)
        # A wind of 0.2 m/s is outside of the domain: two hours of three.
        assert by_station["S1.utci"] == pytest.approx([24.6, 25.5], abs=0.1)
        assert len(by_station["S2.utci"]) == 2
        assert by_station["S2.utci"][0] == pytest.approx(24.6, abs=0.05)  # the globe at air temperature: no radiation
        assert by_station["S2.utci"][1] < 25.5  # a globe at 22 in air at 27 shows surroundings colder than 22
        assert set(by_station) == {"S1.utci", "S2.utci"}
        rows = twin.store.features.read(FeatureQuery(collection="thermal_comfort_stations"), OPERATOR).read_all()
        told = {row["id"]: row for row in rows.to_pylist()}
        assert [told[name]["available"] for name in ("S1", "S2", "S3", "S4")] == [True, True, False, False]
        assert (told["S1"]["hours"], told["S1"]["hours_outside"], told["S1"]["hours_no_stress"]) == (2, 1, 2)
        assert told["S3"]["missing_fr"] == "la vitesse du vent"
        assert told["S3"]["hours"] is None
        assert told["S4"]["missing_en"] == ("relative humidity, wind speed, mean radiant or black globe temperature")


def test_when_no_station_measures_all_the_layer_says_what_is_missing(tmp_path: Path) -> None:
    dark = complete()
    del dark["mean_radiant_temperature"]
    with empty_twin(tmp_path) as twin:
        commit(twin, {"S1": dark, "S2": {"air_temperature": [20.0]}})
        with pytest.raises(DoesNotApply, match="at best mean radiant or black globe temperature is missing"):
            pipeline.derive(twin, "thermal_comfort", {})
