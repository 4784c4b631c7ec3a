"""Small pages cut from a larger block that was read once.

GDAL before 3.7 asks for ten items at a time: without this, each page of a long reading would cost
the store a query over the whole collection.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace

import pyarrow as pa

from ogc_api.features.query import ItemsQuery
from twin.store import Scalar

#: Rows read at once when a client follows `next`.
BLOCK_ROWS = 1_000
_BLOCKS_KEPT = 16
_BLOCK_BYTES = 4_000_000

type Cursor = tuple[Scalar, ...]


@dataclass(frozen=True)
class Block:
    """Rows of a query from some place on.

    Attributes
    ----------
    start
        First row of `table` that has not been given yet.
    last
        Whether the query has no row after those of `table`.
    matched
        How many items the query has in all.
    """

    table: pa.Table
    matched: int
    last: bool
    start: int = 0

    def holds(self, limit: int) -> bool:
        """Whether a page of `limit` rows can be cut, and what follows it told."""
        return self.last or self.table.num_rows - self.start > limit


class ReadAhead:
    """Keeps the rest of a block for the one who follows `next`; one for each revision."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[Hashable, Block] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, query: ItemsQuery) -> Block | None:
        """Return a block that holds the page, or None."""
        if query.after is None:
            return None
        with self._lock:
            block = self._blocks.get(_key(query, query.after))
        return block if block and block.holds(query.limit) else None

    def keep(self, query: ItemsQuery, block: Block, after: Cursor) -> None:
        """Keep what a block has left after the page that ends at the cursor `after`."""
        rest = replace(block, start=block.start + query.limit)
        if not rest.holds(query.limit) or block.table.nbytes > _BLOCK_BYTES:
            return
        with self._lock:
            self._blocks[_key(query, after)] = rest
            if len(self._blocks) > _BLOCKS_KEPT:
                self._blocks.popitem(last=False)


def _key(query: ItemsQuery, after: Cursor) -> Hashable:
    """Return what tells one reading from another: all of the query that chooses rows or columns."""
    rows = (query.collection.id, query.region, query.nowhere, query.time, query.where, query.sort, after)
    return (*rows, query.properties, query.with_geometry)
