"""The temporal functions of CQL2 as comparisons of the starts and the ends of two spans (Allen's relations)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from twin.errors import BadInput
from twin.model import Field, FieldType
from twin.store import Condition, Constant, Filter, Logic, Property

#: What each asks of the spans (1 to 2) and (3 to 4): any of some conjunctions (OGC 21-065r2, table 13).
TIME_RELATIONS = {
    "t_after": ["1>4"],
    "t_before": ["2<3"],
    "t_contains": ["1<3 2>4"],
    "t_disjoint": ["2<3", "1>4"],
    "t_during": ["1>3 2<4"],
    "t_equals": ["1=3 2=4"],
    "t_finishedby": ["1<3 2=4"],
    "t_finishes": ["1>3 2=4"],
    "t_intersects": ["1<=4 2>=3"],
    "t_meets": ["2=3"],
    "t_metby": ["1=4"],
    "t_overlappedby": ["1>3 1<4 2>4"],
    "t_overlaps": ["1<3 2>3 2<4"],
    "t_startedby": ["1=3 2>4"],
    "t_starts": ["1=3 2<4"],
}
_MIRRORED = {"<": ">", ">": "<", "=": "=", "<=": ">=", ">=": "<="}


@dataclass(frozen=True)
class Moment:
    """A side of a span.

    Attributes
    ----------
    value
        An instant, a day, a field that has one, or None for one without bound.
    side
        Of a span, -1 for its start and 1 for its end: where a day stands for its first or its last
        instant, and where a field that is null leaves the span open; 0 for a single instant.
    """

    value: datetime | date | Field | None
    side: int = 0

    def as_instant(self) -> datetime:
        """Return an instant or a day as the instant meant."""
        if isinstance(self.value, datetime):
            return self.value
        assert isinstance(self.value, date)  # noqa: S101 - a field and no bound are told apart before
        return datetime.combine(self.value, time.max if self.side > 0 else time.min, UTC)


@dataclass(frozen=True)
class Span:
    """A span of time, both sides included."""

    start: Moment
    end: Moment

    def __post_init__(self) -> None:
        """Refuse a span that ends before it starts."""
        sides = (self.start, self.end)
        if all(isinstance(side.value, date) for side in sides) and self.start.as_instant() > self.end.as_instant():
            raise BadInput("The filter has an INTERVAL that ends before it starts: write the earlier side first.")


def related(relation: str, left: Span, right: Span) -> Filter:
    """Return the filter that keeps what stands so in time.

    A null field is an open side of an INTERVAL, as the lifespan of an object is open; alone, it is unknown.
    """
    sides = {"1": left.start, "2": left.end, "3": right.start, "4": right.end}
    found = [
        _all("and", [_ordered(sides[test[0]], test[1:-1], sides[test[-1]]) for test in conjunction.split()])
        for conjunction in TIME_RELATIONS[relation]
    ]
    return _all("or", found)


def _all(operator: str, filters: list[Filter]) -> Filter:
    return filters[0] if len(filters) == 1 else Logic(operator=operator, filters=tuple(filters))


def _ordered(left: Moment, operator: str, right: Moment) -> Filter:
    """Return whether one moment stands so to another."""
    for one, other, sign in ((left, right, operator), (right, left, _MIRRORED[operator])):
        if isinstance(one.value, Field) and one.side:
            unknown = Condition(field=one.value.name, operator="is null")
            open_ = _ordered(replace(one, value=None), sign, other)
            known = _ordered(replace(one, side=0), sign, other)
            either = (_all("and", [unknown, open_]), _all("and", [Logic(operator="not", filters=(unknown,)), known]))
            return Logic(operator="or", filters=either)
    if not isinstance(left.value, Field):
        if not isinstance(right.value, Field):
            return Constant(true=_holds(_place(left), operator, _place(right)))
        left, operator, right = right, _MIRRORED[operator], left
    assert isinstance(left.value, Field)  # noqa: S101 - one of the two is
    name = left.value.name
    if right.value is None:
        # True or false of every known instant, and null of an unknown one.
        holds = _holds((0, None), operator, (right.side, None))
        return Condition(field=name, operator="=" if holds else "<>", value=Property(name=name))
    if isinstance(right.value, Field):
        return Condition(field=name, operator=operator, value=Property(name=right.value.name))
    if left.value.type is FieldType.DATE:
        if isinstance(right.value, datetime):
            raise BadInput(f"{name} is a date: compare it in time with a date, not with a date-time.")
        return Condition(field=name, operator=operator, value=right.value.isoformat())
    return Condition(field=name, operator=operator, value=right.as_instant())


def _place(moment: Moment) -> tuple[int, datetime | None]:
    return (moment.side, None) if moment.value is None else (0, moment.as_instant())


def _holds(left: tuple[int, datetime | None], operator: str, right: tuple[int, datetime | None]) -> bool:
    if operator in ("<=", ">=", "=") and left == right:
        return True
    before = left[0] < right[0] or (left[0] == right[0] == 0 and left != right and left < right)
    after = left[0] > right[0] or (left[0] == right[0] == 0 and left != right and left > right)
    return before if "<" in operator else after if ">" in operator else False
