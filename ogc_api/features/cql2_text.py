"""CQL2 text read into CQL2 JSON, the standard's own tree; what it means is for :mod:`ogc_api.features.cql2`.

The grammar is ours, the parser lark's (docs/decisions/011): its LALR(1) tables read any text in linear time
and without recursion, and an error has its position.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import shapely
from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args

from twin.errors import BadInput

#: The longest filter; the address of a request is bounded to 64 kB by the server anyway.
MAX_LENGTH = 16_000

type Json = Any

_ESCAPES = {"''": "'", "\\'": "'"} | {
    f"\\{letter}": sign for letter, sign in zip("abtnvfr", "\a\b\t\n\v\f\r", strict=True)
}
_CONSTANTS = {"date", "timestamp", "bbox", "interval"}


@v_args(inline=True)
class _ToJson(Transformer[Token, Json]):
    def either(self, left: Json, right: Json) -> Json:
        return _chained("or", left, right)

    def both(self, left: Json, right: Json) -> Json:
        return _chained("and", left, right)

    def negation(self, operand: Json) -> Json:
        return {"op": "not", "args": [operand]}

    def comparison(self, left: Json, sign: Token, right: Json) -> Json:
        return {"op": "<>" if sign == "!=" else str(sign), "args": [left, right]}

    def like(self, *operands: Json) -> Json:
        return {"op": "like", "args": [*operands]}

    def between(self, *operands: Json) -> Json:
        return {"op": "between", "args": [*operands]}

    def among(self, value: Json, listed: list[Json]) -> Json:
        return {"op": "in", "args": [value, listed]}

    def is_null(self, value: Json) -> Json:
        return {"op": "isNull", "args": [value]}

    def not_like(self, *operands: Json) -> Json:
        return self.negation(self.like(*operands))

    def not_between(self, *operands: Json) -> Json:
        return self.negation(self.between(*operands))

    def not_among(self, *operands: Json) -> Json:
        return self.negation(self.among(*operands))

    def is_not_null(self, value: Json) -> Json:
        return self.negation(self.is_null(value))

    def arithmetic(self, left: Json, sign: Token, right: Json) -> Json:
        return {"op": sign.lower(), "args": [left, right]}

    def signed(self, sign: Token, value: Json) -> Json:
        if sign == "+":
            return value
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return -value if number else {"op": "*", "args": [-1, value]}

    def number(self, token: Token) -> Json:
        return int(token) if token.isdigit() and len(token) < 30 else float(token)

    def text(self, token: Token) -> Json:
        return re.sub(r"''|\\['abtnvfr]", lambda found: _ESCAPES[found[0]], token[1:-1])

    def true(self) -> Json:
        return True

    def false(self) -> Json:
        return False

    def property(self, token: Token) -> Json:
        return {"property": token[1:-1].replace('""', '"') if token.type == "QUOTED" else str(token)}

    def arguments(self, *values: Json) -> list[Json]:
        return [*values]

    def function(self, name: Token, given: list[Json] | None) -> Json:
        called, values = name.lower(), given or []
        if called not in _CONSTANTS:
            return {"op": called, "args": values}
        return {called: values[0] if called in ("date", "timestamp") and len(values) == 1 else values}

    def wkt(self, *tokens: Token | None) -> Json:
        given = [token for token in tokens if token is not None]
        try:
            shape = shapely.from_wkt("".join(token if token.type == "SIGN" else f"{token} " for token in given))
        except shapely.errors.GEOSException as error:
            reason = str(error).removeprefix("IllegalArgumentException: ").rstrip(".")
            place = (given[0].start_pos or 0) + 1
            raise BadInput(f"The geometry at character {place} of the filter cannot be read: {reason}.") from None
        return json.loads(shapely.to_geojson(shape))


def _chained(operator: str, left: Json, right: Json) -> Json:
    """Return one node for a chain of one operator, however long: clients write ``((a OR b) OR c) OR d``."""
    first = left["args"] if isinstance(left, dict) and left.get("op") == operator else [left]
    return {"op": operator, "args": [*first, right]}


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark.open("cql2.lark", rel_to=__file__, parser="lalr", transformer=_ToJson())


@lru_cache(maxsize=256)
def parse(text: str) -> Json:
    """Return the CQL2 JSON of a CQL2 text, not to be changed.

    Raises
    ------
    BadInput
        When the text is too long or does not follow the grammar; the message tells where.
    """
    if len(text) > MAX_LENGTH:
        raise BadInput(f"The filter is {len(text)} characters long: at most {MAX_LENGTH} are read.")
    try:
        return _parser().parse(text)
    except UnexpectedInput as error:
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":
            raise BadInput(f"The filter cannot be read: it ends too early, at character {len(text)}.") from None
        place = error.pos_in_stream or 0
        found = error.token if isinstance(error, UnexpectedToken) else text[place]
        raise BadInput(
            f"The filter cannot be read at character {place + 1}: {str(found)!r} is not expected there."
        ) from None
