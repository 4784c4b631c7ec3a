"""One tile as a GLB: quantised, compressed, and with a table of its features.

glTF 2.0 with KHR_mesh_quantization, EXT_meshopt_compression, EXT_mesh_features and
EXT_structural_metadata. glTF is y up and 3D Tiles turn it to z up on loading (3D Tiles 1.1,
section 7.2.1): east, north, up are written as x, -z, y.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import meshopt
import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from scenes.tiles3d.mesh import Mesh

_FLOAT, _INT8, _UINT16, _UINT32 = 5126, 5120, 5123, 5125
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_POINTS, _TRIANGLES = 0, 4
_FINEST_STEP = 0.02  # metres: what 16 bits resolve over 1.3 km

_EXTENSIONS = ["EXT_mesh_features", "EXT_meshopt_compression", "EXT_structural_metadata", "KHR_mesh_quantization"]
_COMPONENTS = {pa.float32(): "FLOAT32", pa.uint32(): "UINT32", pa.uint8(): "UINT8"}


@dataclass
class _Buffer:
    """The binary chunk while it grows; `unpacked` is where views lie once decompressed."""

    data: bytearray = field(default_factory=bytearray)
    unpacked: int = 0
    views: list[dict[str, Any]] = field(default_factory=list)

    def _append(self, data: bytes) -> int:
        self.data.extend(b"\0" * (-len(self.data) % 8))
        self.data.extend(data)
        return len(self.data) - len(data)

    def plain(self, data: bytes) -> int:
        """Add bytes as they are and return the view's index."""
        offset = self._append(data or b"\0")
        self.views.append({"buffer": 0, "byteOffset": offset, "byteLength": len(data) or 1})
        return len(self.views) - 1

    def packed(self, rows: NDArray[Any], mode: str, target: int) -> int:
        """Add the rows of an array, compressed, and return the view's index."""
        data = meshopt.encode_gltf_buffer(rows, mode)
        stride = rows.nbytes // len(rows)
        view: dict[str, Any] = {"buffer": 1, "byteOffset": self.unpacked, "byteLength": rows.nbytes, "target": target}
        if mode == "ATTRIBUTES":
            view["byteStride"] = stride
        packing: dict[str, Any] = {"buffer": 0, "byteOffset": self._append(data), "byteLength": len(data)}
        packing |= {"byteStride": stride, "count": len(rows), "mode": mode}
        self.views.append({**view, "extensions": {"EXT_meshopt_compression": packing}})
        self.unpacked += rows.nbytes + -rows.nbytes % 8
        return len(self.views) - 1


def _padded(rows: NDArray[Any], width: int) -> NDArray[Any]:
    """Return rows filled with zeros to `width` components: a stride takes a multiple of four bytes."""
    padded = np.zeros((len(rows), width), rows.dtype)
    padded[:, : rows.shape[1]] = rows
    return padded


