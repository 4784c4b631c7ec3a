"""Query parameters and content negotiation: each parameter is read once, and an unknown one is refused.

OGC API Features Part 1, requirement ``/req/core/query-param-unknown`` and ``query-param-invalid``:
what a service does not understand must be a 400, never a silent 200.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import parse_qsl

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.crs import CRS84, BBox, definition, normalise
from twin.errors import BadInput
from twin.model import Language
from twin.time import TimeSpan

LANGUAGES: tuple[Language, ...] = ("fr", "en")


class Parameters:
    """The query parameters of one request, taken by name; :meth:`done` refuses what was not taken.

    A parameter given twice is refused as well: which one was meant cannot be known.
    """

    def __init__(self, query_string: bytes | str) -> None:
        text = query_string.decode("latin-1") if isinstance(query_string, bytes) else query_string
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=100, errors="strict")
        except ValueError as error:
            raise BadInput(f"The query of the address cannot be read: {error}.") from None
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if name in self._values:
                raise BadInput(f"The parameter {name!r} is given more than once: give it once.")
            self._values[name] = value
        self._known: list[str] = []

    def take(self, name: str) -> str | None:
        """Return the text of a parameter, or None when it is absent; an empty one is refused."""
        self._known.append(name)
        value = self._values.get(name)
        if value is not None and not value.strip():
            raise BadInput(f"The parameter {name!r} is empty: give it a value or leave it out.")
        return value

    def read[T](self, name: str, read: Callable[[str], T]) -> T | None:
        """Return what `read` makes of a parameter, or None when it is absent."""
        value = self.take(name)
        return None if value is None else read(value)

    def integer(self, name: str, default: int, *, minimum: int = 0, clamp: int | None = None) -> int:
        """Return a whole number, at least `minimum`; above `clamp` it becomes `clamp`."""
        text = self.take(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 18) or int(text) < minimum:
            raise BadInput(f"{name}={text!r} cannot be used: write a whole number of at least {minimum}.")
        return int(text) if clamp is None else min(int(text), clamp)

    def choice(self, name: str, allowed: Iterable[str]) -> str | None:
        """Return the one of `allowed` that a parameter names, in whatever case."""
        text = self.take(name)
        options = {option.casefold(): option for option in allowed}
        if text is not None and text.casefold() not in options:
            raise BadInput(f"{name}={text!r} is not offered here: use one of {', '.join(options.values())}.")
        return None if text is None else options[text.casefold()]

    def boolean(self, name: str) -> bool:
        """Return ``true`` or ``false``; absent is false."""
        return self.choice(name, ("true", "false")) == "true"

    def names(self, name: str, allowed: Iterable[str]) -> tuple[str, ...] | None:
        """Return a comma-separated list of names, each one of `allowed`."""
        text = self.take(name)
        if text is None:
            return None
        options = list(allowed)
        chosen = tuple(part.strip() for part in text.split(","))
        for part in chosen:
            if part not in options:
                raise BadInput(f"{name} names {part!r}, which is not here: use some of {', '.join(options)}.")
        return chosen

    def time(self, name: str = "datetime") -> TimeSpan | None:
        """Return an OGC ``datetime``."""
        return self.read(name, TimeSpan.parse)

    def crs(self, name: str, supported: Sequence[str], default: str = CRS84) -> str:
        """Return the normalised code of a CRS that is one of the codes `supported`; it may be given as a URI."""
        text = self.take(name)
        if text is None:
            return default
        try:
            code = normalise(text)
        except BadInput:
            code = ""
        if code not in supported:
            raise BadInput(f"{name}={text!r} is not offered here: use one of {', '.join(supported)}.")
        return code

    def bbox(
        self, supported: Sequence[str] = (CRS84,), crs_name: str = "bbox-crs", around: BBox | None = None
    ) -> BBox | None:
        """Return ``bbox``, x first whatever the axes of its CRS.

        Parameters
        ----------
        crs_name
            The parameter that tells the CRS of the box.
        around
            Extent of the data (CRS84): of a box that crosses the antimeridian, whose first longitude
            is the greater (Features Part 1, section 7.15.3), the part on its side is returned.
        """
        text = self.take("bbox")
        crs = self.crs(crs_name, supported)
        if text is None:
            if crs_name == "bbox-crs" and crs_name in self._values:
                raise BadInput("bbox-crs is given without bbox: give both, or neither.")
            return None
        parts = text.split(",")
        if len(parts) not in (4, 6):
            return BBox.parse(text, crs)
        upper = len(parts) // 2
        if y_first(crs):
            parts[0], parts[1], parts[upper], parts[upper + 1] = parts[1], parts[0], parts[upper + 1], parts[upper]
        if around is not None and definition(crs).is_geographic and _greater(parts[0], parts[upper]):
            east_of = _greater(parts[0], str(around.xmax))
            parts[0 if east_of else upper] = "-180" if east_of else "180"
        return BBox.parse(",".join(parts), crs)

    def is_known(self, name: str) -> bool:
        """Whether a parameter has been asked for already."""
        return name in self._known

    def rest(self) -> dict[str, str]:
        """Return what nobody has taken yet."""
        return {name: value for name, value in self._values.items() if name not in self._known}

    def done(self) -> None:
        """Refuse every parameter that was not taken.

        Raises
        ------
        BadInput
            Naming the parameter, the nearest known one and what is known here.
        """
        for name in self.rest():
            near = difflib.get_close_matches(name, self._known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            known = ", ".join(dict.fromkeys(self._known)) or "none"
            raise BadInput(f"The parameter {name!r} is unknown here; known are: {known}.{hint}")


def _greater(one: str, other: str) -> bool:
    try:
        return float(one) > float(other)
    except ValueError:
        return False


def y_first(code: str) -> bool:
    """Whether the authority's axis order of a CRS is y (latitude, northing) before x.

    Only the OGC door swaps: inside, x is first everywhere. ``EPSG:4326`` is latitude first
    (OGC API Features Part 2, section 6.1), ``OGC:CRS84`` and ``EPSG:2154`` are not.
    """
    axes = definition(code).axis_info
    return bool(axes) and axes[0].direction in ("north", "south")


def swap_if_y_first[T](geometry: T, code: str) -> T:
    """Return a geometry, or an array of them, in the axis order of the authority of `code`."""
    if not y_first(code):
        return geometry

    def swap(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([points[:, 1], points[:, 0], *points.T[2:]])

    has_z = bool(np.any(shapely.has_z(geometry)))
    return shapely.transform(geometry, swap, include_z=has_z)  # type: ignore[no-any-return]


def _preferences(header: str | None) -> list[str]:
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
    return [value for _, value in sorted(weighed, key=lambda item: -item[0])]


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
