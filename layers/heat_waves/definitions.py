"""The definitions of ``definitions.yml``: thresholds, since when they hold, their source, what is to be confirmed."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import Field

from layers.days import Days
from twin.model import Model

type Name = Literal["ibm", "national", "local"]


class Definition(Model):
    """A definition, its source, and the days over which it holds: from ``valid_from`` until before ``valid_to``."""

    source: str
    check: tuple[str, ...]
    valid_from: date | None
    valid_to: date | None

    def held(self, days: Days, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values over `days`, not-a-number where it does not hold."""
        out = np.zeros(len(days), bool)
        if self.valid_from is not None:
            out |= days < np.datetime64(self.valid_from)
        if self.valid_to is not None:
            out |= days >= np.datetime64(self.valid_to)
        return np.where(out, np.nan, values)


class Wave(Definition):
    """A wave of the daily mean temperature: thresholds in °C, or percentiles of the series."""

    peak: float
    stay: float
    end: float
    days: Annotated[int, Field(ge=1)]


class Ibm(Definition):
    """Thresholds of the biometeorological indices, ``minimum/maximum`` in °C, and the départements of each."""

    doubtful: frozenset[str]
    thresholds: dict[str, tuple[str, ...]]

    def of(self, department: str | None) -> tuple[float, float] | None:
        """Return the thresholds of a département, of the minimum and of the maximum; None where none is known."""
        for pair, departments in self.thresholds.items():
            if department in departments:
                low, high = map(float, pair.split("/"))
                return low, high
        return None

    def doubts(self, department: str) -> tuple[str, ...]:
        """Return what is to be confirmed for a département."""
        return (*self.check, f"thresholds of {department}: doubtful") if department in self.doubtful else self.check


class Definitions(Model):
    """All of them."""

    national: Wave
    local: Wave
    ibm: Ibm


@cache
def definitions() -> Definitions:
    """Return the definitions of ``definitions.yml``."""
    text = files("layers.heat_waves").joinpath("definitions.yml").read_text("utf-8")
    return Definitions.model_validate(yaml.safe_load(text))
