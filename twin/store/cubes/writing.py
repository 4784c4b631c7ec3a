"""A coverage written to a folder: steps that are new are computed, the others are taken from its former folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from twin.errors import BadInput
from twin.model import Collection
from twin.products import CubeSteps
from twin.store.cubes import layouts
from twin.store.cubes.form import Form, require_ascending
from twin.store.cubes.former import Former, list_steps
from twin.store.cubes.layouts import LAYOUTS, create, fill_series, link_shards

_BLOCK = 24  # steps of a whole coverage that are written at a time

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

    def compute(asked: NDArray[np.intp]) -> Iterator[xr.Dataset]:
        return (dataset.isel(time=block) for block in np.split(asked, range(_BLOCK, asked.size, _BLOCK)))

    write_steps(CubeSteps(collection, times, prints, compute), folder, former, told)


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
    known = Former.read(steps.collection, former)
    kept = np.full(times.size, -1) if known is None else known.numbers(times, steps.fingerprints)
    form, blocks = _begun(steps, kept, known)
    if known is not None and layouts.digest(form) != known.digest:
        known = None
        if (kept >= 0).any():
            kept[:] = -1
            form, blocks = _begun(steps, kept, None)
    folder.mkdir(parents=True)
    names = list(form.types)
    maps, series = (create(folder / f"{layout}.zarr", form, times, layout) for layout in LAYOUTS)
    bands = np.arange(-(-times.size // layouts.BAND))
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
                maps[name][first : last + 1].write(block[name].values[run[0] : run[-1] + 1]).result()
        told(positions.size * len(names) * form.x.size * form.y.size)
    fill_series(maps, series, bands.tolist())
    list_steps(folder, form, times, steps.fingerprints)


def _write_timeless(form: Form, dataset: xr.Dataset, folder: Path) -> None:
    folder.mkdir(parents=True)
    for layout in LAYOUTS:
        for name, array in create(folder / f"{layout}.zarr", form, None, layout).items():
            array.write(dataset[name].values).result()
    list_steps(folder, form, np.array(["NaT"], "M8[us]"), np.array([_fingerprint(dataset)], np.uint64))


def _begun(steps: CubeSteps, kept: NDArray[np.intp], known: Former | None) -> tuple[Form, Iterator[xr.Dataset]]:
    """Return the form of the steps that are not kept, and their blocks."""
    if known is not None and (kept >= 0).all():
        return known.form, iter(())
    blocks = iter(steps.compute(np.flatnonzero(kept < 0)))
    try:
        first = next(blocks)
    except StopIteration:
        raise _unanswered(steps) from None
    form = Form.of(steps.collection, first)
    if not form.timed:
        raise _unanswered(steps)
    return form, chain([first], blocks)


def _answers(
    steps: CubeSteps, asked: NDArray[np.intp], form: Form, blocks: Iterator[xr.Dataset]
) -> Iterator[tuple[NDArray[np.intp], xr.Dataset]]:
    """Yield the numbers of the steps of each block, and the block; refuse what was not asked for."""
    done = 0
    for block in blocks:
        if layouts.digest(Form.of(steps.collection, block)) != layouts.digest(form):
            raise BadInput(f"{steps.collection.id}: two blocks of steps differ in their grid, variables or types.")
        numbers = asked[done : done + block.sizes["time"]]
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
