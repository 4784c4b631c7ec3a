"""Filters over :mod:`twin.testing.samples` that every store must evaluate: each node and operator at least once."""

from __future__ import annotations

from datetime import timedelta

import shapely

from twin.store import Arithmetic, Condition, Constant, Filter, Folded, Logic, Property, Spatial, TextValue
from twin.testing import samples

_X, _Y = samples.ORIGIN
_HEIGHT, _STOREYS, _NAME = (Property(name=name) for name in ("height", "storeys", "name"))
_BARE_NAME = Folded(without="accents", of=Folded(without="case", of=_NAME))
_BOX = shapely.box(_X + 42, _Y + 1, _X + 103, _Y + 2).wkb
_WHOLE = shapely.box(_X + 90, _Y, _X + 95, _Y + 5)


def _calculated(operator: str, left: object, right: object) -> Arithmetic:
    return Arithmetic.model_validate({"operator": operator, "left": left, "right": right})


def _both(*filters: Filter) -> Logic:
    return Logic(operator="and", filters=filters)


def _either(*filters: Filter) -> Logic:
    return Logic(operator="or", filters=filters)


#: Of buildings; what they keep is told by :func:`twin.testing.filters.holds`.
FEATURE_FILTERS: tuple[Filter, ...] = (
    *(
        Condition.model_validate({"field": "height", "operator": sign, "value": 6})
        for sign in ("=", "<>", "<", "<=", ">", ">=")
    ),
    Condition(field="height", operator=">", value=_STOREYS),
    Condition(field="height", operator="in", value=(3, 4.0, _STOREYS)),
    Condition(field="name", operator="in", value=("Bâtiment 1", "Bâtiment 2'; --")),
    Condition(field="public", value=False),
    Condition(field="permit", operator=">=", value="2000-01-11"),
    Condition(field="permit", operator=">", value=Property(name="seen")),
    Condition(field="seen", operator=">", value=samples.START + timedelta(hours=30)),
    Condition(field="valid_to", operator="is null"),
    Condition(field="geometry", operator="is null"),
    Condition(field=_calculated("/", _HEIGHT, _STOREYS), operator="is null"),
    *(
        Condition(field=_calculated(sign, _HEIGHT, _STOREYS), operator=">", value=2.5)
        for sign in ("+", "-", "*", "/", "%", "div", "^")
    ),
    Condition(field=_calculated("^", -8.0, _calculated("/", _STOREYS, 2.0)), operator="<", value=_HEIGHT),
    Condition(field=_calculated("%", _calculated("-", 2.0, _HEIGHT), 3.0), value=-1.0),
    Condition(field="name", operator="like", value="%iment 1_"),
    Condition(field="name", operator="like", value="Bâtiment.1%"),
    Condition(field="name", operator="like", value="%\\%%"),
    Condition(field=_BARE_NAME, value="batiment 7"),
    Condition(field=_BARE_NAME, operator="<", value=Folded(without="case", of=TextValue(text="BATIMENT 2"))),
    Condition(
        field=_BARE_NAME,
        operator="like",
        value=Folded(without="accents", of=Folded(without="case", of=TextValue(text="B\u00c2TIMENT _"))),
    ),
    _either(Condition(field="name", operator="is null"), Condition(field="height", operator=">", value=7)),
    _both(Condition(field="public", value=True), Condition(field="height", operator=">", value=4)),
    Logic(operator="not", filters=(_either(Condition(field="storeys", value=1), Condition(field="storeys", value=2)),)),
    Logic(operator="not", filters=(Condition(field="public", value=True), Condition(field="storeys", value=1))),
    _both(Constant(true=True), Condition(field="storeys", value=1)),
    _either(Constant(true=False), Condition(field="id", operator=">", value="b000011")),
    *(
        Spatial.model_validate({"relation": relation, "right": _BOX})
        for relation in ("intersects", "disjoint", "overlaps")
    ),
    *(
        Spatial.model_validate({"relation": relation, "right": _WHOLE.wkb})
        for relation in ("equals", "contains", "within")
    ),
    Spatial(relation="touches", right=_WHOLE.buffer(5, cap_style="square", join_style="mitre").wkb),
    Spatial(relation="crosses", left=shapely.LineString([(_X + 22, _Y + 1), (_X + 58, _Y + 1)]).wkb),
    Spatial(relation="contains", left=shapely.box(_X, _Y, _X + 100, _Y + 7).wkb),
    Spatial(relation="within", right=shapely.Point(_X + 100, _Y).buffer(70).wkb),
    Spatial(relation="intersects"),
    Spatial(relation="disjoint", left=_BOX, right=shapely.Point(0, 0).wkb),
)
_WARM = Condition(field="result", operator=">", value=30)
_SECOND = Condition(field="object_id", value="b000002")
_NEAR = Spatial(relation="intersects", right=shapely.box(_X + 5, _Y - 1, _X + 15, _Y + 1).wkb)
#: Of observations: of themselves, of their datastream, and of both.
OBSERVATION_FILTERS: tuple[Filter, ...] = (
    _WARM,
    _SECOND,
    _NEAR,
    _both(_WARM, _SECOND),
    _either(_WARM, _SECOND),
    _either(_NEAR, Condition(field="quality_name", value="range")),
    _both(Constant(true=True), _either(_NEAR, _WARM), _either(_SECOND, _NEAR)),
    Condition(field="quality_name", operator="like", value="%o%"),
    Condition(field="quality", operator="<>", value=0),
    Condition(field="quality_reason", operator="is null"),
    Condition(field="phenomenon_time", operator="<", value=Property(name="result_time")),
    Condition(field="datastream", operator="<>", value=Property(name="object_id")),
    Condition(field=Property(name="object_id"), operator="<", value=Property(name="quality_reason")),
    Condition(field=_calculated("%", Property(name="result"), 2.0), operator="<", value=1),
)
