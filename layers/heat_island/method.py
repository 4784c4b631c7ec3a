"""Heat at stations, from hourly air temperature: pure functions over arrays of (stations, hours).

Days are those of climatology (Météo-France): the minimum of day D is that of the hours after 18 UTC
of D-1 up to 18 UTC of D, its maximum that of the hours after 06 UTC of D up to 06 UTC of D+1. A minimum
taken from hourly samples is biased high, and a maximum low: the extremes fall between two samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from layers.hours import Matrix
from twin.model import Text


def altitude_effect(altitude: NDArray[np.float64], lapse_rate: float | None) -> Matrix:
    """Return what altitude adds to the temperature of each station, in K, shape (stations, 1).

    Parameters
    ----------
    altitude
        Metres, shape (stations,), not-a-number where unknown.
    lapse_rate
        Change of temperature with altitude, in K/m; -0.0065 in the standard atmosphere (ISO 2533).
        None leaves altitude out.
    """
    effect = np.zeros(len(altitude)) if lapse_rate is None else lapse_rate * altitude
    return effect[:, np.newaxis]


def mean_of_reference(temperature: Matrix, least_share: float) -> NDArray[np.float64]:
    """Return the mean of reference stations, where at least `least_share` of them have a value.

    A set that loses a station changes its mean; the share bounds by how much.
    """
    valid = np.isfinite(temperature)
    count = valid.sum(axis=0)
    total = np.where(valid, temperature, 0).sum(axis=0)
    enough = count >= max(1, np.ceil(least_share * len(temperature)))
    mean: NDArray[np.float64] = np.divide(total, count, out=np.full(total.shape, np.nan), where=enough)
    return mean


@dataclass(frozen=True)
class Window:
    """A part of the day: `length` hours of which `start` (UTC) is the first.

    A window of which `eve` is set belongs to the day after the one on which it starts.
    """

    start: int
    length: int
    eve: bool

    @classmethod
    def after(cls, boundary: int, *, eve: bool) -> Window:
        """Return the 24 hours that follow a boundary, whose own hour belongs to the day before."""
        return cls((boundary + 1) % 24, 24, eve and boundary < 23)

    @classmethod
    def night(cls, dusk: int, dawn: int) -> Window:
        """Return the hours from dusk to dawn, both included, of the night that ends on the day."""
        return cls(dusk, (dawn - dusk) % 24 + 1, eve=dusk > dawn)

    def split(self, hourly: Matrix, first: np.datetime64) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
        """Return the days, and the values of each station in each day: shape (stations, days, length).

        Parameters
        ----------
        hourly
            Shape (stations, hours), not-a-number where there is no value.
        first
            Hour of the first column, naive UTC.
        """
        first = first.astype("M8[h]")
        lead = (int(first.astype(np.int64)) - self.start) % 24
        days = -(-(lead + hourly.shape[1]) // 24)
        padded = np.full((len(hourly), days * 24), np.nan)
        padded[:, lead : lead + hourly.shape[1]] = hourly
        start = (first - np.timedelta64(lead, "h")).astype("M8[D]") + np.timedelta64(int(self.eve), "D")
        return start + np.arange(days).astype("m8[D]"), padded.reshape(len(hourly), days, 24)[:, :, : self.length]


def extreme(
    blocks: NDArray[np.float64], kind: Literal["minimum", "maximum"], completeness: float
) -> tuple[Matrix, Matrix]:
    """Return the extreme of each day and its completeness, in percent.

    An extreme of less than the share `completeness` of the hours is not-a-number: a gap at the wrong
    hour hides it.
    """
    share = np.isfinite(blocks).mean(axis=-1)
    found = (np.fmin if kind == "minimum" else np.fmax).reduce(blocks, axis=-1)
    return np.where(share >= completeness, found, np.nan), 100 * share


class Threshold(BaseModel):
    """An index that counts the days whose extreme reaches so many degrees; None where it has no date of end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Literal["tmin", "tmax"]
    at_least: float
    title: Text
    source: str
    valid_to: date | None


@cache
def thresholds() -> dict[str, Threshold]:
    """Return the indices of ``thresholds.yml`` by name."""
    entries = yaml.safe_load(files("layers.heat_island").joinpath("thresholds.yml").read_text("utf-8"))
    return {name: Threshold.model_validate(entry) for name, entry in entries.items()}


def mean_known(values: Matrix) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the mean of what is known of each station, not-a-number for nothing, and how many values it is of."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0), count
