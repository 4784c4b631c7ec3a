"""The relief: the altitude of the ground, above NGF-IGN69."""

from __future__ import annotations

import numpy as np
import shapely

from twin.demo.plan import CENTRE, Floats, Plan, Waves


class Terrain:
    """A plain that falls to the south, hills to the north, and the valley of the river."""

    def __init__(self, plan: Plan) -> None:
        rng = plan.rng(5)
        self._hills, self._knolls = Waves(rng, 5200.0), Waves(rng, 1400.0)
        self._river = shapely.transform(shapely.segmentize(plan.river, 40.0), plan.warp)
        shapely.prepare(self._river)

    def altitude(self, x: Floats, y: Floats) -> Floats:
        """Return the altitude in metres of points in Lambert-93."""
        north = (y - CENTRE[1]) / 5000.0
        ground = 46.0 + 22.0 * north + (9.0 + 7.0 * north) * self._hills(x, y) + 2.6 * self._knolls(x, y)
        to_river = shapely.distance(shapely.points(x, y), self._river)
        bed = 26.0 + 9.0 * north
        return np.asarray(np.maximum(ground, bed) * (1 - (near := np.exp(-to_river / 420.0))) + bed * near)
