"""Indices and standards: tables with the interval of days over which each applies."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import Field, model_validator

from twin.model import Category, Identifier, Model, Text

type Statistic = Literal["daily_mean", "daily_maximum", "daily_maximum_8h"]
type Share = Annotated[float, Field(ge=0, le=1)]


class Dated(Model):
    """A table, its source, and the days over which it applies: from ``valid_from`` until before ``valid_to``."""

    name: Identifier
    title: Text
    source: str
    valid_from: date
    valid_to: date | None
    check: tuple[str, ...]

    def applies(self, day: date) -> bool:
        """Whether `day` lies in the interval of validity."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class Scale(Model):
    """The daily statistic of one pollutant that makes its sub-index, and the last value of each class but the worst."""

    statistic: Statistic
    bounds: tuple[float, ...]


class IndexTable(Dated):
    """A daily index: ``classes`` 1 to 6, 0 for none, 7 for what is declared and not computed."""

    retrospective: Text
    pollutants: dict[Identifier, Scale]
    classes: tuple[Category, ...]

    def sub_index(self, pollutant: str, value: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the class of each value, of any shape, in µg/m3; 0 where there is no value."""
        bounds = self.pollutants[pollutant].bounds
        return np.where(np.isnan(value), 0, 1 + np.searchsorted(bounds, value, side="left"))


class Limit(Model):
    """What a statistic of one pollutant is compared with, over a calendar year; see ``standards.yml``."""

    pollutant: Identifier
    statistic: Literal["annual_mean", "hourly", "daily_mean", "daily_maximum_8h", "peak_season"]
    value: float
    allowed: Annotated[int, Field(ge=0)] | None = None
    percentile: Annotated[float, Field(gt=0, lt=100)] | None = None
    years: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _counted_or_not(self) -> Self:
        counted = self.statistic not in {"annual_mean", "peak_season"}
        if counted != (self.allowed is not None) + (self.percentile is not None):
            raise ValueError(f"{self.pollutant}, {self.statistic}: a count has allowed or percentile, a mean neither")
        return self

    def permitted(self, values: int) -> int:
        """Return how many of a year's `values` may lie above the limit.

        The percentile p of n values is the one of nearest rank, the ceil(p n / 100)-th smallest.
        """
        if self.percentile is None:
            return self.allowed or 0
        return values - int(np.ceil(np.round(self.percentile * values / 100, 9)))


class Standard(Dated):
    """A guideline or a directive."""

    limits: tuple[Limit, ...]


def _read(name: str) -> list[dict[str, object]]:
    return yaml.safe_load(files("layers.air_quality").joinpath(name).read_text("utf-8"))  # type: ignore[no-any-return]


@cache
def index_table() -> IndexTable:
    """Return the table of ``index.yml``."""
    (only,) = _read("index.yml")
    return IndexTable.model_validate(only)


@cache
def standards() -> tuple[Standard, ...]:
    """Return the tables of ``standards.yml``."""
    return tuple(Standard.model_validate(entry) for entry in _read("standards.yml"))
