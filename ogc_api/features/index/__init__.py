"""Features ready to be served: encoded once per revision, found by arrays in memory.

:class:`Indexes` is the one entry. An index answers what clients ask most (pages, boxes, instants,
single items, all in CRS84 with every property), and what a filter keeps once the store has said
which rows those are; the store answers the rest, in the same bytes.
"""

from ogc_api.features.index.collection import CollectionIndex, is_answerable
from ogc_api.features.index.live import Indexes

__all__ = ["CollectionIndex", "Indexes", "is_answerable"]
