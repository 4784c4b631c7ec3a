"""Rasters become coverages on the city's grid, with the values and the gaps of their files."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from twin import pipeline
from twin.crs import transform
from twin.errors import BadData, BadManifest
from twin.ingest.manifest import Manifest
from twin.ingest.raster import RasterSource
from twin.store import OPERATOR
from twin.testing.source import SourceContract

from .samples import ORIGIN, series_entry, text, write_manifest

X, Y = ORIGIN


def write_raster(path, values, crs="EPSG:2154", origin=(X, Y + 100), cell=25.0, nodata=-9999, scale=1.0, offset=0.0):
    """Write one band, its first row the northernmost, its upper left corner at `origin`."""
    rows, columns = values.shape
    profile = {"driver": "GTiff", "width": columns, "height": rows, "count": 1, "dtype": values.dtype, "nodata": nodata}
    if crs:
        profile |= {"crs": crs, "transform": from_origin(*origin, cell, cell)}
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(values, 1)
        raster.scales, raster.offsets = (scale,), (offset,)


def manifest(folder, files=("dem.tif",), read=None, **rule):
    rule = {"collection": "terrain", "property": "altitude", "cell": 25} | rule
    parts = [{"source": "raster", "files": list(files), "coverage": rule, "read": read or {}}]
    entry = series_entry("altitude") | {"title": text("Terrain"), "vertical_crs": "EPSG:5720"}
    return write_manifest(folder, {"terrain": entry}, parts)


def cube(bench):
    with bench.twin.store.cubes.open("terrain", OPERATOR) as dataset:
        return dataset["altitude"].load()


FOUR = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, -9999]], np.int16)


class TestRasterSource(SourceContract):
    def source(self):
        return RasterSource()

    def dataset(self, folder):
        write_raster(folder / "dem.tif", FOUR)
        return Manifest.load(manifest(folder))


def test_values_are_kept_rows_go_north_and_no_data_stays_none(bench):
    write_raster(bench.folder / "dem.tif", FOUR)
    report = pipeline.ingest(bench.twin, manifest(bench.folder))
    assert report.rows == {"terrain": 16}
    told = bench.collection("terrain")
    assert told.kind == "coverage"
    assert told.grid.bbox.as_list() == [X, Y, X + 100, Y + 100]
    found = cube(bench)
    assert found.sel(x=X + 12.5, y=Y + 87.5) == 1
    assert found.values[0].tolist()[:3] == [13, 14, 15]
    assert np.isnan(found.values).sum() == 1
    assert np.isnan(found.sel(x=X + 87.5, y=Y + 12.5))


def test_a_coarser_cell_is_the_mean_of_what_it_covers_and_a_scale_is_applied(bench):
    write_raster(bench.folder / "dem.tif", FOUR, scale=0.1, offset=100.0)
    pipeline.ingest(bench.twin, manifest(bench.folder, cell=50, resampling="average"))
    means = [[(9 + 10 + 13 + 14) / 4, (11 + 12 + 15) / 3], [3.5, 5.5]]
    assert cube(bench).values == pytest.approx(100 + 0.1 * np.array(means))


def test_sheets_are_joined_and_the_first_counts_where_they_overlap(bench):
    write_raster(bench.folder / "a.tif", FOUR)
    write_raster(bench.folder / "b.tif", np.full((4, 4), 50, np.int16), origin=(X + 75, Y + 100))
    pipeline.ingest(bench.twin, manifest(bench.folder, ("a.tif", "b.tif")))
    found = cube(bench)
    assert found.shape == (4, 7)
    assert found.values[0].tolist() == [13, 14, 15, 50, 50, 50, 50]
    assert found.values[3].tolist() == [1, 2, 3, 4, 50, 50, 50]


def test_a_raster_in_degrees_lies_where_it_should(bench):
    """A plane, x metres east of the origin, written in degrees, comes back as that plane."""
    west, north, step = 3.855, 43.63, 0.0002
    lon, lat = np.meshgrid(west + (np.arange(100) + 0.5) * step, north - (np.arange(80) + 0.5) * step)
    east, _ = transform(lon, lat, "OGC:CRS84", "EPSG:2154")
    write_raster(bench.folder / "dem.tif", (east - X).astype(np.float32), "EPSG:4326", (west, north), step)
    pipeline.ingest(bench.twin, manifest(bench.folder, cell=15, resampling="bilinear"))
    found = cube(bench)
    x = np.broadcast_to(found["x"].values, found.shape)
    error = (found.values - (x - X))[np.isfinite(found.values)]
    assert error.size > 9000
    assert np.abs(error).max() < 10  # at the rim, half a pixel
    assert np.median(np.abs(error)) < 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"band": 2}, "has 1 bands: there is no band 2"),
        ({"cell": 0.001}, "too many: choose a larger one"),
        ({"property": "height"}, "'?height'?.*which the collection does not declare"),
        ({"read": {"crs": "EPSG:3857"}}, "is in EPSG:2154, but the manifest declares EPSG:3857"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(bench, change, message):
    write_raster(bench.folder / "dem.tif", FOUR)
    with pytest.raises(BadManifest, match=message):
        pipeline.ingest(bench.twin, manifest(bench.folder, **change))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("values", "crs", "message"),
    [
        (np.full((3, 3), -9999, np.int16), "EPSG:2154", "band 1 holds no value"),
        (FOUR, None, "does not say where it lies"),
    ],
)
def test_a_file_without_values_or_place_is_refused(bench, values, crs, message):
    write_raster(bench.folder / "dem.tif", values, crs)
    with pytest.raises(BadData, match=message):
        pipeline.ingest(bench.twin, manifest(bench.folder))


def test_corine_of_vaud_keeps_its_classes_from_the_swiss_grid(real, tmp_path):
    """472 x 325 pixels of 1..44 and 255 for none, in EPSG:2056: the shares of classes do not move."""
    source = "land/corine_2006_2012/ls100_12.tif"
    rule = {"cell": 100, "property": "altitude", "collection": "terrain"}
    pipeline.ingest(real.twin, manifest(tmp_path / "set", (source,), **rule))
    values = cube(real).values
    with rasterio.open(real.twin.settings.data / source) as raster:
        given = raster.read(1, masked=True).compressed()
    found = values[np.isfinite(values)]
    assert set(found.tolist()) <= set(given.tolist())
    for code in np.unique(given):
        assert (found == code).mean() == pytest.approx((given == code).mean(), abs=2e-3)
