"""Folders that someone may hold: each has a lock file beside it, and goes once nobody has the lock."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

LOCK = ".lock"


def lock_of(home: Path) -> Path:
    """Return the lock file of a folder."""
    return home.with_name(home.name + LOCK)


def erase_unheld(home: Path) -> None:
    """Delete a folder and its lock, unless a process holds the lock."""
    descriptor = os.open(lock_of(home), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(home, ignore_errors=True)
        lock_of(home).unlink(missing_ok=True)
    finally:
        os.close(descriptor)
