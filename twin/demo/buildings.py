"""The buildings: footprints by the kind of block, heights, uses and lifespans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.demo.blocks import RURAL, Blocks, Zone
from twin.demo.names import public_names
from twin.demo.plan import Floats, Plan
from twin.demo.shapes import FORMS, Geometries, axes, footprints, lots, tidy
from twin.demo.streets import Network
from twin.demo.terrain import Terrain

type Days = NDArray[np.datetime64]

WHOLE = 20_000
DEMO_MONTH = np.datetime64("2026-07-01", "D")
NOT_YET = np.datetime64("NaT", "D")
BAR, L_FORM, T_FORM, U_FORM = (FORMS.index(form) for form in ("bar", "l", "t", "u"))


@dataclass(frozen=True)
class Buildings:
    """The buildings that stand or stood, one row each.

    ``usage`` and ``name`` are text (``name`` None but for public buildings); heights in metres;
    ``valid_from`` and ``valid_to`` are UTC days, ``valid_to`` not-a-time where the building stands.
    """

    id: NDArray[np.object_]
    polygon: Geometries
    block: NDArray[np.intp]
    zone: NDArray[np.intp]
    commune: NDArray[np.intp]
    storeys: NDArray[np.intp]
    height: Floats
    ground_altitude: Floats
    usage: NDArray[np.object_]
    name: NDArray[np.object_]
    public: NDArray[np.bool_]
    valid_from: Days
    valid_to: Days

    def standing(self, day: np.datetime64) -> NDArray[np.bool_]:
        """Whether each building stands at the start of a day."""
        return (self.valid_from <= day) & ~(self.valid_to <= day)


def buildings(plan: Plan, network: Network, blocks: Blocks, terrain: Terrain) -> Buildings:
    """Build on the blocks, exactly ``plan.count(20000)`` buildings."""
    rng = plan.rng(7)
    made = [maker(blocks, rng) for maker in (_rows, _houses, _slabs, _sheds, _public, _farms)]
    polygon = np.concatenate([shapes for shapes, _ in made])
    block = np.concatenate([owner for _, owner in made])
    free = ~_hit_by_another(polygon)
    polygon, block = polygon[free], block[free]
    polygon, block, start, end = _lifespans(plan, blocks, polygon, block, rng)
    zone = blocks.zone[block]

    order = np.lexsort((shapely.get_coordinates(shapely.centroid(polygon))[:, 0], block, zone != Zone.PUBLIC))
    polygon, block, zone, start, end = polygon[order], block[order], zone[order], start[order], end[order]
    x, y = shapely.get_coordinates(shapely.centroid(polygon)).T
    public = zone == Zone.PUBLIC
    usage = _usages(zone, shapely.area(polygon), rng)
    commune = network.commune[blocks.face[block]]
    name = np.full(len(polygon), None, dtype=object)
    from_centre = np.hypot(*(np.column_stack([x, y]) - plan.centres[commune])[public].T)
    usage[public], name[public] = public_names(rng, commune[public], from_centre, [row[0] for row in plan.communes])
    storeys, height = _heights(zone, usage, blocks.centrality[block], rng)
    return Buildings(
        id=np.array([f"B{number:06d}" for number in range(1, len(polygon) + 1)], dtype=object),
        polygon=polygon,
        block=block,
        zone=zone,
        commune=commune,
        storeys=storeys,
        height=height,
        ground_altitude=np.round(terrain.altitude(x, y), 1),
        usage=usage,
        name=name,
        public=public,
        valid_from=start,
        valid_to=end,
    )


# --- Footprints ----------------------------------------------------------------------------------


def _rows(blocks: Blocks, rng: np.random.Generator) -> tuple[Geometries, NDArray[np.intp]]:
    """Wall-to-wall buildings around courtyards: old centre, boulevards, villages."""
    which = blocks.of(Zone.OLD, Zone.PERIMETER, Zone.VILLAGE)
    zone = blocks.zone[which]
    depth = np.select([zone == Zone.OLD, zone == Zone.VILLAGE], [11.5, 9.0], 12.5)
    plot = np.select([zone == Zone.OLD, zone == Zone.VILLAGE], [165.0, 120.0], 340.0)
    front = shapely.buffer(blocks.polygon[which], np.where(zone == Zone.VILLAGE, -0.6, -0.2), join_style="mitre")
    court = shapely.buffer(front, -depth, join_style="mitre")
    court = np.where(shapely.area(court) > 90.0, court, shapely.Polygon())
    parts, owner = shapely.get_parts(shapely.difference(front, court), return_index=True)
    rows, of_part = lots(parts, (plot * rng.uniform(0.75, 1.4, len(which)))[owner], rng)
    block = which[owner[of_part]]
    gap = np.select([blocks.zone[block] == Zone.VILLAGE, blocks.zone[block] == Zone.OLD], [0.22, 0.04], 0.10)
    kept = (shapely.area(rows) > 38.0) & (rng.random(len(rows)) > gap)
    return tidy(rows[kept]), block[kept]


def _place(
    lot: Geometries,
    form: NDArray[np.intp],
    length: Floats,
    width: Floats,
    margin: float,
    shift: Floats | float,
) -> tuple[Geometries, NDArray[np.intp]]:
    """Set one footprint in each lot, along it, smaller if need be; leave out what does not fit."""
    centre, along, _, _ = axes(lot)
    centre = shapely.get_coordinates(shapely.point_on_surface(lot)) * 0.3 + centre * 0.7 + shift
    room = shapely.buffer(lot, -margin)
    shapely.prepare(room)
    done = np.full(len(lot), None, dtype=object)
    for ease in (1.0, 0.85, 0.7):
        todo = np.flatnonzero(shapely.is_missing(done))
        made = footprints(form[todo], centre[todo], along[todo], ease * length[todo], ease * width[todo])
        fits = shapely.contains(room[todo], made)
        done[todo[fits]] = made[fits]
    kept = np.flatnonzero(~shapely.is_missing(done))
    return done[kept], kept


def _houses(blocks: Blocks, rng: np.random.Generator) -> tuple[Geometries, NDArray[np.intp]]:
    """Detached houses with gardens, near the street side of their lots."""
    which = blocks.of(Zone.HOUSES)
    size = np.interp(blocks.urban[which], [0.16, 0.6], [1050.0, 600.0]) * rng.uniform(0.8, 1.25, len(which))
    lot, owner = lots(blocks.polygon[which], size, rng)
    middle = shapely.get_coordinates(shapely.centroid(blocks.polygon[which]))[owner]
    outward = shapely.get_coordinates(shapely.centroid(lot)) - middle
    outward /= np.maximum(np.hypot(*outward.T), 1.0)[:, None]
    form = rng.choice([BAR, L_FORM, T_FORM], len(lot), p=[0.5, 0.36, 0.14])
    length, width = rng.uniform(10.0, 15.5, len(lot)), rng.uniform(8.0, 11.0, len(lot))
    shift = outward * rng.uniform(0, 4.0, len(lot))[:, None]
    made, kept = _place(lot, form, length, width, 1.8, shift)
    return made, which[owner[kept]]


def _slabs(blocks: Blocks, rng: np.random.Generator) -> tuple[Geometries, NDArray[np.intp]]:
    """Slabs and towers in lawns."""
    which = blocks.of(Zone.SLABS)
    lot, owner = lots(blocks.polygon[which], rng.uniform(1700.0, 3200.0, len(which)), rng)
    _, _, length, _ = axes(lot)
    tower = rng.random(len(lot)) < 0.22
    form = np.where(tower, BAR, rng.choice([BAR, L_FORM, U_FORM], len(lot), p=[0.68, 0.24, 0.08]))
    long = np.where(tower, rng.uniform(17.0, 22.0, len(lot)), np.clip(0.78 * length, 20.0, 68.0))
    wide = np.select([tower, form == BAR], [long, rng.uniform(11.5, 14.0, len(lot))], rng.uniform(24.0, 32.0, len(lot)))
    made, kept = _place(lot, form, long, wide, 4.0, 0.0)
    return made, which[owner[kept]]


def _sheds(blocks: Blocks, rng: np.random.Generator) -> tuple[Geometries, NDArray[np.intp]]:
    """Big boxes of shops, workshops and warehouses."""
    which = blocks.of(Zone.ACTIVITY)
    lot, owner = lots(blocks.polygon[which], rng.uniform(3500.0, 12000.0, len(which)), rng)
    _, _, length, width = axes(lot)
    form = rng.choice([BAR, L_FORM], len(lot), p=[0.8, 0.2])
    made, kept = _place(
        lot, form, length * rng.uniform(0.5, 0.72, len(lot)), width * rng.uniform(0.45, 0.68, len(lot)), 5.0, 0.0
    )
    return made, which[owner[kept]]


def _public(blocks: Blocks, rng: np.random.Generator) -> tuple[Geometries, NDArray[np.intp]]:
    """One public building a block, with its yard."""
    which = blocks.of(Zone.PUBLIC)
    lot = blocks.polygon[which]
    _, _, length, width = axes(lot)
    form = rng.choice([BAR, L_FORM, T_FORM, U_FORM], len(lot), p=[0.15, 0.3, 0.15, 0.4])
    long, wide = np.clip(0.62 * length, 22.0, 72.0), np.clip(0.58 * width, 16.0, 48.0)
    long = np.where(form == BAR, np.minimum(long, 46.0), long)
    made = np.full(len(lot), None, dtype=object)
    for ease in (1.0, 0.75, 0.5):
        todo = np.flatnonzero(shapely.is_missing(made))
        shapes, kept = _place(lot[todo], form[todo], ease * long[todo], ease * wide[todo], 2.0, 0.0)
        made[todo[kept]] = shapes
    # A square in the largest circle of the block always fits.
    rest = np.flatnonzero(shapely.is_missing(made))
    radius = shapely.maximum_inscribed_circle(lot[rest], tolerance=0.5)
    ends = shapely.get_coordinates(radius).reshape(-1, 2, 2)
    side = 1.2 * shapely.length(radius)
    along = (ends[:, 1] - ends[:, 0]) / shapely.length(radius)[:, None]
    made[rest] = footprints(np.full(len(rest), BAR), ends[:, 0], along, side, side)
    return made, which


def _farms(blocks: Blocks, rng: np.random.Generator) -> tuple[Geometries, NDArray[np.intp]]:
    """Farmhouses and barns beside the lanes, in a few of the fields."""
    which = blocks.of(Zone.CROPS, Zone.VINEYARD, Zone.MEADOW)
    which = np.repeat(which[(rng.random(len(which)) < 0.06) & (shapely.area(blocks.polygon[which]) > 9e3)], 2)
    inner = shapely.boundary(shapely.buffer(blocks.polygon[which], -24.0))
    spot = np.repeat(rng.random(len(which) // 2), 2)
    point = shapely.line_interpolate_point(shapely.line_merge(shapely.get_geometry(inner, 0)), spot, normalized=True)
    found = ~shapely.is_empty(point) & ~shapely.is_missing(point)
    which, point = which[found], point[found]
    centre = shapely.get_coordinates(point)
    heading = np.repeat(rng.uniform(0, np.pi, len(which) // 2 + 1), 2)[: len(which)]
    along = np.column_stack([np.cos(heading), np.sin(heading)])
    barn = np.arange(len(which)) % 2 == 1
    centre = centre + np.where(barn, 19.0, 0.0)[:, None] * np.column_stack([-along[:, 1], along[:, 0]])
    form = np.where(barn, BAR, L_FORM)
    made = footprints(form, centre, along, np.where(barn, 24.0, 19.0), np.where(barn, 11.0, 14.0))
    inside = shapely.contains(shapely.buffer(blocks.polygon[which], -2.0), made)
    return made[inside], which[inside]


def _hit_by_another(polygon: Geometries) -> NDArray[np.bool_]:
    """Whether a building overlaps one that comes before it."""
    first, second = shapely.STRtree(polygon).query(polygon, predicate="intersects")
    ordered = first > second
    first, second = first[ordered], second[ordered]
    shared = shapely.area(shapely.intersection(polygon[first], polygon[second])) > 0.02
    hit = np.zeros(len(polygon), dtype=bool)
    hit[first[shared]] = True
    return hit


# --- Lifespans -----------------------------------------------------------------------------------


def _lifespans(
    plan: Plan, blocks: Blocks, polygon: Geometries, block: NDArray[np.intp], rng: np.random.Generator
) -> tuple[Geometries, NDArray[np.intp], Days, Days]:
    """Date the buildings; put what stood before beneath some of the new ones; keep the exact count."""
    whole, replaced = plan.count(WHOLE), plan.count(140, 3)
    surplus = len(polygon) + replaced - whole
    if surplus < 0:
        raise ValueError(f"the plan has room for {len(polygon)} buildings, {whole - replaced} are needed")
    expendable = np.flatnonzero(np.isin(blocks.zone[block], (Zone.HOUSES, Zone.VILLAGE, Zone.PERIMETER, Zone.OLD)))
    kept = np.ones(len(polygon), dtype=bool)
    kept[rng.choice(expendable, surplus, replace=False)] = False
    polygon, block = polygon[kept], block[kept]
    zone, total = blocks.zone[block], len(polygon)

    early = np.select(
        [zone == Zone.SLABS, zone == Zone.HOUSES, zone == Zone.ACTIVITY, zone == Zone.PUBLIC],
        [1956.0, np.interp(blocks.centrality[block], [0.2, 0.5, 0.9], [1925.0, 1948.0, 1962.0]), 1971.0, 1905.0],
        1905.0,
    )
    late = np.select(
        [zone == Zone.SLABS, zone == Zone.PERIMETER, zone == Zone.OLD, zone == Zone.VILLAGE],
        [1994.0, 1968.0, 1925.0, 1950.0],
        2011.0,
    )
    start = days(early + (late - early) * rng.random(total) ** 1.3)
    end = np.full(total, NOT_YET)

    growing = blocks.of(Zone.HOUSES, Zone.SLABS)
    growing = growing[(blocks.urban[growing] < 0.34)]
    estates = rng.choice(growing, min(len(growing), plan.count(46, 2)), replace=False)
    opening = dict(zip(estates.tolist(), rng.uniform(2012.0, 2025.2, len(estates)), strict=True))
    in_estate = np.isin(block, estates)
    begun = np.array([opening[owner] for owner in block[in_estate].tolist()])
    start[in_estate] = days(begun + rng.uniform(0, 1.1, in_estate.sum()))

    private = np.flatnonzero(~in_estate & (zone != Zone.PUBLIC))
    infill = rng.choice(private, plan.count(620, 10), replace=False)
    start[infill] = days(rng.uniform(2012.0, 2026.45, len(infill)))
    start[infill[: plan.count(26, 3)]] = DEMO_MONTH + rng.integers(2, 28, plan.count(26, 3))

    old = np.setdiff1d(private, infill)
    gone = rng.choice(old, plan.count(150, 6), replace=False)
    end[gone] = days(rng.uniform(2012.0, 2026.45, len(gone)))
    end[gone[: plan.count(14, 3)]] = DEMO_MONTH + rng.integers(2, 28, plan.count(14, 3))

    under = infill[-replaced:]
    centre = shapely.get_coordinates(shapely.centroid(polygon[under]))
    _, along, length, width = axes(polygon[under])
    before = footprints(np.full(replaced, BAR), centre, along, 0.8 * length, 0.75 * width)
    before = shapely.intersection(before, polygon[under])
    before = np.where(shapely.get_type_id(before) == shapely.GeometryType.POLYGON, before, polygon[under])
    return (
        np.concatenate([polygon, before]),
        np.concatenate([block, block[under]]),
        np.concatenate([start, days(rng.uniform(1905.0, 1985.0, replaced))]),
        np.concatenate([end, start[under] - rng.integers(240, 800, replaced)]),
    )


def days(year: Floats) -> Days:
    """Return the days of decimal years."""
    whole = np.floor(year).astype(int)
    first = (whole - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    return np.asarray(first + np.floor((year - whole) * 365).astype(int))


# --- Uses and heights ----------------------------------------------------------------------------


def _usages(zone: NDArray[np.intp], area: Floats, rng: np.random.Generator) -> NDArray[np.object_]:
    dice = rng.random(len(zone))
    usage = np.select(
        [
            np.isin(zone, RURAL),
            (zone == Zone.ACTIVITY) & (dice < 0.42),
            (zone == Zone.ACTIVITY) & (dice < 0.84),
            (zone == Zone.ACTIVITY),
            (zone == Zone.OLD) & (dice < 0.55),
            (zone == Zone.PERIMETER) & (dice < 0.32),
            (zone == Zone.PERIMETER) & (dice < 0.40) & (area > 150),
            (zone == Zone.VILLAGE) & (dice < 0.10),
            (zone == Zone.HOUSES) & (dice < 0.012),
            (zone == Zone.SLABS) & (dice < 0.06),
        ],
        [
            "agricultural",
            "commercial",
            "industrial",
            "office",
            "mixed",
            "mixed",
            "office",
            "mixed",
            "commercial",
            "office",
        ],
        "residential",
    )
    return usage.astype(object)


def _heights(
    zone: NDArray[np.intp], usage: NDArray[np.object_], centrality: Floats, rng: np.random.Generator
) -> tuple[NDArray[np.intp], Floats]:
    n = len(zone)
    tower = rng.random(n) < 0.16
    storeys = np.select(
        [zone == Zone.OLD, zone == Zone.PERIMETER, zone == Zone.SLABS, zone == Zone.VILLAGE, zone == Zone.HOUSES],
        [
            rng.integers(4, 7, n),
            np.clip(rng.normal(np.interp(centrality, [0.1, 0.3], [6.2, 4.4]), 0.8), 3, 8).round().astype(int),
            np.where(tower, rng.integers(9, 15, n), rng.integers(4, 8, n)),
            rng.integers(2, 4, n),
            rng.choice([1, 2], n, p=[0.45, 0.55]),
        ],
        rng.choice([1, 2], n, p=[0.8, 0.2]),
    )
    storeys = np.where(usage == "office", np.maximum(storeys, rng.integers(3, 6, n)), storeys)
    storeys = np.where(zone == Zone.PUBLIC, rng.integers(1, 5, n), storeys)
    level = np.select([zone == Zone.ACTIVITY, zone == Zone.PUBLIC], [4.6, 3.7], 3.0)
    roof = np.select([np.isin(zone, (Zone.OLD, Zone.VILLAGE, Zone.HOUSES)), zone == Zone.PERIMETER], [2.2, 1.6], 0.7)
    height = storeys * level + roof * rng.uniform(0.6, 1.3, n) + rng.uniform(-0.2, 0.4, n)
    height = np.where((zone == Zone.ACTIVITY) & (storeys == 1), rng.uniform(6.5, 11.5, n), height)
    return storeys.astype(np.intp), np.round(height, 1)
