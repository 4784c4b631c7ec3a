"""Private folders in which runs stage their files; those of dead processes are swept."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twin.errors import BadInput
from twin.store.embedded.engine import faults, full_disk
from twin.store.embedded.held import LOCK, erase_unheld, lock_of

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def check_run_id(run_id: str) -> str:
    """Return a run id that can name a folder.

    Raises
    ------
    BadInput
        When it could not, or would name another place.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise BadInput(f"The run id {run_id!r} cannot name a folder: use letters, digits, '.', '_' and '-'.")
    return run_id


@contextmanager
def staging(folder: Path, run_id: str) -> Iterator[Path]:
    """Yield ``staging/<run id>``, locked for as long as its process lives, deleted at the end."""
    home = folder / "staging" / check_run_id(run_id)
    with faults():
        home.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        descriptor = os.open(lock_of(home), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"The run {run_id!r} is being staged already.") from None
        with faults():
            home.mkdir(mode=0o700, exist_ok=True)
        with full_disk():
            yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
        lock_of(home).unlink(missing_ok=True)
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Delete the staging folders whose process is gone, and the locks that one left without its folder."""
    found = (folder / "staging").glob("*")
    for home in {path.with_suffix("") if path.suffix == LOCK and path.is_file() else path for path in found}:
        erase_unheld(home)
