"""Reads tilesets back as the specifications say, with nothing of the writer."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import meshopt
import numpy as np
import pyproj

_TYPES = {5120: np.int8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC3": 3}
_TO_LAMBERT = pyproj.Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
_LAMBERT = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:2154", always_xy=True)


@dataclass
class Tile:
    """A tile of a tileset with its content, vertices in EPSG:2154 and metres above the ellipsoid."""

    described: dict[str, Any]
    depth: int
    document: dict[str, Any]
    vertices: np.ndarray
    local: np.ndarray
    normals: np.ndarray | None
    triangles: np.ndarray | None
    features: np.ndarray
    properties: dict[str, list[Any]]


def tiles(folder: Path) -> Iterator[Tile]:
    """Walk a tileset on disk, parents first."""
    tileset = json.loads((folder / "tileset.json").read_bytes())
    assert tileset["asset"]["version"] == "1.1"
    yield from _walk(tileset["root"], np.eye(4), folder, 0)


def _walk(described: dict[str, Any], outer: np.ndarray, folder: Path, depth: int) -> Iterator[Tile]:
    matrix = outer @ np.array(described.get("transform", np.eye(4).ravel())).reshape(4, 4).T
    if "content" in described:
        name = described["content"]["uri"].split("?")[0]
        yield read(gzip.decompress((folder / f"{name}.gz").read_bytes()), described, matrix, depth)
    for child in described.get("children", []):
        assert child["geometricError"] <= described["geometricError"]
        yield from _walk(child, matrix, folder, depth + 1)


def read(data: bytes, described: dict[str, Any], matrix: np.ndarray, depth: int) -> Tile:
    """Read a GLB that stands where `matrix` says."""
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON"
    assert size % 4 == 0
    document = json.loads(data[20 : 20 + size])
    size_bin, kind = struct.unpack_from("<I4s", data, 20 + size)
    assert kind == b"BIN\0"
    binary = data[28 + size : 28 + size + size_bin]
    primitive = document["meshes"][0]["primitives"][0]

    def view(index: int) -> bytes:
        described = document["bufferViews"][index]
        packing = described.get("extensions", {}).get("EXT_meshopt_compression")
        if packing is None:
            assert described["byteOffset"] % 8 == 0
            return binary[described["byteOffset"] :][: described["byteLength"]]
        packed = binary[packing["byteOffset"] :][: packing["byteLength"]]
        rows = meshopt.decode_gltf_buffer(packed, packing["count"], packing["byteStride"], packing["mode"])
        assert rows.nbytes == described["byteLength"]
        return rows.tobytes()

    def accessor(index: int) -> np.ndarray:
        described = document["accessors"][index]
        kind, width = np.dtype(_TYPES[described["componentType"]]), _WIDTHS[described["type"]]
        stride = document["bufferViews"][described["bufferView"]].get("byteStride", kind.itemsize * width)
        rows = np.frombuffer(view(described["bufferView"]), np.uint8).reshape(described["count"], stride)
        values = np.ascontiguousarray(rows[:, : kind.itemsize * width]).view(kind)
        if "min" in described:
            assert (values.min(0) == described["min"]).all()
            assert (values.max(0) == described["max"]).all()
        return values if width > 1 else values.ravel()

    attributes = primitive["attributes"]
    node = document["nodes"][0]
    yup = accessor(attributes["POSITION"]) * np.array(node["scale"]) + np.array(node["translation"])
    local = np.column_stack([yup[:, 0], -yup[:, 2], yup[:, 1]])
    earth = local @ matrix[:3, :3].T + matrix[:3, 3]
    lon, lat, height = _TO_LAMBERT.transform(*earth.T)
    normals = None
    if "NORMAL" in attributes:
        yup = accessor(attributes["NORMAL"]) / 127
        normals = np.column_stack([yup[:, 0], -yup[:, 2], yup[:, 1]])
    west, south, east, north, low, high = described["boundingVolume"]["region"]
    step = node["scale"][0]
    slack = step / 6_000_000  # radians
    assert (np.radians(lon) >= west - slack).all()
    assert (np.radians(lon) <= east + slack).all()
    assert (np.radians(lat) >= south - slack).all()
    assert (np.radians(lat) <= north + slack).all()
    assert height.min() >= low - step
    assert height.max() <= high + step
    extension = document["extensions"]["EXT_structural_metadata"]
    table = extension["propertyTables"][0]
    classes = extension["schema"]["classes"][table["class"]]["properties"]
    assert set(classes) == set(table["properties"])
    properties = {
        name: _values(classes[name], part, table["count"], view) for name, part in table["properties"].items()
    }
    features = accessor(attributes["_FEATURE_ID_0"])
    ids = primitive["extensions"]["EXT_mesh_features"]["featureIds"][0]
    assert ids == {"featureCount": table["count"], "attribute": 0, "propertyTable": 0}
    assert sorted(set(features.tolist())) == list(range(table["count"]))
    return Tile(
        described,
        depth,
        document,
        np.column_stack([*_LAMBERT.transform(lon, lat), height]),
        local,
        normals,
        accessor(primitive["indices"]).reshape(-1, 3) if "indices" in primitive else None,
        features,
        properties,
    )


def _values(kind: dict[str, Any], part: dict[str, Any], count: int, view: Any) -> list[Any]:
    if kind["type"] == "STRING":
        assert part["stringOffsetType"] == "UINT32"
        ends = np.frombuffer(view(part["stringOffsets"]), np.uint32)
        text = view(part["values"])
        return [text[ends[i] : ends[i + 1]].decode() for i in range(count)]
    types = {"FLOAT32": np.float32, "UINT32": np.uint32}
    return np.frombuffer(view(part["values"]), types[kind["componentType"]])[:count].tolist()
