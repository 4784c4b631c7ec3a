"""The plan of the invented city: its outline, its centres, and how urban each place is.

The plan is drawn on straight lines around (0, 0), then bent by a smooth warp onto the ground in
Lambert-93 (EPSG:2154, metres), so that streets curve as they do where people walked first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

type Floats = NDArray[np.float64]

SEED = 20260701
CRS = "EPSG:2154"
CENTRE = (770_000.0, 6_280_000.0)
CITY = "Aigues-Claires"
RIVER = "L'Orène"

#: Communes: name, direction of its centre from the city's (degrees, anticlockwise from east), its
#: distance as a share of the radius, population of the whole city at scale 1.
COMMUNES = (
    (CITY, 0.0, 0.0, 48_310),
    ("Saint-Élien-d’Orène", 118.0, 0.66, 5_920),
    ("Montréjol", 20.0, 0.68, 4_480),
    ("Castelviel-des-Vignes", 240.0, 0.64, 6_750),
    ("Les Garriguettes", 70.0, 0.74, 2_140),
    ("La Bégude-Haute", 165.0, 0.70, 3_260),
    ("Fontbrègue", 288.0, 0.72, 2_870),
    ("Pérolac", 335.0, 0.67, 3_630),
)
#: Directions of the avenues; each centre has its own, three more lead elsewhere.
_AVENUES = (20.0, 70.0, 118.0, 165.0, 205.0, 240.0, 288.0, 335.0, 45.0)
#: Activity zones and large parks: direction, distance (share of the radius), reach (share).
_ACTIVITY = ((5.0, 0.50, 0.085), (202.0, 0.50, 0.10), (268.0, 0.47, 0.07))
_PARKS = ((95.0, 0.22, 0.045), (215.0, 0.27, 0.05), (325.0, 0.33, 0.05))


class Waves:
    """A smooth random field: a sum of plane waves of unit variance.

    Parameters
    ----------
    rng
        Source of directions and phases.
    length
        Mean wavelength, in the unit of the coordinates.
    """

    def __init__(self, rng: np.random.Generator, length: float, count: int = 9) -> None:
        angle = rng.uniform(0, 2 * np.pi, count)
        wave_number = 2 * np.pi / (length * rng.uniform(0.6, 1.6, count))
        self._kx, self._ky = wave_number * np.cos(angle), wave_number * np.sin(angle)
        self._phase = rng.uniform(0, 2 * np.pi, count)

    def __call__(self, x: Floats, y: Floats) -> Floats:
        """Return the field at x, y (any equal shape)."""
        angle = np.multiply.outer(x, self._kx) + np.multiply.outer(y, self._ky) + self._phase
        return np.asarray(np.sqrt(2 / len(self._phase)) * np.sin(angle).sum(axis=-1))


@dataclass(frozen=True)
class Plan:
    """The plan at a scale: 1 is a city of 10 km across, `scale` the share of its area and objects."""

    scale: float = 1.0

    @property
    def radius(self) -> float:
        """Mean distance from the centre to the outline, in metres; a small city has relatively more room."""
        return 4_750.0 * float(self.scale**0.42)

    def count(self, whole: int, least: int = 1) -> int:
        """Return how many of `whole` objects of the full city there are at this scale."""
        return max(least, round(whole * self.scale))

    def rng(self, purpose: int) -> np.random.Generator:
        """Return the random numbers of one purpose: what one module draws changes no other."""
        return np.random.default_rng([SEED, purpose])

    @cached_property
    def _fields(self) -> tuple[Waves, Waves, Waves, Waves]:
        rng, radius = self.rng(1), self.radius
        return Waves(rng, 0.6 * radius), Waves(rng, 0.6 * radius), Waves(rng, 0.16 * radius), Waves(rng, 0.3 * radius)

    def warp(self, points: Floats) -> Floats:
        """Bend plan coordinates ``(n, 2)`` onto the ground, in Lambert-93."""
        x, y = points[:, 0], points[:, 1]
        wave_x, wave_y, _, _ = self._fields
        bend = 0.02 * self.radius
        moved = np.column_stack([x + bend * wave_x(x, y), y + bend * wave_y(x, y)])
        return np.asarray(moved + np.asarray(CENTRE))

    def polar(self, direction: float, distance: float) -> Floats:
        """Return plan coordinates ``(2,)`` from degrees and a share of the radius."""
        angle = np.radians(direction)
        return np.array([np.cos(angle), np.sin(angle)]) * distance * self.radius

    @cached_property
    def communes(self) -> tuple[tuple[str, float, float, int], ...]:
        """The communes of this scale: a small city has fewer."""
        return COMMUNES[: max(3, round(len(COMMUNES) * self.scale**0.25))]

    @cached_property
    def centres(self) -> Floats:
        """Centres of the communes on the ground ``(n, 2)``, the city's first."""
        return self.warp(np.array([self.polar(direction, share) for _, direction, share, _ in self.communes]))

    def _near(self, x: Floats, y: Floats, places: tuple[tuple[float, float, float], ...]) -> NDArray[np.bool_]:
        found = np.zeros(np.shape(x), dtype=bool)
        for direction, share, reach in places:
            cx, cy = self.warp(self.polar(direction, share)[None])[0]
            found |= np.hypot(x - cx, y - cy) < reach * self.radius
        return found

    def in_activity_zone(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Whether ground points lie in an activity zone."""
        return self._near(x, y, _ACTIVITY)

    def in_large_park(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Whether ground points lie in one of the city's large parks."""
        return self._near(x, y, _PARKS)

    def intensity(self, x: Floats, y: Floats) -> Floats:
        """Return how urban ground points are, from 0 (fields) to 1 (the old centre)."""
        _, _, fine, broad = self._fields
        (cx, cy), villages = self.centres[0], self.centres[1:]
        share = np.hypot(x - cx, y - cy) / self.radius
        edge = 0.06 * broad(x, y) + 0.02 * fine(x, y)
        city = np.interp(share + edge, [0.0, 0.10, 0.18, 0.30, 0.42, 0.50, 0.58], [1.0, 0.95, 0.8, 0.6, 0.42, 0.2, 0.0])
        village = np.zeros_like(city)
        for vx, vy in villages:
            distance = np.hypot(x - vx, y - vy) / self.radius + 0.4 * edge
            village = np.maximum(
                village, np.interp(distance, [0.0, 0.03, 0.07, 0.115, 0.15], [0.85, 0.62, 0.42, 0.28, 0.0])
            )
        return np.asarray(np.maximum(city, np.maximum(village, 0.38 * self.in_activity_zone(x, y))))

    def centrality(self, x: Floats, y: Floats) -> Floats:
        """Return the distance to the city's centre as a share of the radius."""
        cx, cy = self.centres[0]
        return np.asarray(np.hypot(x - cx, y - cy) / self.radius)

    # --- Primary lines, in plan coordinates -------------------------------------------------------

    @cached_property
    def outline(self) -> shapely.Polygon:
        """The limit of the territory."""
        angle = np.linspace(0, 2 * np.pi, 240, endpoint=False)
        reach = self.radius * (
            1 + 0.035 * np.sin(3 * angle + 1) + 0.03 * np.sin(5 * angle + 4) + 0.02 * np.sin(11 * angle)
        )
        return shapely.Polygon(np.column_stack([reach * np.cos(angle), reach * np.sin(angle)]))

    @cached_property
    def river(self) -> shapely.LineString:
        """The middle of the river, across the territory from north-west to south-east."""
        t = np.linspace(-1.35, 1.35, 200)
        x = 0.10 + 0.82 * t + 0.05 * np.sin(6.5 * t + 0.4)
        y = 0.03 - 0.62 * t + 0.09 * np.sin(4.2 * t + 1.9) + 0.10 * np.exp(-((t / 0.3) ** 2))
        return shapely.LineString(np.column_stack([x, y]) * self.radius)

    @property
    def river_width(self) -> float:
        """Width of the water, in metres."""
        return 58.0 * float(self.scale**0.3)

    def ring(self, share: float, wobble: float) -> shapely.LinearRing:
        """Return a ring road at a share of the radius."""
        angle = np.linspace(0, 2 * np.pi, 160, endpoint=False)
        reach = (
            share * self.radius * (1 + wobble * np.sin(2 * angle + 9 * share) + 0.6 * wobble * np.sin(5 * angle + 2))
        )
        return shapely.LinearRing(np.column_stack([reach * np.cos(angle), reach * np.sin(angle)]))

    def avenues(self) -> list[shapely.LineString]:
        """Return the avenues, from the first ring to the outline, through the centres of the communes."""
        rng = self.rng(2)
        lines = []
        for direction in _AVENUES:
            share = np.linspace(0.09, 1.15, 24)
            sway = rng.uniform(-7, 7) * np.sin(np.pi * share / 0.68)  # back on its way at the village
            lines.append(shapely.LineString([self.polar(direction + s, d) for s, d in zip(sway, share, strict=True)]))
        return lines
