"""Mapbox Vector Tiles 2.1, encoded from arrays: all features of a layer at once.

A geometry is a run of commands (section 4.3): MoveTo, LineTo and ClosePath, with the differences
of positions as zigzag integers, all as varints. Numbers of field and wire type are those of the
specification's ``vector_tile.proto``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
EXTENT = 4096

type Integers = NDArray[np.int64]

_MOVE_TO, _LINE_TO, _CLOSE_PATH = 1, 2, 7
_LINE, _POLYGON = 2, 3
_KINDS = np.array([0, _LINE, 0, _POLYGON, 0, _LINE, _POLYGON, 0])  # by GEOS type


def encode_layer(name: str, geometries: NDArray[np.object_], attributes: dict[str, pa.Array]) -> bytes:
    """Return one layer, to be concatenated with others into a tile.

    Parameters
    ----------
    geometries
        Lines or polygons, single or multiple, in tile coordinates: 0 to :data:`EXTENT`, y down.
        Others, and those that vanish when rounded, are left out.
    attributes
        Columns as long as `geometries`; a null is no attribute.
    """
    kinds = _KINDS[shapely.get_type_id(geometries)]
    features: dict[int, tuple[int, bytes]] = {}
    for kind in (_LINE, _POLYGON):
        chosen = np.flatnonzero(kinds == kind)
        if len(chosen):
            features |= {int(chosen[at]): (kind, data) for at, data in _commands(geometries[chosen], kind)}
    tags, keys, values = _tags(attributes, len(geometries))
    body = [_field(1, name.encode())]
    for at in sorted(features):
        kind, commands = features[at]
        feature = _field(2, tags[at]) + b"\x18" + bytes([kind]) + _field(4, commands)
        body.append(_field(2, feature))
    body += [_field(3, key) for key in keys]
    body += [_field(4, value) for value in values]
    body.append(b"\x28" + _varint(EXTENT) + b"\x78\x02")
    return _field(3, b"".join(body)) if features else b""


def _commands(geometries: NDArray[np.object_], kind: int) -> list[tuple[int, bytes]]:
    """Return the encoded commands of each geometry that has any, with its index."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    outward = np.ones(len(parts))
    if kind == _POLYGON:
        parts, polygon = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
        owner = owner[polygon]
        outward = np.where(np.diff(polygon, prepend=-1) != 0, 1.0, -1.0)
    coordinates, part = shapely.get_coordinates(parts, return_index=True)
    corners = np.rint(coordinates).astype(np.int64)
    distinct = np.ones(len(corners), dtype=bool)
    distinct[1:] = (np.diff(corners, axis=0) != 0).any(axis=1) | (np.diff(part) != 0)
    corners, part = corners[distinct], part[distinct]
    drawn = np.bincount(part, minlength=len(parts)) >= 2
    if kind == _POLYGON:
        # A ring that rounding has flattened or turned over would be read as another ring's hole.
        cross = corners[:-1, 0] * corners[1:, 1] - corners[1:, 0] * corners[:-1, 1]
        within = part[:-1] == part[1:]
        drawn = np.bincount(part[:-1][within], cross[within], minlength=len(parts)) * outward > 0
        closing = np.append(~within, True)[: len(part)]
        corners, part = corners[~closing], part[~closing]
    corners, part = corners[drawn[part]], part[drawn[part]]
    if not len(part):
        return []
    _, firsts, lengths = np.unique(part, return_index=True, return_counts=True)
    return _encode(corners, firsts, lengths, owner[part[firsts]], kind)


def _encode(
    corners: Integers, firsts: Integers, lengths: Integers, owners: Integers, kind: int
) -> list[tuple[int, bytes]]:
    """Lay commands and zigzag differences of runs of corners in one array, then cut it by owner."""
    steps = np.diff(corners, axis=0, prepend=0)
    new_owner = np.append(True, np.diff(owners) != 0)
    steps[firsts[new_owner]] = corners[firsts[new_owner]]
    zigzag = (steps << 1) ^ (steps >> 63)
    # Words of a run: a command before the first corner, one before the second, one after a polygon's last.
    end = int(kind == _POLYGON)
    sizes = 2 + 2 * lengths + end
    begins = np.cumsum(sizes) - sizes
    words = np.zeros(int(sizes.sum()), dtype=np.uint64)
    order = np.arange(len(corners)) - np.repeat(firsts, lengths)
    at = np.repeat(begins, lengths) + 1 + 2 * order + (order > 0)
    words[at], words[at + 1] = zigzag[:, 0], zigzag[:, 1]
    words[begins] = (1 << 3) | _MOVE_TO
    words[begins + 3] = ((lengths - 1) << 3) | _LINE_TO
    if end:
        words[begins + sizes - 1] = (1 << 3) | _CLOSE_PATH
    data, widths = _varints(words)
    word_ends = np.append(0, np.cumsum(widths))
    starts = begins[new_owner]
    cuts = word_ends[np.append(starts, len(words))].tolist()
    names = owners[new_owner].tolist()
    return [(name, data[cuts[i] : cuts[i + 1]]) for i, name in enumerate(names)]


def _varints(words: NDArray[np.uint64]) -> tuple[bytes, Integers]:
    """Return integers as varints end to end, and the width in bytes of each."""
    widths = np.ones(len(words), dtype=np.int64)
    for shift in range(7, 64, 7):
        longer = words >> np.uint64(shift) > 0
        if not longer.any():
            break
        widths += longer
    out = np.zeros(int(widths.sum()), dtype=np.uint8)
    begins = np.cumsum(widths) - widths
    for place in range(int(widths.max(initial=0))):
        has = widths > place
        more = (widths > place + 1)[has] * np.uint8(0x80)
        out[begins[has] + place] = ((words[has] >> np.uint64(7 * place)) & np.uint64(0x7F)).astype(np.uint8) | more
    return out.tobytes(), widths


def _varint(number: int) -> bytes:
    if number <= 0x7F:
        return bytes((number,))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, data: bytes) -> bytes:
    """Return a length-delimited field of a message."""
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _tags(attributes: dict[str, pa.Array], count: int) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Return the tags of each feature, then the layer's keys and distinct values."""
    tags = [b""] * count
    values: list[bytes] = []
    for key, (_, column) in enumerate(attributes.items()):
        coded = column.dictionary_encode()
        prefix = _varint(key)
        pairs = [prefix + _varint(len(values) + at) for at in range(len(coded.dictionary))]
        values += [_value(value) for value in coded.dictionary.to_pylist()]
        for at, index in enumerate(coded.indices.to_pylist()):
            if index is not None:
                tags[at] += pairs[index]
    return tags, [name.encode() for name in attributes], values


def _value(value: Any) -> bytes:  # noqa: ANN401
    """Return a value as the specification types it (section 4.4)."""
    if isinstance(value, bool):
        return b"\x38" + bytes([value])
    if isinstance(value, int):
        return b"\x30" + _varint((value << 1) ^ (value >> 63))
    if isinstance(value, float):
        return b"\x19" + np.float64(value).tobytes()
    return _field(1, str(value).encode())
