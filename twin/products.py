"""What a source reads and a layer derives: streams of columns, each for one collection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from twin.model import Collection

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Features:
    """Features of one collection, as a stream of batches of :func:`~twin.model.feature_schema`."""

    collection: Collection
    batches: Iterable[pa.RecordBatch]


@dataclass(frozen=True)
class Series:
    """Observations of one time-series collection and the datastreams they belong to.

    ``datastreams`` has :func:`~twin.model.feature_schema` of :data:`~twin.model.DATASTREAM_FIELDS`; ``batches`` follow
    :data:`~twin.model.OBSERVATION_SCHEMA`, in any order.
    """

    collection: Collection
    datastreams: pa.Table
    batches: Iterable[pa.RecordBatch]


@dataclass(frozen=True)
class Cube:
    """A coverage: variables over ``(time, y, x)`` or ``(y, x)``, named as its observed properties.

    ``x`` and ``y`` are cell centres in the collection's CRS, ascending; ``time`` is naive UTC.
    """

    collection: Collection
    dataset: xr.Dataset


type Product = Features | Series | Cube
