"""Instants and spans of time, always UTC and aware."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, model_validator

from twin.errors import BadInput

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_OPEN = ("", "..")


def iso(instant: datetime) -> str:
    """Return an instant as RFC 3339 in UTC, e.g. ``2026-07-15T13:00:00Z``."""
    if instant.tzinfo is None:
        raise ValueError("an instant without a time zone cannot be written")
    text = instant.astimezone(UTC).isoformat()
    return text.replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Read one RFC 3339 date-time with its offset.

    Raises
    ------
    BadInput
        When the text is no date-time, or carries no offset.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is not a date-time: write for instance 2026-07-15T13:00:00Z.") from None
    if instant.tzinfo is None:
        raise BadInput(f"{text!r} has no time zone: add Z for UTC, or an offset such as +02:00.")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise BadInput(f"{text!r} lies outside of the years 1 to 9999 in UTC.") from None


class TimeSpan(BaseModel):
    """A closed span of time; an open side is None, an instant has equal sides."""

    model_config = ConfigDict(frozen=True)

    start: AwareDatetime | None = None
    end: AwareDatetime | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start and self.end and self.start > self.end:
            raise ValueError("a time span starts before it ends")
        return self

    @classmethod
    def at(cls, instant: datetime) -> TimeSpan:
        """Return the span of one instant."""
        return cls(start=instant, end=instant)

    @classmethod
    def parse(cls, text: str) -> TimeSpan:
        """Read an OGC ``datetime``: an instant, a date (its whole UTC day) or ``start/end``.

        Raises
        ------
        BadInput
            When a side is no date or date-time, or the sides are in the wrong order.
        """
        parts = text.strip().split("/")
        if len(parts) > 2:
            raise BadInput(f"datetime={text!r} has more than one '/': write start/end.")
        if len(parts) == 1:
            if text.strip() in _OPEN:
                raise BadInput("datetime is empty: write an instant, or start/end with '..' for an open side.")
            return cls(start=_side(parts[0], last=False), end=_side(parts[0], last=True))
        if all(part in _OPEN for part in parts):
            raise BadInput(f"datetime={text!r} is open on both sides: leave the parameter out instead.")
        start, end = _side(parts[0], last=False), _side(parts[1], last=True)
        if start and end and start > end:
            raise BadInput(f"datetime={text!r} ends before it starts: write the earlier side first.")
        return cls(start=start, end=end)

    @property
    def is_instant(self) -> bool:
        """Whether the span is one instant."""
        return self.start is not None and self.start == self.end

    def __str__(self) -> str:
        """Return the OGC form, e.g. ``2026-07-01T00:00:00Z/..``."""
        if self.start and self.start == self.end:
            return iso(self.start)
        return "/".join(iso(side) if side else ".." for side in (self.start, self.end))


def _side(text: str, *, last: bool) -> datetime | None:
    if text in _OPEN:
        return None
    if _DATE.fullmatch(text):
        try:
            day = datetime.fromisoformat(text).replace(tzinfo=UTC)
        except ValueError:
            raise BadInput(f"{text!r} is not a date of the calendar.") from None
        return datetime.combine(day, time.max, UTC) if last else day
    return parse_instant(text)
