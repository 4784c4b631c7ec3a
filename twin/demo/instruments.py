"""Instruments: what a network of them says of the truth, with the faults that real networks have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from twin.demo.climate import HOURS, TIMES
from twin.demo.plan import Floats


@dataclass(frozen=True)
class Measured:
    """What one network measured, with what is known to be wrong in it.

    Attributes
    ----------
    table
        Rows ``object_id, observed_property, time, result_time, value``; a missing hour has no row.
    truth
        Values without noise nor fault, ``(objects, hours)`` by observed property.
    faults
        What was done to whom, when: ``stuck``, ``spike`` or ``gap``.
    """

    table: pa.Table
    truth: dict[str, Floats]
    faults: list[dict[str, object]]


class Instruments:
    """A network at work: values ``(objects, hours)`` by property, not-a-number where there is none."""

    def __init__(self, objects: NDArray[np.object_], delay_minutes: int) -> None:
        self._objects = objects
        self._delay = np.timedelta64(delay_minutes * 60, "s")
        self._truth: dict[str, Floats] = {}
        self._values: dict[str, Floats] = {}
        self._faults: list[dict[str, object]] = []

    def add(self, observed_property: str, true: Floats, measured: Floats, decimals: int) -> None:
        """Add a property: its truth, and what the instruments say, at their resolution."""
        self._truth[observed_property] = true
        self._values[observed_property] = np.round(measured, decimals)

    def stick(self, row: int, first: int, hours: int) -> None:
        """Let an object repeat its value of hour `first`, in all its properties."""
        for values in self._values.values():
            values[row, first : first + hours] = values[row, first]
        self._record("stuck", row, list(self._values), first, hours)

    def spike(self, row: int, observed_property: str, hour: int, change: float) -> None:
        """Add `change` to one value."""
        values = self._values[observed_property]
        values[row, hour] = np.round(values[row, hour] + change, 1)
        self._record("spike", row, [observed_property], hour, 1)

    def lose(self, row: int, first: int, hours: int) -> None:
        """Leave out the hours of an object, in all its properties."""
        for values in self._values.values():
            values[row, first : first + hours] = np.nan
        self._record("gap", row, list(self._values), first, hours)

    def _record(self, kind: str, row: int, observed_properties: list[str], first: int, hours: int) -> None:
        self._faults.append(
            {
                "kind": kind,
                "object_id": str(self._objects[row]),
                "observed_properties": sorted(observed_properties),
                "from": f"{TIMES[first]}Z",
                "to": f"{TIMES[min(first + hours, HOURS) - 1]}Z",
            }
        )

    def measured(self) -> Measured:
        """Return the rows, ordered by object, property and time."""
        names = sorted(self._values)
        stack = np.stack([self._values[name] for name in names], axis=1)  # objects, properties, hours
        kept = ~np.isnan(stack)
        which, what, when = np.nonzero(kept)
        instant = pa.timestamp("us", tz="UTC")
        table = pa.table(
            {
                "object_id": pa.array(self._objects).take(pa.array(which)),
                "observed_property": pa.array(names).take(pa.array(what)),
                "time": pa.array(TIMES[when].astype("datetime64[us]"), instant),
                "result_time": pa.array((TIMES[when] + self._delay).astype("datetime64[us]"), instant),
                "value": pa.array(stack[kept]),
            }
        )
        return Measured(table, self._truth, self._faults)
