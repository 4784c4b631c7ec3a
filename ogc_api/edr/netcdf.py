"""NetCDF-4 with the CF conventions 1.11: grids, time series at places (discrete sampling geometries), trajectories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray

from ogc_api.edr.answer import CELL_METHODS, Answer, Grid, Path, Place, Times, Values, Variable
from twin import cf
from twin import crs as crs_
from twin.errors import TooLarge
from twin.tables import Quality

_EPOCH = "seconds since 1970-01-01T00:00:00Z"
_MISSING_FLAG = np.uint8(255)


def encode(answer: Answer, bound: int) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    TooLarge
        When places observed at different times would be laid on more than `bound` values.
    """
    match answer.body:
        case Grid() as grid:
            dataset = _grid(answer, grid)
        case Path() as path:
            dataset = _path(answer, path)
        case places:
            dataset = _places(answer, places, bound)
    collection = answer.collection
    dataset.attrs |= {
        "Conventions": cf.CONVENTIONS,
        "title": collection.title.en,
        "summary": collection.description.en,
        "institution": collection.producer,
        "license": collection.licence.title,
        "comment": collection.licence.attribution,
    }
    crs = crs_.definition(answer.crs)
    dataset["crs"] = ((), np.int32(0), crs.to_cf())
    encoding: dict[Any, Any] = {name: {"_FillValue": None} for name in dataset.coords}
    for name in dataset.data_vars:
        if dataset[name].size > 1 and dataset[name].dtype.kind in "fiu":
            encoding[name] = {"zlib": True, "complevel": 1, "shuffle": True}
    return bytes(dataset.to_netcdf(engine="h5netcdf", encoding=encoding))


def _grid(answer: Answer, grid: Grid) -> xr.Dataset:
    dimensions = (*_time_dimension(grid.times), "y", "x")
    coordinates = {**_time(grid.times, grid.stops), "y": _axis(answer, "y", grid.y), "x": _axis(answer, "x", grid.x)}
    return _dataset(answer, {name: (dimensions, values) for name, values in grid.values.items()}, coordinates)


def _path(answer: Answer, path: Path) -> xr.Dataset:
    coordinates: dict[str, Any] = {
        "x": _axis(answer, "x", path.x, "obs"),
        "y": _axis(answer, "y", path.y, "obs"),
    }
    if path.moving:
        assert path.times is not None  # noqa: S101 - what moves has times
        coordinates["time"] = ("obs", _seconds(path.times), _TIME)
        coordinates["trajectory"] = ((), "1", {"cf_role": "trajectory_id"})
        found = _dataset(answer, {name: (("obs",), values) for name, values in path.values.items()}, coordinates)
        found.attrs["featureType"] = "trajectory"
        return found
    coordinates |= _time(path.times, path.stops)
    dimensions = (*_time_dimension(path.times), "obs")
    found = _dataset(answer, {name: (dimensions, values) for name, values in path.values.items()}, coordinates)
    if path.times is None:
        found.attrs["featureType"] = "point"
    return found


def _places(answer: Answer, places: tuple[Place, ...], bound: int) -> xr.Dataset:
    """Lay the series of places on the union of their times."""
    known = [place.times for place in places if place.times is not None]
    times = np.unique(np.concatenate(known)) if known else None
    count = len(places) * (1 if times is None else len(times)) * len(answer.variables)
    if count > bound:
        raise TooLarge(
            f"Laid on one axis of time, the answer would hold {count} values and the bound is {bound}: "
            "ask a shorter time, or CSV."
        )
    stops = _union_of_stops(places, times)
    points = [shapely.point_on_surface(place.shape) for place in places]
    coordinates: dict[str, Any] = {
        "location": ("location", np.array([place.id or str(n) for n, place in enumerate(places)], dtype=object), _ID),
        "x": _axis(answer, "x", shapely.get_x(points), "location"),
        "y": _axis(answer, "y", shapely.get_y(points), "location"),
        **_time(times, stops),
    }
    data: dict[str, tuple[tuple[str, ...], NDArray[Any]]] = {}
    for name in answer.variables:
        laid = [_laid(place, name, times) for place in places]
        data[name] = (("location", *_time_dimension(times)), np.stack(laid))
    found = _dataset(answer, data, coordinates)
    if any(place.shape.geom_type != "Point" for place in places):
        wkt = np.array([shapely.to_wkt(place.shape, rounding_precision=9) for place in places], dtype=object)
        found["geometry"] = ("location", wkt, {"long_name": f"area in WKT, {answer.crs}"})
    if times is not None:
        found.attrs["featureType"] = "timeSeries"
    return found


