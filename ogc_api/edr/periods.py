"""What an aggregate is asked by: the statistics, the periods of the calendar, the completeness required.

None of it is in the EDR standard: these are further parameters of ours (docs/clients.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ogc_api.parameters import Parameters
from twin.errors import BadInput, TooLarge
from twin.model import Collection, Model
from twin.store import STATISTIC
from twin.time import TimeSpan

type Period = Literal["PT1H", "P1D", "P1M", "P1Y"]

PERIODS: tuple[Period, ...] = get_args(Period.__value__)
#: The statistics that are listed; any percentile from p1 to p99 may be asked.
STATISTICS = ("mean", "min", "max", "sum", "count", "p10", "p50", "p90")
#: What may be told of personal data: the least, the greatest and a percentile are single values.
_IMPERSONAL = ("mean", "sum", "count")
#: The most periods of one answer: ten years of hours.
_MOST = 100_000
_DAYS = {"Y": (365, 366), "M": (28, 31), "W": (7, 7), "D": (1, 1)}
_SECONDS = {"H": 3600, "M": 60, "S": 1}


class Rule(Model):
    """One line of ``completeness.yml``."""

    period: Period
    share: float
    valid_from: date
    valid_to: date | None
    source: str
    check: bool = False


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """Return the rules of completeness."""
    text = files("ogc_api.edr").joinpath("completeness.yml").read_text("utf-8")
    return TypeAdapter(tuple[Rule, ...]).validate_python(yaml.safe_load(text), strict=False)


@dataclass(frozen=True)
class Aggregation:
    """What is to be computed of the values.

    Attributes
    ----------
    statistics
        Their names, in the order asked.
    period
        The periods of the calendar to aggregate by; None for each instant by itself.
    zone
        IANA name of the time zone whose calendar it is; hours are those of UTC.
    area
        Whether all the values of an area are aggregated together.
    minimum
        The completeness below which an aggregate is not given; None for that of :func:`rules`.
    """

    statistics: tuple[str, ...]
    period: Period | None = None
    zone: str = "UTC"
    area: bool = False
    minimum: float | None = None

    def edges(self, span: TimeSpan) -> list[datetime]:
        """Return the bounds, ascending and in UTC, of every period that holds some of a closed span.

        Raises
        ------
        TooLarge
            When there are too many periods.
        """
        assert self.period  # noqa: S101 - asked for by period
        assert span.start  # noqa: S101
        assert span.end  # noqa: S101
        zone = ZoneInfo(self.zone)
        try:
            at = _floor(span.start.astimezone(zone), self.period)
            edges = [at.astimezone(UTC)]
            while edges[-1] <= span.end:
                if len(edges) > _MOST:
                    raise TooLarge(f"There are more than {_MOST} periods of {self.period}: ask a shorter datetime.")
                at = _next(at, self.period)
                edges.append(at.astimezone(UTC))
        except (OverflowError, ValueError):
            raise BadInput("The datetime reaches beyond the calendar: ask a shorter one.") from None
        return edges

    def least(self, starts: NDArray[np.datetime64] | None) -> NDArray[np.float64]:
        """Return the completeness required of each period, told by its start (naive UTC)."""
        count = 1 if starts is None else len(starts)
        if self.minimum is not None or self.period is None or starts is None:
            return np.full(count, self.minimum or 0.0)
        least = np.zeros(count)
        for rule in rules():
            if rule.period == self.period:
                valid = starts >= np.datetime64(rule.valid_from)
                if rule.valid_to is not None:
                    valid &= starts < np.datetime64(rule.valid_to)
                least[valid] = rule.share
        return least


def parse(parameters: Parameters, collection: Collection, *, by_area: bool) -> Aggregation | None:
    """Take the parameters of an aggregate; None when there is none asked.

    Parameters
    ----------
    by_area
        Whether the query is about areas.

    Raises
    ------
    BadInput
        When a value cannot be used, or the collection may only be published by longer periods.
    """
    statistics = parameters.read("aggregation", _statistics)
    period = parameters.choice("period", PERIODS)
    zone = parameters.read("time-zone", _zone)
    minimum = parameters.read("minimum-completeness", _share)
    area = by_area and parameters.choice("aggregate", ("area",)) == "area"
    if period is None and not area:
        for name, value in (("aggregation", statistics), ("minimum-completeness", minimum)):
            if value is not None:
                also = " or aggregate=area" if by_area else ""
                raise BadInput(f"{name} goes with a period{also}: add for instance period=P1D.")
        if zone is not None:
            raise BadInput("time-zone goes with a period: add for instance period=P1D.")
        _respect(collection, None, ())
        return None
    statistics = statistics or ("mean",)
    _respect(collection, period, statistics)
    known = next((each for each in PERIODS if each == period), None)
    return Aggregation(statistics, known, zone or "UTC", area, minimum)


def _respect(collection: Collection, period: str | None, statistics: tuple[str, ...]) -> None:
    finest = collection.finest_period
    if finest is None:
        return
    allowed = [each for each in PERIODS if at_least(each, finest)]
    if period not in allowed:
        listed = " or ".join(f"period={each}" for each in allowed) or "no period offered here"
        raise BadInput(f"{collection.id} may not be published finer than {finest}: ask {listed}.")
    for name in statistics:
        if name not in _IMPERSONAL:
            raise BadInput(
                f"{collection.id} may not be published finer than {finest}, and {name} tells a single value: "
                f"ask some of {', '.join(_IMPERSONAL)}."
            )


def at_least(period: str, finest: str) -> bool:
    """Whether a period is never shorter than another, both ISO 8601 durations."""
    return period == finest or _lasts(period)[0] >= _lasts(finest)[1]


def _lasts(duration: str) -> tuple[float, float]:
    """Return the least and the greatest number of seconds of an ISO 8601 duration."""
    days, _, clock = duration.removeprefix("P").partition("T")
    least = greatest = 0.0
    for number, unit in re.findall(r"(\d+)([A-Z])", days):
        least += int(number) * _DAYS[unit][0] * 86400
        greatest += int(number) * _DAYS[unit][1] * 86400
    for number, unit in re.findall(r"(\d+)([A-Z])", clock.replace("T", "")):
        least += int(number) * _SECONDS[unit]
        greatest += int(number) * _SECONDS[unit]
    return least, greatest


def _statistics(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in names:
        if not re.fullmatch(STATISTIC, name, re.ASCII):
            raise BadInput(f"aggregation names {name!r}: use some of mean, min, max, sum, count and p1 to p99.")
    return names


def _zone(text: str) -> str:
    if text not in available_timezones():
        raise BadInput(f"time-zone={text[:80]!r} is no IANA time zone: write for instance Europe/Paris.")
    return text


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise BadInput(f"minimum-completeness={text[:80]!r} is no share: write a number from 0 to 1.")
    return share


def _floor(at: datetime, period: Period) -> datetime:
    if period == "PT1H":
        return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    day = at.date()
    if period != "P1D":
        day = day.replace(day=1, month=day.month if period == "P1M" else 1)
    return datetime.combine(day, time(), at.tzinfo)


def _next(at: datetime, period: Period) -> datetime:
    if period == "PT1H":
        return at + timedelta(hours=1)
    if period == "P1D":
        # A step of the calendar, whatever the length of the day.
        return datetime.combine(at.date() + timedelta(days=1), time(), at.tzinfo)
    months = 1 if period == "P1M" else 12
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    return at.replace(year=year, month=month + 1)
