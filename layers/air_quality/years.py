"""A calendar year of one station and pollutant against a limit: pure functions over arrays of a year's values.

Data capture is the share of the year's hours, or days, that have a value: 90 % is needed (directive 2008/50,
annex I; check), for ozone 75 % of summer (April to September) and of winter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layers.air_quality.tables import Limit

type Values = NDArray[np.float64]
type Dates = NDArray[np.datetime64]
type Status = Literal["respected", "exceeded", "insufficient"]

_CAPTURE = 0.9
_OZONE_CAPTURE = 0.75
_SUMMER = (4, 9)
_MONTHS = 12
_SEASON = 6  # months
_SEASON_SHARE = 0.75
_DECIMALS = 9


@dataclass(frozen=True)
class Verdict:
    """A year against a limit.

    ``value`` is the mean, or for a count the greatest value once those allowed are set aside; ``count`` and
    ``allowed`` are None for a mean, and ``count`` is the mean over ``years`` where the limit has several;
    ``capture`` is the share of the year, the lesser of summer and winter for ozone.
    """

    value: float
    count: float | None
    allowed: int | None
    years: int
    capture: float
    status: Status


def judge(limit: Limit, year: int, dates: Dates, values: Values) -> Verdict:
    """Compare a year with a limit.

    Parameters
    ----------
    dates, values
        Days to which the values belong, and concentrations in the limit's unit, shape (values,): of hours, or of
        days for a daily statistic and the peak season; not-a-number where unknown. Those of other years count
        only for a limit over several years, where they have enough data.
    """
    known = np.isfinite(values)
    dates, values = dates[known], values[known]
    here = dates.astype("M8[Y]") == np.datetime64(str(year), "Y")
    capture, enough = data_capture(limit, year, dates[here])
    if limit.statistic in {"annual_mean", "peak_season"}:
        seasonal = limit.statistic == "peak_season"
        value = peak_season(year, dates[here], values[here]) if seasonal else _mean(values[here])
        return Verdict(value, None, None, 1, capture, _status(value > limit.value, enough and np.isfinite(value)))
    allowed = limit.permitted(int(here.sum()))
    ranked = np.sort(values[here])[::-1]
    value = float(ranked[allowed]) if len(ranked) > allowed else np.nan
    counts = [float((values[here] > limit.value).sum())]
    for other in range(year - limit.years + 1, year):
        then = dates.astype("M8[Y]") == np.datetime64(str(other), "Y")
        if data_capture(limit, other, dates[then])[1]:
            counts.append(float((values[then] > limit.value).sum()))
    count = float(np.mean(counts))
    return Verdict(value, count, allowed, len(counts), capture, _status(count > allowed, enough))


def peak_season(year: int, dates: Dates, values: Values) -> float:
    """Return the highest mean over six consecutive months of a year of which 75 % of the days have a value."""
    month = _month(dates)
    means = []
    for start in range(1, 13 - _SEASON + 1):
        inside = (month >= start) & (month < start + _SEASON)
        end = date(year + (start + _SEASON > _MONTHS), (start + _SEASON - 1) % _MONTHS + 1, 1)
        if inside.sum() >= _SEASON_SHARE * (end - date(year, start, 1)).days:
            means.append(_mean(values[inside]))
    return max(means, default=np.nan)


def data_capture(limit: Limit, year: int, dates: Dates) -> tuple[float, bool]:
    """Return the share of a year that has a value, the lesser of summer and winter for ozone, and whether it is enough.

    Parameters
    ----------
    dates
        Days of the values that are known in that year.
    """
    per_day = 24 if limit.statistic in {"annual_mean", "hourly"} else 1
    days = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    if limit.pollutant != "o3":
        share = len(dates) / (days * per_day)
        return share, share >= _CAPTURE
    summer = (date(year, _SUMMER[1] + 1, 1) - date(year, _SUMMER[0], 1)).days
    month = _month(dates)
    in_summer = int(((month >= _SUMMER[0]) & (month <= _SUMMER[1])).sum())
    share = min(in_summer / (summer * per_day), (len(dates) - in_summer) / ((days - summer) * per_day))
    return share, share >= _OZONE_CAPTURE


def _month(dates: Dates) -> NDArray[np.int64]:
    return dates.astype("M8[M]").astype(np.int64) % _MONTHS + 1


def _status(over: bool, enough: bool) -> Status:
    if not enough:
        return "insufficient"
    return "exceeded" if over else "respected"


def _mean(values: Values) -> float:
    return float(np.round(values.mean(), _DECIMALS)) if len(values) else np.nan
