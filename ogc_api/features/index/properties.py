"""The properties of features as Arrow columns in a mapped file: the filters that compare them need no store.

Arrow's kernels have the three-valued logic of the filter tree, and order texts by their bytes, as the store
does, which holds no NaN. What is more than such a comparison (folded texts, patterns, calculations, geometries), or
would be read in another way, is the store's.
"""

from __future__ import annotations

import math
import mmap
import tempfile
from collections.abc import Mapping
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twin.model import FieldType
from twin.store import Condition, Filter, Logic
from twin.store.filters import bounded, properties

_COMPARISONS = {
    "=": pc.equal,
    "<>": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
#: No field has such a name.
_NUMBER = "#"
_WHOLE, _LARGEST = 2**63, 1e30


class Properties:
    """Finds features by what their properties are.

    Parameters
    ----------
    table
        One row a feature, one column a property, and the number of each feature.
    kinds
        Types of the properties that can be compared here.
    """

    def __init__(self, table: pa.Table, kinds: Mapping[str, FieldType]) -> None:
        self._table = table
        self._kinds = kinds

    def cost(self, filters: tuple[Filter, ...]) -> float:
        """Return how many comparisons decide filters; infinity when only the store can.

        Raises
        ------
        BadInput
            When the filters are too many or too deep for any store.
        """
        return sum(map(self._cost, bounded(filters)))

    def kept(self, filters: tuple[Filter, ...], among: NDArray[np.int32] | None) -> NDArray[np.int32]:
        """Return the numbers of the features for which filters of a finite cost hold, ascending.

        Parameters
        ----------
        among
            Numbers of the features to choose from, ascending; None for all.
        """
        table = self._table
        if among is not None:
            table = table.select([_NUMBER, *set().union(*map(properties, filters))]).take(pa.array(among))
        holds = reduce(pc.and_kleene, [_truth(node, table) for node in filters])
        found: NDArray[np.int32] = table[_NUMBER].filter(holds).to_numpy()
        return found

    def _cost(self, node: Filter) -> float:
        match node:
            case Logic(filters=filters):
                return sum(map(self._cost, filters))
            case Condition(field=str(name), operator=operator, value=value) if name in self._kinds:
                kind = self._kinds[name]
                if operator == "is null" or (operator in _COMPARISONS and _fits(kind, operator, value)):
                    return 1
                if operator == "in" and isinstance(value, tuple) and all(_fits(kind, "in", one) for one in value):
                    return len(value) or math.inf
        return math.inf


def _fits(kind: FieldType, operator: str, value: object) -> bool:
    """Whether Arrow compares a constant with a column as the store does."""
    match kind, value:
        case (FieldType.STRING, str()) | (FieldType.DATETIME, datetime()):
            return True
        case FieldType.BOOLEAN, bool():
            return operator in ("=", "<>", "in")
        case FieldType.INTEGER, int() if not isinstance(value, bool):
            return abs(value) < _WHOLE
        case FieldType.NUMBER, int() | float() if not isinstance(value, bool):
            return abs(value) < _LARGEST and operator != "in"  # Arrow looks for 0.0 and -0.0 as for two numbers
    return False


def _truth(node: Filter, table: pa.Table) -> pa.ChunkedArray:
    """Return whether a filter holds of each row; null where that is unknown."""
    match node:
        case Logic(operator="or", filters=filters):
            return reduce(pc.or_kleene, [_truth(part, table) for part in filters])
        case Logic(operator=operator, filters=filters):
            every = reduce(pc.and_kleene, [_truth(part, table) for part in filters])
            return pc.invert(every) if operator == "not" else every
        case Condition(field=str(name), operator="is null"):
            return table[name].is_null()
        case Condition(field=str(name), operator="in", value=tuple(values)):
            column = table[name]
            among = pc.is_in(column, value_set=pa.array(values, column.type))
            return pc.if_else(column.is_valid(), among, pa.scalar(None, pa.bool_()))
        case Condition(field=str(name), operator=operator, value=value):
            column = table[name]
            return _COMPARISONS[operator](column, pa.scalar(value, column.type))
    raise TypeError(f"{node!r} is not to be decided here")


class PropertiesWriter:
    """Writes columns to a file without a name in `folder`: nothing is left behind, come what may.

    Parameters
    ----------
    fields
        What the columns are called, and the types of their values.
    """

    def __init__(self, folder: Path, fields: Mapping[str, FieldType]) -> None:
        self._fields = fields
        self._schema = pa.schema([pa.field(name, kind.arrow) for name, kind in fields.items()])
        self._count = 0
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by __exit__
        self._writer = pa.ipc.new_file(
            pa.PythonFile(self._file, "w"), self._schema.append(pa.field(_NUMBER, pa.int32()))
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, table: pa.Table) -> None:
        """Append the rows of a table that has the columns, and maybe others."""
        table = table.select(self._schema.names).cast(self._schema)
        numbers = np.arange(self._count, self._count + table.num_rows, dtype=np.int32)
        self._writer.write_table(table.append_column(_NUMBER, pa.array(numbers)))
        self._count += table.num_rows

    def properties(self) -> Properties:
        """Return what was written."""
        self._writer.close()
        self._file.flush()
        data = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        return Properties(pa.ipc.open_file(pa.py_buffer(data)).read_all(), self._fields)
