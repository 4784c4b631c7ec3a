"""Groups of arrays on disk, in Zarr (core specification, version 3, with sharding), read and written by TensorStore.

The arrays of a group that is opened are lazy variables of an :class:`xarray.Dataset`, decoded by the CF conventions.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import tensorstore as ts
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

#: Bytes of decoded chunks kept for the next reader: what all visitors look at, the last map, is decoded once.
CACHE = 64_000_000

_METADATA = "zarr.json"
_LITTLE_ENDIAN = {"name": "bytes", "configuration": {"endian": "little"}}
_INDEX = [_LITTLE_ENDIAN, {"name": "crc32c"}]
_READING = ts.Context({"cache_pool": {"total_bytes_limit": CACHE}})
# Links to files are not flushed to the disk either: after a power cut, a coverage can be made again from the record.
_WRITING = ts.Context({"cache_pool": {"total_bytes_limit": 0}, "file_io_sync": False})


class _Stored(BackendArray):
    """An array on disk, as xarray indexes one."""

    def __init__(self, stored: ts.TensorStore) -> None:
        self._stored = stored
        self.shape = stored.shape
        self.dtype = stored.dtype.numpy_dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        if isinstance(key, indexing.VectorizedIndexer):
            return self._stored.vindex[key.tuple].read().result()
        window = tuple(
            _interval(part, size) if isinstance(part, slice) else part
            for part, size in zip(key.tuple, self.shape, strict=True)
        )
        return self._stored.oindex[window].read().result()


def _interval(part: slice, size: int) -> slice:
    """Return a slice as TensorStore reads it: of positions as they are, negative ones too, and in order if empty."""
    chosen = range(size)[part]
    return slice(chosen.start, chosen.stop, chosen.step) if chosen else slice(0, 0)


def open_group(path: Path) -> xr.Dataset:
    """Open the arrays of a group, lazily.

    A folder that is made anew under the same path is read anew: what is kept of a file is checked against it once more
    for each opening. No file stays open.
    """
    arrays = sorted(child for child in path.iterdir() if child.is_dir())
    attributes = orjson.loads((path / _METADATA).read_bytes())["attributes"]
    # A number of days is a number, not a duration.
    return xr.decode_cf(
        xr.Dataset({array.name: _variable(array) for array in arrays}, attrs=attributes),
        decode_coords="all",
        decode_timedelta=False,
    )


def _variable(path: Path) -> xr.Variable:
    stored = ts.open(_spec(path) | {"recheck_cached_data": "open"}, read=True, context=_READING).result()
    attributes = stored.spec().to_json()["metadata"].get("attributes", {})
    chunks = {"chunks": stored.chunk_layout.read_chunk.shape}
    return xr.Variable(stored.domain.labels, indexing.LazilyIndexedArray(_Stored(stored)), attributes, chunks)


def create_group(path: Path, attributes: Mapping[str, Any]) -> None:
    """Create a group without arrays."""
    path.mkdir(parents=True)
    told = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    (path / _METADATA).write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))


def create_array(
    path: Path,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    dimensions: tuple[str, ...],
    attributes: Mapping[str, Any],
    *,
    compressor: Mapping[str, Any],
    chunks: tuple[int, ...],
    shards: tuple[int, ...] | None = None,
) -> ts.TensorStore:
    """Create an array of a group; what is never written is not-a-number, or 0 where the type has none.

    Parameters
    ----------
    path
        Folder of the group, and the name of the array.
    compressor
        Name and configuration of the codec of a chunk.
    shards
        Shape of what one file holds, a whole number of chunks. The files stand in one folder: ``c.<number>.<number>``;
        without shards a file holds one chunk: ``c/<number>/<number>``.
    """
    codecs = [_LITTLE_ENDIAN, compressor]
    if shards is not None:
        sharding = {"chunk_shape": chunks, "codecs": codecs, "index_codecs": _INDEX}
        codecs = [{"name": "sharding_indexed", "configuration": sharding}]
    metadata = {
        "shape": shape,
        "data_type": ts.dtype(dtype).name,
        "fill_value": "NaN" if dtype.kind == "f" else dtype.type(0).item(),
        "dimension_names": dimensions,
        "attributes": attributes,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": shards or chunks}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "." if shards else "/"}},
        "codecs": codecs,
    }
    return ts.open(_spec(path) | {"metadata": metadata}, create=True, context=_WRITING).result()


def _spec(path: Path) -> dict[str, Any]:
    return {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path}/"}}
