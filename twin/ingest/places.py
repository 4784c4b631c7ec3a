"""Geometries from files: which CRS they are in, and their way to the city's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyproj
import shapely
from numpy.typing import NDArray

from twin.crs import CRS84, area_of_use, normalise, transform_geometry
from twin.errors import BadData, BadManifest
from twin.ingest.conversion import numbers
from twin.ingest.intake import Faults, Intake, Rows
from twin.ingest.parts import Read

LAMBERT_93 = "EPSG:2154"
# Beyond the edge of an area of use, coordinates stay sound for this share of its width.
_MARGIN = 0.1
_SAMPLE = 7


@dataclass(frozen=True)
class SaidCrs:
    """What a file says of its CRS: horizontal and vertical codes, None where it says nothing."""

    horizontal: str | None = None
    vertical: str | None = None

    @classmethod
    def parse(cls, text: str | None, file: str) -> SaidCrs:
        """Read the WKT, PROJJSON or code that a file carries.

        Raises
        ------
        BadData
            When PROJ cannot read it, or knows no code for it.
        """
        if not text:
            return cls()
        try:
            crs = pyproj.CRS.from_user_input(text)
        except pyproj.exceptions.CRSError as error:
            raise BadData(f"{file}: its coordinate reference system cannot be read ({error}).") from None
        parts = crs.sub_crs_list if crs.is_compound else [crs]
        vertical = _code(parts[1]) if len(parts) > 1 else None
        horizontal = _code(parts[0])
        if horizontal is None:
            raise BadData(
                f"{file}: its coordinate reference system {crs.name!r} matches no registered code; "
                "convert the file to one that does, such as EPSG:2154."
            )
        return cls(CRS84 if horizontal == "EPSG:4326" else horizontal, vertical)


def _code(crs: pyproj.CRS) -> str | None:
    found = crs.to_authority(min_confidence=70)
    return normalise(":".join(found)) if found else None


def settle_crs(
    said: SaidCrs,
    declared: str | None,
    vertical: str | None,
    bounds: tuple[float, float, float, float] | None,
    file: str,
    intake: Intake,
) -> str:
    """Return the CRS of a file's coordinates: what it says, else what is declared, else Lambert-93 if it can be.

    Raises
    ------
    BadManifest
        When the manifest contradicts the file, or neither says a CRS and it cannot be told from
        the coordinates.
    """
    if said.horizontal and declared and said.horizontal != declared:
        raise BadManifest(f"{file} is in {said.horizontal}, but the manifest declares {declared}: take read.crs out.")
    if said.vertical and said.vertical != vertical:
        raise BadManifest(
            f"{file} has heights in {said.vertical}: write vertical_crs: {said.vertical} in the collection "
            f"(heights are recorded, not transformed; it has {vertical})."
        )
    known = said.horizontal or declared
    if known:
        return known
    if bounds is not None and _inside(bounds, _box_in(LAMBERT_93, LAMBERT_93)):
        intake.notes.say(
            f"{file} does not say its CRS; its coordinates are those of Lambert-93, and were read as EPSG:2154."
        )
        return LAMBERT_93
    raise BadManifest(
        f"{file} does not say its coordinate reference system: declare it, e.g. read: {{crs: EPSG:2154}}."
    )


def degrees(bounds: tuple[float, float, float, float]) -> bool:
    """Whether a box can be one of longitudes and latitudes."""
    return _inside(bounds, (-180.0, -90.0, 180.0, 90.0))


def place(
    geometry: NDArray[np.object_], source: str, wanted: str | None, read: Read, faults: Faults, intake: Intake
) -> NDArray[np.object_]:
    """Return geometries in the storage CRS and of the wanted type; those that cannot be are faults.

    Z is kept as it is, or lost where it is ``read.missing_z``. A geometry that is absent, lies at
    0, 0, or outside the area where the city's CRS is defined (unless ``read.anywhere``) is a fault.
    """
    wrong = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    _fault(faults, wrong, geometry, "there is no geometry")
    x, y = _anchor(geometry)
    _fault(faults, (x == 0) & (y == 0), geometry, "0, 0 is no place in a city: the coordinates are missing")
    moved = transform_geometry(_without(geometry, faults.bad), source, intake.crs)
    x, y = _anchor(moved)
    lost = ~np.isfinite(x) | ~np.isfinite(y)
    if not read.anywhere:
        xmin, ymin, xmax, ymax = _box_in(intake.crs, intake.crs)
        lost |= (x < xmin) | (x > xmax) | (y < ymin) | (y > ymax)
    _fault(faults, lost & ~faults.bad, geometry, f"read as {source}, this lies outside the area of {intake.crs}")
    if read.missing_z is not None:
        unknown = _has_z(moved, read.missing_z)
        moved[unknown] = shapely.force_2d(moved[unknown])
        intake.notes.count(
            f"{{n}} geometries have no height (Z = {read.missing_z:g}), and are kept flat.", int(unknown.sum())
        )
    shaped, misfit = _shape(_without(moved, faults.bad), wanted)
    _fault(faults, misfit, geometry, f"this is not a {wanted}")
    return shaped


def _without(geometry: NDArray[np.object_], mask: NDArray[np.bool_]) -> NDArray[np.object_]:
    kept = geometry.copy()
    kept[mask] = None
    return kept


def _fault(faults: Faults, mask: NDArray[np.bool_], geometry: NDArray[np.object_], reason: str) -> None:
    if mask.any():
        shown = np.full(len(geometry), None, dtype=object)
        shown[mask] = shapely.to_wkt(geometry[mask], rounding_precision=6)
        faults.add(mask, "geometry", pa.array(shown, pa.string()), reason)


def _has_z(geometry: NDArray[np.object_], height: float) -> NDArray[np.bool_]:
    points, owner = shapely.get_coordinates(geometry, include_z=True, return_index=True)
    found = np.zeros(len(geometry), dtype=bool)
    found[owner[points[:, 2] == height]] = True
    return found


def _anchor(geometry: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    bounds = shapely.bounds(geometry)
    return (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2


def _shape(geometry: NDArray[np.object_], wanted: str | None) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Make single geometries multiple, or multiple ones of one part single, as the collection asks."""
    if wanted is None:
        return geometry, np.zeros(len(geometry), bool)
    kinds = {kind.name.title().replace("_", "").lower(): int(kind) for kind in shapely.GeometryType}
    target = kinds[wanted.lower()]
    have = shapely.get_type_id(geometry)
    shaped = geometry.copy()
    if wanted.startswith("Multi"):
        single = have == kinds[wanted.removeprefix("Multi").lower()]
        makers = {"MultiPoint": shapely.multipoints, "MultiLineString": shapely.multilinestrings}
        maker = makers.get(wanted, shapely.multipolygons)
        if single.any():
            shaped[single] = maker(geometry[single][:, None])
    else:
        lone = (have == kinds["multi" + wanted.lower()]) & (shapely.get_num_geometries(geometry) == 1)
        shaped[lone] = shapely.get_geometry(geometry[lone], 0)
    misfit = (shapely.get_type_id(shaped) != target) & (have >= 0)
    shaped[misfit] = None
    return shaped, misfit


