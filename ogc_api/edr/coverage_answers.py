"""The answers of a coverage: its values, or their statistics, at points, in boxes and areas, along lines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import shapely
from numpy.typing import NDArray

from ogc_api.edr import grids
from ogc_api.edr.answer import COMPLETENESS, Answer, Body, Grid, Path, Place, Times, Variable, variables
from ogc_api.edr.grids import Cells, Coverage
from ogc_api.edr.periods import Aggregation
from ogc_api.edr.query import EdrQuery
from ogc_api.edr.shapes import Area, together
from ogc_api.edr.statistics import aggregated
from twin.errors import BadInput, NoData
from twin.model import Collection, Text
from twin.settings import Bounds


def position(coverage: Coverage, query: EdrQuery, bounds: Bounds) -> Answer:
    """Return the values of the cell that contains each point."""
    points, cells = grids.position(coverage, query)
    read = _read(coverage, query, cells, bounds, 1)
    places = (
        Place(point, read.times, {name: values[..., at] for name, values in read.values.items()}, read.stops)
        for at, point in enumerate(shapely.points(points))
    )
    return answer(coverage.collection, query, tuple(places))


def cube(coverage: Coverage, query: EdrQuery, bounds: Bounds) -> Answer:
    """Return the cells whose centres lie in a box, or their statistics together."""
    if query.aggregation and query.aggregation.area:
        return _over_areas(coverage, query, bounds)
    return _grid(coverage, query, *grids.box(coverage, query), bounds)


def area(coverage: Coverage, query: EdrQuery, bounds: Bounds) -> Answer:
    """Return the cells whose centres lie in areas, or the statistics of each area."""
    if query.aggregation and query.aggregation.area:
        return _over_areas(coverage, query, bounds)
    return _grid(coverage, query, *grids.area(coverage, query, together(query.areas), bounds), bounds)


def trajectory(coverage: Coverage, query: EdrQuery, bounds: Bounds) -> Answer:
    """Return the cells that lines cross, in order."""
    points, cells, moving = grids.along(coverage, query, bounds)
    if moving is None:
        read = _read(coverage, query, cells, bounds, 1)
        body = Path(points[:, 0], points[:, 1], read.times, read.values, stops=read.stops)
        return answer(coverage.collection, query, body)
    if query.aggregation:
        raise BadInput("A line with M is passed once at each point: leave period out, or write LINESTRING.")
    grids.check(cells.count * len(query.parameters), bounds.values)
    values = {name: cells.read(name, ()) for name in query.parameters}
    return answer(coverage.collection, query, Path(points[:, 0], points[:, 1], moving, values, moving=True))


def answer(collection: Collection, query: EdrQuery, body: Body) -> Answer:
    """Return a body with its variables: those asked, or the statistics of each with its completeness."""
    known = variables(collection)
    chosen = [known[name] for name in query.parameters]
    if query.aggregation:
        told = _told(query.aggregation)
        names = (*query.aggregation.statistics, COMPLETENESS)
        chosen = [Variable(each.observed, name, description=told) for each in chosen for name in names]
    return Answer(collection, query.crs, {variable.name: variable for variable in chosen}, body)


def _told(aggregation: Aggregation) -> Text:
    least = aggregation.minimum
    over = Text(fr="sur la zone demandée", en="over the area asked") if aggregation.area else None
    by = None
    if aggregation.period:
        zone = "UTC" if aggregation.period == "PT1H" else aggregation.zone
        by = Text(
            fr=f"par {aggregation.period} (calendrier {zone}), chaque période commençant à son instant",
            en=f"by {aggregation.period} (calendar of {zone}), each period starting at its instant",
        )
    rule = Text(fr="", en="")
    if least is not None:
        rule = Text(fr=f" ; vide sous {least:g} de complétude", en=f"; empty below {least:g} of completeness")
    elif by:
        rule = Text(
            fr=" ; vide sous la complétude requise (directive 2008/50/CE, annexe VII)",
            en="; empty below the completeness required (directive 2008/50/EC, annex VII)",
        )
    parts = [text for text in (by, over) if text]
    return Text(
        fr="Valeurs bonnes " + ", ".join(text.fr for text in parts) + rule.fr,
        en="Good values " + ", ".join(text.en for text in parts) + rule.en,
    )


def _grid(coverage: Coverage, query: EdrQuery, body: Grid, cells: Cells, bounds: Bounds) -> Answer:
    read = _read(coverage, query, cells, bounds, 1)
    return answer(coverage.collection, query, replace(body, times=read.times, values=read.values, stops=read.stops))


class _Read(NamedTuple):
    """What was read of some cells: the values at instants, or of periods, which have ends."""

    times: Times
    values: dict[str, NDArray[Any]]
    stops: Times = None


def _read(coverage: Coverage, query: EdrQuery, cells: Cells, bounds: Bounds, many: int) -> _Read:
    if query.aggregation is None:
        return _Read(*grids.values(coverage, query, cells, bounds.values, many=many))
    starts, stops, found = aggregated(coverage, query, query.aggregation, cells, bounds, many)
    return _Read(starts, found, stops)


def _over_areas(coverage: Coverage, query: EdrQuery, bounds: Bounds) -> Answer:
    # The cells of storage have equal areas; the nodes of a lattice stand for them less well.
    native = replace(query, crs=coverage.grid.bbox.crs)
    selected: list[tuple[Area, Cells]] = []
    for each in query.areas:
        try:
            selected.append((each, grids.area(coverage, native, each.region, bounds)[1]))
        except NoData:
            if len(query.areas) == 1:
                raise
    if not selected:
        raise NoData(f"No cell of {coverage.collection.id} has its centre in the areas asked.")
    places = []
    for each, cells in selected:
        read = _read(coverage, query, cells, bounds, len(selected))
        places.append(Place(each.shape, read.times, read.values, read.stops))
    return answer(coverage.collection, query, tuple(places))
