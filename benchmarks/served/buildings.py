"""The city that the benchmark of items serves, and what is asked of it, with the exact answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from benchmarks.served.compare import Question
from benchmarks.served.postgis import NAME
from benchmarks.tiles3d import city
from twin.crs import CRS84, transform_geometry
from twin.model import Collection
from twin.tables import feature_schema
from twin.testing import samples

_ITEMS = f"/collections/{NAME}/items"
_FIELDS = ("id", "valid_from", "valid_to", "geometry", "height")
_ASKED, _FRESH = 20, 4_000
_LAMBERT = "http://www.opengis.net/def/crs/EPSG/0/2154"

type Box = tuple[float, float, float, float]


def collection() -> Collection:
    """Return the collection of the city."""
    plain = samples.buildings()
    return plain.model_copy(update={"fields": tuple(field for field in plain.fields if field.name in _FIELDS)})


@dataclass(frozen=True)
class Truth:
    """The table that was put in, with its geometries in CRS84 and in the CRS of storage."""

    table: pa.Table
    ids: list[str]
    shapes: NDArray[Any]
    stored: NDArray[Any]

    @classmethod
    def of(cls, buildings: int) -> Truth:
        """Return a city of so many buildings."""
        table = city(buildings).select([*_FIELDS]).cast(feature_schema(collection().fields))
        stored = shapely.from_wkb(table["geometry"].to_numpy())
        return cls(table, table["id"].to_pylist(), transform_geometry(stored, samples.CRS, CRS84), stored)

    def questions(self) -> dict[str, Question]:
        """Return what is asked, by kind: about 100 buildings, one every 35 m, stand in a box of 350 m."""
        west, south, east, north = shapely.total_bounds(self.stored)
        corners = np.random.default_rng(2).uniform((west, south), (east - 350, north - 350), (_ASKED + _FRESH, 2))
        lambert = [_rounded(1, x, y, x + 350, y + 350) for x, y in corners]
        lonlat = [
            _rounded(5, *shapely.bounds(transform_geometry(shapely.box(*box), samples.CRS, CRS84))) for box in lambert
        ]
        steps = np.random.default_rng(3).permutation(len(self.ids) - 1_000)[: _ASKED + _FRESH].tolist()
        return {
            "limit_100": self._pages(100, steps),
            "limit_1000": self._pages(1_000, steps),
            "bbox": self._boxes("", lonlat, self.shapes),
            "bbox_2154": self._boxes(f"&bbox-crs={_LAMBERT}", lambert, self.stored),
            "cql2": self._filters(),
            "by_id": self._items(steps),
        }

    def _pages(self, limit: int, steps: list[int]) -> Question:
        orders = (self.ids, sorted(self.ids))
        at = {f"{_ITEMS}?limit={limit}&offset={step}": step for step in steps}

        def fault(path: str, answer: dict[str, Any]) -> str | None:
            found = _found(answer)
            if not any(found == order[at[path] : at[path] + limit] for order in orders):
                return "not the features of that page, in any order kept"
            return _count(answer, len(self.ids))

        return _question([*at], fault)

    def _boxes(self, more: str, boxes: list[Box], shapes: NDArray[Any]) -> Question:
        asked = {f"{_ITEMS}?limit=1000&bbox={','.join(map(str, box))}{more}": box for box in boxes}
        tree = shapely.STRtree(shapes)

        def true(path: str) -> list[int]:
            found: list[int] = tree.query(shapely.box(*asked[path]), "intersects").tolist()
            return found

        return _question([*asked], self._selected(true))

    def _filters(self) -> Question:
        heights = self.table["height"].to_numpy()
        # Heights are told to 0.1 m; about 100 of 100,000 stand in 0.4 m there. Bounds that differ by less are other
        # bounds, of which nothing is known before they are asked for.
        lows = [28.05 + 0.1 * (step % 200) + 0.0001 * (step // 200) for step in range(_ASKED + _FRESH)]
        bounds = [(round(low, 4), round(low + 0.4, 4)) for low in lows]
        asked = {
            f"{_ITEMS}?limit=1000&filter=height%3E{low}%20AND%20height%3C{high}": (low, high) for low, high in bounds
        }

        def true(path: str) -> list[int]:
            low, high = asked[path]
            return np.flatnonzero((heights > low) & (heights < high)).tolist()

        return _question([*asked], self._selected(true))

    def _selected(self, true: Callable[[str], list[int]]) -> Callable[[str, dict[str, Any]], str | None]:
        def fault(path: str, answer: dict[str, Any]) -> str | None:
            expected, found = {self.ids[at] for at in true(path)}, _found(answer)
            if len(found) != len(expected) or set(found) != expected:
                return f"{len(set(found) - expected)} features too many, {len(expected - set(found))} missing"
            return _count(answer, len(expected))

        return fault

    def _items(self, steps: list[int]) -> Question:
        asked = {f"{_ITEMS}/{self.ids[step]}": step for step in steps}

        def fault(path: str, answer: dict[str, Any]) -> str | None:
            at = asked[path]
            if not shapely.geometry.shape(answer["geometry"]).equals_exact(self.shapes[at], 1e-8):
                return "another geometry"
            same = np.float32(answer["properties"]["height"]) == self.table["height"][at].as_py()
            return None if same else "another height"

        return _question([*asked], fault)


def _question(paths: list[str], fault: Callable[[str, dict[str, Any]], str | None]) -> Question:
    return Question(paths[:_ASKED], fault, paths[_ASKED:])


def _rounded(digits: int, *sides: float) -> Box:
    west, south, east, north = (round(float(side), digits) for side in sides)
    return west, south, east, north


def _found(answer: dict[str, Any]) -> list[str]:
    # QGIS Server writes the name of the layer before the identifier.
    return [str(feature.get("id")).removeprefix(f"{NAME}.") for feature in answer["features"]]


def _count(answer: dict[str, Any], expected: int) -> str | None:
    told = answer.get("numberMatched")
    return None if told == expected else f"numberMatched is {told}, not {expected}"
