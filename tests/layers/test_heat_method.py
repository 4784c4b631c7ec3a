"""The arithmetic of heat at stations, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from layers.heat_island import Parameters, method
from layers.heat_island.method import Window, altitude_effect, extreme, mean_of_reference, thresholds
from layers.hours import nearest_hour


def hours(text: str, count: int) -> np.ndarray:
    return np.datetime64(text, "h") + np.arange(count)


def day_of(window: Window, instant: str) -> str | None:
    """The day to which an hour belongs, found by lighting that hour alone."""
    lit = np.full((1, 96), np.nan)
    first = np.datetime64("2026-07-09T00", "h")
    lit[0, int((np.datetime64(instant, "h") - first).astype(int))] = 1.0
    days, blocks = window.split(lit, first)
    found = np.flatnonzero(np.isfinite(blocks[0]).any(axis=1))
    return str(days[found[0]]) if found.size else None


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-07-10T18", "2026-07-10"),
        ("2026-07-10T19", "2026-07-11"),
        ("2026-07-10T23", "2026-07-11"),
        ("2026-07-11T00", "2026-07-11"),
        ("2026-07-11T18", "2026-07-11"),
        ("2026-07-11T19", "2026-07-12"),
    ],
)
def test_the_day_of_the_minimum_ends_at_18_utc(instant: str, day: str) -> None:
    assert day_of(Window.after(18, eve=True), instant) == day


@pytest.mark.parametrize(
    ("instant", "day"),
    [("2026-07-11T06", "2026-07-10"), ("2026-07-11T07", "2026-07-11"), ("2026-07-12T06", "2026-07-11")],
)
def test_the_day_of_the_maximum_starts_at_06_utc(instant: str, day: str) -> None:
    assert day_of(Window.after(6, eve=False), instant) == day


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-07-10T17", None),
        ("2026-07-10T18", "2026-07-11"),
        ("2026-07-11T06", "2026-07-11"),
        ("2026-07-11T07", None),
    ],
)
def test_the_night_is_of_the_morning_it_ends_on(instant: str, day: str | None) -> None:
    assert day_of(Window.night(18, 6), instant) == day
    assert Window.night(18, 6).length == 13


def test_a_boundary_at_the_end_of_the_day_is_the_civil_day() -> None:
    assert day_of(Window.after(23, eve=True), "2026-07-10T23") == "2026-07-10"
    assert day_of(Window.after(23, eve=True), "2026-07-11T00") == "2026-07-11"


def test_split_pads_what_is_not_known() -> None:
    days, blocks = Window.after(18, eve=True).split(np.arange(30.0).reshape(1, 30), np.datetime64("2026-07-10T17", "h"))
    assert days.astype(str).tolist() == ["2026-07-10", "2026-07-11", "2026-07-12"]
    assert np.nan_to_num(blocks[0, 0], nan=-1).tolist() == [-1] * 22 + [0, 1]
    assert blocks[0, 1].tolist() == list(range(2, 26))
    assert np.isnan(blocks[0, 2, 4:]).all()


def test_an_extreme_of_too_few_hours_is_not_known() -> None:
    block = np.arange(24.0).reshape(1, 1, 24)
    block[0, 0, :6] = np.nan
    assert extreme(block, "minimum", 0.75)[0].tolist() == [[6.0]]
    assert extreme(block, "minimum", 0.75)[1].tolist() == [[75.0]]
    block[0, 0, 6] = np.nan
    assert np.isnan(extreme(block, "minimum", 0.75)[0]).all()
    assert extreme(block, "maximum", 0.5)[0].tolist() == [[23.0]]


def test_altitude_cools_at_the_lapse_rate() -> None:
    altitude = np.array([0.0, 200.0, np.nan])
    assert altitude_effect(altitude, -0.0065)[:2].tolist() == [[0.0], [-1.3]]
    assert np.isnan(altitude_effect(altitude, -0.0065)[2])
    assert altitude_effect(altitude, None).tolist() == [[0.0]] * 3


def test_the_reference_needs_its_share_of_stations() -> None:
    nan = np.nan
    temperature = np.array([[1.0, 1.0, nan, nan], [3.0, nan, nan, nan], [5.0, 5.0, 5.0, nan]])
    assert mean_of_reference(temperature, 0.5)[:2].tolist() == [3.0, 3.0]
    assert np.isnan(mean_of_reference(temperature, 0.5)[2:]).all()
    assert mean_of_reference(temperature, 0.0)[2] == 5.0
    assert np.isnan(mean_of_reference(temperature, 0.0)[3])


def test_the_nearest_hour() -> None:
    times = np.array(["2026-07-10T11:29:59", "2026-07-10T11:30", "2026-07-10T12:00", "2026-07-10T23:45"], "M8[us]")
    assert nearest_hour(times).astype(str).tolist() == [
        "2026-07-10T11",
        "2026-07-10T12",
        "2026-07-10T12",
        "2026-07-11T00",
    ]


def test_thresholds_are_data() -> None:
    assert {name: (index.of, index.at_least) for name, index in thresholds().items()} == {
        "tropical_nights": ("tmin", 20),
        "warm_days": ("tmax", 25),
        "hot_days": ("tmax", 30),
        "very_hot_days": ("tmax", 35),
    }


def test_mean_of_what_is_known() -> None:
    mean, count = method.mean_known(np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]]))
    assert (mean[0], count.tolist()) == (2.0, [2, 0])
    assert np.isnan(mean[1])


def test_parameters_are_checked() -> None:
    with pytest.raises(ValueError, match="less than or equal to 23"):
        Parameters(night=(18, 24))
    with pytest.raises(ValueError, match="Extra inputs"):
        Parameters.model_validate({"refrence": "S001"})
    assert Parameters.model_validate({"reference": ["S001", "S002"]}).reference == ("S001", "S002")
    assert Parameters.model_validate({"reference": {"environment": "park"}}).reference == {"environment": "park"}
