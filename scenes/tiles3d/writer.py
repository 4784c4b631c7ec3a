"""A collection as a folder of tiles: ``tileset.json`` and one gzipped GLB for each node of the tree."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from scenes.tiles3d import glb, mesh, partition
from scenes.tiles3d.frame import Floats, Frame
from twin import crs

#: Changes when the same features would give other tiles.
FORMAT = 1

_CAPACITY = {"extrusion": 1000, "point": 2500}
#: Viewers allow 16 pixels of error by default: a building is left out only where it would be
#: smaller than a pixel, points only where those drawn stand closer than 4 pixels.
_BUILDING_ERROR, _POINT_ERROR = 16.0, 4.0
_WHOLE_ERROR = 100_000.0  # metres: a collection is drawn, if only its first tile, from anywhere near the Earth
_POINT_LIFT = 1.5  # metres, so that the ground does not cover it
_OPEN = 1e9  # days: an open side of a lifespan
_DAY = 86_400_000_000  # microseconds

_NOTHING = {"boundingVolume": {"region": [0.0] * 6}, "geometricError": 0.0}


@dataclass(frozen=True)
class _Tile:
    """A node as 3D Tiles describe it, where it stands, and the size of the largest feature under it."""

    described: dict[str, Any]
    region: mesh.Region
    largest: float


@dataclass(frozen=True)
class Recipe:
    """How features become tiles.

    Attributes
    ----------
    symbol
        ``extrusion`` of footprints, or one ``point`` for each feature.
    source_crs
        CRS of the geometries, projected, in metres.
    colour
        ``#rrggbb`` of what a viewer does not colour itself.
    unknown_height
        Height in metres given to a footprint that has none: one storey.
    """

    symbol: Literal["extrusion", "point"]
    source_crs: str
    colour: str = "#888888"
    unknown_height: float = 3.0


@dataclass
class Summary:
    """What was written; ``skipped`` features have no place or no area, and ``size`` is in bytes, gzipped."""

    features: int = 0
    skipped: int = 0
    unknown_heights: int = 0
    tiles: int = 0
    size: int = 0


def write_tileset(batches: pa.RecordBatchReader, recipe: Recipe, folder: Path) -> Summary:
    """Write the tileset of a stream of features.

    Only places, sizes and one tile at a time are in memory; the rest waits in a file that is removed
    at the end. Heights are above the ground, and the ground is the ellipsoid: objects stand on 0
    where there is no terrain model.

    Parameters
    ----------
    batches
        Columns ``id`` (string), ``row`` (uint32: the object's place in the object order of the
        collection), ``geometry`` (WKB), ``valid_from`` and ``valid_to`` (UTC timestamp in
        microseconds, null when open), then any of string, float32 or uint8 that become properties
        of the same name; of these ``height`` (float32, metres) raises an extrusion.
    folder
        An empty folder.
    """
    spool = folder / "spool.arrow"
    x, y, size = _spool(batches, spool)
    # Equals stand in a mixed order: any first part of them covers the city evenly.
    mixed = np.random.default_rng(0).permutation(np.flatnonzero(np.isfinite(x)))
    placed = mixed[np.argsort(-size[mixed], kind="stable")] if recipe.symbol == "extrusion" else mixed
    tree = partition.build(x, y, placed, _CAPACITY[recipe.symbol])
    with pa.memory_map(str(spool)) as source:
        writer = _Writer(pa.ipc.open_file(source).read_all(), x, y, size, recipe, folder)
        writer.summary.skipped = len(x) - len(placed)
        root = writer.tile(tree) if len(placed) else None
    spool.unlink()
    tileset = {
        "asset": {"version": "1.1", "generator": "Jumeau"},
        "extras": {"features": writer.summary.features, "skipped": writer.summary.skipped},
        "geometricError": _WHOLE_ERROR,
        "root": {"refine": "ADD", **(root.described if root else _NOTHING)},
    }
    (folder / "tileset.json").write_bytes(orjson.dumps(tileset))
    return writer.summary


def _spool(batches: pa.RecordBatchReader, path: Path) -> tuple[Floats, Floats, Floats]:
    """Keep the stream in a file; return the centre and the size of each feature, NaN without a place."""
    boxes = [np.empty((0, 4))]
    with pa.ipc.new_file(str(path), batches.schema) as sink:
        for batch in batches:
            sink.write_batch(batch)
            boxes.append(shapely.bounds(shapely.from_wkb(batch["geometry"].to_numpy(zero_copy_only=False))))
    xmin, ymin, xmax, ymax = np.concatenate(boxes).T
    return (xmin + xmax) / 2, (ymin + ymax) / 2, np.nan_to_num(np.hypot(xmax - xmin, ymax - ymin))


@dataclass
class _Writer:
    """Writes the tiles of one tree, children after their parent, numbered as they come."""

    table: pa.Table
    x: Floats
    y: Floats
    size: Floats
    recipe: Recipe
    folder: Path
    summary: Summary = field(default_factory=Summary)

    def tile(self, node: partition.Node, outer: Frame | None = None) -> _Tile | None:
        """Write a node and what is under it; None when nothing of it can be drawn.

        The matrix of a tile is relative to the tile around it, whose frame is `outer`.
        """
        described: dict[str, Any] = {}
        frame = self._frame(node.features)
        region = self._content(node.features, frame, described)
        if region is not None:
            described["transform"] = frame.matrix(outer)
        around = outer if region is None else frame
        children = [child for child in (self.tile(inner, around) for inner in node.children) if child]
        regions = [child.region for child in children] + ([region] if region else [])
        if not regions:
            return None
        left_out = max((child.largest for child in children), default=0.0)
        west, south, east, north, top = np.array(regions).T.tolist()
        region = (min(west), min(south), max(east), max(north), max(top))
        degrees = np.radians(region[:4]).tolist()
        described["boundingVolume"] = {"region": [*degrees, 0.0, region[4]]}
        described["geometricError"] = self._error(node.features, left_out) if children else 0.0
        if children:
            described["children"] = [child.described for child in children]
        return _Tile(described, region, max(left_out, float(self.size[node.features].max(initial=0))))

    def _frame(self, features: partition.Indices) -> Frame:
        # The median, so that one misplaced feature does not tilt the others.
        centre = (np.array([np.median(self.x[features])]), np.array([np.median(self.y[features])]))
        longitude, latitude = crs.transform(*centre, self.recipe.source_crs, crs.CRS84)
        return Frame.at(float(longitude[0]), float(latitude[0]))

    def _error(self, features: partition.Indices, left_out: float) -> float:
        if self.recipe.symbol == "extrusion":
            return _BUILDING_ERROR * left_out
        extent = np.hypot(np.ptp(self.x[features]), np.ptp(self.y[features]))
        return float(_POINT_ERROR * extent / np.sqrt(len(features)))

    def _content(self, features: partition.Indices, frame: Frame, described: dict[str, Any]) -> mesh.Region | None:
        """Write the GLB of some features and name it in `described`; return where they stand."""
        rows = self.table.take(pa.array(np.sort(features)))
        shape = self._mesh(rows, frame)
        if shape is None:
            self.summary.skipped += len(features)
            return None
        data = gzip.compress(
            glb.encode(shape, _properties(rows.take(pa.array(shape.kept))), self.recipe.colour), 6, mtime=0
        )
        (self.folder / f"{self.summary.tiles}.glb.gz").write_bytes(data)
        # Named by its content too, so that it may be kept for ever whatever becomes of the store.
        described["content"] = {"uri": f"{self.summary.tiles}.glb?v={hashlib.blake2b(data, digest_size=6).hexdigest()}"}
        self.summary.tiles += 1
        self.summary.size += len(data)
        self.summary.features += len(shape.kept)
        self.summary.skipped += len(features) - len(shape.kept)
        return shape.region

    def _mesh(self, rows: pa.Table, frame: Frame) -> mesh.Mesh | None:
        geometries = shapely.from_wkb(rows["geometry"].to_numpy())
        if self.recipe.symbol == "point":
            return mesh.points(geometries, _POINT_LIFT, frame, self.recipe.source_crs)
        heights = np.full(len(rows), np.nan)
        if "height" in rows.column_names:
            heights = rows["height"].to_numpy().astype(np.float64)
        unknown = ~(heights > 0)
        self.summary.unknown_heights += int(unknown.sum())
        heights[unknown] = self.recipe.unknown_height
        return mesh.extrusions(geometries, heights, frame, self.recipe.source_crs)


def _properties(rows: pa.Table) -> pa.Table:
    """Return the property table: lifespans as days since 1970-01-01, then what the features have."""

    def days(name: str, opened: float) -> pa.ChunkedArray:
        instants = pc.cast(pc.cast(rows[name], pa.int64()), pa.float64(), safe=False)
        return pc.cast(pc.fill_null(pc.divide(instants, float(_DAY)), opened), pa.float32(), safe=False)

    others = [name for name in rows.column_names if name not in ("id", "row", "geometry", "valid_from", "valid_to")]
    columns = {
        "id": rows["id"],
        "row": rows["row"],
        "valid_from": days("valid_from", -_OPEN),
        "valid_to": days("valid_to", _OPEN),
        **{name: rows[name] for name in others},
    }
    return pa.table(columns)
