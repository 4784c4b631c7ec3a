"""Geometries of a batch of rows, for the exporters."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from twin.export.columns import GEOMETRY

type Geometries = NDArray[np.object_]


def geometries(batch: pa.RecordBatch) -> Geometries:
    """Return the geometries of a batch, None where absent."""
    return np.asarray(shapely.from_wkb(batch.column(GEOMETRY).to_numpy(zero_copy_only=False)))


def peeked(batches: pa.RecordBatchReader) -> tuple[pa.RecordBatch | None, Iterator[pa.RecordBatch]]:
    """Return the first batch, if any, and all of them: a format's heading depends on what comes."""
    following = iter(batches)
    first = next(following, None)
    return first, following if first is None else itertools.chain([first], following)


def has_heights(batch: pa.RecordBatch | None) -> bool:
    """Whether some geometries of a batch have Z."""
    return batch is not None and bool(shapely.has_z(geometries(batch)).any())
