"""Cool islands: where the air is cooler than around, among vegetation or by water. No law defines them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import rasterio.features
import rasterio.transform
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from layers.disk import disk_shares
from layers.grids import Floats, cell_size
from twin.model import Grid


@dataclass(frozen=True)
class CoolIslands:
    """Connected cells, one row each; means over their cells, not-a-number where unknown.

    ``cell`` is the first cell, from the south-west; ``area`` is in hectares, differences in K, distances in m.
    """

    geometry: NDArray[np.object_]
    cell: NDArray[np.intp]
    area: Floats
    night_difference: Floats
    afternoon_difference: Floats
    vegetation_fraction: Floats
    water_distance: Floats


def contrast(values: Floats, radius: float, cell: float) -> Floats:
    """Return what each cell has more than the mean of the disk around it, cells that are not known left out.

    Parameters
    ----------
    values
        Shape (rows, columns), not-a-number where unknown.
    radius, cell
        Of the disk, and the side of a cell, in metres.
    """
    known = np.isfinite(values)
    shares = disk_shares(radius, cell)
    total = ndimage.convolve(np.where(known, values, 0.0), shares, mode="constant")
    weight = ndimage.convolve(known.astype(float), shares, mode="constant")
    return np.asarray(values - np.divide(total, weight, out=np.full(values.shape, np.nan), where=weight > 0))


def cool_islands(
    grid: Grid,
    night: Floats,
    afternoon: Floats,
    vegetation: Floats,
    water: Floats,
    *,
    difference: float,
    least_vegetation: float,
    greatest_distance: float,
    least_area: float,
) -> CoolIslands:
    """Return the connected cells, side by side, that are cool by night or in the afternoon, and green or by water.

    Parameters
    ----------
    night, afternoon
        Mean differences in K with the reference, or with what is around (:func:`contrast`), shape (rows, columns),
        not-a-number where unknown.
    vegetation, water
        Vegetation fraction, and distance to water in metres; same shape, not-a-number where unknown.
    difference
        Mean difference below which a cell is cool, in K.
    least_area
        In hectares.
    """
    cool = (night < difference) | (afternoon < difference)
    evident = (vegetation >= least_vegetation) | (water <= greatest_distance)
    labels, count = ndimage.label(cool & evident)
    width, height = cell_size(grid)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:] * width * height / 10_000
    kept = np.flatnonzero(areas >= least_area) + 1
    labels = np.where(np.isin(labels, kept), labels, 0)
    # Rows go north: an affine transform of positive height.
    place = rasterio.transform.Affine(width, 0, grid.bbox.xmin, 0, height, grid.bbox.ymin)
    found = {
        int(label): shapely.geometry.shape(outline)
        for outline, label in rasterio.features.shapes(labels.astype(np.int32), labels > 0, 4, place)
    }
    _, first = np.unique(labels[labels > 0], return_index=True)

    def mean(values: Floats) -> Floats:
        known = np.isfinite(values)
        total, cells = (
            np.bincount(labels.ravel(), weights.ravel(), count + 1)[kept]
            for weights in (np.where(known, values, 0), known)
        )
        return np.asarray(np.divide(total, cells, out=np.full(kept.size, np.nan), where=cells > 0))

    return CoolIslands(
        geometry=np.array([found[int(label)] for label in kept], object),
        cell=np.flatnonzero(labels > 0)[first],
        area=areas[kept - 1],
        night_difference=mean(night),
        afternoon_difference=mean(afternoon),
        vegetation_fraction=mean(vegetation),
        water_distance=mean(water),
    )
