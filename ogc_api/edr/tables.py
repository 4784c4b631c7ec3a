"""An answer as rows, one for each place and instant: CSV that tells its units, and GeoJSON."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import shapely
from numpy.typing import NDArray

from ogc_api.edr.answer import Answer, Grid, Path, Place, Times, Values
from ogc_api.features.geojson import encode_features, instants
from twin import crs as crs_
from twin.errors import TooLarge
from twin.tables import Quality

_INSTANT = pa.timestamp("us", tz="UTC")
#: Columns beside the values: of the place and of the instant, which is the start of a period with an end.
_STANDING = ("location", "x", "y", "geometry", "datetime", "end")


def csv(answer: Answer, bound: int) -> bytes:
    """Return RFC 4180, in UTF-8: headings with units, instants in UTC, what is missing left empty."""
    table = rows(answer, bound)
    if all(kind == "Point" for kind in _kinds(answer)):
        table = table.drop_columns(["geometry"])
    else:
        shapes = shapely.from_wkb(table["geometry"].to_numpy(zero_copy_only=False))
        at = table.column_names.index("geometry")
        table = table.set_column(at, "geometry", pa.array(shapely.to_wkt(shapes, rounding_precision=9)))
    for name in ("datetime", "end"):
        if name in table.column_names:
            texts = instants(table[name].combine_chunks())
            table = table.set_column(table.column_names.index(name), name, texts)
    axis = "degree" if crs_.definition(answer.crs).is_geographic else "m"
    headings = {"x": f"x ({axis})", "y": f"y ({axis})", "datetime": "datetime (UTC)", "end": "end (UTC)"}
    headings["geometry"] = f"geometry (WKT, {answer.crs})"
    units = {name: each.unit for name, each in answer.variables.items() if each.unit}
    names = [
        headings.get(name) or (f"{name} ({units[name]})" if name in units else name) for name in table.column_names
    ]
    out = io.BytesIO()
    pyarrow.csv.write_csv(table.rename_columns(names), out, pyarrow.csv.WriteOptions(quoting_style="needed"))
    return out.getvalue()


def geojson(answer: Answer, bound: int) -> bytes:
    """Return a FeatureCollection: one feature for each place and instant, its values as properties."""
    table = rows(answer, bound)
    number = pa.array(np.arange(table.num_rows)).cast(pa.string())
    table = table.append_column("id", number)
    names = [name for name in table.column_names if name not in ("id", "geometry", "x", "y")]
    features = encode_features(table, names, answer.crs, answer.crs)
    head = '{"type":"FeatureCollection","numberReturned":%d,"features":[' % table.num_rows  # noqa: UP031
    return head.encode() + features + b"]}"


def rows(answer: Answer, bound: int) -> pa.Table:
    """Return one row for each place and instant, where any variable has a value.

    Columns: ``location`` (where places have names), ``x``, ``y``, ``geometry`` (WKB), ``datetime`` and
    ``end`` (where there is time, where there are periods), then the variables; quality flags by name.

    Raises
    ------
    TooLarge
        When there would be more than `bound` rows.
    """
    count = _count(answer)
    if count > bound:
        raise TooLarge(
            f"The answer would have {count} rows and the bound is {bound}: "
            "ask a smaller area, a shorter time, or NetCDF or CoverageJSON."
        )
    table = pa.concat_tables(_tables(answer), promote_options="permissive")
    names = [name for name in (*_STANDING, *answer.variables) if name in table.column_names]
    table = table.select(names)
    held = None
    for name in answer.variables:
        if name in names:
            column = table[name]
            valid = pc.is_valid(column)
            held = valid if held is None else pc.or_(held, valid)
    return table.filter(held) if held is not None else table


def _count(answer: Answer) -> int:
    body = answer.body
    if isinstance(body, tuple):
        return sum(1 if place.times is None else len(place.times) for place in body)
    if isinstance(body, Grid):
        # Around what was asked, a grid holds cells without a value, which are no rows.
        return int(np.any([~np.isnan(values) for values in body.values.values()], axis=0).sum())
    return len(body.x) * (1 if body.times is None or body.moving else len(body.times))


def _kinds(answer: Answer) -> list[str]:
    return [place.shape.geom_type for place in answer.body] if isinstance(answer.body, tuple) else ["Point"]


def _tables(answer: Answer) -> Iterator[pa.Table]:
    match answer.body:
        case Grid() as grid:
            x, y = (axis.ravel() for axis in np.meshgrid(grid.x, grid.y))
            yield _table(x, y, shapely.points(x, y), grid.times, grid.stops, grid.values)
        case Path(moving=True) as path:
            table = _table(path.x, path.y, shapely.points(path.x, path.y), None, None, path.values)
            yield table.append_column("datetime", _instants(path.times, 1))
        case Path() as path:
            yield _table(path.x, path.y, shapely.points(path.x, path.y), path.times, path.stops, path.values)
        case places:
            for place in places:
                yield _of_place(place)


def _of_place(place: Place) -> pa.Table:
    middle = place.shape if place.shape.geom_type == "Point" else shapely.point_on_surface(place.shape)
    x, y = np.array([middle.x]), np.array([middle.y])
    table = _table(x, y, np.array([place.shape]), place.times, place.stops, place.values)
    if place.id is not None:
        table = table.append_column("location", pa.array([place.id] * table.num_rows, pa.string()))
    return table


def _table(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    shapes: NDArray[np.object_],
    times: Times,
    stops: Times,
    values: Any,  # noqa: ANN401 - of any variable
) -> pa.Table:
    """Return a table in the order of time, then place."""
    count = 1 if times is None else len(times)
    wkb = pa.array(shapely.to_wkb(shapes), pa.binary()).dictionary_encode()
    at = pa.array(np.tile(np.arange(len(x)), count))
    columns: dict[str, Any] = {
        "x": np.tile(x, count),
        "y": np.tile(y, count),
        "geometry": wkb.dictionary.take(wkb.indices.take(at)),
    }
    if times is not None:
        columns["datetime"] = _instants(times, len(x))
    if stops is not None:
        columns["end"] = _instants(stops, len(x))
    return pa.table({**columns, **{name: _column(name, array) for name, array in values.items()}})


def _instants(times: Times, each: int) -> pa.Array:
    assert times is not None  # noqa: S101 - only asked where there is time
    return pa.array(np.repeat(times.astype("M8[us]"), each)).cast(_INSTANT)


def _column(name: str, values: Values) -> pa.Array:
    if name.endswith("_quality"):
        flags = pa.array(values, pa.int64())
        return pa.array([quality.name.lower() for quality in Quality]).take(flags)
    if isinstance(values, list):
        return pa.array(values)
    flat = values.reshape(-1)
    return pa.array(flat, from_pandas=True)
