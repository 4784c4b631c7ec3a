"""The layer ``air_quality_exceedances``: each year of each station against guidelines and directives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field as Constrained

from layers.air_quality import exceedance_products as products
from layers.air_quality.analysers import days_of, hourly_means, read_analysers
from layers.air_quality.exceedance_products import Row
from layers.air_quality.parameters import Parameters
from layers.air_quality.statistics import Days, Matrix, daily, local_dates
from layers.air_quality.tables import Limit, Standard, standards
from layers.air_quality.years import judge
from layers.reading import find
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.products import Features, Product


class ExceedanceParameters(Parameters):
    """What ``config.yml`` may say of the exceedances."""

    outside_validity: bool = Constrained(
        False,
        description="Whether years are also compared with standards that were not, or are not yet, in force in them: "
        "`in_force` tells them apart.",
    )


class AirQualityExceedances:
    """The collection ``air_quality_exceedances``: one feature for each station, year, standard and limit.

    Guidelines and directives are those of ``standards.yml``. A value is above a limit when it is strictly greater,
    unrounded. Data capture is the share of the year's hours, or days, that have a value: below 90 %, or for ozone
    below 75 % of summer or of winter, the year has no verdict, "insufficient", whatever its count. Years and days are
    those of UTC, in which concentrations are reported, unless ``time_zone`` says otherwise.
    """

    name = "air_quality_exceedances"
    title = products.TITLE
    version = "1"
    parameters = ExceedanceParameters

    def inputs(self, parameters: ExceedanceParameters) -> tuple[str, ...]:
        """Return the ids of the collections read."""
        return parameters.timeseries, parameters.object_collection

    def derive(self, twin: Twin, parameters: ExceedanceParameters) -> Iterator[Product]:
        """Read each pollutant by blocks of stations, and judge its years."""
        source = find(twin, parameters.timeseries)
        days = days_of(source, parameters.time_zone)
        years = sorted({day.year for day in days.dates.tolist()})
        asked = applying(years, outside=parameters.outside_validity)
        limited = dict.fromkeys(limit.pollutant for _, _, limit in asked)
        measured = [found for name in limited if len(found := read_analysers(twin, parameters, name))]
        if not measured:
            told = ", ".join(limited) or "no pollutant in those years"
            raise DoesNotApply(f"No station of {parameters.object_collection} measures what has a limit: {told}.")

        def batches() -> Iterator[pa.RecordBatch]:
            of_hours = local_dates(days.hours, parameters.time_zone)
            for analysers in measured:
                chosen = [each for each in asked if each[2].pollutant == analysers.pollutant]
                for block in analysers.blocks(len(days.hours)):
                    hourly = hourly_means(twin, source.id, block, days.hours, parameters.codes)
                    rows = [
                        row
                        for at in range(len(block))
                        for row in _rows(at, chosen, hourly[at : at + 1], days, of_hours)
                    ]
                    if rows:
                        yield products.batch(block, rows)

        objects = find(twin, parameters.object_collection)
        yield Features(products.collection(source, objects, parameters), batches())


def applying(years: list[int], *, outside: bool) -> list[tuple[int, Standard, Limit]]:
    """Return the limits to compare each year with: those of the standards in force on its first day, or all."""
    return [
        (year, standard, limit)
        for standard in standards()
        for year in years
        if outside or standard.applies(date(year, 1, 1))
        for limit in standard.limits
    ]


def _rows(
    at: int, chosen: list[tuple[int, Standard, Limit]], hourly: Matrix, days: Days, of_hours: NDArray[np.datetime64]
) -> Iterator[Row]:
    """Yield what one station has of each year and limit, leaving out years without a value."""
    of_days = daily(hourly, days)
    for year, standard, limit in chosen:
        match limit.statistic:
            case "annual_mean" | "hourly":
                dates, values = of_hours, hourly[0]
            case "peak_season":
                dates, values = days.dates, of_days["daily_maximum_8h"][0]
            case statistic:
                dates, values = days.dates, of_days[statistic][0]
        if np.isfinite(values[dates.astype("M8[Y]") == np.datetime64(str(year), "Y")]).any():
            yield Row(at, year, standard, limit, judge(limit, year, dates, values))
