"""The built wheel, installed in an empty environment outside the checkout, runs the demo."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.installation import Installation

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as `make wheel` does."""
    if not (ROOT / "scenes/viewer/dist/index.html").is_file():
        pytest.skip("the viewer is not built: `make test` builds it")
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(target), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(target.glob("*.whl"))


def test_the_wheel_holds_the_viewer_and_the_data_files_and_no_sources_of_the_page(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "scenes/viewer/dist/index.html" in names
    assert any(name.startswith("scenes/viewer/dist/") and "Workers" in name for name in names)
    data = {"twin/observed_properties.yml", "ogc_api/edr/completeness.yml", "ogc_api/features/cql2.lark"}
    assert data <= set(names)
    assert not [name for name in names if name.endswith(".ts") or "node_modules" in name or name.startswith("tests/")]


def test_an_empty_environment_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    installed = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--constraint", str(ROOT / "constraints.txt"), str(wheel)],
        check=False,
        capture_output=True,
        text=True,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    if installed.returncode and "No matching distribution" in installed.stderr + installed.stdout:
        pytest.skip("the package registry cannot be reached to fill an empty environment")
    assert installed.returncode == 0, installed.stderr
    outside = Installation(tmp_path / "outside", twin=environment / "bin" / "twin")
    outside.folder.mkdir()
    process, url = outside.start("demo", "--scale", "0.02", "--port", "0")
    try:
        assert httpx.get(f"{url}/ogc/collections/buildings/items?limit=1").json()["numberMatched"] > 0
        assert "<html" in httpx.get(f"{url}/").text
    finally:
        process.terminate()
        process.wait(timeout=30)