@lru_cache(maxsize=16)
def _box_in(of: str, crs: str) -> tuple[float, float, float, float]:
    """Return the area of use of the CRS `of`, in `crs`, with a margin; the whole plane where none is registered."""
    area = area_of_use(of)
    if area is None:
        return (-np.inf, -np.inf, np.inf, np.inf)
    edges = np.linspace(0.0, 1.0, _SAMPLE)
    x, y = np.meshgrid(area.xmin + edges * (area.xmax - area.xmin), area.ymin + edges * (area.ymax - area.ymin))
    points = transform_geometry(shapely.points(x.ravel(), y.ravel()), CRS84, crs)
    xmin, ymin, xmax, ymax = shapely.total_bounds(points)
    wide, high = (xmax - xmin) * _MARGIN, (ymax - ymin) * _MARGIN
    return (float(xmin - wide), float(ymin - high), float(xmax + wide), float(ymax + high))


def _inside(inner: tuple[float, float, float, float], outer: tuple[float, float, float, float]) -> bool:
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def points_of(rows: Rows, columns: tuple[str, str, str | None], decimal: str, faults: Faults) -> NDArray[np.object_]:
    """Return the points that the columns x, y (and z) of a table give, None where one is missing."""
    coordinates = []
    for name in filter(None, columns):
        found = numbers(rows.column(name), decimal)
        faults.add(found.bad, name, found.source, found.reason)
        coordinates.append(found.values.to_numpy(zero_copy_only=False).astype(np.float64))
    x, y, *z = coordinates
    known = np.isfinite(x) & np.isfinite(y)
    points = np.full(len(rows), None, dtype=object)
    points[known] = shapely.points(*(axis[known] for axis in (x, y, *z)))
    return points
