"""The levels of CrowdQC+, each by the fault that it is for, and its robust scale by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.quality.crowd import LEVELS, CrowdParameters, crowd_levels, qn
from twin.quality.spatial import neighbours

HOURS = 240
DAYS = np.arange(HOURS) // 24
RNG = np.random.default_rng(8)
#: Thirty stations 300 m apart on a grid of 6 columns; a daily cycle, each with its own half degree and noise.
PLACE = np.array([(300.0 * (k % 6), 300.0 * (k // 6)) for k in range(30)])
CYCLE = 20 + 6 * np.sin(2 * np.pi * (np.arange(HOURS) - 9) / 24)
NETWORK = CYCLE + RNG.normal(0, 0.1, (30, 1)) + RNG.normal(0, 0.5, (30, HOURS))


def levels(values: np.ndarray, place: np.ndarray = PLACE, **parameters: object) -> np.ndarray:
    asked = CrowdParameters.model_validate({"low": 1e-6, "high": 1 - 1e-6, "alpha": 1e-6, **parameters})
    near = neighbours(place, None, asked.radius, None)
    return crowd_levels(values, place, near, DAYS, asked)


def failed(found: np.ndarray, station: int) -> str:
    """Return the level that most values of a station failed."""
    number = int(np.bincount(found[station]).argmax())
    return LEVELS[number - 1] if number else "none"


def test_qn_by_hand() -> None:
    """Differences of 1, 2, 4, 8: 1, 2, 3, 4, 6, 7; h = 3, k = 3: the third is 3; of four values the factor is 0.512."""
    assert qn(np.array([[1.0], [2], [4], [8]]))[0] == pytest.approx(3 * 2.2219 * 0.512)
    with_gaps = np.array([[1.0, np.nan], [np.nan, np.nan], [2, 5], [4, np.nan], [8, np.nan], [np.nan, np.nan]])
    assert qn(with_gaps) == pytest.approx([3 * 2.2219 * 0.512, np.nan], nan_ok=True)
    assert qn(np.array([[7.0]] * 5))[0] == 0


@given(st.lists(st.floats(-50, 50).map(lambda x: round(x, 3)), min_size=2, max_size=14))
def test_qn_is_the_order_statistic_of_all_pairs(values: list[float]) -> None:
    n = len(values)
    half = n // 2 + 1
    kth = sorted(abs(a - b) for a, b in itertools.combinations(values, 2))[half * (half - 1) // 2 - 1]
    small = [0.399, 0.994, 0.512, 0.844, 0.611, 0.857, 0.669, 0.872]
    factor = small[n - 2] if n < 10 else n / (n + (1.4 if n % 2 else 3.8))
    assert qn(np.array(values)[:, np.newaxis])[0] == pytest.approx(2.2219 * kth * factor)


def test_qn_of_the_normal_law_is_its_standard_deviation() -> None:
    sample = np.random.default_rng(1).normal(0, 3, (400, 20))
    assert qn(sample).mean() == pytest.approx(3, rel=0.02)


def test_a_sound_network_passes() -> None:
    assert not levels(NETWORK).any()


def test_m1_stations_at_one_place_are_nowhere() -> None:
    place = PLACE.copy()
    place[7] = place[21]
    found = levels(NETWORK, place)
    assert {k for k in range(30) if failed(found, k) == "m1"} == {7, 21}
    assert failed(levels(NETWORK, place, duplicates=2), 7) == "none"
    silent = NETWORK.copy()
    silent[21] = np.nan
    assert failed(levels(silent, place), 7) == "none", "a station that says nothing this month is no duplicate"


def test_m2_the_sun_on_a_shelter_is_in_the_upper_tail() -> None:
    values = NETWORK.copy()
    values[4, 14] += 15
    found = levels(values)
    assert LEVELS[int(found[4, 14]) - 1] == "m2"
    assert (found > 0).sum() == 1


def test_m2_by_hand_with_students_law() -> None:
    """Of 1, 2, 4, 8 and Qn 3.4128 the scores are -0.59, -0.29, 0.29, 1.47; with 3 degrees of freedom the upper
    95 % is 2.353 and 90 % is 1.638, 85 % is 1.250: only the last leaves 8 out."""
    values = np.array([[1.0], [2], [4], [8]])
    place = PLACE[:4]
    for high, flagged in ((0.95, []), (0.90, []), (0.85, [3])):
        asked = CrowdParameters(high=high, low=0.05, through="m2")
        found = crowd_levels(values, place, neighbours(place, None, 1, None), np.zeros(1, int), asked)
        assert np.flatnonzero(found[:, 0]).tolist() == flagged
    normal = CrowdParameters(high=0.95, low=0.05, through="m2", normal_from=4)  # 1.645 > 1.47
    assert not crowd_levels(values, place, neighbours(place, None, 1, None), np.zeros(1, int), normal).any()
    lower = CrowdParameters(high=0.92, low=0.05, through="m2", normal_from=4)  # 1.405 < 1.47
    assert crowd_levels(values, place, neighbours(place, None, 1, None), np.zeros(1, int), lower)[3, 0] == 2


@pytest.mark.parametrize(("many", "dropped"), [(48, False), (49, True)])
def test_m3_more_than_a_fifth_flagged_condemns_the_month(many: int, dropped: bool) -> None:
    values = NETWORK.copy()
    values[9, :many] += 15
    assert (failed(levels(values), 9) == "m3") is dropped
    values[9, -100:] = np.nan
    assert levels(values)[9, 60] == LEVELS.index("m3") + 1, "a gap is not counted as good"


def test_m4_indoors_does_not_follow_the_network() -> None:
    values = NETWORK.copy()
    values[2] = 22 + RNG.normal(0, 0.2, HOURS)
    found = levels(values, low=1e-12, high=1 - 1e-12, normal_from=2)
    assert failed(found, 2) in {"m3", "m4"}
    wide = NETWORK + RNG.normal(0, 4, (30, 1))
    wide[2] = 22 + RNG.normal(0, 0.2, HOURS)
    assert failed(levels(wide, alpha=1e-9), 2) == "m4"


def test_m5_unlike_its_neighbours_while_like_the_town() -> None:
    """Half of the town is 4 K warmer: a cold value among the warm ones is usual in town, and not there."""
    place = np.r_[PLACE[:15], PLACE[15:] + 50_000]
    values = NETWORK + np.where(np.arange(30) < 15, 4.0, 0.0)[:, np.newaxis]
    values[3, 12] = np.median(values[:15, 12]) - 4
    found = levels(values, place, alpha=1e-3)
    assert LEVELS[int(found[3, 12]) - 1] == "m5"
    assert (found > 0).mean() < 0.01


def test_m5_the_isolated_are_flagged_unless_kept() -> None:
    place = PLACE.copy()
    place[0] += 100_000
    assert failed(levels(NETWORK, place), 0) == "m5"
    assert failed(levels(NETWORK, place, keep_isolated=True), 0) == "none"
    assert failed(levels(NETWORK, place, through="m4"), 0) == "none"


def test_o2_and_o3_ask_for_complete_days_and_months() -> None:
    values = NETWORK.copy()
    values[6, 24:29] = np.nan  # 19 of 24 hours: 79 %
    values[8, 24:28] = np.nan  # 20 of 24: 83 %
    values[10, 60:] = np.nan
    found = levels(values, through="o3")
    second = slice(24, 48)
    known = np.isfinite(values)
    assert (found[6, second][known[6, second]] == LEVELS.index("o2") + 1).all()
    assert not found[6, 48:].any()
    assert not found[8].any()
    assert (found[10, :48] == LEVELS.index("o3") + 1).all()
    assert not levels(values).any(), "completeness is asked of by o2 and o3 alone"
