"""Daily values of time series, by the day that they are of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twin.context import Twin
from twin.errors import DoesNotApply
from twin.store import OPERATOR, ObservationQuery

type Days = NDArray[np.datetime64]


def day_of(instants: NDArray[np.datetime64]) -> Days:
    """Return the day of instants that date daily values, naive UTC: that of the nearest midnight, UTC.

    Some sources date a day at its 00 UTC, others at its local midnight, which is on the eve in UTC east of Greenwich
    and moves with the season; both are near the same midnight. Noon is of its own day.
    """
    half = np.timedelta64(12 * 3600 * 1_000_000 - 1, "us")
    return (instants.astype("M8[us]") + half).astype("M8[D]")


def read_days(
    twin: Twin, timeseries: str, streams: Sequence[str], excluded: tuple[int, ...]
) -> tuple[Days, NDArray[np.float64]]:
    """Return consecutive days, from the first to the last with a value, and the values on each.

    Parameters
    ----------
    streams
        Datastreams of daily values.
    excluded
        Codes of quality whose values are not used.

    Returns
    -------
    days, values
        Shape (days,), and (streams, days), not-a-number where there is no good value. No day where there is none.

    Raises
    ------
    DoesNotApply
        When a datastream has several values on a day.
    """
    named = pa.array(streams, pa.string())
    found: list[tuple[NDArray[np.intp], Days, NDArray[np.float64]]] = []
    query = ObservationQuery(collection=timeseries, datastreams=tuple(streams))
    for batch in twin.store.observations.read(query, OPERATOR):
        value = batch["result"].to_numpy(zero_copy_only=False)
        used = np.isfinite(value) & ~np.isin(batch["quality"].to_numpy(), excluded)
        row = pc.index_in(batch["datastream"], named).to_numpy(zero_copy_only=False)[used]
        times = batch["phenomenon_time"].cast(pa.int64()).to_numpy().view("M8[us]")[used]
        found.append((row, day_of(times), value[used]))
    if not any(len(row) for row, _, _ in found):
        return np.array([], "M8[D]"), np.empty((len(streams), 0))
    rows, dates, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
    days = np.arange(dates.min(), dates.max() + np.timedelta64(1, "D"))
    column = (dates - days[0]).astype(np.int64)
    cell, count = np.unique(rows * len(days) + column, return_counts=True)
    if (count > 1).any():
        row, at = divmod(int(cell[count > 1][0]), len(days))
        raise DoesNotApply(f"{streams[row]} has several values on {days[at]}: name a series of daily values.")
    laid = np.full((len(streams), len(days)), np.nan)
    laid[rows, column] = values
    return days, laid
