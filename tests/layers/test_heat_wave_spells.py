"""Spells of hot days, each boundary of each definition by a series made by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.heat_waves.definitions import Ibm, Wave, definitions
from layers.heat_waves.spells import Spell, exceedances, three_day_mean, waves

NAN = float("nan")
#: The table as METHODS has it: minimum/maximum, then départements.
TABLE = """
17/33: 43; 18/31: 14,22,50; 18/32: 15; 18/33: 02,08,48,59,62,80,90;
18/34: 03,05,28,51,54,55,60,61,70,77,88; 18/35: 10; 19/32: 29,56; 19/33: 25,76;
19/34: 09,21,27,35,38,45,49,52,53,57,58,63,65,67,73,74; 19/35: 18,36,37,41,42,68,86,89; 19/36: 04,12,19;
20/33: 78; 20/34: 23,39,44,64,69,71,85,87; 20/35: 01,07,17,40,72,79,91,95; 20/36: 16,24,32,46,47;
21/31: 75,92,93,94; 21/35: 33; 21/36: 26,31,81,82,84; 22/35: 11,34; 23/33: 2A,2B; 23/35: 66,83; 23/36: 30;
24/31: 06; 24/35: 13
"""


def national(*values: float) -> list[tuple[int, int]]:
    rule = definitions().national
    found = waves(np.array(values), peak=rule.peak, stay=rule.stay, end=rule.end, days=rule.days)
    return [(spell.first, spell.last) for spell in found]


def sides(*values: float) -> list[tuple[bool, bool]]:
    found = waves(np.array(values), peak=25.3, stay=23.4, end=22.4, days=3)
    return [(spell.start_known, spell.end_known) for spell in found]


def test_the_table_is_that_of_the_methods() -> None:
    pairs = (entry.split(":") for entry in TABLE.replace("\n", " ").split(";"))
    expected = {pair.strip(): tuple(name.strip() for name in names.split(",")) for pair, names in pairs}
    rule = definitions().ibm
    assert rule.thresholds == expected
    everyone = [name for names in rule.thresholds.values() for name in names]
    # Metropolitan France: 01 to 95 without 20, and the two of Corsica.
    assert sorted(everyone) == sorted({f"{k:02d}" for k in range(1, 96) if k != 20} | {"2A", "2B"})
    assert rule.of("34") == (22.0, 35.0)
    assert rule.of("971") is None
    assert rule.of(None) is None
    assert rule.of("84") == (21.0, 36.0)
    assert any("84" in doubt for doubt in rule.doubts("84"))
    assert rule.doubts("34") == rule.check


def test_thresholds_carry_their_doubts() -> None:
    rule = definitions().national
    assert (rule.peak, rule.stay, rule.end, rule.days) == (25.3, 23.4, 22.4, 3)
    assert rule.check == ("stay", "end")
    local = definitions().local
    assert (local.peak, local.stay, local.end) == (99.5, 97.5, 95)


def test_a_definition_holds_over_its_interval_alone() -> None:
    rule = Wave.model_validate(
        {**definitions().national.model_dump(), "valid_from": "2024-02-29", "valid_to": "2024-03-01"}
    )
    days = np.arange("2024-02-28", "2024-03-02", dtype="M8[D]")
    assert np.isfinite(rule.held(days, np.ones(3))).tolist() == [False, True, False]
    always = Ibm.model_validate({**definitions().ibm.model_dump()})
    assert np.isfinite(always.held(days, np.ones(3))).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((20, 23.4, 25.3, 23.4, 20), [(1, 3)]),  # each threshold is reached by equality
        ((20, 23.4, 25.2, 23.4, 20), []),  # no peak
        ((20, 25.3, 23.4, 20), []),  # two days are too few
        ((20, 25.3, 23.4, 23.3, 23.4, 20), []),  # not three running
        ((20, 23.4, 23.4, 23.4, 23.3, 25.3, 20), [(1, 5)]),  # the peak may come after the three
        ((20, 24, 26, 24, 22.3, 24, 26, 24, 20), [(1, 3), (5, 7)]),  # one day below 22.4 ends it
        ((20, 24, 26, 24, 22.4, 24, 20), [(1, 5)]),  # one day at 22.4 does not
        ((20, 24, 26, 24, 23.3, 23.3, 24, 20), [(1, 3)]),  # two days below 23.4 do
        ((20, 24, 26, 24, 23.3, 24, 23.3, 24, 20), [(1, 7)]),  # twice one does not
        ((20, 24, 26, 24, 23.3, 20), [(1, 3)]),  # a mild day at the end is not of it
        ((23.3, 24, 26, 24, 20), [(1, 3)]),  # nor one at the start
        ((20, 26, 26, NAN, 26, 26, 20), []),  # what a missing day was is not guessed
        ((20, 26, 26, 26, NAN, 26, 26, 26, 20), [(1, 3), (5, 7)]),
        ((NAN, NAN), []),
        ((), []),
    ],
)
def test_national_boundaries(values: tuple[float, ...], expected: list[tuple[int, int]]) -> None:
    assert national(*values) == expected


def is_wave(values: list[float]) -> bool:
    """Whether days are one whole wave, by the words of the definition."""
    hot = [value >= 23.4 for value in values]
    return (
        hot[0]
        and hot[-1]
        and all(value >= 22.4 for value in values)
        and all(one or other for one, other in pairwise(hot))
        and any(all(hot[at : at + 3]) for at in range(len(hot) - 2))
        and max(values) >= 25.3
    )


@given(st.lists(st.sampled_from([22.3, 22.4, 23.3, 23.4, 25.2, 25.3, NAN]), max_size=24))
def test_waves_are_the_longest_spans_that_are_waves(values: list[float]) -> None:
    spans = [(first, last) for first in range(len(values)) for last in range(first, len(values))]
    whole = [(first, last) for first, last in spans if is_wave(values[first : last + 1])]

    def within(span: tuple[int, int], other: tuple[int, int]) -> bool:
        return span != other and other[0] <= span[0] and span[1] <= other[1]

    assert national(*values) == [span for span in whole if not any(within(span, other) for other in whole)]


def test_thresholds_are_reached_by_means_of_binary_fractions() -> None:
    """Whatever the last bit of a sum, 23.4 is reached by what makes 23.4."""
    below = np.nextafter(23.4, 0)
    assert national(20, below, 25.3, (16.9 + 29.9) / 2, 20) == [(1, 3)]
    assert (14.2 + 17.9 + 18.9) / 3 < 17, "or this tests nothing"
    assert three_day_mean(np.array([14.2, 17.9, 18.9]), "first")[0] == 17.0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((20, 24, 26, 24, 20), (True, True)),
        ((23.3, 23.3, 24, 26, 24, 23.3, 23.3), (True, True)),
        ((24, 26, 24, 20), (False, True)),  # the record starts in it
        ((23.3, 24, 26, 24, 20), (False, True)),  # the day before the record may have been of it
        ((22.3, 24, 26, 24, 20), (True, True)),
        ((20, 24, 26, 24), (True, False)),  # the record ends in it
        ((20, 24, 26, 24, 23.3), (True, False)),
        ((20, NAN, 24, 26, 24, NAN, 20), (False, False)),
        ((20, NAN, 23.3, 24, 26, 24, 23.3, NAN, 20), (False, False)),
    ],
)
def test_a_side_beside_what_is_not_known_is_not_known(values: tuple[float, ...], expected: tuple[bool, bool]) -> None:
    assert sides(*values) == [expected]


def test_three_day_means_and_their_alignment() -> None:
    values = np.array([21.0, 22, 23, NAN, 21, 22, 23])
    for alignment, day in (("first", 0), ("middle", 1), ("last", 2)):
        found = three_day_mean(values, alignment)  # type: ignore[arg-type]
        expected = np.full(7, NAN)
        expected[[day, day + 4]] = 22.0
        assert np.array_equal(found, expected, equal_nan=True)
    assert np.isnan(three_day_mean(np.array([30.0, 30.0]), "first")).all()


def test_both_indices_must_reach_their_thresholds() -> None:
    low = np.array([21.9, 22, 22, 22, 21.9, 22, 22])
    high = np.array([35, 34.9, 35, 35, 35, 35, 34.9])
    assert exceedances(low, high, 22, 35) == [Spell(2, 3, True, True), Spell(5, 5, True, True)]


def test_an_exceedance_beside_an_unknown_index_says_so() -> None:
    low = np.array([22, 22, NAN, 22, 22, NAN, 22])
    high = np.array([35, 35, 35, 35, 35, 20, 35])
    # Day 5 is below by its maximum alone: that is enough to know.
    assert exceedances(low, high, 22, 35) == [
        Spell(0, 1, False, False),
        Spell(3, 4, False, True),
        Spell(6, 6, True, False),
    ]
