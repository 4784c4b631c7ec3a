"""A coverage written to a folder: steps that are new are computed, the others are taken from its former folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.model import Collection
from twin.products import CubeSteps
from twin.store.cubes.form import Form, require_ascending
from twin.store.cubes.layouts import BAND, LAYOUTS, create, fill_series, link_shards

#: Lists the steps of a folder: ``time`` (null where the coverage has none) and ``fingerprint``.
STEPS_FILE = "steps.parquet"

_FORM = b"form"

type _Told = Callable[[int], None]


def _nobody(values: int) -> None:
    """Tell nobody."""


def write_cube(
    collection: Collection,
    dataset: xr.Dataset,
    folder: Path,
    former: Path | None = None,
    told: _Told = _nobody,
) -> None:
    """Write a whole coverage into `folder`, to be staged as a cube.

    Parameters
    ----------
    dataset
        Variables over ``(time, y, x)``, or all over ``(y, x)``; ``x`` and ``y`` are cell centres in the
        collection's CRS, ascending; ``time`` is naive UTC, ascending.
    former
        Folder of the present revision: the steps whose values are the same are linked from it.
    told
        Called with the number of values of each block that was written.

    Raises
    ------
    BadInput
        When a dimension is missing, unknown or not ascending.
    """
    form = Form.of(collection, dataset)
    if not form.timed:
        _write_timeless(form, dataset, folder)
        told(sum(variable.size for variable in dataset.data_vars.values()))
        return
    times: NDArray[np.datetime64] = dataset["time"].values
    prints = np.array([_fingerprint(dataset.isel(time=step)) for step in range(times.size)], np.uint64)
    steps = CubeSteps(collection, times, prints, lambda asked: (dataset.isel(time=[step]) for step in asked))
    write_steps(steps, folder, former, told)


def write_steps(steps: CubeSteps, folder: Path, former: Path | None = None, told: _Told = _nobody) -> None:
    """Write a coverage into `folder`, to be staged as a cube, computing only what `former` does not hold.

    Memory holds one block of ``steps.compute``, or one tile of the grid over :data:`~twin.store.cubes.layouts.BAND`
    steps.

    Parameters
    ----------
    former
        Folder of the present revision, which stays as it is: its files are linked.
    told
        Called with the number of values of each block that was written.

    Raises
    ------
    BadInput
        When the steps are not ascending, or a block is not what was asked for.
    """
    times = steps.times.astype("M8[us]")
    if times.ndim != 1 or not times.size or np.isnat(times).any() or steps.fingerprints.shape != times.shape:
        raise BadInput(
            f"{steps.collection.id}: a coverage takes at least one step, each with a time and a fingerprint."
        )
    require_ascending("time", times)
    known = _Former.read(steps.collection, former)
    kept = np.full(times.size, -1) if known is None else known.numbers(times, steps.fingerprints)
    form, blocks = _begun(steps, kept, known)
    if known is not None and form.digest != known.digest and (kept >= 0).any():
        kept[:] = -1
        form, blocks = _begun(steps, kept, None)
    folder.mkdir(parents=True)
    names = list(form.types)
    maps, series = (create(folder / f"{layout}.zarr", form, times, layout) for layout in LAYOUTS)
    bands = np.arange(-(-times.size // BAND))
    if known is not None:
        numbers = np.full(known.times.size, -1)
        numbers[kept[kept >= 0]] = np.flatnonzero(kept >= 0)
        link_shards(known.folder / "map.zarr", folder / "map.zarr", names, numbers)
        whole = known.bands(kept)
        link_shards(known.folder / "series.zarr", folder / "series.zarr", names, whole)
        bands = np.setdiff1d(bands, whole)
    for positions, block in _answers(steps, np.flatnonzero(kept < 0), form, blocks):
        for run in np.split(np.arange(positions.size), np.flatnonzero(np.diff(positions) > 1) + 1):
            first, last = positions[run[[0, -1]]]
            for name in names:
                maps[name][first : last + 1] = block[name].values[run[0] : run[-1] + 1]
        told(positions.size * len(names) * form.x.size * form.y.size)
    fill_series(maps, series, bands.tolist())
    _list_steps(folder, form, times, steps.fingerprints)


def _write_timeless(form: Form, dataset: xr.Dataset, folder: Path) -> None:
    folder.mkdir(parents=True)
    for layout in LAYOUTS:
        for name, array in create(folder / f"{layout}.zarr", form, None, layout).items():
            array[...] = dataset[name].values
    _list_steps(folder, form, np.array(["NaT"], "M8[us]"), np.array([_fingerprint(dataset)], np.uint64))


def _begun(steps: CubeSteps, kept: NDArray[np.intp], known: _Former | None) -> tuple[Form, Iterator[xr.Dataset]]:
    """Return the form of the steps that are not kept, and their blocks."""
    if known is not None and (kept >= 0).all():
        return known.form, iter(())
    blocks = iter(steps.compute(np.flatnonzero(kept < 0)))
    try:
        first = next(blocks)
    except StopIteration:
        raise _unanswered(steps) from None
    return Form.of(steps.collection, first), chain([first], blocks)


def _answers(
    steps: CubeSteps, asked: NDArray[np.intp], form: Form, blocks: Iterator[xr.Dataset]
) -> Iterator[tuple[NDArray[np.intp], xr.Dataset]]:
    """Yield the numbers of the steps of each block, and the block; refuse what was not asked for."""
    done = 0
    for block in blocks:
        numbers = asked[done : done + block.sizes["time"]]
        if Form.of(steps.collection, block).digest != form.digest:
            raise BadInput(f"{steps.collection.id}: two blocks of steps differ in their grid, variables or types.")
        if not np.array_equal(block["time"].values.astype("M8[us]"), steps.times[numbers].astype("M8[us]")):
            raise _unanswered(steps)
        yield numbers, block
        done += numbers.size
    if done != asked.size:
        raise _unanswered(steps)


def _unanswered(steps: CubeSteps) -> BadInput:
    return BadInput(f"{steps.collection.id}: the steps computed are not those that were asked for.")


def _fingerprint(dataset: xr.Dataset) -> int:
    """Return the digest of the values of a step."""
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(map(str, dataset.data_vars)):
        digest.update(np.ascontiguousarray(dataset[name].values))
    return int.from_bytes(digest.digest())


def _list_steps(folder: Path, form: Form, times: NDArray[np.datetime64], fingerprints: NDArray[np.uint64]) -> None:
    table = pa.table({"time": pa.array(times), "fingerprint": pa.array(fingerprints)})
    pq.write_table(table.replace_schema_metadata({_FORM: form.digest}), folder / STEPS_FILE)


@dataclass(frozen=True, eq=False)
class _Former:
    """What a folder written before holds."""

    folder: Path
    form: Form
    digest: str
    times: NDArray[np.datetime64]
    fingerprints: NDArray[np.uint64]

    @classmethod
    def read(cls, collection: Collection, folder: Path | None) -> _Former | None:
        """Return what `folder` holds, or None where there are no steps to keep."""
        if folder is None or not (folder / STEPS_FILE).is_file():
            return None
        table = pq.read_table(folder / STEPS_FILE)
        with xr.open_zarr(folder / "map.zarr", chunks=None, consolidated=False, decode_coords="all") as dataset:
            form = Form.of(collection, dataset)
        times, prints = (table[name].to_numpy() for name in ("time", "fingerprint"))
        digest = table.schema.metadata[_FORM].decode()
        return cls(folder, form, digest, times, prints) if form.timed else None

    def numbers(self, times: NDArray[np.datetime64], fingerprints: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Return the number here of each step; -1 where it is not here, or was made from something else."""
        found = np.minimum(np.searchsorted(self.times, times), self.times.size - 1)
        same = (self.times[found] == times) & (self.fingerprints[found] == fingerprints)
        return np.where(same, found, -1)

    def bands(self, kept: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the new number of each band of the series here; -1 where its steps are not all the same still."""
        numbers = np.full(-(-self.times.size // BAND), -1)
        for new in range(-(-kept.size // BAND)):
            steps = kept[new * BAND : (new + 1) * BAND]
            band, start = divmod(int(steps[0]), BAND)
            held = min(BAND, self.times.size - band * BAND)
            if start == 0 and steps.size == held and (np.diff(steps) == 1).all() and steps[0] >= 0:
                numbers[band] = new
        return numbers
