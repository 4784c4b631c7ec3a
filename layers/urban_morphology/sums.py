"""Areas, volumes and façades in each cell of a grid: what can be added up, and averaged later over a disk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

import numpy as np
import shapely
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from layers.grids import Floats, cell_areas, cell_size
from twin.errors import BadInput
from twin.model import Grid

type Surface = Literal["built", "sealed", "bare", "water", "ice", "trees", "shrubs", "plants"]
SURFACES: tuple[Surface, ...] = get_args(Surface.__value__)
type Sums = dict[str, Floats]


class Nomenclature(BaseModel):
    """The surface that each code of land cover is, with its source and validity."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nomenclature: str
    valid_from: date
    valid_to: date | None
    source: str
    surfaces: dict[str, Surface]


@cache
def nomenclature() -> Nomenclature:
    """Return the table ``surfaces.yml``."""
    text = files("layers.urban_morphology").joinpath("surfaces.yml").read_text("utf-8")
    return Nomenclature.model_validate(yaml.safe_load(text))


def of_area(polygons: NDArray[np.object_], grid: Grid) -> Floats:
    """Return the area of each cell that polygons cover, shape ``(rows, columns)``; an overlap counts once a cell."""
    _, cells, areas = cell_areas(polygons, grid)
    width, height = cell_size(grid)
    return np.minimum(_laid(cells, areas, grid), width * height)


def of_buildings(
    footprints: NDArray[np.object_], heights: Floats, uses: Mapping[str, NDArray[np.bool_]], grid: Grid
) -> Sums:
    """Return what buildings bring to each cell, arrays of shape ``(rows, columns)``.

    Parameters
    ----------
    footprints
        Polygons in the grid's CRS: those that meet the grid, and whatever touches them.
    heights
        Metres, shape ``(buildings,)``; what is not above zero is unknown.
    uses
        By kind of use, which buildings have it, shape ``(buildings,)``.

    Returns
    -------
    ``built``
        m2 of ground under buildings; footprints that overlap count each, up to the whole cell.
    ``footprint``, ``known_footprint``
        m2 of footprints, of all and of those whose height is known, overlaps counted each.
    ``volume``
        m3, height times footprint.
    ``facade``
        m2 of free façade, spread over the footprint of its building (see :func:`free_facades`).
    ``footprint_<use>``
        m2 of the footprints of each use.
    """
    heights = np.where(heights > 0, heights, 0.0)
    which, cells, areas = cell_areas(footprints, grid)
    whole = shapely.area(footprints)
    facade = np.divide(free_facades(footprints, heights), whole, out=np.zeros(len(whole)), where=whole > 0)
    width, height = cell_size(grid)
    footprint = _laid(cells, areas, grid)
    return {
        "built": np.minimum(footprint, width * height),
        "footprint": footprint,
        "known_footprint": _laid(cells, areas * (heights[which] > 0), grid),
        "volume": _laid(cells, areas * heights[which], grid),
        "facade": _laid(cells, areas * facade[which], grid),
        **{f"footprint_{use}": _laid(cells, areas * has[which], grid) for use, has in uses.items()},
    }


def free_facades(footprints: NDArray[np.object_], heights: Floats) -> Floats:
    """Return the area of the façades of each building that stand free, in m2; 0 where its height is unknown.

    Perimeter times height, less, for each wall that two buildings share, its length times the lower of
    the two heights: the "free external façade" of GeoClimate (Bocher et al. 2021, JOSS 6(65), 3541).
    """
    facades = shapely.length(footprints) * heights
    one, other = shapely.STRtree(footprints).query(footprints, predicate="intersects")
    pairs = one < other
    one, other = one[pairs], other[pairs]
    rims = shapely.boundary(footprints)
    shared = shapely.length(shapely.intersection(rims[one], rims[other])) * np.minimum(heights[one], heights[other])
    np.subtract.at(facades, one, shared)
    np.subtract.at(facades, other, shared)
    return np.asarray(np.maximum(facades, 0.0))


def of_land_cover(polygons: NDArray[np.object_], codes: NDArray[np.object_], grid: Grid) -> Sums:
    """Return the area of each surface in each cell, m2, as ``cover_<surface>``; without a code, of none.

    Raises
    ------
    BadInput
        When a code of cover is not in the table.
    """
    surfaces = nomenclature().surfaces
    given = np.array([code is not None for code in codes.tolist()], bool)
    if unknown := set(codes[given].tolist()) - surfaces.keys():
        code = min(unknown)
        raise BadInput(
            f"Land cover {code!r} is no code of {nomenclature().nomenclature}: name the field that holds them "
            "as cover_field, or no land_cover."
        )
    number = np.full(len(codes), -1)
    number[given] = [SURFACES.index(surfaces[code]) for code in codes[given].tolist()]
    which, cells, areas = cell_areas(polygons, grid)
    return {
        f"cover_{surface}": _laid(cells, np.where(number[which] == k, areas, 0.0), grid)
        for k, surface in enumerate(SURFACES)
    }


def of_points(points: NDArray[np.object_], grid: Grid) -> Floats:
    """Return how many points each cell holds; one on the edge of two belongs to the north or the east one."""
    width, height = cell_size(grid)
    places = shapely.get_coordinates(points)
    column = np.floor((places[:, 0] - grid.bbox.xmin) / width).astype(int)
    row = np.floor((places[:, 1] - grid.bbox.ymin) / height).astype(int)
    inside = (column >= 0) & (column < grid.columns) & (row >= 0) & (row < grid.rows)
    return _laid((row * grid.columns + column)[inside], np.ones(int(inside.sum())), grid)


def _laid(cells: NDArray[np.intp], values: Floats, grid: Grid) -> Floats:
    summed: Floats = np.bincount(cells, values, minlength=grid.rows * grid.columns)
    return summed.reshape(grid.rows, grid.columns)
