"""Days, running means and daily statistics: boundaries, daylight saving, completeness, and what always holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.air_quality.statistics import Days, completeness, daily, local_dates, running_mean

NAN = np.nan


def days_of(first: str, last: str, zone: str = "UTC") -> Days:
    """Return the days of the hours that end from 01:00 of `first` to 24:00 of `last`."""
    end = np.datetime64(last, "h") + np.timedelta64(24, "h")
    return Days.over(np.datetime64(first, "h") + np.timedelta64(1, "h"), end, zone)


def test_an_hour_belongs_to_the_day_on_which_it_ends():
    days = days_of("2018-12-31", "2018-12-31")
    assert days.hours[[0, -1]].tolist() == np.array(["2018-12-31T01", "2019-01-01T00"], "M8[h]").tolist()
    assert days.dates.tolist() == np.array(["2018-12-31"], "M8[D]").tolist()
    assert days.starts[0] == np.datetime64("2018-12-31T00")


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("2024-03-31", 23),  # clocks go forward
        ("2024-10-27", 25),  # and back
        ("2024-02-29", 24),
    ],
)
def test_a_day_of_paris_has_the_hours_of_its_clocks(day, hours):
    days = Days.over(np.datetime64(day, "h"), np.datetime64(day, "h") + np.timedelta64(48, "h"), "Europe/Paris")
    assert days.length[days.dates == np.datetime64(day)].tolist() == [hours]
    assert days.length.sum() == len(days.hours)
    year = Days.over(np.datetime64("2024-01-01T12"), np.datetime64("2024-12-31T12"), "Europe/Paris")
    assert (len(year.dates), len(year.hours)) == (366, 366 * 24)


def test_eighteen_hours_make_a_day_and_seventeen_do_not():
    days = days_of("2026-07-01", "2026-07-02")
    values = np.full((1, 48), 10.0)
    values[0, 5] = 34.0
    values[0, 18:24] = NAN  # 18 hours: (17 x 10 + 34) / 18 = 204 / 18
    values[0, 24:31] = NAN  # 17 hours
    found = daily(values, days)
    assert found["daily_mean"][0].tolist() == [pytest.approx(204 / 18, abs=1e-9), pytest.approx(NAN, nan_ok=True)]
    assert found["daily_maximum"][0, 0] == 34.0
    assert np.isnan(found["daily_maximum"][0, 1])
    assert completeness(values, days)[0].tolist() == [18 / 24, 17 / 24]


def test_a_day_of_25_hours_needs_19():
    days = Days.over(np.datetime64("2024-10-27T12"), np.datetime64("2024-10-27T12"), "Europe/Paris")
    values = np.full((1, 25), 7.0)
    values[0, :6] = NAN
    assert daily(values, days)["daily_mean"][0, 0] == 7.0  # 19 / 25 = 76 %
    values[0, 6] = NAN
    assert np.isnan(daily(values, days)["daily_mean"][0, 0])  # 18 / 25 = 72 %


def test_six_hours_of_eight_make_a_running_mean_which_ends_with_its_hour():
    values = np.array([[8.0, NAN, NAN, 2.0, 2.0, 2.0, 2.0, 8.0, NAN, 2.0]])
    found = running_mean(values)[0]
    assert np.isnan(found[:7]).all()  # at most five of eight
    assert found[7] == 4.0  # (8 + 2 + 2 + 2 + 2 + 8) / 6 = 24 / 6
    assert np.isnan(found[8])  # 2 + 2 + 2 + 2 + 8: five
    assert found[9] == 3.0  # (2 + 2 + 2 + 2 + 8 + 2) / 6 = 18 / 6


def test_the_first_running_mean_of_a_day_starts_on_the_eve():
    days = days_of("2026-07-01", "2026-07-02")
    values = np.zeros((1, 48))
    values[0, 17:24] = 80.0  # the seven hours before midnight: the mean that ends at 01:00 is 7 x 80 / 8
    assert daily(values, days)["daily_maximum_8h"][0].tolist() == [70.0, 70.0]


def test_negative_values_stay_in_means():
    values = np.array([[-2.0] * 12 + [4.0] * 12])
    assert daily(values, days_of("2026-07-01", "2026-07-01"))["daily_mean"][0, 0] == 1.0  # (12 x 4 - 12 x 2) / 24


def test_a_mean_equal_to_a_bound_is_not_above_it():
    values = np.array([[49.9, 50.1] * 12])  # 1,200 / 24, which binary fractions miss by 1e-14
    assert daily(values, days_of("2026-07-01", "2026-07-01"))["daily_mean"][0, 0] == 50.0


@given(
    st.lists(st.one_of(st.just(NAN), st.floats(-20, 900)), min_size=72, max_size=72),
    st.sampled_from(["UTC", "Europe/Paris", "Indian/Reunion", "America/Cayenne"]),
)
def test_what_always_holds(values, zone):
    days = Days.over(np.datetime64("2026-03-28T05"), np.datetime64("2026-03-31T04"), zone)
    series = np.full((1, len(days.hours)), NAN)
    series[0, 4 : 4 + 72] = values
    found, share = daily(series, days), completeness(series, days)
    assert np.array_equal(local_dates(days.hours, zone)[days.first], days.dates)
    assert ((share >= 0) & (share <= 1)).all()
    for values_ in found.values():
        assert values_.shape == (1, len(days.dates))
    known = np.isfinite(found["daily_mean"])
    assert np.array_equal(known, share >= 0.75)
    assert (found["daily_mean"][known] <= found["daily_maximum"][known] + 1e-9).all()
    eight = np.isfinite(found["daily_maximum_8h"])
    assert found["daily_maximum_8h"][eight] <= np.nanmax(series) + 1e-9 if eight.any() else True
