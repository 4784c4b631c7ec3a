"""The water: the river across the city, and ponds in parks and meadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.demo.blocks import Blocks, Zone
from twin.demo.plan import RIVER, Plan
from twin.demo.shapes import Geometries
from twin.demo.streets import Network


@dataclass(frozen=True)
class Water:
    """Water bodies: polygon, name, type (``river`` or ``pond``), and the block of each (-1 for the river)."""

    polygon: Geometries
    name: NDArray[np.object_]
    water_type: NDArray[np.object_]
    block: NDArray[np.intp]


def water(plan: Plan, network: Network, blocks: Blocks) -> Water:
    """Dig the ponds in the roomiest parks and meadows, and add the river."""
    rng = plan.rng(8)
    garden, meadow = (
        which[np.argsort(-shapely.area(blocks.polygon[which]), kind="stable")[:many]]
        for which, many in (
            (blocks.of(Zone.PARK), plan.count(8, 1)),
            (blocks.of(Zone.MEADOW, Zone.SCRUB), plan.count(10, 1)),
        )
    )
    which = np.concatenate([garden, meadow])
    middle = shapely.get_coordinates(shapely.point_on_surface(blocks.polygon[which]))
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    phase = rng.uniform(0, 2 * np.pi, (len(which), 3, 1))
    wave = sum(0.3 / k * np.sin((k + 1) * angle + phase[:, k - 1]) for k in (1, 2, 3))
    reach = np.minimum(0.3 * np.sqrt(shapely.area(blocks.polygon[which])), rng.uniform(18.0, 62.0, len(which)))
    radius = reach[:, None] * (1 + 0.7 * wave)
    rim = np.stack([radius * np.cos(angle), 0.75 * radius * np.sin(angle)], axis=-1)
    pond = shapely.polygons(np.round(middle[:, None] + rim, 2))
    dug = shapely.contains(shapely.buffer(blocks.polygon[which], -4.0), pond)
    pond, which, in_garden = pond[dug], which[dug], (np.arange(len(which)) < len(garden))[dug]
    words = ("des Aulnes", "du Héron", "des Saules", "de la Clairette", "des Nénuphars", "du Vieux-Moulin")
    name = [f"{'Bassin' if kept else 'Mare'} {words[row % len(words)]}" for row, kept in enumerate(in_garden)]
    return Water(
        polygon=np.concatenate([[network.river], pond]),
        name=np.array([RIVER, *name], dtype=object),
        water_type=np.array(["river", *["pond"] * len(pond)], dtype=object),
        block=np.concatenate([[-1], which]),
    )
