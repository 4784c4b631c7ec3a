"""Daily extremes that producers publish: from a thermometer read all the time, they are preferred to those of hours."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from layers.days import read_days
from layers.heat_island.analysis import Analysis
from layers.heat_island.parameters import Parameters
from layers.reading import streams_of
from twin.context import Twin
from twin.errors import DoesNotApply

_DEGREES = "Cel"


@dataclass(frozen=True)
class Published:
    """Datastreams of published extremes, by ``tmin`` or ``tmax``, then by station; ``excluded`` flags are not used."""

    timeseries: str
    streams: dict[str, dict[str, str]]
    excluded: tuple[int, ...]

    @classmethod
    def find(cls, twin: Twin, parameters: Parameters, objects: str) -> Published:
        """Return those that stations have, if any.

        Raises
        ------
        DoesNotApply
            When one is not in °C.
        """
        asked = parameters.published
        streams = {}
        for name, observed in (("tmin", asked.minimum), ("tmax", asked.maximum)):
            listed = streams_of(twin, asked.timeseries, objects, observed)
            if other := set(listed["unit"].to_pylist()) - {_DEGREES}:
                raise DoesNotApply(
                    f"{observed} is in {min(other)} in {asked.timeseries}: convert it to {_DEGREES} at ingest."
                )
            streams[name] = dict(zip(listed["object_id"].to_pylist(), listed["id"].to_pylist(), strict=True))
        return cls(asked.timeseries, streams, parameters.codes)

    def __bool__(self) -> bool:
        return any(self.streams.values())

    def preferred(self, twin: Twin, found: Analysis) -> Analysis:
        """Return an analysis with the extremes published on its days, and ``tmin_published``, ``tmax_published``.

        These are 1 where the published value is used, 0 where that of the hours is; the completeness of the hours
        and the differences stay.
        """
        if not self:
            return found
        daily = dict(found.daily)
        for name, streams in self.streams.items():
            rows = [row for row, station in enumerate(found.stations.ids) if station in streams]
            ids = [streams[found.stations.ids[row]] for row in rows]
            days, values = read_days(twin, self.timeseries, ids, self.excluded)
            _, here, there = np.intersect1d(found.days, days, return_indices=True)
            laid = np.full(daily[name].shape, np.nan)
            laid[np.ix_(rows, here)] = values[:, there]
            used = np.isfinite(laid)
            daily[name] = np.where(used, laid, daily[name])
            daily[f"{name}_published"] = np.where(np.isfinite(daily[name]), used, np.nan)
        return replace(found, daily=daily)
