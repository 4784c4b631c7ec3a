"""Millions of byte strings end to end in a mapped file: the system can take their memory back."""

from __future__ import annotations

import mmap
import tempfile
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class Strings:
    """Byte strings by number.

    Attributes
    ----------
    offsets
        Where each starts, and where the last ends: int64, shape (count + 1,).
    """

    def __init__(self, data: mmap.mmap | bytes, offsets: NDArray[np.int64]) -> None:
        self._data = memoryview(data)
        self.offsets = offsets
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        self._strings = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)

    def __getitem__(self, number: int) -> bytes:
        return bytes(self.span(number, number + 1))

    def span(self, first: int, stop: int) -> memoryview:
        """Return the strings ``first .. stop - 1``, end to end, where they are."""
        return self._data[self.offsets[first] : self.offsets[stop]]

    def gather(self, numbers: NDArray[np.integer]) -> memoryview:
        """Return the strings of `numbers`, end to end."""
        _valid, places, data = self._strings.take(pa.array(numbers)).buffers()
        return memoryview(data)[: np.frombuffer(places, np.int64)[numbers.size]]


class StringsWriter:
    """Writes strings to a file without a name in `folder`: nothing is left behind, come what may."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__
        self._size = 0
        self._offsets: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, strings: pa.Array) -> None:
        """Append the strings of an array; a null is an empty one."""
        strings = strings.cast(pa.large_binary())
        _valid, places, data = strings.buffers()
        offsets = np.frombuffer(places, np.int64)[strings.offset : strings.offset + len(strings) + 1]
        if data is not None:
            self._file.write(memoryview(data)[offsets[0] : offsets[-1]])
        self._offsets.append(offsets[1:] - offsets[0] + self._size)
        self._size += int(offsets[-1] - offsets[0])

    def strings(self) -> Strings:
        """Return what was written."""
        self._file.flush()
        data = mmap.mmap(self._file.fileno(), self._size, access=mmap.ACCESS_READ) if self._size else b""
        return Strings(data, np.concatenate(self._offsets))
