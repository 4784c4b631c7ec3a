"""Instants from columns: texts, years, dates and times, in the zone that the manifest declares."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from twin.errors import BadManifest
from twin.ingest.conversion import Converted, cast, integers, is_missing, texts
from twin.ingest.intake import Rows
from twin.ingest.parts import Moment

INSTANT = pa.timestamp("us", tz="UTC")
_NAIVE = pa.timestamp("us")
_OFFSET = r"(?i)(Z|[+-]\d{2}(:?\d{2})?)$"
_CLOCK = r"\d:\d"
_HOURS = 24


def read_moment(moment: Moment, rows: Rows) -> Converted:
    """Return the instants of `rows`, UTC, null where missing.

    Raises
    ------
    BadManifest
        When the column holds times without an offset and no zone is declared.
    """
    if moment.column is None:
        source = pa.array([moment.value])
        found = _instants(moment, source, rows.file)
        if found.bad.any():
            raise BadManifest(f"{moment.value!r} is no date or date-time: write for instance 2026-07-15T13:00:00Z.")
        return Converted(pa.repeat(found.values[0], len(rows)), np.zeros(len(rows), bool), source, found.reason)
    source = rows.column(moment.column)
    present = pc.if_else(is_missing(source, moment.missing), pa.scalar(None, source.type), source)
    if moment.hour is not None:
        return _hourly(moment, present, texts(rows.column(moment.hour)), rows.file)
    return _instants(moment, present, rows.file)


def _hourly(moment: Moment, dates: pa.Array, hours: pa.Array, file: str) -> Converted:
    """Read a date in one column and its hour in another, which both must be there or neither."""
    day = _instants(moment.model_copy(update={"zone": "UTC"}), dates, file)
    hour = integers(hours)
    start = day.values.cast(_NAIVE)
    told = hour.values.to_numpy(zero_copy_only=False)
    bad = (
        day.bad
        | hour.bad
        | (told < 0)
        | (told > _HOURS)
        | _mask(pc.not_equal(start, pc.floor_temporal(start, unit="day")))
    )
    bad |= np.asarray(dates.is_null()) != np.asarray(hours.is_null())
    length = pc.multiply(hour.values, 3_600_000_000).cast(pa.duration("us"))
    both = pc.utf8_trim_whitespace(pc.binary_join_element_wise(texts(dates), hours, " ", null_handling="replace"))
    reason = f"this is not a date and an hour from 0 to {_HOURS}"
    return _local(moment, pc.add(start, length), both, bad, reason)


def _instants(moment: Moment, source: pa.Array, file: str) -> Converted:
    kind = source.type
    if moment.format == "year":
        return _years(moment, source)
    if pa.types.is_date(kind):
        return _local(moment, source.cast(_NAIVE), source, np.zeros(len(source), bool))
    if pa.types.is_timestamp(kind):
        micro = cast(source, pa.timestamp("us", tz=kind.tz))
        if kind.tz is not None:
            return Converted(micro.values.cast(INSTANT), micro.bad, source, "this time is out of range")
        _insist_on_zone(moment, file)
        return _local(moment, micro.values, source, micro.bad)
    if moment.format == "iso":
        return _iso(moment, texts(source), file)
    return _patterned(moment, source, file)


def _patterned(moment: Moment, source: pa.Array, file: str) -> Converted:
    parsed = pc.strptime(texts(source), format=moment.format, unit="us", error_is_null=True)
    bad = _mask(pc.and_(parsed.is_null(), source.is_valid()))
    if "%z" in moment.format:
        return Converted(parsed.cast(INSTANT), bad, source, f"this does not follow {moment.format}")
    if "%H" in moment.format or "%I" in moment.format:
        _insist_on_zone(moment, file)
    return _local(moment, parsed.cast(_NAIVE), source, bad, f"this does not follow {moment.format}")


def _years(moment: Moment, source: pa.Array) -> Converted:
    numbers = cast(source, pa.float64())
    years = numbers.values.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        fits = (years == np.floor(years)) & (years >= 1) & (years <= 9999)
    bad = numbers.bad | (~fits & ~np.isnan(years))
    starts = (np.where(fits, years, 1970).astype(np.int64) - 1970).astype("datetime64[Y]").astype("datetime64[us]")
    return _local(moment, pa.array(starts, mask=~fits), source, bad, "this is not a year")


def _iso(moment: Moment, source: pa.Array, file: str) -> Converted:
    aware = _mask(pc.and_(pc.match_substring_regex(source, _OFFSET), pc.match_substring_regex(source, _CLOCK)))
    naive = ~aware & _mask(source.is_valid())
    if _mask(pc.match_substring_regex(source.filter(pa.array(naive)), _CLOCK)).any():
        _insist_on_zone(moment, file)
    offset = cast(_only(source, aware), INSTANT)
    local = cast(_only(source, naive), _NAIVE)
    placed = _local(moment, local.values, source, offset.bad | local.bad, "this is no ISO 8601 date or date-time")
    return Converted(pc.coalesce(offset.values, placed.values), placed.bad, source, placed.reason)


def _local(
    moment: Moment, times: pa.Array, source: pa.Array, bad: NDArray[np.bool_], reason: str = "this is no date-time"
) -> Converted:
    """Give naive times their zone; times that the zone skips, or has twice, are bad unless one is chosen."""
    if moment.zone in (None, "UTC"):
        return Converted(times.cast(INSTANT), bad, source, reason)
    early = pc.assume_timezone(times, moment.zone, ambiguous="earliest", nonexistent="earliest").cast(INSTANT)
    late = pc.assume_timezone(times, moment.zone, ambiguous="latest", nonexistent="latest").cast(INSTANT)
    unsure = _mask(pc.not_equal(early, late))
    if not unsure.any():
        return Converted(early, bad, source, reason)
    if moment.ambiguous:
        # Only a repeated hour may be chosen: one that clocks skip is an hour that never was.
        skipped = unsure & _mask(pc.less(pc.subtract(late, early), pa.scalar(1_000_000, pa.duration("us"))))
        return Converted(early if moment.ambiguous == "earliest" else late, bad | skipped, source, reason)
    return Converted(
        early,
        bad | unsure,
        source,
        f"{reason}, or clocks in {moment.zone} skip or repeat it (the manifest's `ambiguous` may choose)",
    )


def _insist_on_zone(moment: Moment, file: str) -> None:
    if moment.zone is None:
        raise BadManifest(
            f"{file}, column {moment.column!r}: times without an offset; "
            "declare their zone, for instance zone: Europe/Paris or zone: UTC."
        )


def _only(source: pa.Array, mask: NDArray[np.bool_]) -> pa.Array:
    return pc.if_else(pa.array(mask), source, pa.scalar(None, source.type))


def _mask(flags: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(flags.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)
