"""Every format says the same as CoverageJSON does, read back by the programs that people have."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import xarray as xr

from ogc_api.edr import Edr
from tests.ogc_api.edr.edr_twin import BASE, PLACES, XS, YS, Get, field, fill, opened, requests_to, temperature
from tests.ogc_api.edr.test_grids import LAMBERT
from twin.crs import CRS84, BBox

BOX = {
    "bbox": "1170000,6280000,1170250,6280200",
    "crs": LAMBERT,
    "datetime": "2026-07-01T02:00:00Z/2026-07-01T03:00:00Z",
}
ONE = "observations/locations/S001"
DAY = {"datetime": "2026-07-01"}


def test_formats_are_chosen_by_f_or_by_accept(get: Get) -> None:
    for name, media_type in (
        ("CoverageJSON", "application/prs.coverage+json"),
        ("GeoJSON", "application/geo+json"),
        ("CSV", "text/csv"),
        ("NetCDF", "application/netcdf"),
        ("GeoTIFF", "image/tiff"),
    ):
        by_name = get("heat/cube", {**BOX, "f": name})
        by_header = get("heat/cube", BOX, accept=f"{media_type}, */*;q=0.1")
        for response in (by_name, by_header):
            assert response.status_code == 200, response.text
            assert response.headers["content-type"].startswith(media_type)
        assert by_name.headers["vary"] == "Accept, Accept-Language, Authorization"
    assert 'filename="heat_cube.tif"' in get("heat/cube", {**BOX, "f": "GeoTIFF"}).headers["content-disposition"]
    assert get(ONE, {"f": "GeoTIFF"}).status_code == 400
    assert get("observations/locations", {"f": "CSV"}).status_code == 400


def test_csv_of_a_series_tells_units_and_leaves_gaps_empty(get: Get) -> None:
    names = "air_temperature,relative_humidity,air_temperature_quality"
    text = get(ONE, {"f": "CSV", "crs": LAMBERT, "parameter-name": names, **DAY}).content.decode()
    heading, *rows = csv.reader(io.StringIO(text))
    assert heading == [
        *("location", "x (m)", "y (m)", "datetime (UTC)"),
        *("air_temperature (Cel)", "relative_humidity (%)", "air_temperature_quality"),
    ]
    assert len(rows) == 24
    row = dict(zip(heading, rows[7], strict=True))
    assert row["location"] == "S001"
    assert (float(row["x (m)"]), float(row["y (m)"])) == PLACES["S001"]
    assert row["datetime (UTC)"] == "2026-07-01T07:00:00Z"
    assert float(row["air_temperature (Cel)"]) == temperature(0)[7]
    assert row["air_temperature_quality"] == "step"
    assert row["relative_humidity (%)"] == ""


def test_csv_of_a_grid_has_a_row_for_each_cell_and_step(get: Get) -> None:
    heading, *rows = csv.reader(io.StringIO(get("heat/cube", {**BOX, "f": "CSV"}).text))
    assert heading == ["x (m)", "y (m)", "datetime (UTC)", "air_temperature (Cel)"]
    assert len(rows) == 2 * 4 * 5
    x, y, instant, value = rows[20 + 5 * 3 + 4]
    assert (float(x), float(y), instant) == (XS[4], YS[3], "2026-07-01T03:00:00Z")
    assert np.float32(value) == field(3)[3, 4]


def test_geojson_is_a_feature_for_each_place_and_instant(get: Get, tmp_path: Path) -> None:
    response = get(ONE, {"f": "GeoJSON", **DAY})
    found = json.loads(response.content)
    assert found["type"] == "FeatureCollection"
    assert found["numberReturned"] == len(found["features"]) == 24
    feature = found["features"][6]
    assert feature["geometry"]["type"] == "Point"
    assert feature["properties"]["location"] == "S001"
    assert feature["properties"]["datetime"] == "2026-07-01T06:00:00Z"
    assert feature["properties"]["air_temperature"] == temperature(0)[6]
    assert feature["properties"]["relative_humidity"] is None
    file = tmp_path / "series.geojson"
    file.write_bytes(response.content)
    assert pyogrio.read_info(file)["features"] == 24


def test_cells_around_what_was_asked_are_no_rows(tmp_path: Path) -> None:
    x, y = 1_170_000, 6_280_000
    slope = f"POLYGON(({x} {y},{x + 250} {y},{x} {y + 200},{x} {y}))"
    with opened(tmp_path, rows=15) as twin:
        fill(twin)
        edr = Edr(twin, BASE)
        asked = {"coords": slope, "crs": LAMBERT, "datetime": "2026-07-01T02:00:00Z", "f": "GeoJSON"}
        response = requests_to(edr)("heat/area", asked)
        assert response.status_code == 200, response.text
        assert response.json()["numberReturned"] <= 15 < 4 * 5
        edr.close()


def test_too_many_rows_are_413_where_arrays_are_not(tmp_path: Path) -> None:
    with opened(tmp_path, rows=39) as twin:
        fill(twin)
        edr = Edr(twin, BASE)
        get = requests_to(edr)
        for name, status in (("CSV", 413), ("GeoJSON", 413), ("NetCDF", 200)):
            assert get("heat/cube", {**BOX, "f": name}).status_code == status
        edr.close()


def test_netcdf_of_a_grid_is_cf_and_holds_the_very_values(get: Get) -> None:
    response = get("heat/cube", {**BOX, "f": "NetCDF"})
    with xr.open_dataset(io.BytesIO(response.content), engine="h5netcdf") as dataset:
        assert dataset.attrs["Conventions"] == "CF-1.11"
        variable = dataset["air_temperature"]
        assert variable.dims == ("time", "y", "x")
        assert (variable.attrs["units"], variable.attrs["standard_name"]) == ("degree_Celsius", "air_temperature")
        mapping = dataset[variable.encoding.get("grid_mapping") or variable.attrs["grid_mapping"]]
        assert mapping.attrs["grid_mapping_name"] == "lambert_conformal_conic"
        assert dataset["x"].attrs["standard_name"] == "projection_x_coordinate"
        np.testing.assert_array_equal(dataset["x"], XS[:5])
        np.testing.assert_array_equal(
            dataset["time"].values.astype("M8[h]").astype(str), ["2026-07-01T02", "2026-07-01T03"]
        )
        np.testing.assert_array_equal(variable.values, np.stack([field(step)[:4, :5] for step in (2, 3)]))
        assert variable.dtype == np.float32


def test_gdal_reads_the_georeference_of_a_netcdf(get: Get, tmp_path: Path) -> None:
    if shutil.which("gdalinfo") is None:
        pytest.skip("gdalinfo is absent")
    if "netCDF" not in subprocess.run(["gdalinfo", "--formats"], capture_output=True, text=True, check=True).stdout:
        pytest.skip("gdalinfo has no netCDF driver")
    file = tmp_path / "heat.nc"
    file.write_bytes(get("heat/cube", {**BOX, "f": "NetCDF"}).content)
    told = subprocess.run(["gdalinfo", "-json", str(file)], capture_output=True, text=True, check=True)
    assert told.stderr == ""
    found = json.loads(told.stdout)
    assert found["geoTransform"] == [1_170_000, 50, 0, 6_280_200, 0, -50]
    assert 'ID["EPSG",2154]' in found["coordinateSystem"]["wkt"]


def test_netcdf_of_series_is_a_discrete_sampling_geometry(get: Get) -> None:
    area = "POLYGON((1170000 6280000,1173000 6280000,1173000 6283000,1170000 6280000))"
    asked = {"coords": area, "crs": LAMBERT, "parameter-name": "air_temperature,air_temperature_quality", **DAY}
    response = get("observations/area", {**asked, "f": "NetCDF"})
    assert response.status_code == 200, response.text
    with xr.open_dataset(io.BytesIO(response.content), engine="h5netcdf", mask_and_scale=False) as dataset:
        assert dataset.attrs["featureType"] == "timeSeries"
        assert dataset["location"].attrs["cf_role"] == "timeseries_id"
        assert dataset["location"].values.tolist() == ["L00001", "S001", "S002"]
        np.testing.assert_array_equal(dataset["air_temperature"].sel(location="S001"), temperature(0)[:24])
        flags = dataset["air_temperature_quality"]
        assert flags.attrs["flag_meanings"].split()[2] == "step"
        assert flags.sel(location="S001").values.tolist() == [0] * 7 + [2] + [0] * 16
        assert dataset["x"].sel(location="S001") == PLACES["S001"][0]


def test_netcdf_of_a_line_with_times_is_a_trajectory(get: Get) -> None:
    start = np.datetime64("2026-07-01T02:30:00", "s").astype(int)
    line = f"LINESTRINGM(1170000 {YS[4]} {start},1170200 {YS[4]} {start + 7200})"
    response = get("heat/trajectory", {"coords": line, "crs": LAMBERT, "f": "NetCDF"})
    with xr.open_dataset(io.BytesIO(response.content), engine="h5netcdf") as dataset:
        assert dataset.attrs["featureType"] == "trajectory"
        np.testing.assert_array_equal(
            dataset["air_temperature"], [field(step)[4, column] for column, step in enumerate((2, 3, 3, 4))]
        )


@pytest.mark.parametrize("crs", [None, LAMBERT])
def test_geotiff_is_in_the_storage_crs_with_the_right_georeference(get: Get, tmp_path: Path, crs: str | None) -> None:
    """Asked in lon/lat without a CRS, or in Lambert-93: the cells are those of storage, not resampled."""
    west, south, east, north = map(float, BOX["bbox"].split(","))
    box = BBox(xmin=west + 1, ymin=south + 1, xmax=east - 1, ymax=north - 1, crs="EPSG:2154")
    asked = {**BOX, "f": "GeoTIFF"}
    if crs is None:
        del asked["crs"]
        asked["bbox"] = ",".join(map(str, box.to(CRS84).as_list()))
    response = get("heat/cube", asked)
    assert response.status_code == 200, response.text
    file = tmp_path / "heat.tif"
    file.write_bytes(response.content)
    with rasterio.open(file) as raster:
        assert raster.crs.to_epsg() == 2154
        assert raster.count == 2
        assert raster.descriptions == ("air_temperature 2026-07-01T02:00:00Z", "air_temperature 2026-07-01T03:00:00Z")
        assert raster.units[0] == "Cel"
        assert raster.res == (50, 50)
        for step, band in ((2, 1), (3, 2)):
            found = next(iter(raster.sample([(XS[3], YS[2])], indexes=band)))
            assert found[0] == field(step)[2, 3]
        if crs:
            assert raster.bounds == (west, south, east, north)
    if shutil.which("gdalinfo"):
        told = subprocess.run(["gdalinfo", str(file)], capture_output=True, text=True, check=True).stdout
        assert 'ID["EPSG",2154]' in told
        assert "Pixel Size = (50.0000" in told


def test_geotiff_in_lonlat_when_asked(get: Get, tmp_path: Path) -> None:
    west, south, east, north = map(float, BOX["bbox"].split(","))
    box = BBox(xmin=west, ymin=south, xmax=east, ymax=north, crs="EPSG:2154").to(CRS84).as_list()
    asked = {**BOX, "bbox": ",".join(map(str, box)), "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
    plain = get("heat/cube", asked).json()
    (tmp_path / "a.tif").write_bytes(get("heat/cube", {**asked, "f": "GeoTIFF"}).content)
    with rasterio.open(tmp_path / "a.tif") as raster:
        assert raster.crs.to_epsg() == 4326
        x, y = (plain["domain"]["axes"][axis]["values"] for axis in "xy")
        values = np.array(plain["ranges"]["air_temperature"]["values"], float).reshape(2, len(y), len(x))
        found = next(iter(raster.sample([(x[1], y[2])], indexes=1)))
        assert found[0] == np.float32(values[0, 2, 1])
