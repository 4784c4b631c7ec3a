"""Rasters: one band of GeoTIFF files, or of any raster that GDAL reads, laid on a regular grid of the city's CRS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr
from numpy.typing import NDArray
from pydantic import ValidationError
from rasterio.errors import RasterioError
from rasterio.transform import from_bounds
from rasterio.warp import Resampling, reproject

from twin.crs import BBox
from twin.errors import BadData, BadInput, BadManifest
from twin.ingest.intake import Intake
from twin.ingest.manifest import Manifest
from twin.ingest.parts import CoveragePart, Part
from twin.ingest.places import SaidCrs, settle_crs
from twin.model import Grid
from twin.products import Cube, Product

#: The most cells of a coverage: 200 MB while it is laid.
_LARGEST = 50_000_000


class RasterSource:
    """Reads one band of rasters into one coverage without time; where several files have a value, the first counts.

    Heights are kept as they are. What the file marks as no data stays no value, and so does what lies
    outside of it; scale and offset of the band are applied.
    """

    def read(self, manifest: Manifest, part: Part, files: list[Path], intake: Intake) -> Iterator[Product]:
        """Lay `files` on one grid.

        Raises
        ------
        BadManifest
            When the manifest does not fit a file (band, CRS), or its cell is too small.
        BadData
            When a file is damaged, has no place on Earth, or holds no value.
        """
        rule = part.coverage
        if rule is None:
            raise BadManifest(f"{manifest.dataset}: the raster source reads a coverage: give its collection and cell.")
        collection = manifest.collection(rule.collection, intake.crs)
        systems = [_survey(file, part, collection.vertical_crs, intake) for file in files]
        boxes = [box for _, box in systems]
        bounds = (
            min(box.xmin for box in boxes),
            min(box.ymin for box in boxes),
            max(box.xmax for box in boxes),
            max(box.ymax for box in boxes),
        )
        grid = Grid.over(bounds, rule.cell, intake.crs)
        if grid.columns * grid.rows > _LARGEST:
            size = f"{grid.columns} by {grid.rows} cells"
            raise BadManifest(f"{manifest.dataset}: cell: {rule.cell:g} makes {size}, too many: choose a larger one.")
        values = np.full((grid.rows, grid.columns), np.nan, np.float32)
        for file, (system, _) in zip(files, systems, strict=True):
            found = _lay(file, system, rule, grid)
            np.copyto(values, found, where=np.isnan(values))
        if np.isnan(values).all():
            raise BadData(f"{files[0].name}: band {rule.band} holds no value.")
        # Files go from north to south, coverages from south to north.
        coordinates = {
            "y": grid.bbox.ymin + (np.arange(grid.rows) + 0.5) * rule.cell,
            "x": grid.bbox.xmin + (np.arange(grid.columns) + 0.5) * rule.cell,
        }
        dataset = xr.Dataset({rule.property: (("y", "x"), values[::-1])}, coords=coordinates)
        yield Cube(collection.model_copy(update={"grid": grid}), dataset)


def _survey(file: Path, part: Part, vertical: str | None, intake: Intake) -> tuple[str, BBox]:
    """Return the CRS of a file, and its box in the city's."""
    try:
        with rasterio.open(file) as raster:
            said = SaidCrs.parse(raster.crs.to_wkt() if raster.crs else None, file.name)
            bounds = tuple(raster.bounds)
            if raster.transform.is_identity:
                raise BadData(f"{file.name} does not say where it lies: it has no georeference.")
    except RasterioError:
        raise BadData(f"{file.name} cannot be opened: it is damaged, or no raster.") from None
    system = settle_crs(said, part.read.crs, vertical, bounds, file.name, intake)
    try:
        xmin, ymin, xmax, ymax = bounds
        return system, BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=system).to(intake.crs)
    except (BadInput, ValidationError):
        raise BadData(f"{file.name}: read as {system}, this lies outside the area of {intake.crs}.") from None


def _lay(file: Path, system: str, rule: CoveragePart, grid: Grid) -> NDArray[np.float32]:
    """Return the values of a file on a grid, rows from north to south, not-a-number where it has none."""
    box = grid.bbox
    values = np.full((grid.rows, grid.columns), np.nan, np.float32)
    try:
        with rasterio.open(file) as raster:
            if rule.band > raster.count:
                raise BadManifest(f"{file.name} has {raster.count} bands: there is no band {rule.band}.")
            reproject(
                rasterio.band(raster, rule.band),
                values,
                src_crs=system,
                src_nodata=raster.nodata,
                dst_transform=from_bounds(box.xmin, box.ymin, box.xmax, box.ymax, grid.columns, grid.rows),
                dst_crs=box.crs,
                dst_nodata=np.nan,
                resampling=Resampling[rule.resampling],
            )
            return np.asarray(values * raster.scales[rule.band - 1] + raster.offsets[rule.band - 1], np.float32)
    except RasterioError as error:
        raise BadData(f"{file.name} cannot be read: {' '.join(str(error).split())}") from None
