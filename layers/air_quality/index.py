"""The layer ``air_quality_index``: the index of each day in each zone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from layers.air_quality import index_products
from layers.air_quality.analysers import days_of, having, hourly_means, read_analysers
from layers.air_quality.index_products import Classes, Indices
from layers.air_quality.parameters import IndexParameters
from layers.air_quality.statistics import Days, Matrix, completeness, daily
from layers.air_quality.tables import IndexTable, index_table
from layers.air_quality.zones import greatest, read_zones
from layers.reading import find
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Text
from twin.products import Product


class AirQualityIndex:
    """The time series ``air_quality_index`` of each zone, and its days as areas, ``air_quality_index_days``.

    By the method of the ATMO index (order of 10 July 2020): the worst of the sub-indices, that of a pollutant being
    the class of the greatest value among the zone's background stations, of the daily maximum of hourly means for
    NO2, O3 and SO2, of the daily mean for PM10 and PM2.5. Only an approved association's index may be called ATMO:
    this one is not. Completeness is that of ``air_quality_daily``. A pollutant of ``required`` without a complete day
    leaves the day without an index (class 0, unavailable): an index without it could only be too low. The others
    count where they are measured.
    """

    name = "air_quality_index"
    title = Text(fr="Indice de la qualité de l'air par commune", en="Air quality index by commune")
    version = "1"
    parameters = IndexParameters

    def inputs(self, parameters: IndexParameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        return parameters.timeseries, parameters.object_collection, parameters.zones

    def derive(self, twin: Twin, parameters: IndexParameters) -> Iterator[Product]:
        """Compute the greatest values of the zones, pollutant by pollutant, then the classes."""
        table = index_table()
        source, zones = find(twin, parameters.timeseries), read_zones(twin, parameters.zones)
        days = days_of(source, parameters.time_zone)
        shown = _shown(table, days, parameters)
        values: dict[str, Matrix] = {}
        shares: list[tuple[NDArray[np.intp], Matrix]] = []
        stations: set[tuple[int, str]] = set()
        for pollutant, scale in table.pollutants.items():
            found = read_analysers(twin, parameters, pollutant, tuple(parameters.background))
            analysers = having(found, parameters.background)
            zone, row = zones.members(analysers, parameters.reach)
            if not len(zone):
                continue
            hourly = hourly_means(twin, source.id, analysers, days.hours, parameters.codes)
            values[pollutant] = greatest(zone, daily(hourly, days)[scale.statistic][row], len(zones))[:, shown]
            shares.append((zone, completeness(hourly, days)[row][:, shown]))
            stations |= {(int(at), str(analysers.names[which])) for at, which in zip(zone, row, strict=True)}
        if not values:
            told = ", ".join(f"{name} = {value}" for name, value in parameters.background.items())
            raise DoesNotApply(
                f"No station of {parameters.object_collection} with {told} measures {', '.join(table.pollutants)} "
                f"in a zone of {zones.collection.id}."
            )
        index, classes = compute(table, values, parameters.required)
        about = index_products.About(source, table, parameters, twin.clock(), days.starts[shown], days.dates[shown])
        done = Indices(zones, index, classes, _mean_share(shares, len(zones)), stations)
        yield index_products.time_series(about, done)
        yield index_products.areas(about, done)


def compute(
    table: IndexTable, values: dict[str, Matrix], required: tuple[str, ...]
) -> tuple[Classes, dict[str, Classes]]:
    """Return the index, and the sub-index of each pollutant, shape (zones, days), 0 where unavailable.

    Parameters
    ----------
    values
        Greatest value of each zone and day, µg/m3, shape (zones, days), not-a-number where unknown.
    """
    classes = {name: table.sub_index(name, given) for name, given in values.items()}
    worst = np.maximum.reduce(list(classes.values()))
    for name in required:
        worst = np.where(classes[name] > 0, worst, 0) if name in classes else np.zeros_like(worst)
    return worst, classes


def _shown(table: IndexTable, days: Days, parameters: IndexParameters) -> NDArray[np.bool_]:
    """Return which days may have an index."""
    shown = np.array([parameters.retrospective or table.applies(day) for day in days.dates.tolist()])
    if not shown.any():
        raise DoesNotApply(
            f"The index applies from {table.valid_from} on, and {parameters.timeseries} ends on {days.dates[-1]}: "
            "set retrospective to true to apply it to earlier days, which then say so."
        )
    return shown


def _mean_share(shares: list[tuple[NDArray[np.intp], Matrix]], count: int) -> Matrix:
    """Return the mean completeness of the analysers of each zone and day; not-a-number where a zone has none."""
    total, members = np.zeros((count, shares[0][1].shape[1])), np.zeros(count)
    for zone, share in shares:
        np.add.at(total, zone, share)
        np.add.at(members, zone, 1)
    with np.errstate(invalid="ignore"):
        return total / members[:, np.newaxis]
