"""The weather of the demo month, and the heat island that the city's own buildings make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.crs import CRS84, transform
from twin.demo.blocks import Blocks, Zone
from twin.demo.buildings import Buildings
from twin.demo.plan import CENTRE, CRS, Floats, Plan
from twin.demo.shapes import Geometries
from twin.demo.sun import elevation

type Instants = NDArray[np.datetime64]

START = np.datetime64("2026-07-01T00:00", "s")
HOURS = 720
TIMES: Instants = START + np.arange(HOURS) * np.timedelta64(3600, "s")
HEAT_WAVE = (np.datetime64("2026-07-11", "D"), np.datetime64("2026-07-18", "D"))
LAPSE = -0.0065  # K/m
STRONGEST = 5.2  # K: heat island of the densest fabric on a calm clear night
PARK_COOLING = 1.1  # K
REFERENCE_ALTITUDE = 45.0  # m

_CELL = 50.0  # metres


@dataclass(frozen=True)
class Weather:
    """What the whole city shares, one value an hour of :data:`TIMES`.

    Attributes
    ----------
    air
        Air temperature of open country at :data:`REFERENCE_ALTITUDE`, in degrees Celsius.
    dew_point
        In degrees Celsius.
    island
        How much of the heat island is felt, from about 0.1 by day to above 1 on the calmest nights.
    sun
        Elevation of the sun in degrees.
    hot
        Share of the heat wave, from 0 to 1.
    """

    air: Floats
    dew_point: Floats
    island: Floats
    sun: Floats
    hot: Floats


def place_of_city() -> tuple[float, float]:
    """Return the longitude and latitude of the city's centre, in degrees."""
    x, y = transform(np.array([CENTRE[0]]), np.array([CENTRE[1]]), CRS, CRS84)
    return float(x[0]), float(y[0])


def weather(plan: Plan) -> Weather:
    """Draw the weather of the month."""
    rng = plan.rng(13)
    day = np.arange(-1, HOURS // 24 + 1)
    first, last = ((edge - START.astype("datetime64[D]")).astype(int) for edge in HEAT_WAVE)
    hot_day = np.interp(day, [first - 1.2, first, last, last + 1.2], [0.0, 1.0, 1.0, 0.0])
    synoptic = np.zeros(len(day))
    for k in range(1, len(day)):
        synoptic[k] = 0.7 * synoptic[k - 1] + rng.normal(0, 0.75)
    calm_day = np.clip(0.72 + 0.28 * hot_day + rng.normal(0, 0.13, len(day)), 0.4, 1.2)

    hour = np.arange(HOURS)
    daily = np.interp(hour, 24 * day + 12, 23.4 + synoptic + 5.6 * hot_day)
    hot = np.interp(hour, 24 * day + 12, hot_day)
    clock = (hour % 24 - 4.4) % 24  # from the coolest hour; the warmest comes ten hours later
    phase = np.where(clock < 10.0, clock / 10.0, 1 + (clock - 10.0) / 14.0) * np.pi
    air = daily - (5.4 + 1.3 * hot) * np.cos(phase)

    sun = elevation(TIMES, *place_of_city())
    island, felt = np.empty(HOURS), 0.9
    for k in range(HOURS):  # builds up from sunset, and lasts until the sun warms the fields
        night = sun[k] < 7.0
        felt += ((1.0 if night else 0.08) - felt) * (0.38 if night else 0.55)
        island[k] = felt
    island *= np.interp(hour, 24 * day + 24, calm_day)
    dew_point = np.interp(hour, 24 * day + 12, 14.2 + 0.5 * synoptic + 1.2 * hot_day) - 0.8 * np.cos(phase)
    return Weather(air=air, dew_point=dew_point, island=island, sun=sun, hot=hot)


class HeatIsland:
    """The full anomaly of air temperature at a place, in kelvins, by what stands around it.

    Built fraction B and share of parks P are means over a Gaussian neighbourhood (of 220 m and
    110 m): ``anomaly = STRONGEST * (1 - exp(-B / 0.2)) - PARK_COOLING * P``.
    """

    def __init__(self, plan: Plan, blocks: Blocks, buildings: Buildings) -> None:
        reach = 1.2 * plan.radius
        self._corner = np.array([plan.centres[0, 0] - reach, plan.centres[0, 1] - reach])
        self._cells = int(np.ceil(2 * reach / _CELL))
        standing = buildings.standing(START.astype("datetime64[D]"))
        polygon = buildings.polygon[standing]
        self._built = _smooth(self._spread(polygon, shapely.area(polygon)), 220.0)
        park = blocks.polygon[np.isin(blocks.zone, (Zone.PARK, Zone.BANK))]
        self._park = np.minimum(_smooth(self._spread(park, shapely.area(park)), 110.0), 1.0)

    def _spread(self, polygon: Geometries, area: Floats) -> Floats:
        row, column = self._cell(shapely.get_coordinates(shapely.centroid(polygon)))
        grid = np.zeros((self._cells, self._cells))
        np.add.at(grid, (row, column), area / _CELL**2)
        return grid

    def _cell(self, points: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        column, row = np.clip((points - self._corner) // _CELL, 0, self._cells - 1).astype(int).T
        return row, column

    def built_fraction(self, points: Floats) -> Floats:
        """Return the share of built ground around points ``(n, 2)``."""
        return np.asarray(self._built[self._cell(points)])

    def anomaly(self, points: Floats) -> Floats:
        """Return the full anomaly at points ``(n, 2)``, in kelvins."""
        built = STRONGEST * (1 - np.exp(-self.built_fraction(points) / 0.2))
        return np.asarray(built - PARK_COOLING * self._park[self._cell(points)])


def _smooth(grid: Floats, width: float) -> Floats:
    """Return the grid blurred by a Gaussian of standard deviation `width` metres."""
    reach = int(3 * width / _CELL)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * _CELL / width) ** 2)
    kernel /= kernel.sum()
    for _ in range(2):
        grid = np.apply_along_axis(lambda line: np.convolve(line, kernel, mode="same"), 0, grid).T
    return grid


def air_temperature(shared: Weather, anomaly: Floats, altitude: Floats) -> Floats:
    """Return the true air temperature ``(places, hours)`` in degrees Celsius."""
    return np.asarray(shared.air + np.outer(anomaly, shared.island) + LAPSE * (altitude - REFERENCE_ALTITUDE)[:, None])


def relative_humidity(shared: Weather, temperature: Floats) -> Floats:
    """Return the relative humidity in % by the Magnus formula (WMO-No. 8, annex 4.B)."""

    def vapour(t: Floats) -> Floats:
        return np.asarray(np.exp(17.62 * t / (243.12 + t)))

    return np.asarray(np.clip(100 * vapour(shared.dew_point) / vapour(temperature), 5, 100))
