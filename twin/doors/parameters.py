"""Query parameters: each is read once, strictly, and one that nobody reads is refused.

What a service does not understand must be a 400, never a silent 200: OGC API Features Part 1,
requirements ``/req/core/query-param-unknown`` and ``query-param-invalid``, here at every door.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import parse_qsl

from twin.crs import CRS84, normalise
from twin.errors import BadInput
from twin.time import TimeSpan


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

    @property
    def given(self) -> Mapping[str, str]:
        """All parameters by name, as they were given."""
        return self._values

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
        if text is None:
            return None
        options = {option.casefold(): option for option in allowed}
        if text.casefold() not in options:
            raise BadInput(f"{name}={text!r} is not offered here: use one of {', '.join(options.values())}.")
        return options[text.casefold()]

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

    def left(self, names: Iterable[str]) -> dict[str, str]:
        """Return the parameters among `names` that nobody has taken yet, which takes them."""
        left = [name for name in names if name in self._values and name not in self._known]
        self._known.extend(names)
        return {name: text for name in left if (text := self.take(name)) is not None}

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
