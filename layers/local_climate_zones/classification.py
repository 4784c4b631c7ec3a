"""From indicators of morphology to local climate zones: pure functions over arrays of any one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layers.local_climate_zones.zones import Range, Table

type Floats = NDArray[np.float64]

#: What must be known of a place to tell its zone.
NEEDED = (
    "built_fraction",
    "mean_height",
    "aspect_ratio",
    "sky_view_factor",
    "roughness_length",
    "sealed_fraction",
    "bare_fraction",
    "vegetation_fraction",
    "tree_fraction",
    "shrub_fraction",
    "water_fraction",
)
#: What may be known beside: without uses, large low-rise and heavy industry are not told apart.
USES = ("residential_share", "activity_share", "heavy_industry_share")


@dataclass(frozen=True)
class Classes:
    """Codes of zones, arrays of one shape: the place of each in the codes of the table, -1 where none.

    ``second`` is the next nearest, ``distance`` that of the first, ``uniqueness`` the difference of the
    two distances over their sum, from 0 (a tie) to 1; both not-a-number where a rule decided.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    distance: Floats
    uniqueness: Floats


@dataclass(frozen=True)
class Classified:
    """Classes of the square cells of a grid, shape ``(y, x)``: middles ascending, side `cell`."""

    classes: Classes
    x: Floats
    y: Floats
    cell: float


def classify(indicators: Mapping[str, Floats], table: Table) -> Classes:
    """Return the zone of each place.

    Zones 1 to 7 and 9 are the nearest by weighted distance to the ranges of Stewart and Oke; 8, 10 and
    the land covers A to G are told by rules, which go first. Source: GeoClimate (Bocher et al. 2021,
    JOSS 6(65), 3541; Bernard et al. 2024, GMD 17, 2077).

    Parameters
    ----------
    indicators
        Those of :data:`NEEDED`, and of :data:`USES` where known; fractions from 0 to 1, heights in metres.
    """
    codes = {code: place for place, code in enumerate(table.codes)}
    ranges = table.ranges()
    distances = np.stack([_distance(indicators, own, ranges, table) for own in ranges.values()])
    order = np.argsort(distances, axis=0, kind="stable")[:2]
    nearest, next_one = np.take_along_axis(distances, order, axis=0)
    places = np.array([codes[code] for code in ranges])
    first, second = places[order]
    both = nearest + next_one
    uniqueness = np.divide(next_one - nearest, both, out=np.zeros(both.shape), where=both > 0)
    for code, holds in _rules(indicators, table).items():
        first, second = np.where(holds, codes[code], first), np.where(holds, -1, second)
        nearest, uniqueness = np.where(holds, np.nan, nearest), np.where(holds, np.nan, uniqueness)
    known = np.all([np.isfinite(indicators[name]) for name in NEEDED], axis=0)
    return Classes(
        first=np.where(known, first, -1),
        second=np.where(known, second, -1),
        distance=np.where(known, nearest, np.nan),
        uniqueness=np.where(known, uniqueness, np.nan),
    )


def _distance(
    indicators: Mapping[str, Floats], own: Mapping[str, Range], ranges: Mapping[str, Mapping[str, Range]], table: Table
) -> Floats:
    """Return the distance to the ranges of one zone, each indicator in standard deviations of all their bounds."""
    squares: Any = 0.0
    for name, weight in table.weights.items():
        bounds = [bound for other in ranges.values() for bound in other[name] if bound is not None]
        low, high = own[name]
        value = indicators[name]
        gap = np.maximum(low - value, 0.0) if low is not None else np.zeros_like(value)
        if high is not None:
            gap = np.maximum(gap, value - high)
        squares = squares + weight * (gap / np.std(bounds)) ** 2
    return np.asarray(np.sqrt(squares))


def _rules(indicators: Mapping[str, Floats], table: Table) -> dict[str, NDArray[np.bool_]]:
    """Return where each zone told by a rule is; none is in two."""
    rules = table.rules
    built, sealed, bare, vegetation, trees, shrubs, water = (
        indicators[f"{name}_fraction"] for name in ("built", "sealed", "bare", "vegetation", "tree", "shrub", "water")
    )
    open_land = (built < rules.built) & (indicators["aspect_ratio"] < rules.aspect_ratio)
    paved = (sealed > vegetation) & (sealed > water) & (sealed >= bare) & (sealed > rules.sealed)
    naked = ~paved & (bare > vegetation) & (bare > water)
    wet = ~paved & ~naked & (water > vegetation) & (water > rules.water)
    green = ~paved & ~naked & ~wet
    pervious = 1 - sealed - water - built
    wooded = np.divide(trees, pervious, out=np.zeros(trees.shape), where=pervious > 0)
    bushy = shrubs > rules.shrubs * vegetation
    residential, activity, heavy = (
        np.nan_to_num(indicators[name]) if name in indicators else np.zeros(built.shape) for name in USES
    )
    industry = ~open_land & (heavy > activity) & (heavy > rules.use)
    large = ~open_land & ~industry & (activity > residential) & (activity > rules.use)
    large &= (indicators["mean_height"] < rules.low) & (vegetation < rules.vegetation)
    large &= indicators["sky_view_factor"] > rules.sky_view_factor
    return {
        "E": open_land & paved,
        "F": open_land & naked,
        "G": open_land & wet,
        "A": open_land & green & (wooded >= rules.dense),
        "B": open_land & green & (wooded >= rules.scattered) & (wooded < rules.dense),
        "C": open_land & green & (wooded < rules.scattered) & bushy,
        "D": open_land & green & (wooded < rules.scattered) & ~bushy,
        "10": industry,
        "8": large,
    }
