"""The tables of the index and of the standards, and years against their limits."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.air_quality.index import compute
from layers.air_quality.tables import Limit, index_table, standards
from layers.air_quality.years import judge, peak_season
from layers.air_quality.zones import greatest
from twin.observed_properties import known_properties

NAN = np.nan


@pytest.mark.parametrize(
    ("pollutant", "value", "expected"),
    [
        ("no2", 40.0, 1), ("no2", 40.001, 2), ("no2", 340.0, 5), ("no2", 340.1, 6),
        ("o3", 50.0, 1), ("o3", 100.0, 2), ("o3", 130.0, 3), ("o3", 240.0, 4), ("o3", 380.0, 5), ("o3", 381.0, 6),
        ("so2", 100.0, 1), ("so2", 750.5, 6),
        ("pm10", 20.0, 1), ("pm10", 20.4, 2), ("pm10", 50.0, 3), ("pm10", 150.0, 5),
        ("pm2_5", 10.0, 1), ("pm2_5", 25.0, 3), ("pm2_5", 75.1, 6),
        ("no2", -3.0, 1), ("no2", NAN, 0),
    ],
)  # fmt: skip
def test_bounds_are_inclusive_and_nothing_is_rounded(pollutant, value, expected):
    assert index_table().sub_index(pollutant, np.array([value])).tolist() == [expected]


def test_the_classes_have_the_colours_of_the_order():
    assert [each.colour for each in index_table().classes] == [
        "#DDDDDD", "#50F0E6", "#50CCAA", "#F0E641", "#FF5050", "#960032", "#872181", "#888888",
    ]  # fmt: skip


def test_the_index_applies_from_2021():
    assert [index_table().applies(date(*day)) for day in ((2020, 12, 31), (2021, 1, 1))] == [False, True]


@given(st.floats(-50, 2000), st.floats(-50, 2000), st.sampled_from(sorted(index_table().pollutants)))
def test_a_greater_value_has_no_lesser_class(one, other, pollutant):
    low, high = index_table().sub_index(pollutant, np.sort([one, other]))
    assert 1 <= low <= high <= 6


def test_the_worst_sub_index_is_the_index_and_a_required_one_may_not_lack():
    values = {"no2": np.array([[95.0, 20.0, 10.0]]), "o3": np.array([[60.0, NAN, 120.0]])}
    index, classes = compute(index_table(), values, ("no2", "o3"))
    assert index.tolist() == [[3, 0, 3]]  # no2 3 and o3 2; o3 lacks; no2 1 and o3 3
    assert classes["o3"].tolist() == [[2, 0, 3]]
    assert compute(index_table(), values, ("no2",))[0].tolist() == [[3, 1, 3]]
    assert compute(index_table(), values, ("no2", "pm10"))[0].tolist() == [[0, 0, 0]]


def test_the_greatest_of_each_zone():
    values = np.array([[1.0, NAN], [3.0, NAN], [2.0, 5.0]])
    found = greatest(np.array([0, 0, 2]), values, 3)
    assert np.array_equal(found, [[3, NAN], [NAN, NAN], [2, 5]], equal_nan=True)


# --- Years -----------------------------------------------------------------------------------------

PM10 = Limit(pollutant="pm10", statistic="daily_mean", value=50, allowed=35)
OZONE = Limit(pollutant="o3", statistic="daily_maximum_8h", value=120, allowed=25, years=3)


def year_of_days(year: int, values: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    dates = np.arange(f"{year}-01-01", f"{year + 1}-01-01", dtype="M8[D]")
    return dates, np.full(len(dates), values)


def test_every_limit_is_of_a_known_pollutant_and_every_standard_says_its_source():
    for standard in standards():
        assert standard.source
        assert {limit.pollutant for limit in standard.limits} <= set(known_properties())
    assert [s.name for s in standards() if s.applies(date(2026, 1, 1))] == ["who_2021", "eu_2008_50"]
    assert [s.name for s in standards() if s.applies(date(2030, 1, 1))] == ["who_2021", "eu_2024_2881"]


def test_days_above_the_limit_are_counted_and_a_day_at_it_is_not():
    dates, values = year_of_days(2026)
    values[:35], values[35] = 50.1, 50.0
    found = judge(PM10, 2026, dates, values)
    assert (found.count, found.allowed, found.value, found.status) == (35, 35, 50.0, "respected")
    values[35] = 50.1
    assert judge(PM10, 2026, dates, values).status == "exceeded"


def test_without_enough_data_a_year_has_no_verdict():
    dates, values = year_of_days(2024)  # 366 days: 90 % is 329.4
    values[:36] = NAN
    assert judge(PM10, 2024, dates, values).status == "respected"  # 330 days
    values[36] = NAN
    found = judge(PM10, 2024, dates, values)
    assert (found.status, found.capture) == ("insufficient", 329 / 366)
    values[37:80] = 99.0
    assert judge(PM10, 2024, dates, values).status == "insufficient"


def test_ozone_needs_its_summer_and_its_winter_and_averages_three_years():
    years = [year_of_days(year) for year in (2023, 2024, 2025)]
    for (_, values), count in zip(years, (40, 31, 13), strict=True):
        values[150 : 150 + count] = 121.0
    dates, values = (np.concatenate(part) for part in zip(*years, strict=True))
    found = judge(OZONE, 2025, dates, values)
    assert (found.count, found.years, found.status) == (28.0, 3, "exceeded")  # (40 + 31 + 13) / 3
    gap = (dates >= np.datetime64("2024-04-01")) & (dates < np.datetime64("2024-05-17"))  # 46 days of 183: 74.9 % left
    found = judge(OZONE, 2025, dates, np.where(gap, NAN, values))
    assert (found.count, found.years, found.status) == (26.5, 2, "exceeded")  # 2024 does not count: (40 + 13) / 2
    found = judge(OZONE, 2024, dates, np.where(gap, NAN, values))
    assert (found.status, found.capture) == ("insufficient", 137 / 183)


@pytest.mark.parametrize(("days", "allowed"), [(365, 3), (366, 3), (400, 4), (100, 1), (99, 0), (30, 0), (0, 0)])
def test_the_99th_percentile_leaves_three_days_of_a_year(days, allowed):
    limit = Limit(pollutant="pm10", statistic="daily_mean", value=45, percentile=99)
    assert limit.permitted(days) == allowed  # days - ceil(0.99 days)


def test_the_peak_season_is_the_six_months_with_the_highest_mean():
    dates, values = year_of_days(2025, 40.0)
    month = dates.astype("M8[M]").astype(int) % 12 + 1
    values[(month >= 4) & (month <= 9)] = 70.0
    assert peak_season(2025, dates, values) == 70.0
    assert np.isnan(peak_season(2025, dates[::2], values[::2]))  # half of the days: no season holds 75 %


def test_an_empty_year_has_no_value_and_no_verdict():
    dates, values = year_of_days(2025, NAN)
    for standard in standards():
        for limit in standard.limits:
            found = judge(limit, 2025, dates, values)
            assert (found.status, found.capture) == ("insufficient", 0)
            assert np.isnan(found.value)


def test_a_limit_that_counts_says_how_many_are_allowed():
    with pytest.raises(ValueError, match="a count has allowed or percentile, a mean neither"):
        Limit(pollutant="no2", statistic="hourly", value=200)
    with pytest.raises(ValueError, match="a count has allowed or percentile, a mean neither"):
        Limit(pollutant="no2", statistic="annual_mean", value=40, allowed=3)
