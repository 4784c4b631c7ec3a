"""Instants at which the same stations have a value, taken together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def patterns(valid: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield each set of stations that have a value together, and the instants at which they do.

    Parameters
    ----------
    valid
        Shape (stations, instants).
    """
    packed = np.ascontiguousarray(np.packbits(valid, axis=0).T)
    _, firsts, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(which, kind="stable")
    for first, instants in zip(firsts, np.split(order, np.cumsum(np.bincount(which))[:-1]), strict=True):
        yield np.flatnonzero(valid[:, first]), instants
