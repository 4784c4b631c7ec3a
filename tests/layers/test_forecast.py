"""Forecasts: models and skill against what can be worked out, no leak from the future, and the layer in a store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.forecast.method import LEADS, MODELS, Past, forecasts
from layers.forecast.parameters import Parameters
from layers.forecast.verification import Refusal, Verified, forecast
from tests.layers.layer_twin import Station, commit_stations, empty_twin
from twin import pipeline
from twin.context import Twin
from twin.demo.city import build
from twin.errors import BadInput, DoesNotApply
from twin.store import OPERATOR, FeatureQuery, ObservationQuery
from twin.tables import Quality

ASKED = Parameters()
HOURS = 24 * ASKED.record_days
CLOCK = np.arange(HOURS)
CLIMATOLOGY, REGRESSION = MODELS.index("climatology"), MODELS.index("regression")


def cycle(hours: int = HOURS) -> np.ndarray:
    """Return a diurnal cycle that ends with the hour of issue."""
    return 20 + 6 * np.sin(2 * np.pi * np.arange(-hours + 1, 1) / 24)


def weather(seed: int, hours: int = HOURS) -> np.ndarray:
    """Return a diurnal cycle on weather that lasts for days, with the noise of a thermometer."""
    rng = np.random.default_rng(seed)
    drift = np.zeros(hours)
    for hour in range(1, hours):
        drift[hour] = 0.99 * drift[hour - 1] + rng.normal(0, 0.4)
    return cycle(hours) + drift + rng.normal(0, 0.2, hours)


def run(*stations: np.ndarray, asked: Parameters = ASKED) -> Verified:
    """Forecast stations whose values end at the hour of issue."""
    hours = 24 * asked.record_days
    laid = np.full((len(stations), hours), np.nan)
    for row, values in zip(laid, stations, strict=True):
        kept = values[-hours:]
        row[hours - len(kept) :] = kept
    return forecast(laid, 0, asked)


def past_of(values: np.ndarray, completeness: float = 0.75) -> Past:
    return Past.of(values, 0, latest=2, days=7, completeness=completeness)


# --- The models ------------------------------------------------------------------------------------


def test_of_a_pure_cycle_the_climatology_is_exact() -> None:
    found = run(cycle())
    expected = 20 + 6 * np.sin(2 * np.pi * np.arange(1, LEADS + 1) / 24)
    np.testing.assert_allclose(found.values[0], expected, atol=1e-9)
    np.testing.assert_allclose(found.skill[0, :, CLIMATOLOGY], 1, atol=1e-9)
    assert (found.refusal == Refusal.NONE).all()


def test_where_nothing_beats_persistence_nothing_is_shown() -> None:
    """Of a random walk the last value is the best forecast; by chance a few of a hundred tests may say otherwise."""
    rng = np.random.default_rng(7)
    found = run(*rng.normal(0, 1, (50, HOURS)).cumsum(axis=1))
    assert (found.refusal == Refusal.SKILL).mean() > 0.95
    hidden = np.repeat(found.refusal == Refusal.SKILL, 6, axis=1)
    assert np.isnan(found.values[hidden]).all()
    assert (found.skill[:, :, CLIMATOLOGY] < 0).mean() > 0.9


def test_where_nothing_varies_there_is_nothing_to_gain() -> None:
    found = run(np.full(HOURS, 12.0))
    assert (found.refusal == Refusal.SKILL).all()
    assert np.isnan(found.skill).all()


def test_the_climatology_is_the_mean_of_the_same_hour_of_the_days_before() -> None:
    """Of seven days one missing is enough, two missing leave five of seven: less than 75 %."""
    values = weather(1, 24 * 9)[np.newaxis]
    last = values.shape[1] - 1
    values[0, last + 3 - 24 * 2] = np.nan
    values[0, [last + 4 - 24 * 3, last + 4 - 24 * 5]] = np.nan
    climatology = past_of(values).climatology[0, last + 1 :]
    days = values[0, last + 3 - 24 * np.arange(1, 8)]
    assert climatology[2] == pytest.approx(np.nanmean(days))
    assert np.isnan(climatology[3])


def test_persistence_is_the_last_value_within_two_hours() -> None:
    values = weather(2, 240)[np.newaxis]
    values[0, [100, 101, 102]] = np.nan
    level = past_of(values).level[0]
    assert level[100] == level[101] == values[0, 99]
    assert np.isnan(level[102])


def test_the_regression_is_that_of_a_plain_least_squares() -> None:
    """Written out hour by hour, for a lead of 5 hours."""
    values, lead = weather(3, 24 * 40), 5
    past = past_of(values[np.newaxis], completeness=1)
    origin, c = len(values) - 1, past.climatology[0]

    def row(target: int) -> list[float]:
        start = target - lead
        recent = np.mean(values[start - 23 : start + 1] - c[start - 23 : start + 1])
        angle = 2 * np.pi * (target % 24) / 24
        one_day = values[target - 24] - c[target]
        return [values[start] - c[start], recent, one_day, np.sin(angle), np.cos(angle), 1]

    targets = range(24 * 8 - 1 + lead, origin + 1)
    design = np.array([row(target) for target in targets])
    departure = np.array([values[target] - c[target] for target in targets])
    coefficients = np.linalg.lstsq(design, departure)[0]
    (made,) = forecasts(past, [np.array([origin])], training_hours=9999, least_hours=24)
    expected = c[origin + lead] + np.array(row(origin + lead)) @ coefficients
    assert made.values["regression"][0, 0, lead - 1] == pytest.approx(expected, abs=1e-6)


def test_the_last_day_of_the_demo_is_forecast_better_than_by_persistence() -> None:
    """Issued a day before the end of the record, against the true temperature that came."""
    true = build(0.02).measured["weather"].truth["air_temperature"]
    came, noise = true[:, -LEADS:], np.random.default_rng(0).normal(0, 0.2, true.shape)
    found = run(*(true + noise)[:, :-LEADS])
    known = np.isfinite(found.values)
    assert known.mean() > 0.5

    def error(values: np.ndarray) -> float:
        return float(np.sqrt(np.mean((values - came)[known] ** 2)))

    assert error(found.values) < 1.5
    assert error(found.values) < 0.5 * error(np.broadcast_to(true[:, [-LEADS - 1]], came.shape))


# --- What may be known -----------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.integers(24 * 15, 24 * 24), st.booleans())
@settings(max_examples=15, deadline=None)
def test_changing_the_future_changes_nothing(seed: int, origin: int, gone: bool) -> None:
    """Neither the climatology, nor what is fitted, nor the forecasts of a round, from its first origin on."""
    values = weather(seed, 24 * 26)[np.newaxis]
    other = values.copy()
    other[0, origin + 1 :] = np.nan if gone else np.random.default_rng(seed).normal(0, 50, values.shape[1] - origin - 1)
    asked = {"training_hours": 24 * 10, "least_hours": 24}
    one, same = (forecasts(past_of(each), [np.array([origin])], **asked)[0] for each in (values, other))
    for name in MODELS:
        np.testing.assert_array_equal(one.values[name], same.values[name])
        assert np.isfinite(one.values[name]).all()


def test_what_chooses_the_model_does_not_test_it() -> None:
    values = np.array([weather(seed) for seed in range(20)])
    other = values.copy()
    other[:, HOURS - 24 * ASKED.test_days :] += np.random.default_rng(0).normal(0, 5, (20, 24 * ASKED.test_days))
    one, same = forecast(values, 0, ASKED), forecast(other, 0, ASKED)
    np.testing.assert_array_equal(one.model, same.model)
    assert not np.array_equal(one.skill, same.skill)
    assert {CLIMATOLOGY, REGRESSION} >= set(one.model.ravel().tolist())


def test_the_skill_is_measured_on_the_held_out_days_at_the_hour_of_issue() -> None:
    """Of the climatology, whose forecasts can be written by hand: last seven days, leads of 7 to 12 hours."""
    values = weather(5)
    found = run(values)
    issue, ours, persistence = HOURS - 1, [], []
    for day in range(ASKED.test_days, 0, -1):
        origin = issue - 24 * day
        for lead in range(7, 13):
            target = origin + lead
            ours.append(np.mean(values[target - 24 * np.arange(1, 8)]) - values[target])
            persistence.append(values[origin] - values[target])
    expected = 1 - np.mean(np.square(ours)) / np.mean(np.square(persistence))
    assert found.skill[0, 1, CLIMATOLOGY] == pytest.approx(expected)
    assert found.rmse[0, 1, CLIMATOLOGY] == pytest.approx(np.sqrt(np.mean(np.square(ours))))
    assert found.test_days[0, 1] == ASKED.test_days


@given(st.integers(0, 1000), st.floats(-30, 30), st.floats(0.5, 3))
@settings(max_examples=8, deadline=None)
def test_the_zero_and_the_unit_of_the_thermometer_do_not_matter(seed: int, zero: float, scale: float) -> None:
    values = weather(seed, 24 * 45)
    one, other = run(values), run(zero + scale * values)
    np.testing.assert_allclose(other.values, zero + scale * one.values, atol=1e-5)
    np.testing.assert_allclose(other.skill, one.skill, atol=1e-5)


def test_a_station_is_forecast_the_same_alone() -> None:
    values = [weather(seed) for seed in range(4)]
    together = run(*values)
    for row, alone in enumerate(map(run, values)):
        np.testing.assert_allclose(together.values[row], alone.values[0], atol=1e-9)


# --- Refusals --------------------------------------------------------------------------------------


def test_what_cannot_be_forecast_says_why() -> None:
    silent, gaps, odd = weather(1), weather(2), weather(3)
    silent[-3:] = np.nan
    gaps[-24 * 6 : -6] = np.nan
    # Its regression has skill, and lacks the mean of the last day.
    odd[-23:-3] = np.nan
    short = weather(4, 24 * ASKED.least_record_days - 1)
    found = run(silent, gaps, short, odd, np.full(HOURS, np.nan), weather(5))
    told = [Refusal(int(code)).name for code in found.refusal[:, 1]]
    assert told == ["SILENT", "GAPS", "SHORT", "INPUTS", "SILENT", "NONE"]
    assert np.isnan(found.values[[0, 1, 2, 4], 6:12]).all()


def test_a_record_of_the_least_length_is_enough() -> None:
    found = run(weather(4, 24 * ASKED.least_record_days))
    assert Refusal.SHORT not in found.refusal
    assert Refusal.GAPS not in found.refusal


# --- The layer -------------------------------------------------------------------------------------

START = "2026-07-01T00:00"
DAYS = 30


def stations() -> list[Station]:
    hours = 24 * DAYS
    silent = weather(2, hours)
    silent[-30:] = np.nan
    wild = weather(3, hours)
    wild[-1] = 60.0
    walk = 15 + np.random.default_rng(3).normal(0, 1, hours).cumsum()
    return [
        Station("S1", "urban", 30.0, weather(1, hours)),
        Station("S2", "rural", 30.0, silent),
        Station("S3", "rural", 30.0, wild, {hours - 1: int(Quality.RANGE)}),
        Station("S4", "rural", 30.0, walk),
        Station("S5", "rural", 30.0, np.r_[np.full(24 * 10, np.nan), weather(5, 24 * (DAYS - 10))]),
    ]


def shown(twin: Twin) -> dict[str, dict[datetime, float]]:
    table = twin.store.observations.read(ObservationQuery(collection="air_temperature_forecast"), OPERATOR).read_all()
    found: dict[str, dict[datetime, float]] = {}
    for row in table.to_pylist():
        found.setdefault(row["datastream"], {})[row["phenomenon_time"]] = row["result"]
        assert row["result_time"] == datetime(2026, 7, 30, 23, tzinfo=UTC)
    return found


def test_the_next_day_is_forecast_where_it_can_be(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, stations(), START)
        report = pipeline.derive(twin, "forecast", {})
        assert set(report.changed) == {"air_temperature_forecast", "air_temperature_forecast_skill", "datastreams"}
        found = shown(twin)
        assert "S1.air_temperature_forecast" in found
        assert min(found["S1.air_temperature_forecast"]) == datetime(2026, 7, 31, 0, tzinfo=UTC)
        assert max(found["S1.air_temperature_forecast"]) <= datetime(2026, 7, 31, 23, tzinfo=UTC)
        assert not {"S2", "S4", "S5"} & {name.split(".")[0] for name in found}
        # 60 °C is flagged: what follows from it is not shown.
        assert max(found["S3.air_temperature_forecast"].values()) < 40
        rows = twin.store.features.read(FeatureQuery(collection="air_temperature_forecast_skill"), OPERATOR).read_all()
        told = {row["id"]: row for row in rows.to_pylist()}
        assert len(told) == 5 * 4
        first = told["S1.7-12"]
        assert (first["first_lead"], first["last_lead"], first["shown"], first["reason_fr"]) == (7, 12, 6, None)
        assert first["model"] in {"climatology", "regression"}
        assert first["skill"] == first[f"skill_{first['model']}"] > 0
        assert first["rmse_persistence"] > first[f"rmse_{first['model']}"]
        assert told["S2.1-6"]["reason_en"] == "silent station: no good value in the 2 h before the issue"
        assert told["S4.1-6"]["reason_fr"] == "pas meilleure que la persistance, à 95 % de confiance"
        assert told["S5.1-6"]["reason_en"] == "record too short: it takes 27 days"
        assert {row["shown"] for name, row in told.items() if name[:2] in {"S2", "S4", "S5"}} == {0}
        measured = twin.store.catalogue.collection("observations", OPERATOR)
        assert measured.temporal is not None
        assert measured.temporal[1] == datetime(2026, 7, 30, 23, tzinfo=UTC)
        ahead = twin.store.catalogue.collection("air_temperature_forecast", OPERATOR)
        assert ahead.temporal is not None
        assert ahead.temporal[0] == datetime(2026, 7, 31, 0, tzinfo=UTC)


def test_an_hour_later_the_forecast_is_that_of_the_new_hour(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        values = weather(1, 24 * DAYS)
        commit_stations(twin, [Station("S1", "urban", 30.0, values[:-3])], START)
        pipeline.derive(twin, "forecast", {})
        commit_stations(twin, [Station("S1", "urban", 30.0, values)], START)
        pipeline.derive(twin, "forecast", {})
        assert min(shown(twin)["S1.air_temperature_forecast"]) >= datetime(2026, 7, 31, 0, tzinfo=UTC)
        ahead = twin.store.catalogue.collection("air_temperature_forecast", OPERATOR)
        assert ahead.temporal is not None
        assert ahead.temporal[0] >= datetime(2026, 7, 31, 0, tzinfo=UTC)


def test_where_none_can_be_forecast_the_reasons_stay(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_stations(twin, [Station("S1", "urban", 30.0, weather(1, 100))], START)
        pipeline.derive(twin, "forecast", {})
        ahead = twin.store.catalogue.collection("air_temperature_forecast", OPERATOR)
        assert (ahead.count, ahead.temporal) == (0, None)
        rows = twin.store.features.read(FeatureQuery(collection="air_temperature_forecast_skill"), OPERATOR).read_all()
        assert set(rows["reason_en"].to_pylist()) == {"record too short: it takes 27 days"}


def test_bad_parameters_are_named(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        with pytest.raises(BadInput, match="bands"):
            pipeline.derive(twin, "forecast", {"bands": [12, 6]})
        with pytest.raises(BadInput, match="bands"):
            pipeline.derive(twin, "forecast", {"bands": [12, 36]})
        with pytest.raises(DoesNotApply, match="There is no collection observations"):
            pipeline.derive(twin, "forecast", {})
