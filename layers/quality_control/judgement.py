"""The verdict on one month of a network: which values are at odds with their neighbours, and in what words."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from layers.quality_control.parameters import Network
from twin.quality.crowd import LEVELS, crowd_levels
from twin.quality.spatial import Matrix, buddy_check, neighbours

_CROWD = {
    "m1": "another station at the very same place",
    "m2": "in the tails of the hour's distribution",
    "m3": "too many values of the month flagged",
    "m4": "does not follow the median of the network",
    "m5": "unlike its neighbours, or without enough of them",
    "o2": "too few valid hours in the day",
    "o3": "too few valid hours in the month",
}


@dataclass(frozen=True)
class Surroundings:
    """Where the instruments of a network stand, and who is near whom for each test; None where it is not run."""

    place: Matrix
    effect: Matrix | float
    buddies: csr_array | None
    crowd: csr_array | None

    @classmethod
    def of(cls, network: Network, place: Matrix, altitude: NDArray[np.float64]) -> Surroundings:
        """Return the surroundings of a network.

        Parameters
        ----------
        place
            x, y in metres of the storage CRS, shape (stations, 2).
        altitude
            Metres, not-a-number where unknown.
        """
        height = None if network.altitude_field is None else altitude
        near = [
            None if asked is None else neighbours(place, height, asked.radius, asked.max_altitude_difference)
            for asked in (network.buddy, network.crowd)
        ]
        # Without an altitude a station is no neighbour, and is compared with the network as it is.
        effect = 0.0 if height is None else network.lapse_rate * np.nan_to_num(height)[:, np.newaxis]
        return cls(place, effect, *near)


@dataclass(frozen=True)
class Judgement:
    """The cells (station, hour) flagged, as flat numbers in order, each with its reason; neighbours of each station.

    ``neighbours`` is how many neighbours a value was judged by, on average (those that there are, for
    the levels of CrowdQC+ alone); 0 where none was.
    """

    cells: NDArray[np.int64]
    reasons: NDArray[np.object_]
    neighbours: NDArray[np.float64]


def judge(values: Matrix, hours: NDArray[np.datetime64], network: Network, around: Surroundings) -> Judgement:
    """Judge the values of one month, shape (stations, hours), not-a-number where there is none."""
    words = np.full(values.size, "", dtype=object)
    mean_neighbours = np.zeros(len(values))
    if network.buddy is not None and around.buddies is not None:
        asked = network.buddy
        found = buddy_check(
            values,
            around.buddies,
            threshold=asked.threshold,
            min_std=asked.min_std,
            least=asked.least,
            iterations=asked.iterations,
            effect=around.effect,
        )
        judged = np.maximum((found.count > 0).sum(axis=1), 1)
        mean_neighbours = found.count.sum(axis=1) / judged
        for cell in np.flatnonzero(found.flagged):
            value, mean, spread, count = (part.flat[cell] for part in (values, found.mean, found.spread, found.count))
            words[cell] = (
                f"spatial: {value:.4g} against {mean:.4g} of {count} neighbours, "
                f"{abs(value - mean):.3g} > {asked.threshold:g} x {spread:.3g}"
            )
    if network.crowd is not None and around.crowd is not None:
        if network.buddy is None:
            mean_neighbours = np.diff(around.crowd.indptr).astype(float)
        days = hours.astype("M8[D]").astype(np.int64)
        levels = crowd_levels(values, around.place, around.crowd, days - days[0], network.crowd, around.effect)
        told = np.array(["", *(f"spatial: CrowdQC+ {level}, {_CROWD[level]}" for level in LEVELS)], dtype=object)
        flagged = np.flatnonzero(levels)
        more = told[levels.flat[flagged]]
        words[flagged] = np.where(words[flagged] == "", more, words[flagged] + "; " + more)
    cells = np.flatnonzero(words != "")
    return Judgement(cells, words[cells], np.round(mean_neighbours, 1))


def digest(
    values: Matrix, hours: NDArray[np.datetime64], ids: list[str], network: Network, around: Surroundings, version: str
) -> str:
    """Return what changes when the judgement of a month may."""
    made_of = blake2b(digest_size=12)
    for part in (version, str(hours[0]), network.model_dump_json(), *ids):
        made_of.update(part.encode() + b"\0")
    for array in (values, around.place, np.asarray(around.effect)):
        made_of.update(np.ascontiguousarray(array).tobytes())
    return made_of.hexdigest()