def _laid(place: Place, name: str, times: Times) -> NDArray[Any]:
    values: Values = place.values.get(name, [])
    text = isinstance(values, list) and any(isinstance(value, str) for value in values)
    flags = name.endswith("_quality")
    empty: Any = "" if text else _MISSING_FLAG if flags else np.nan
    kind: Any = object if text else np.uint8 if flags else np.float64
    array = np.asarray([empty if value is None else value for value in values]) if isinstance(values, list) else values
    if times is None or place.times is None:
        return np.asarray(array if name in place.values else empty, dtype=kind).reshape(())
    if kind is np.float64 and getattr(array, "dtype", None) == np.float32:
        kind = np.float32
    laid = np.full(len(times), empty, dtype=kind)
    if name in place.values:
        laid[np.searchsorted(times, place.times)] = array
    return laid


def _union_of_stops(places: tuple[Place, ...], times: Times) -> Times:
    if times is None or any(place.stops is None for place in places):
        return None
    stops = np.zeros(len(times), "M8[us]")
    for place in places:
        assert place.times is not None  # noqa: S101 - as `times` is
        stops[np.searchsorted(times, place.times)] = place.stops
    return stops


_ID = {"cf_role": "timeseries_id", "long_name": "observed object"}
_TIME = {"standard_name": "time", "axis": "T", "units": _EPOCH, "calendar": "standard"}


def _time_dimension(times: Times) -> tuple[str, ...]:
    return () if times is None else ("time",)


def _seconds(times: NDArray[np.datetime64]) -> NDArray[np.float64]:
    return times.astype("M8[us]").astype(np.int64) / 1e6


def _time(times: Times, stops: Times) -> dict[str, Any]:
    if times is None:
        return {}
    if stops is None:
        return {"time": ("time", _seconds(times), _TIME)}
    bounds = np.column_stack([_seconds(times), _seconds(stops)])
    return {
        "time": ("time", bounds[:, 0], {**_TIME, "bounds": "time_bounds"}),
        "time_bounds": (("time", "bound"), bounds),
    }


def _axis(answer: Answer, name: str, values: NDArray[np.float64], dimension: str = "") -> Any:  # noqa: ANN401
    if crs_.definition(answer.crs).is_geographic:
        word, unit = ("longitude", "degrees_east") if name == "x" else ("latitude", "degrees_north")
    else:
        word, unit = f"projection_{name}_coordinate", "m"
    attributes = {"standard_name": word, "units": unit}
    return (dimension or name, values, attributes if dimension else {**attributes, "axis": name.upper()})


def _dataset(
    answer: Answer,
    data: Mapping[str, tuple[tuple[str, ...], Values]],
    coordinates: Mapping[str, Any],
) -> xr.Dataset:
    dataset = xr.Dataset(coords=dict(coordinates))
    for name, (dimensions, values) in data.items():
        attributes = _attributes(answer.variables[name])
        auxiliary = [key for key in ("x", "y", "trajectory") if key in coordinates and coordinates[key][0] != key]
        if answer.variables[name].statistic is not None and "time_bounds" not in coordinates:
            attributes.pop("cell_methods", None)
        dataset[name] = (dimensions, values, {**attributes, "grid_mapping": "crs"})
        if auxiliary:
            dataset[name].encoding["coordinates"] = " ".join(auxiliary)
    return dataset


def _attributes(variable: Variable) -> dict[str, Any]:
    found: dict[str, Any] = {"long_name": variable.title.en}
    if variable.quality:
        words = " ".join(quality.name.lower() for quality in Quality)
        values = np.array([int(quality) for quality in Quality], np.uint8)
        return {**found, "flag_values": values, "flag_meanings": words, "_FillValue": _MISSING_FLAG}
    if variable.description:
        found["comment"] = variable.description.en
    found["units"] = cf.udunits(variable.unit or "1")
    if variable.observed.standard_name and variable.statistic not in ("count", "completeness"):
        found["standard_name"] = variable.observed.standard_name
    if variable.statistic in CELL_METHODS:
        found["cell_methods"] = f"time: {CELL_METHODS[variable.statistic]}"
    return found
