"""One tree of errors under :class:`TwinError`.

Each message is one sentence that says what is wrong and, where there is one, the mend.
Nothing here knows of HTTP or of exit codes: the command line and the doors map the classes.
"""

from __future__ import annotations

from pydantic import ValidationError


class TwinError(Exception):
    """Root of every error that Jumeau raises on purpose."""


class BadInput(TwinError):
    """A value given by a person or a client cannot be accepted."""


class BadSettings(BadInput):
    """``config.yml`` or an environment variable holds something that cannot be used."""


class BadManifest(BadInput):
    """A dataset manifest is wrong, or does not fit the file that it describes."""


class BadData(BadInput):
    """A data file cannot be read as its manifest says."""


class NotFound(BadInput):
    """What was named does not exist, or is not visible to the one who asks."""


class NoData(TwinError):
    """A sound question meets no data: nothing is wrong with it, and there is nothing to answer."""


class Unauthorised(TwinError):
    """Who asks is not known: no key where one is needed, or a wrong one."""


class Forbidden(TwinError):
    """Who asks is known, and may not do this."""


class Conflict(BadInput):
    """What is asked contradicts what is there."""


class Outdated(BadInput):
    """What was to be changed has been changed by another since it was read."""


class TooLarge(BadInput):
    """The answer, or what was sent, exceeds a configured bound."""


class StoreBusy(TwinError):
    """Another process owns the data folder and does not answer."""


class StoreFault(TwinError):
    """The store could not keep or give back data (disk full, damaged file, newer format)."""


class DoesNotApply(TwinError):
    """A layer or an operation has nothing to work on, for the stated reason."""


def by_name(name: str) -> type[TwinError]:
    """Return the error class called `name`, or :class:`TwinError` when there is none.

    Errors cross the owner socket by their name; this gives them their class back.
    """
    found = globals().get(name)
    return found if isinstance(found, type) and issubclass(found, TwinError) else TwinError


def foremost(error: ValidationError) -> tuple[str, str, str]:
    """Return where the fault to tell first is, of what type, and its message.

    A key that is not known comes first: what is missing is often that one, misspelt.
    """
    faults = error.errors()
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    message = first["msg"].removeprefix("Value error, ")
    if not isinstance(first["input"], dict | list | tuple):
        message += f" (got {first['input']!r:.60})"
    return ".".join(str(part) for part in first["loc"]), first["type"], message
