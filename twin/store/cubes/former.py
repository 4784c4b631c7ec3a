"""What a folder that was written before holds: which of its steps, and of its bands of the series, can stay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xarray as xr
from numpy.typing import NDArray

from twin.model import Collection
from twin.products import CubeSteps
from twin.store.cubes import layouts
from twin.store.cubes.form import Form

#: Lists the steps of a folder: ``time`` (null where the coverage has none) and ``fingerprint``.
STEPS_FILE = "steps.parquet"

_FORM = b"form"


def list_steps(folder: Path, form: Form, times: NDArray[np.datetime64], fingerprints: NDArray[np.uint64]) -> None:
    """Write beside the layouts what each step was made from, and the digest of the form."""
    table = pa.table({"time": pa.array(times), "fingerprint": pa.array(fingerprints)})
    pq.write_table(table.replace_schema_metadata({_FORM: layouts.digest(form)}), folder / STEPS_FILE)


@contextmanager
def open_kept(folder: Path, steps: CubeSteps) -> Iterator[tuple[NDArray[np.intp], xr.Dataset]]:
    """Open the maps of a folder, with the number there of each of the steps: -1 where it is to be computed."""
    known = Former.read(steps.collection, folder)
    with layouts.open_layout(folder, "map") as dataset:
        none = np.full(steps.times.size, -1)
        yield none if known is None else known.numbers(steps.times.astype("M8[us]"), steps.fingerprints), dataset


@dataclass(frozen=True, eq=False)
class Former:
    """What a folder written before holds."""

    folder: Path
    form: Form
    digest: str
    times: NDArray[np.datetime64]
    fingerprints: NDArray[np.uint64]

    @classmethod
    def read(cls, collection: Collection, folder: Path | None) -> Former | None:
        """Return what `folder` holds, or None where there are no steps to keep."""
        if folder is None or not (folder / STEPS_FILE).is_file():
            return None
        table = pq.read_table(folder / STEPS_FILE)
        with layouts.open_layout(folder, "map") as dataset:
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
        numbers = np.full(-(-self.times.size // layouts.BAND), -1)
        for new in range(-(-kept.size // layouts.BAND)):
            steps = kept[new * layouts.BAND : (new + 1) * layouts.BAND]
            band, start = divmod(int(steps[0]), layouts.BAND)
            held = min(layouts.BAND, self.times.size - band * layouts.BAND)
            if start == 0 and steps.size == held and (np.diff(steps) == 1).all():
                numbers[band] = new
        return numbers
