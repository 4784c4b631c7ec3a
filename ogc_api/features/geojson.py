"""GeoJSON (RFC 7946) from Arrow, column by column: no Python object a row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from ogc_api.parameters import y_first
from twin.crs import definition, transform

_ESCAPED = r'["\\\x00-\x1f]'
_RFC3339 = "%Y-%m-%dT%H:%M:%SZ"


@lru_cache(maxsize=64)
def decimals(crs: str) -> int:
    """Return how many decimals a coordinate is served with: to the millimetre, in degrees or in metres."""
    return 8 if definition(crs).is_geographic else 3


def rounding(crs: str) -> float:
    """Return the unit of the last decimal that coordinates in `crs` are served with."""
    return float(10.0 ** -decimals(crs))


def encode_features(table: pa.Table, properties: Sequence[str], source_crs: str, target_crs: str) -> bytes:
    """Return the features of a table, as the inside of a GeoJSON ``features`` array; see :func:`feature_texts`."""
    if not table.num_rows:
        return b""
    features = feature_texts(table, properties, source_crs, target_crs)
    whole = pa.LargeListArray.from_arrays(pa.array([0, len(features)], pa.int64()), features)
    return bytes(pc.binary_join(whole, pa.scalar(",", pa.large_string()))[0].as_buffer())


def feature_texts(table: pa.Table, properties: Sequence[str], source_crs: str, target_crs: str) -> pa.LargeStringArray:
    """Return each feature of a table as GeoJSON; how one is written does not depend on the others.

    Parameters
    ----------
    table
        Columns ``id``, the `properties`, and ``geometry`` (WKB in `source_crs`), which may be absent.
    target_crs
        CRS of the answer; coordinates stand in the order of its authority.
    """
    table = table.combine_chunks()
    parts: list[pa.Array | str] = ['{"type":"Feature","id":', _text(_column(table, "id")), ',"geometry":']
    if "geometry" in table.column_names:
        parts.append(_geometry(_column(table, "geometry"), source_crs, target_crs))
    else:
        parts.append("null")
    opening = ',"properties":{'
    for name in properties:
        parts += [f"{opening}{orjson.dumps(name).decode()}:", _value(_column(table, name))]
        opening = ","
    parts.append("}}" if properties else f"{opening}}}}}")
    return pc.binary_join_element_wise(*(_large(part) for part in parts), pa.scalar("", pa.large_string()))


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _large(part: pa.Array | str) -> pa.Array | pa.Scalar:
    return pa.scalar(part, pa.large_string()) if isinstance(part, str) else part.cast(pa.large_string())


def _value(column: pa.Array) -> pa.Array:
    """Return the JSON text of each value; null, and a number that JSON cannot write, are ``null``."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        texts = _text(column)
    elif pa.types.is_boolean(kind):
        texts = column.cast(pa.int8()).cast(pa.string())
    elif pa.types.is_floating(kind):
        texts = _number(column)
    elif pa.types.is_timestamp(kind):
        texts = _instant(column)
    elif pa.types.is_date(kind):
        texts = pc.binary_join_element_wise('"', column.cast(pa.string()), '"', "")
    else:
        texts = column.cast(pa.string())
    return pc.fill_null(texts, "null")


def _text(column: pa.Array) -> pa.Array:
    column = column.cast(pa.string())
    if pc.any(pc.match_substring_regex(column, _ESCAPED)).as_py():
        words = column.dictionary_encode()
        escaped = [orjson.dumps(word).decode() for word in words.dictionary.to_pylist()]
        return pa.array(escaped, pa.string()).take(words.indices)
    return pc.binary_join_element_wise('"', column, '"', "")


def _number(column: pa.Array) -> pa.Array:
    """Write numbers in full precision, always with a point: clients guess a type from the first values."""
    finite = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    texts = finite.cast(pa.string())
    whole = pc.invert(pc.or_(pc.match_substring(texts, "."), pc.match_substring(texts, "e")))
    return pc.if_else(whole, pc.binary_join_element_wise(texts, ".0", ""), texts)


def instants(column: pa.Array) -> pa.Array:
    """Return instants (``timestamp``, UTC) as RFC 3339 texts with ``Z``, each without idle decimals."""
    naive = column.cast(pa.timestamp("us"))
    seconds = naive.cast(pa.timestamp("s"), safe=False)
    whole = pc.equal(seconds.cast(pa.timestamp("us")), naive)
    texts = pc.strftime(seconds, format=_RFC3339)
    if pc.all(whole).as_py() is False:
        texts = pc.if_else(whole, texts, pc.strftime(naive, format=_RFC3339))
    return texts


def _instant(column: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise('"', instants(column), '"', "")


def _geometry(column: pa.Array, source_crs: str, target_crs: str) -> pa.Array:
    """Return the GeoJSON of WKB geometries; one that recurs (the place of a sensor) is written once."""
    known = column.cast(pa.binary()).dictionary_encode()
    shapes = shapely.from_wkb(known.dictionary.to_numpy(zero_copy_only=False))
    digits = decimals(target_crs)
    swapped = y_first(target_crs)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = transform(points[:, 0], points[:, 1], source_crs, target_crs)
        planar = (y, x) if swapped else (x, y)
        return np.round(np.column_stack([*planar, *points.T[2:]]), digits)

    if len(shapes):
        shapes = shapely.transform(shapes, move, include_z=bool(np.any(shapely.has_z(shapes))))
    texts = pa.array(shapely.to_geojson(shapes), pa.string())
    return pc.fill_null(texts.take(known.indices), "null")
