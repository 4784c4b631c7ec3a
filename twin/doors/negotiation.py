"""Content negotiation: the language and the format of an answer, by a parameter or by a header."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from twin.doors.parameters import Parameters
from twin.model import Language

LANGUAGES: tuple[Language, ...] = ("fr", "en")


@lru_cache(maxsize=64)
def _preferences(header: str | None) -> tuple[str, ...]:
    """Return the values of an ``Accept...`` header, most wanted first, without their parameters."""
    weighed: list[tuple[float, str]] = []
    for part in (header or "").split(","):
        value, *options = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for option in options:
            if option.startswith("q="):
                try:
                    weight = float(option[2:])
                except ValueError:
                    weight = 0.0
        if value and weight > 0:
            weighed.append((weight, value.lower()))
    return tuple(value for _, value in sorted(weighed, key=lambda item: -item[0]))


def language(parameters: Parameters, accept_language: str | None) -> Language:
    """Return ``fr`` or ``en``: the parameter ``lang``, else the header's first that is known, else ``fr``."""
    asked = parameters.choice("lang", LANGUAGES)
    wanted = [asked] if asked else [value.split("-")[0] for value in _preferences(accept_language)]
    return next((known for value in wanted for known in LANGUAGES if known == value), LANGUAGES[0])


def output_format(parameters: Parameters, accept: str | None, offered: Mapping[str, tuple[str, ...]]) -> str:
    """Return the name of the format to answer in.

    Parameters
    ----------
    offered
        Names for the parameter ``f`` to the media types that ask for them; the first is the default,
        also where the header ``Accept`` names nothing that is offered.
    """
    asked = parameters.choice("f", offered)
    if asked:
        return asked
    for media_type in _preferences(accept):
        for name, media_types in offered.items():
            if media_type in media_types:
                return name
        if media_type == "*/*":
            break
    return next(iter(offered))
