"""The zones of an index, and the background stations that stand for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from layers.air_quality.analysers import Analysers
from layers.air_quality.statistics import Matrix
from layers.reading import find, last_versions
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Collection
from twin.store import FeatureQuery


@dataclass(frozen=True)
class Zones:
    """Areas with an index; ``objects`` has the columns that their datastreams need, ``shapes`` are polygons."""

    collection: Collection
    objects: pa.Table
    shapes: NDArray[np.object_]
    names: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def ids(self) -> list[str]:
        """The identities of the zones."""
        return self.objects["object_id"].to_pylist()  # type: ignore[no-any-return]

    def members(self, analysers: Analysers, reach: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the pairs of a zone and an analyser at `reach` metres of it at most, ordered by zone."""
        points = shapely.from_wkb(analysers.streams["geometry"].to_numpy())
        row, zone = shapely.STRtree(self.shapes).query(points, predicate="dwithin", distance=reach)
        order = np.lexsort((row, zone))
        return zone[order], row[order]


def read_zones(twin: Twin, name: str) -> Zones:
    """Return the last version of every zone of a collection of polygons, ordered by id.

    Raises
    ------
    DoesNotApply
        When there is no such collection, or it holds no polygon.
    """
    collection = find(twin, name)
    label = collection.style.label if collection.field(collection.style.label or "") else None
    table = last_versions(twin, FeatureQuery(collection=name, columns=(label,) if label else ()))
    shapes = shapely.force_2d(shapely.from_wkb(table["geometry"].to_numpy()))
    areas = shapely.get_dimensions(shapes) == 2
    if not areas.any():
        raise DoesNotApply(f"{name} holds no polygon: name the collection of the communes as `zones`.")
    table, shapes = table.filter(pa.array(areas)), shapes[areas]
    names = pc.coalesce(table[label].cast(pa.string()), table["id"]) if label else table["id"]
    objects = pa.table(
        {
            "object_collection": [name] * table.num_rows,
            "object_id": table["id"],
            "geometry": shapely.to_wkb(shapely.point_on_surface(shapes)),
            "valid_from": table["valid_from"],
            "valid_to": table["valid_to"],
        }
    )
    return Zones(collection, objects, shapes, names.to_numpy(zero_copy_only=False))


def greatest(zone: NDArray[np.intp], values: Matrix, count: int) -> Matrix:
    """Return the greatest value of the members of each zone, shape (count, days), not-a-number where none has one.

    Parameters
    ----------
    zone
        Zone of each row of `values`, ascending.
    values
        Shape (members, days), not-a-number where unknown.
    """
    out = np.full((count, values.shape[1]), np.nan)
    if len(zone):
        first = np.flatnonzero(np.append(True, zone[1:] != zone[:-1]))
        out[zone[first]] = np.fmax.reduceat(values, first, axis=0)
    return out
