"""The form and the cover of the city around each cell, from the sums over its disk.

Names of the literature: Stewart and Oke (2012), Local climate zones for urban temperature studies, BAMS
93(12), table 3; formulas of GeoClimate (Bocher et al. 2021, JOSS 6(65), 3541) where nothing else is said.
"""

from __future__ import annotations

import numpy as np

from layers.disk import over_disk
from layers.grids import Floats
from layers.urban_morphology.sums import SURFACES, Sums

#: Frontal area density above which buildings shelter one another, and roughness in a height (Hanna and Britter 2002).
_SHELTERED = 0.15
#: Greatest roughness length, in metres, as in GeoClimate.
_ROUGHEST = 3.0


def indicators(sums: Sums, shares: Floats) -> dict[str, Floats]:
    """Return the indicators that the sums allow, by name; not-a-number outside the area and where unknown.

    Parameters
    ----------
    sums
        ``area`` (m2 of each cell that is to be mapped), and those of :mod:`layers.urban_morphology.sums`
        that there are; arrays of shape ``(rows, columns)``.
    shares
        Of :func:`~layers.disk.disk_shares`.
    """
    inside = sums["area"] > 0
    disk = {name: over_disk(np.where(inside, values, 0.0), shares) for name, values in sums.items()}
    found: dict[str, Floats] = {}
    if "built" in disk:
        found |= _form(disk)
    if "cover_plants" in disk:
        found |= _cover(disk)
    if "trees_counted" in disk:
        found["tree_density"] = _ratio(disk["trees_counted"], disk["area"] / 10_000)
    return {name: np.where(inside, values, np.nan) for name, values in found.items()}


def _form(disk: Sums) -> dict[str, Floats]:
    """Return the indicators of buildings.

    Where the disk holds no building, heights, façades and roughness are 0 and the sky is whole; where it
    holds some but none of known height, they are unknown.

    - ``aspect_ratio``: half the free façade over the ground without buildings; the height over the width
      of an infinite street canyon that has as much wall (Masson 2000, Boundary-Layer Meteorology 94, 357).
    - ``sky_view_factor``: mean over the ground of that canyon, ``sqrt(a2 + 1) - a`` of the aspect ratio
      ``a`` (Masson 2000; Noilhan 1981): trees and the order of the buildings are left out.
    - ``roughness_length``: ``min(f, 0.15)`` times the mean height, at most 3 m, f being the frontal area
      density: the free façade over pi times the ground, since a convex body shows its perimeter over pi
      to the mean wind (Cauchy). Hanna and Britter (2002), Wind flow and vapor cloud dispersion.
    """
    known = (disk["known_footprint"] > 0) | (disk["footprint"] == 0)
    height = np.where(disk["footprint"] == 0, 0.0, _ratio(disk["volume"], disk["known_footprint"]))
    aspect = _ratio(0.5 * disk["facade"], disk["area"] - disk["built"])
    frontal = _ratio(disk["facade"], np.pi * disk["area"])
    of_heights = {
        "mean_height": height,
        "aspect_ratio": aspect,
        "sky_view_factor": np.sqrt(aspect**2 + 1) - aspect,
        "roughness_length": np.minimum(np.minimum(frontal, _SHELTERED) * height, _ROUGHEST),
    }
    shares = {
        f"{name.removeprefix('footprint_')}_share": np.minimum(_ratio(total, disk["footprint"]), 1.0)
        for name, total in disk.items()
        if name.startswith("footprint_")
    }
    return {
        "built_fraction": np.minimum(_ratio(disk["built"], disk["area"]), 1.0),
        **{name: np.where(known, values, np.nan) for name, values in of_heights.items()},
        **shares,
    }


def _cover(disk: Sums) -> dict[str, Floats]:
    """Return the shares of the ground whose cover is known."""
    mapped = np.sum([disk[f"cover_{surface}"] for surface in SURFACES], axis=0)

    def share(*surfaces: str) -> Floats:
        return np.minimum(_ratio(np.sum([disk[f"cover_{surface}"] for surface in surfaces], axis=0), mapped), 1.0)

    return {
        "impervious_fraction": share("built", "sealed"),
        "sealed_fraction": share("sealed"),
        "bare_fraction": share("bare"),
        "vegetation_fraction": share("trees", "shrubs", "plants"),
        "tree_fraction": share("trees"),
        "shrub_fraction": share("shrubs"),
        "water_fraction": share("water"),
    }


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0))
