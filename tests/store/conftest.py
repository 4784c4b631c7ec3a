from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("twin.testing.store")


class OwnerProcess:
    """Another process, which owns the stores that it is told to open."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("owner_process.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tell(self, verb: str, folder: Path) -> None:
        self.begin(verb, folder)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "done\n"

    def begin(self, verb: str, folder: Path) -> None:
        """Tell what to do and return as soon as it is being done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{verb} {folder}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "begun\n"

    def let_go(self) -> None:
        """Let the process end by itself when it has done what it was told."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture(scope="session")
def shared_owner() -> Iterator[OwnerProcess]:
    """Return one process for all the tests that need a live owner."""
    owner = OwnerProcess()
    yield owner
    owner.end()


@pytest.fixture
def own_owner() -> Iterator[OwnerProcess]:
    """Return a process that the test may kill."""
    owner = OwnerProcess()
    yield owner
    owner.end()
