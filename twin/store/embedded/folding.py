"""Texts without their case or their accents, in SQL: DuckDB lowers letters, Unicode folds them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from twin.store.embedded.sql import text

_LAST_WITH_CASE = 0x1E943


def folded(sql: str, parameters: list[Any], without: str) -> tuple[str, list[Any]]:
    """Return a text expression without its ``case`` or its ``accents``.

    Case goes by the full case folding of Unicode (section 5.18), as CQL2 asks: ``Straße`` is ``STRASSE``.
    """
    if without == "accents":
        return f"strip_accents({sql})", parameters
    if sql == "?":
        return sql, [parameters[0].casefold()]
    special, several, single = _foldings()
    long = sql
    for letter, letters in several.items():
        long = f"replace({long}, {text(letter)}, {text(letters)})"
    long = f"translate(lower({long}), {text(''.join(single))}, {text(''.join(single.values()))})"
    # Of nearly every text, folding is lowering.
    return (
        f"CASE WHEN regexp_matches({sql}, {text(f'[{special}]')}) THEN {long} ELSE lower({sql}) END",
        parameters * 3,
    )


@lru_cache(maxsize=1)
def _foldings() -> tuple[str, dict[str, str], dict[str, str]]:
    """Return the letters that folding does more to than lowering, those made several, and those made another."""
    letters = [letter for letter in map(chr, range(_LAST_WITH_CASE + 1)) if letter.casefold() != letter.lower()]
    several = {letter: letter.casefold() for letter in letters if len(letter.casefold()) > 1}
    several["\u0130"] = "\u0130".casefold()  # Python lowers this one to two letters, DuckDB to one
    single = {letter.lower(): letter.casefold() for letter in letters if letter not in several}
    return "".join(sorted({*letters, *several, *single})), several, single
