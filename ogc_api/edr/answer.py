"""What a query found, before any format: variables, and their values on a grid, at places or along a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.model import Collection, Kind, ObservedProperty, Text

QUALITY_SUFFIX = "_quality"
COMPLETENESS = "completeness"

#: Values, or a list where texts are, or integers some of which are missing.
type Values = NDArray[Any] | list[Any]
type Times = NDArray[np.datetime64] | None

_STATISTICS = {
    "mean": Text(fr="moyenne", en="mean"),
    "min": Text(fr="minimum", en="minimum"),
    "max": Text(fr="maximum", en="maximum"),
    "sum": Text(fr="somme", en="sum"),
    "count": Text(fr="nombre de valeurs", en="number of values"),
    COMPLETENESS: Text(fr="complétude", en="completeness"),
}
#: CF names of the methods of a cell; a percentile has none.
CELL_METHODS = {"mean": "mean", "min": "minimum", "max": "maximum", "sum": "sum"}


@dataclass(frozen=True)
class Variable:
    """One thing answered: an observed property, its quality flags, or a statistic of it."""

    observed: ObservedProperty
    statistic: str | None = None
    quality: bool = False
    description: Text | None = None

    @property
    def name(self) -> str:
        """The name of the parameter."""
        if self.quality:
            return self.observed.name + QUALITY_SUFFIX
        return self.observed.name if self.statistic is None else f"{self.observed.name}_{self.statistic}"

    @property
    def title(self) -> Text:
        """The title, in both languages."""
        title = self.observed.title
        if self.quality:
            return Text(fr=f"Qualité : {title.fr}", en=f"Quality: {title.en}")
        if self.statistic is None:
            return title
        number = self.statistic[1:]
        told = _STATISTICS.get(self.statistic) or Text(fr=f"centile {number}", en=f"percentile {number}")
        return Text(fr=f"{title.fr} : {told.fr}", en=f"{title.en}: {told.en}")

    @property
    def unit(self) -> str | None:
        """The unit in UCUM; None for categories."""
        if self.quality:
            return None
        return "1" if self.statistic in ("count", COMPLETENESS) else self.observed.unit


def variables(collection: Collection) -> dict[str, Variable]:
    """Return every variable that a query of a collection may name, quality flags of series included."""
    found = {observed.name: Variable(observed) for observed in collection.observed_properties}
    if collection.kind is Kind.TIMESERIES:
        flags = (Variable(observed, quality=True) for observed in collection.observed_properties)
        found |= {flag.name: flag for flag in flags}
    return found


@dataclass(frozen=True)
class Grid:
    """Values on axes x and y, ascending, and on t where there is one: ``([t,] y, x)``."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    times: Times
    values: Mapping[str, NDArray[Any]]
    stops: Times = None


@dataclass(frozen=True)
class Place:
    """Values at a point, or over a polygon: ``([t],)``. ``stops`` are the ends of periods that start at `times`."""

    shape: shapely.Point | shapely.Polygon
    times: Times
    values: Mapping[str, Values]
    stops: Times = None
    id: str | None = None


@dataclass(frozen=True)
class Path:
    """Values along a line, at points in order: ``([t,] n)``; when `moving`, each point has its time: ``(n,)``."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    times: Times
    values: Mapping[str, NDArray[Any]]
    moving: bool = False
    stops: Times = None


type Body = Grid | Path | tuple[Place, ...]


@dataclass(frozen=True)
class Answer:
    """What a query found, in a CRS; `variables` are those of the body, by name."""

    collection: Collection
    crs: str
    variables: Mapping[str, Variable]
    body: Body
