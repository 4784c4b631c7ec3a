"""A file that appears whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twin.errors import BadInput


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Give a path to write to, beside `path`; when the context ends well, put the file in its place.

    The file is written in a hidden folder of its own, since some formats keep a journal beside them.
    A process killed meanwhile leaves that folder and nothing under the name asked; the lock that it
    held is gone with it, so that the next export to the same name sweeps the folder.

    Raises
    ------
    BadInput
        When the folder of `path` is absent or may not be written, or `path` is itself a folder.
    """
    if path.is_dir():
        raise BadInput(f"{path} is a folder: name a file.")
    prefix, suffix = f".{path.name}.", ".part"
    _sweep(path.parent, prefix, suffix)
    try:
        folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=path.parent))
    except OSError as error:
        raise BadInput(f"{path.parent}: this folder cannot be written to ({error.strerror}).") from error
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / path.name
        (folder / path.name).replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _sweep(parent: Path, prefix: str, suffix: str) -> None:
    for folder in parent.glob("*" + suffix) if parent.is_dir() else ():
        if not folder.name.startswith(prefix):
            continue
        lock = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)
