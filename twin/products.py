"""What a source reads and a layer derives: streams of columns, each for one collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twin.model import Collection
from twin.tables import Quality

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Features:
    """Features of one collection, as a stream of batches of :func:`~twin.tables.feature_schema`."""

    collection: Collection
    batches: Iterable[pa.RecordBatch]


@dataclass(frozen=True)
class Series:
    """Observations of one time-series collection and the datastreams they belong to.

    ``datastreams`` has :func:`~twin.tables.feature_schema` of :data:`~twin.tables.DATASTREAM_FIELDS`;
    ``batches`` follow :data:`~twin.tables.OBSERVATION_SCHEMA`, in any order.
    """

    collection: Collection
    datastreams: pa.Table
    batches: Iterable[pa.RecordBatch]


@dataclass(frozen=True)
class Cube:
    """A coverage: variables over ``(time, y, x)``, or all over ``(y, x)``, named as its observed properties.

    ``x`` and ``y`` are cell centres in the collection's CRS, ascending; ``time`` is naive UTC, ascending.
    """

    collection: Collection
    dataset: xr.Dataset


@dataclass(frozen=True)
class Verdicts:
    """Observations that the store holds in ``collection``, each with the quality that it shall have now.

    ``test`` is the one that they are the outcome of: an observation is given it, or GOOD again. What
    failed another test is left as it is. ``batches`` follow :data:`~twin.tables.OBSERVATION_SCHEMA`.
    """

    collection: Collection
    test: Quality
    batches: Iterable[pa.RecordBatch]


@dataclass(frozen=True)
class CubeSteps:
    """A coverage over ``(time, y, x)`` computed step by step: only the steps whose inputs changed are computed.

    What the present revision holds of the collection is kept for every step that has the same time and fingerprint,
    as long as the grid, the variables and their types, and the CRS are the same.

    Attributes
    ----------
    times
        Every step of the coverage, shape ``(steps,)``: naive UTC, ascending.
    fingerprints
        Digest of all that each step is made from (values, stations, parameters, version), shape ``(steps,)``.
    compute
        Streams the steps of the given numbers, as datasets like those of :class:`Cube`: blocks of
        consecutive asked steps, ascending. It is called a second time, for every step, where the grid is
        found to differ.
    """

    collection: Collection
    times: NDArray[np.datetime64]
    fingerprints: NDArray[np.uint64]
    compute: Callable[[NDArray[np.intp]], Iterable[xr.Dataset]]


type Product = Features | Series | Cube | CubeSteps | Verdicts
