"""Thirty days of hourly values: weather, light, pollutants and electricity, as they would be measured."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.demo.buildings import Buildings
from twin.demo.climate import (
    HOURS,
    TIMES,
    HeatIsland,
    Instants,
    Weather,
    air_temperature,
    place_of_city,
    relative_humidity,
)
from twin.demo.furniture import LampPosts
from twin.demo.instruments import Instruments, Measured
from twin.demo.plan import Floats, Plan
from twin.demo.stations import Stations
from twin.demo.sun import elevation
from twin.demo.terrain import Terrain

ZONE = ZoneInfo("Europe/Paris")
HOLIDAY = np.datetime64("2026-07-14", "D")
SCHOOLS_CLOSE = np.datetime64("2026-07-04", "D")
NOISE = 0.2  # K, of weather stations
LAMP_NOISE, LAMP_BIAS = 0.3, 0.1  # K: sensors on lamp posts are cheaper, and warmed by the lamp
DUSK = -3.0  # degrees: the sun's elevation at which the lamps are switched


def weather_stations(plan: Plan, stations: Stations, shared: Weather, island: HeatIsland) -> Measured:
    """Air temperature and humidity: one station is stuck for three days, one has spikes, one is silent for days."""
    rng = plan.rng(20)
    rows = np.flatnonzero(stations.station_type == "weather")
    instruments = Instruments(stations.id[rows], 6)
    anomaly = island.anomaly(shapely.get_coordinates(stations.point[rows]))
    true = air_temperature(shared, anomaly, stations.altitude[rows])
    humidity = relative_humidity(shared, true)
    instruments.add("air_temperature", true, true + rng.normal(0, NOISE, true.shape), 1)
    measured = np.clip(humidity + rng.normal(0, 1.6, true.shape), 0, 100)
    instruments.add("relative_humidity", humidity, measured, 0)
    instruments.stick(1, 5 * 24 + 9, 72)
    for hour in np.sort(rng.choice(np.arange(24, HOURS - 24, 9), 14, replace=False)):
        instruments.spike(3, "air_temperature", int(hour), float(rng.choice([-1, 1]) * rng.uniform(16.0, 24.0)))
    instruments.lose(5, 19 * 24 + 5, 107)
    _short_gaps(instruments, rng, len(rows), plan.count(40, 6))
    return instruments.measured()


def lamp_sensors(plan: Plan, lamps: LampPosts, shared: Weather, island: HeatIsland, terrain: Terrain) -> Measured:
    """Air temperature, and power drawn: lit from dusk to dawn, half of it in the depth of the night."""
    rng = plan.rng(21)
    xy = shapely.get_coordinates(lamps.point[lamps.sensors])
    instruments = Instruments(lamps.id[lamps.sensors], 3)
    true = air_temperature(shared, island.anomaly(xy), terrain.altitude(*xy.T))
    instruments.add("air_temperature", true, true + rng.normal(LAMP_BIAS, LAMP_NOISE, true.shape), 1)
    burning = np.outer(lamps.power[lamps.sensors], lit_share())
    flicker = 1 + 0.015 * rng.normal(size=true.shape)
    instruments.add("power", burning, burning * flicker + 0.4 * (burning == 0), 1)
    silent = int(rng.integers(len(xy)))
    instruments.lose(silent, 21 * 24 + 14, HOURS)
    _short_gaps(instruments, rng, len(xy), plan.count(120, 8))
    return instruments.measured()


def lit_share() -> Floats:
    """Return the share of its power that a lamp draws, the mean of the hour that ends at each time.

    It is switched by the sun's elevation, and dimmed to half from 23:00 to 05:00 local time.
    """
    minutes = (np.arange(12) * 300 - 3600 + 150) * np.timedelta64(1, "s")
    instants = (TIMES[:, None] + minutes).ravel()
    dark = elevation(instants, *place_of_city()) < DUSK
    hour = local(instants)[0]
    dimmed = (hour >= 23) | (hour < 5)
    return np.asarray(np.where(dark, np.where(dimmed, 0.5, 1.0), 0.0).reshape(HOURS, 12).mean(axis=1))


def local(instants: Instants) -> tuple[Floats, NDArray[np.intp], Instants]:
    """Return the local hour (with fraction), the day of the week (Monday is 0) and the local day."""
    # Summer time lasts all month: one offset serves it.
    offset = datetime(2026, 7, 1, tzinfo=ZONE).utcoffset() or timedelta()
    shifted = instants + np.timedelta64(int(offset.total_seconds()), "s")
    day = shifted.astype("datetime64[D]")
    hour = (shifted - day) / np.timedelta64(1, "h")
    return hour, (day.astype(int) + 3) % 7, day


def air_quality(plan: Plan, stations: Stations, shared: Weather) -> Measured:
    """Pollutants: NO2 of the rush hours, O3 of the afternoons, particles; small negative SO2 as analysers read."""
    rng = plan.rng(22)
    rows = np.flatnonzero(stations.station_type == "air_quality")
    traffic = stations.environment[rows] == "traffic"
    central = plan.intensity(*shapely.get_coordinates(stations.point[rows]).T)
    site = np.where(traffic, 1.0, 0.12 + 0.42 * central)[:, None]
    instruments = Instruments(stations.id[rows], 18)

    hour, weekday, day = local(TIMES)
    working = np.where((weekday < 5) & (day != HOLIDAY), 1.0, 0.0)
    rush = np.exp(-0.5 * ((hour - 8.3) / 1.3) ** 2) + 0.85 * np.exp(-0.5 * ((hour - 18.4) / 1.7) ** 2)
    evening = np.exp(-0.5 * ((hour - 21.5) / 2.5) ** 2)
    cars = (0.25 + 0.75 * working) * rush + 0.3 * evening + 0.12 * (hour > 6)
    mixing = 1.0 / (0.75 + 0.5 * np.clip(np.sin(np.radians(shared.sun)), 0, 1))
    no2 = site * (9.0 + 62.0 * cars * mixing * (1 + 0.15 * shared.hot))
    no2_measured = no2 * (1 + _drift(rng, no2.shape, 0.13)) + rng.normal(0, 0.8, no2.shape)
    instruments.add("no2", no2, no2_measured, 1)

    warm = np.clip((shared.air - 17.0) / 16.0, 0, 1.4)
    lag = np.clip(np.interp(np.arange(HOURS) - 2.5, np.arange(HOURS), np.sin(np.radians(shared.sun))), 0, 1)
    o3 = np.clip(52.0 + 95.0 * lag * warm - 0.75 * no2 - 10.0 * site, 3.0, None)
    o3_measured = np.clip(o3 * (1 + _drift(rng, o3.shape, 0.06)) + rng.normal(0, 1.5, o3.shape), 0.5, None)
    instruments.add("o3", np.where(traffic[:, None], np.nan, o3), np.where(traffic[:, None], np.nan, o3_measured), 1)

    regional = 14.0 * (1 + _drift(rng, (1, HOURS), 0.25)) + 9.0 * shared.hot
    pm10 = regional + site * 16.0 * cars
    instruments.add("pm10", pm10, pm10 + rng.normal(0, 1.8, pm10.shape), 1)
    fine = 0.52 * regional + site * 6.0 * cars
    instruments.add("pm2_5", fine, fine + rng.normal(0, 1.0, fine.shape), 1)
    sulphur = np.where((np.arange(len(rows)) == len(rows) - 1)[:, None], 1.1 + 0 * pm10, np.nan)
    instruments.add("so2", sulphur, sulphur + rng.normal(0, 1.0, sulphur.shape), 1)
    instruments.lose(0, 12 * 24 + 3, 18)
    return instruments.measured()


def _drift(rng: np.random.Generator, shape: tuple[int, ...], size: float) -> Floats:
    """Return slow red noise of standard deviation about `size`, hour after hour."""
    steps = rng.normal(0, size * np.sqrt(1 - 0.93**2), shape)
    drift = np.zeros(shape)
    for k in range(1, shape[1]):
        drift[:, k] = 0.93 * drift[:, k - 1] + steps[:, k]
    return drift


def electricity(plan: Plan, buildings: Buildings, shared: Weather, island: HeatIsland) -> Measured:
    """Electricity of public buildings, kWh in the hour that ends at each time: hours of use, cooling, holidays."""
    rng = plan.rng(23)
    rows = np.flatnonzero(buildings.public)
    instruments = Instruments(buildings.id[rows], 25)
    usage = buildings.usage[rows]
    hour, weekday, day = local(TIMES - np.timedelta64(1800, "s"))
    opening = {
        "public_service": (8.0, 18.0, 5),
        "health": (8.0, 20.0, 6),
        "culture": (10.0, 19.0, 6),
        "sport": (9.0, 22.0, 7),
        "education": (8.0, 17.5, 5),
    }
    begin, close, week = (np.array([opening[kind][k] for kind in usage])[:, None] for k in range(3))
    used = (hour >= begin) & (hour < close) & (weekday < week) & (day != HOLIDAY)
    school = (usage == "education")[:, None]
    used = np.where(school & (day >= SCHOOLS_CLOSE), 0.0, used.astype(float))
    xy = shapely.get_coordinates(shapely.centroid(buildings.polygon[rows]))
    outside = air_temperature(shared, island.anomaly(xy), buildings.ground_altitude[rows])
    floor = (shapely.area(buildings.polygon[rows]) * buildings.storeys[rows])[:, None]
    cooled = np.where(school, 0.0, 1.0)
    watts = (
        2.2
        + used * (9.0 + cooled * 1.5 * np.clip(outside - 24.0, 0, None))
        + cooled * 0.25 * np.clip(outside - 26.0, 0, None)
    )
    true = floor * watts / 1000.0
    instruments.add("electricity", true, true * (1 + 0.04 * rng.normal(size=true.shape)), 2)
    _short_gaps(instruments, rng, len(rows), plan.count(25, 2))
    return instruments.measured()


def _short_gaps(instruments: Instruments, rng: np.random.Generator, rows: int, many: int) -> None:
    """Leave out a few hours here and there."""
    for _ in range(many):
        instruments.lose(int(rng.integers(rows)), int(rng.integers(HOURS - 8)), int(rng.integers(1, 7)))
