"""Fixtures shared by every test: real city data in place, and a small demo city made and served for real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEMO_SCALE = "0.02"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real city data, or skip."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real city data (shared/data beside the project) is absent")
    return folder.resolve()


@dataclass(frozen=True)
class Installation:
    """A folder to run ``twin`` in, as an operator would: its own settings, nothing of the checkout's."""

    folder: Path

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "var"

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of ``twin`` of this environment."""
        return [str(Path(sys.executable).parent / "twin"), *arguments]

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run ``twin`` to its end and return what it said."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self, *arguments: str) -> tuple[subprocess.Popen[str], str]:
        """Start a serving ``twin`` and return it with its address, once it accepts connections."""
        process = subprocess.Popen(
            self.command(*arguments), cwd=self.folder, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("Serving at "):
                return process, line.split()[2].rstrip("/")
        raise AssertionError(f"twin {' '.join(arguments)} ended with {process.wait()} before it served")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return an installation that holds a small demo city, made by the command line. Read only."""
    installation = Installation(tmp_path_factory.mktemp("demo"))
    done = installation.run("demo", "--scale", DEMO_SCALE, "--no-serve")
    assert done.returncode == 0, done.stderr
    return installation


@pytest.fixture(scope="session")
def served_demo(demo: Installation) -> Iterator[str]:
    """Return the address of a real server of the small demo city. Read only."""
    process, url = demo.start("serve", "--port", "0")
    yield url
    process.terminate()
    process.wait(timeout=30)