def _y_up(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([rows[:, 0], rows[:, 2], -rows[:, 1]])


def _positions(mesh: Mesh, buffer: _Buffer) -> tuple[dict[str, Any], dict[str, Any]]:
    """Add positions as 16 bit steps; return their accessor and the node that undoes the steps."""
    places = _y_up(mesh.positions)
    corner = places.min(axis=0)
    step = max(_FINEST_STEP, float((places - corner).max()) / 65535)
    steps = np.rint((places - corner) / step).astype(np.uint16)
    accessor = {
        "bufferView": buffer.packed(_padded(steps, 4), "ATTRIBUTES", _ARRAY_BUFFER),
        "componentType": _UINT16,
        "count": len(steps),
        "type": "VEC3",
        "min": steps.min(axis=0).tolist(),
        "max": steps.max(axis=0).tolist(),
    }
    return accessor, {"mesh": 0, "translation": corner.tolist(), "scale": [step] * 3}


def _table(table: pa.Table, buffer: _Buffer) -> tuple[dict[str, Any], dict[str, Any]]:
    """Add one column of values for each property; return the class and the property table."""
    described, properties = {}, {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        values = column.combine_chunks()
        if pa.types.is_string(values.type):
            described[name] = {"type": "STRING"}
            encoded = [text.encode() for text in values.fill_null("").to_pylist()]
            offsets = np.cumsum([0, *map(len, encoded)], dtype=np.uint32)
            properties[name] = {
                "values": buffer.plain(b"".join(encoded)),
                "stringOffsets": buffer.plain(offsets.tobytes()),
                "stringOffsetType": "UINT32",
            }
        else:
            described[name] = {"type": "SCALAR", "componentType": _COMPONENTS[values.type]}
            properties[name] = {"values": buffer.plain(values.to_numpy(zero_copy_only=False).tobytes())}
    schema = {"id": "features", "classes": {"feature": {"properties": described}}}
    return schema, {"class": "feature", "count": table.num_rows, "properties": properties}


def encode(mesh: Mesh, table: pa.Table, colour: str) -> bytes:
    """Return the GLB of a mesh.

    Parameters
    ----------
    mesh
        Vertices in the frame of the tile.
    table
        One row for each feature of the mesh; columns of string, float32, uint32 or uint8 become
        properties by their names.
    colour
        ``#rrggbb`` of the material.
    """
    buffer = _Buffer()
    position, node = _positions(mesh, buffer)
    accessors = [position]
    attributes = {"POSITION": 0}
    if mesh.normals is not None:
        rows = np.rint(_y_up(mesh.normals) * 127).astype(np.int8)
        view = buffer.packed(_padded(rows, 4), "ATTRIBUTES", _ARRAY_BUFFER)
        attributes["NORMAL"] = len(accessors)
        accessors.append(
            {"bufferView": view, "componentType": _INT8, "normalized": True, "count": len(rows), "type": "VEC3"}
        )
    ids = _padded(mesh.features.astype(np.uint16)[:, None], 2)
    attributes["_FEATURE_ID_0"] = len(accessors)
    accessors.append(
        {
            "bufferView": buffer.packed(ids, "ATTRIBUTES", _ARRAY_BUFFER),
            "componentType": _UINT16,
            "count": len(ids),
            "type": "SCALAR",
        }
    )
    feature_ids = {"featureCount": table.num_rows, "attribute": 0, "propertyTable": 0}
    primitive: dict[str, Any] = {
        "mode": _POINTS,
        "attributes": attributes,
        "material": 0,
        "extensions": {"EXT_mesh_features": {"featureIds": [feature_ids]}},
    }
    if mesh.triangles is not None:
        small = len(mesh.positions) <= 65535
        indices = mesh.triangles.ravel().astype(np.uint16 if small else np.uint32)
        view = buffer.packed(indices, "TRIANGLES", _ELEMENT_ARRAY_BUFFER)
        primitive |= {"mode": _TRIANGLES, "indices": len(accessors)}
        component = _UINT16 if small else _UINT32
        accessors.append({"bufferView": view, "componentType": component, "count": len(indices), "type": "SCALAR"})
    schema, properties = _table(table, buffer)
    document = {
        "asset": {"version": "2.0", "generator": "Jumeau"},
        "extensionsUsed": _EXTENSIONS,
        "extensionsRequired": ["EXT_meshopt_compression", "KHR_mesh_quantization"],
        "extensions": {"EXT_structural_metadata": {"schema": schema, "propertyTables": [properties]}},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [node],
        "meshes": [{"primitives": [primitive]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorFactor": _linear(colour), "metallicFactor": 0}}],
        "accessors": accessors,
        "bufferViews": buffer.views,
        "buffers": [
            {"byteLength": len(buffer.data)},
            {"byteLength": buffer.unpacked, "extensions": {"EXT_meshopt_compression": {"fallback": True}}},
        ],
    }
    return _pack(orjson.dumps(document), bytes(buffer.data))


def _linear(colour: str) -> list[float]:
    """Return ``#rrggbb`` (sRGB, IEC 61966-2-1) as linear red, green, blue and an alpha of 1."""
    channels = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return [*np.round(linear, 5).tolist(), 1.0]


def _pack(document: bytes, binary: bytes) -> bytes:
    document += b" " * (-len(document) % 4)
    binary += b"\0" * (-len(binary) % 4)
    length = 12 + 8 + len(document) + 8 + len(binary)
    return b"".join(
        [
            struct.pack("<4sII", b"glTF", 2, length),
            struct.pack("<I4s", len(document), b"JSON"),
            document,
            struct.pack("<I4s", len(binary), b"BIN\0"),
            binary,
        ]
    )
