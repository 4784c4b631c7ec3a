"""One page of items, as every way of reading them gives it."""

from __future__ import annotations

from collections.abc import Buffer
from dataclasses import dataclass

from twin.store import Scalar


@dataclass(frozen=True)
class Page:
    """One page of items.

    Attributes
    ----------
    features
        The inside of the GeoJSON array.
    matched, returned
        How many items the query has in all, and this page.
    next
        Cursor of the page after; None on the last.
    """

    features: Buffer
    matched: int
    returned: int
    next: tuple[Scalar, ...] | None
