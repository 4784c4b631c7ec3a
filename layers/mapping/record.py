"""What is mapped: the values of stations, hour by hour, and where these stand."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from layers.grids import Floats
from layers.interpolation import Sites
from layers.mapping.ground import Ground
from twin.errors import DoesNotApply
from twin.model import Text


@dataclass(frozen=True)
class Record:
    """The stations that can be mapped, and their hours.

    Attributes
    ----------
    sites
        Where they stand, and the covariates there.
    hours
        Consecutive hours, naive UTC: from the first to the last with a value.
    values
        Shape (stations, hours), not-a-number without a good value.
    refused
        Why some hours have no map, whatever the stations measure.
    left_out
        The stations that stand where a covariate, or what else is needed of them, is not known.
    """

    sites: Sites
    hours: NDArray[np.datetime64]
    values: Floats
    left_out: tuple[str, ...]
    refused: dict[int, Text] = field(default_factory=dict)

    @classmethod
    def over(
        cls,
        ground: Ground,
        streams: pa.Table,
        hours: NDArray[np.datetime64],
        values: Floats,
        *,
        known: NDArray[np.bool_] | None = None,
        refused: dict[int, Text] | None = None,
    ) -> Record:
        """Return the record of the stations of `streams` that stand where the covariates are known.

        Parameters
        ----------
        streams
            Their datastreams, with ``object_id`` and ``geometry``.
        values
            Shape (stations, hours).
        known
            Whether what else is needed of each station is known, shape (stations,).

        Raises
        ------
        DoesNotApply
            When no station is left.
        """
        points = points_of(streams)
        covariates = ground.covariates_at(points)
        usable = np.isfinite(covariates).all(axis=1)
        if known is not None:
            usable &= known
        if not usable.any():
            told = ", ".join(ground.names)
            more = "" if known is None else " and its altitude"
            objects = streams["object_collection"][0]
            raise DoesNotApply(f"No station of {objects} stands where the covariates ({told}){more} are known.")
        ids = np.array(streams["object_id"].to_pylist(), object)
        sites = Sites(tuple(ids[usable]), ground.names, points[usable], covariates[usable])
        return cls(sites, hours, values[usable], tuple(ids[~usable]), refused or {})


def points_of(streams: pa.Table) -> Floats:
    """Return the places of datastreams, in metres, shape (datastreams, 2)."""
    return np.asarray(
        shapely.get_coordinates(shapely.from_wkb(streams["geometry"].to_numpy(zero_copy_only=False))), float
    )
