"""Sums over the disk around each cell, with the exact share of each cell that the disk covers."""

from __future__ import annotations

import numpy as np
from scipy.signal import oaconvolve

from layers.grids import Floats

#: m2, m3: below what any sum means, above the rounding of Fourier transforms.
_NOTHING = 1e-6


def disk_shares(radius: float, cell: float) -> Floats:
    """Return the share of each cell that a disk around the middle of the central one covers.

    Returns
    -------
    Shape ``(2 n + 1, 2 n + 1)``; its sum is the area of the disk in cells.
    """
    reach = max(int(np.ceil(radius / cell - 0.5)), 0)
    edges: Floats = np.linspace(-reach - 0.5, reach + 0.5, 2 * reach + 2) * cell
    corners = _quadrant(edges[np.newaxis, :], edges[:, np.newaxis], radius)
    return np.asarray(np.diff(np.diff(corners, axis=0), axis=1) / cell**2)


def _quadrant(x: Floats, y: Floats, radius: float) -> Floats:
    """Return the signed area of the disk between the axes and the point (x, y)."""
    far, up = np.minimum(np.abs(x), radius), np.minimum(np.abs(y), radius)
    inner = np.minimum(np.sqrt(np.maximum(radius**2 - up**2, 0.0)), far)
    return np.sign(x) * np.sign(y) * (inner * up + _under_arc(far, radius) - _under_arc(inner, radius))


def _under_arc(x: Floats, radius: float) -> Floats:
    """Return the area under the arc from 0 to x: the integral of sqrt(r2 - t2)."""
    share = np.minimum(x / radius, 1.0)  # rounding may carry it a hair beyond the rim
    return np.asarray(radius**2 * (share * np.sqrt(1 - share**2) + np.arcsin(share)) / 2)


def over_disk(sums: Floats, shares: Floats) -> Floats:
    """Return, for each cell, the sum of its disk; nothing lies outside the grid.

    Parameters
    ----------
    sums
        What each cell holds, shape ``(rows, columns)``, none negative.
    shares
        Of :func:`disk_shares`.
    """
    total = np.asarray(oaconvolve(sums, shares, mode="same"))
    return np.where(total < _NOTHING, 0.0, total)
