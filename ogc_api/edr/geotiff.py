"""GeoTIFF of a grid: one band for each variable and instant, north up, what is missing not-a-number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from ogc_api.edr.answer import Answer, Grid
from ogc_api.edr.rfc3339 import rfc3339
from twin.crs import CRS84
from twin.errors import BadInput, TooLarge

#: TIFF counts bands with 16 bits.
_BANDS = 65_535


def encode(answer: Answer) -> bytes:
    """Return the bytes of a file whose bands say their variable, instant and unit.

    Raises
    ------
    BadInput
        When the answer is no grid.
    TooLarge
        When there are more bands than a file may have.
    """
    grid = answer.body
    if not isinstance(grid, Grid):
        raise BadInput("A GeoTIFF holds a grid, and this answer is none: ask CoverageJSON, CSV or NetCDF.")
    instants = [None] if grid.times is None else rfc3339(grid.times)
    if len(instants) * len(grid.values) > _BANDS:
        raise TooLarge(f"A GeoTIFF has at most {_BANDS} bands: ask a shorter time or fewer parameters.")
    wide, high = _size(answer, grid)
    origin = from_origin(grid.x[0] - wide / 2, grid.y[-1] + high / 2, wide, high)
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=len(grid.x),
            height=len(grid.y),
            count=len(instants) * len(grid.values),
            dtype=_kind(grid),
            crs=_crs(answer.crs),
            transform=origin,
            nodata=np.nan,
            compress="deflate",
            predictor=3,
            interleave="band",
        ) as file:
            file.update_tags(TITLE=answer.collection.title.en, COPYRIGHT=answer.collection.licence.attribution)
            band = 0
            for name, values in grid.values.items():
                variable = answer.variables[name]
                for at, instant in enumerate(instants):
                    band += 1
                    layer = values if instant is None else values[at]
                    file.write(np.flipud(layer).astype(_kind(grid), copy=False), band)
                    file.set_band_description(band, name if instant is None else f"{name} {instant}")
                    file.set_band_unit(band, variable.unit or "")
                    told = {"parameter": name, **({} if instant is None else {"datetime": instant})}
                    file.update_tags(band, **told)
        return bytes(memory.read())


def _crs(code: str) -> CRS:
    # A GeoTIFF knows lon/lat as EPSG:4326, whatever the order of its authority's axes.
    return CRS.from_epsg(4326) if code == CRS84 else CRS.from_user_input(code)


def _kind(grid: Grid) -> str:
    small = all(values.dtype.itemsize <= 4 and values.dtype.kind == "f" for values in grid.values.values())
    return "float32" if small else "float64"


def _size(answer: Answer, grid: Grid) -> tuple[float, float]:
    """Return the width and the height of a cell, which a single column or row does not show."""
    whole = answer.collection.grid
    assert whole is not None  # noqa: S101 - a coverage has one
    box = whole.bbox.to(answer.crs)

    def step(axis: NDArray[np.float64], size: float) -> float:
        return size if len(axis) < 2 else float(axis[-1] - axis[0]) / (len(axis) - 1)

    return step(grid.x, (box.xmax - box.xmin) / whole.columns), step(grid.y, (box.ymax - box.ymin) / whole.rows)
