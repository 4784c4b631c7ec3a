"""Backups: the data folder as one compressed file, and back."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import pyarrow as pa

from twin.errors import BadInput
from twin.store.embedded.engine import faults, full_disk

_DATABASE = "twin.duckdb"
#: What is not state: it is copied consistently, private to a running process, or remade.
_LEFT_OUT = frozenset({_DATABASE, f"{_DATABASE}.wal", "cubes", "staging", "spill", "owner.lock", "owner.sock"})
_UNFINISHED = ".restoring"


def pack(folder: Path, copy: Path, target: Path) -> None:
    """Write an archive (tar, Zstandard) of the copy of a store and of the rest of its data folder.

    It takes its name only when it is whole.

    Raises
    ------
    StoreFault
        When it cannot be written.
    """
    part = target.with_name(f"{target.name}.part")
    try:
        with (
            faults(),
            pa.CompressedOutputStream(str(part), "zstd") as stream,
            tarfile.open(fileobj=stream, mode="w|") as archive,
        ):
            kept = [path for path in folder.iterdir() if path.name not in _LEFT_OUT]
            for path in sorted([*copy.iterdir(), *kept]):
                archive.add(path, path.name)
        with faults():
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def restore(archive: Path, folder: Path) -> None:
    """Make a data folder from an archive; it appears whole or not at all.

    Raises
    ------
    BadInput
        When the archive is not one of ours, or would write outside of the folder, or the folder
        holds something already.
    """
    if not archive.is_file():
        raise BadInput(f"{archive}: there is no such file.")
    if folder.exists() and (not folder.is_dir() or any(path.name != _UNFINISHED for path in folder.iterdir())):
        raise BadInput(f"{folder} is not empty: restore into a new folder, or move this one away first.")
    unfinished = folder / _UNFINISHED
    try:
        with faults():
            folder.mkdir(parents=True, mode=0o700, exist_ok=True)
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(mode=0o700)
        try:
            with (
                full_disk(),
                pa.CompressedInputStream(str(archive), "zstd") as stream,
                tarfile.open(fileobj=stream, mode="r|") as tar,
            ):
                tar.extractall(unfinished, filter="data")
        except (tarfile.TarError, pa.ArrowException, OSError) as error:
            raise BadInput(f"{archive}: this is not a whole backup of a twin ({error}).") from error
        if not (unfinished / _DATABASE).is_file():
            raise BadInput(f"{archive}: this is not a backup of a twin: it holds no {_DATABASE}.")
        # The database last: a folder without it is an empty twin, never half of one.
        for path in sorted(unfinished.iterdir(), key=lambda path: path.name == _DATABASE):
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
