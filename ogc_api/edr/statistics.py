"""Statistics of arrays, and of the values of a coverage by periods of time and over areas.

Percentiles are linear between ranks, as those of the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ogc_api.edr.answer import COMPLETENESS, Times
from ogc_api.edr.grids import Cells, Coverage, check, chosen_times, usual_step
from ogc_api.edr.periods import Aggregation
from ogc_api.edr.query import EdrQuery, naive
from twin.errors import BadInput, NoData, TooLarge
from twin.settings import Bounds
from twin.time import TimeSpan

#: Values read at once: periods are gathered, since a chunk is decompressed whole.
_BLOCK = 4_000_000

type Array = NDArray[Any]


def statistics(values: Array, names: Sequence[str]) -> tuple[dict[str, Array], NDArray[np.int64]]:
    """Return statistics along the first axis, not-a-number where there is no value, and how many values there are."""
    valid = ~np.isnan(values)
    count = valid.sum(axis=0)
    total = np.where(valid, values, 0).sum(axis=0, dtype=np.float64)
    ranked = np.sort(values, axis=0) if any(name.startswith("p") for name in names) else values
    found: dict[str, Array] = {}
    for name in names:
        match name:
            case "count":
                result = count.astype(np.float64)
            case "sum":
                result = total
            case "mean":
                result = (total / np.maximum(count, 1)).astype(values.dtype)
            case "min":
                result = np.where(valid, values, np.inf).min(axis=0)
            case "max":
                result = np.where(valid, values, -np.inf).max(axis=0)
            case _:
                result = _percentile(ranked, count, int(name[1:])).astype(values.dtype)
        found[name] = result if name == "count" else np.where(count > 0, result, np.nan)
    return found, count


def _percentile(ranked: Array, count: NDArray[np.int64], number: int) -> Array:
    rank = np.maximum(count - 1, 0) * (number / 100)
    below = np.floor(rank).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low, high = (np.take_along_axis(ranked, at[None], axis=0)[0].astype(np.float64) for at in (below, above))
    return np.asarray(low + (high - low) * (rank - below))


def withheld(found: dict[str, Array], share: Array, least: Array) -> dict[str, Array]:
    """Return statistics without those of too few values, each with its completeness; a count is always told."""
    enough = ~(np.nan_to_num(share) < least)
    kept = {name: values if name == "count" else np.where(enough, values, np.nan) for name, values in found.items()}
    return {**kept, COMPLETENESS: share}


def aggregated(
    coverage: Coverage, query: EdrQuery, aggregation: Aggregation, cells: Cells, bounds: Bounds, many: int = 1
) -> tuple[Times, Times, dict[str, Array]]:
    """Return the starts and the ends of periods, and the statistics of some cells in each.

    Without a period, each step is aggregated over the cells and has no end.

    Parameters
    ----------
    many
        How many such selections the answer has in all.

    Raises
    ------
    BadInput
        When a coverage without time is asked by period.
    NoData
        When nothing is held at the time asked.
    TooLarge
        When the answer, or what is read for it, would exceed its bound; nothing has been read.
    """
    starts, stops, edges, expected = _groups(coverage, query, aggregation)
    shape = () if aggregation.area else cells.shape
    each = len(query.parameters) * many
    check(len(expected) * prod(shape) * (len(aggregation.statistics) + 1) * each, bounds.values)
    count = max(edges[-1] - edges[0], 1) * prod(cells.shape) * each
    if count > bounds.aggregated_values:
        raise TooLarge(
            f"The answer would be an aggregate of {count} values and the bound is {bounds.aggregated_values}: "
            "ask a smaller area, a shorter time or fewer parameters."
        )
    least = aggregation.least(starts).reshape(-1, *(1 for _ in shape))
    whole = (expected * (cells.count if aggregation.area else 1)).reshape(least.shape)
    found: dict[str, Array] = {}
    for name in query.parameters:
        parts, counts = [], []
        for group in _blocks(coverage, cells, name, edges):
            values = group.reshape(-1) if aggregation.area else group
            result, counted = statistics(values, aggregation.statistics)
            parts.append(result)
            counts.append(counted)
        stacked = {key: np.stack([part[key] for part in parts]) for key in aggregation.statistics}
        share = np.minimum(np.stack(counts) / whole, 1.0)
        for key, array in withheld(stacked, share, least).items():
            found[f"{name}_{key}"] = array if coverage.times is not None else array[0]
    return starts, stops, found


def _groups(
    coverage: Coverage, query: EdrQuery, aggregation: Aggregation
) -> tuple[Times, Times, list[int], NDArray[np.float64]]:
    """Return the starts and the ends of groups of steps, the edges between them, and the steps expected in each."""
    times = coverage.times
    if times is None:
        if aggregation.period:
            raise BadInput(f"{coverage.collection.id} has no time: leave period out.")
        return None, None, [0, 1], np.ones(1)
    if not aggregation.period:
        chosen, (window,) = chosen_times(coverage, query)
        count = window.stop - window.start
        return chosen, None, list(range(window.start, window.stop + 1)), np.ones(count)
    first, last = (_aware(times[at]) for at in (0, -1))
    span = query.time or TimeSpan()
    start, end = max(span.start or first, first), min(span.end or last, last)
    edges = aggregation.edges(TimeSpan(start=start, end=end)) if start <= end else []
    bounds = np.array([naive(edge) for edge in edges], "M8[us]")
    at = np.searchsorted(times.astype("M8[us]"), bounds, "left")
    held = np.flatnonzero(np.diff(at))
    if not held.size:
        raise NoData(f"{coverage.collection.id} holds nothing at datetime={query.time}.")
    lasts = np.diff(bounds).astype(np.int64)[held]
    expected = np.maximum(lasts / usual_step(times), 1.0)
    # Periods without a step have no values: those that have some follow one another in the cube.
    return bounds[held], bounds[held + 1], [int(at[held[0]]), *at[held + 1].tolist()], expected


def _blocks(coverage: Coverage, cells: Cells, name: str, edges: list[int]) -> Iterator[Array]:
    """Yield the values ``(steps, *shape)`` of each group in turn, read together up to a limit."""
    if coverage.times is None:
        yield _floating(cells.read(name, ()))[None]
        return
    most = max(_BLOCK // max(prod(cells.shape), 1), 1)
    first = 0
    while first < len(edges) - 1:
        last = first + 1
        while last < len(edges) - 1 and edges[last + 1] - edges[first] <= most:
            last += 1
        block = _floating(cells.read(name, (slice(edges[first], edges[last]),)))
        for group in range(first, last):
            yield block[edges[group] - edges[first] : edges[group + 1] - edges[first]]
        first = last


def _floating(values: Array) -> Array:
    return values if values.dtype.kind == "f" else values.astype(np.float64)


def _aware(instant: np.datetime64) -> datetime:
    whole: datetime = instant.astype("M8[us]").item()
    return whole.replace(tzinfo=UTC)
