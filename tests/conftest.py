"""Fixtures shared by every test: real city data in place, and a small demo city made and served for real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation

ROOT = Path(__file__).resolve().parents[1]
DEMO_SCALE = "0.02"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real city data, or skip."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real city data (shared/data beside the project) is absent")
    return folder.resolve()


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
