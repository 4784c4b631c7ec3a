"""The buddy check against titanlib itself, and against cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from twin.quality.spatial import buddy_check, neighbours

LAPSE = -0.0065


@pytest.mark.parametrize(("radius", "difference", "threshold"), [(3000, 40, 2.0), (2000, None, 3.0), (4500, 80, 1.5)])
def test_it_flags_what_titanlib_flags(radius: float, difference: float | None, threshold: float) -> None:
    titanlib = pytest.importorskip("titanlib", reason="titanlib, the reference, is in the development group")
    rng = np.random.default_rng(4)
    n = 120
    place, altitude = rng.uniform(0, 10_000, (n, 2)).round(), rng.uniform(0, 120, n)
    effect = (LAPSE * altitude)[:, np.newaxis] if difference else 0.0
    near = neighbours(place, altitude, radius, difference)
    values = 20 + rng.normal(0, 1, (n, 12)) + LAPSE * altitude[:, np.newaxis]
    values[3], values[30, 2:], values[60, ::2], values[5, ::3] = 32, 33, 12, np.nan
    found = buddy_check(values, near, threshold=threshold, min_std=1.0, least=5, iterations=5, effect=effect).flagged
    x, y = place.T.tolist()
    points = titanlib.Points(y, x, altitude.tolist(), [0.0] * n, titanlib.Cartesian)
    for hour in range(values.shape[1]):
        # One minimum a point: with one for all, titanlib 0.4 looks for missing values in the first point alone.
        flags = titanlib.buddy_check(
            points, values[:, hour].tolist(), [radius], [5] * n, threshold, difference or -1, LAPSE, 1.0, 5
        )
        expected = (np.array(flags) == 1) & np.isfinite(values[:, hour])
        assert np.flatnonzero(found[:, hour]).tolist() == np.flatnonzero(expected).tolist()
    assert found.any()


def _line(values: list[float], **more: float) -> np.ndarray:
    """Check stations 100 m apart that all see each other."""
    place = np.c_[100.0 * np.arange(len(values)), np.zeros(len(values))]
    asked = {"threshold": 2.0, "min_std": 1.0, "least": 3, "iterations": 3, **more}
    near = neighbours(place, None, 10_000, None)
    return buddy_check(np.array(values)[:, np.newaxis], near, **asked).flagged[:, 0]


def test_by_hand() -> None:
    """Neighbours of 26 are 20, 21, 22, 21: mean 21, variance 0.5, sqrt(0.5 + 0.5 / 4) = 0.79 < 1: (26 - 21) / 1 = 5."""
    assert _line([20, 21, 22, 21, 26], threshold=4.9).tolist() == [False] * 4 + [True]
    assert not _line([20, 21, 22, 21, 26], threshold=5.0).any(), "at the threshold is not above it"
    assert not _line([20, 21, 26], threshold=1).any(), "two neighbours are fewer than three"
    assert not _line([20, np.nan, 21, 26, np.nan], threshold=1).any()


def test_what_a_wild_neighbour_hides_is_found_on_the_next_round() -> None:
    """Beside 60 the spread of its neighbours hides 26; without it 26 stands 5 above them."""
    values = [20.0, 21, 22, 21, 26, 60]
    assert np.flatnonzero(_line(values, iterations=1)).tolist() == [5]
    assert np.flatnonzero(_line(values, iterations=2)).tolist() == [4, 5]


def test_altitude_is_no_fault() -> None:
    """1,000 m up it is 6.5 K colder: flagged where altitude is left out, not where it counts."""
    altitude = np.array([0.0, 0, 0, 0, 1000])
    place = np.c_[np.arange(5.0), np.zeros(5)]
    values = 20 + LAPSE * altitude[:, np.newaxis]
    asked = {"threshold": 3.0, "min_std": 1.0, "least": 3, "iterations": 1}
    assert buddy_check(values, neighbours(place, None, 10, None), **asked).flagged[4, 0]
    effect = LAPSE * altitude[:, np.newaxis]
    assert not buddy_check(values, neighbours(place, altitude, 10, 2000), effect=effect, **asked).flagged.any()
    bounded = buddy_check(values, neighbours(place, altitude, 10, 200), effect=effect, **asked)
    assert bounded.count[:, 0].tolist() == [3, 3, 3, 3, 0], "the one far above has no neighbour, and is none"
    unknown = neighbours(place, np.array([0, 0, 0, 0, np.nan]), 10, 2000)
    assert unknown.sum() == 12
