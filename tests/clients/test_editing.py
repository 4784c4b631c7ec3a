"""QGIS edits buildings through the API, and history keeps what was there.

QGIS edits since 3.30. ``QGIS_PYTHON`` is the command of a Python that has its PyQGIS, where it is not Debian's own:
such as ``chroot /srv/trixie /usr/bin/python3``.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import shapely

from tests.installation import Installation
from twin.access import token_hash

TOKEN = "a token of a test"
CONFIGURATION = f"""
access:
  keys:
  - {{name: Urbanisme, hash: '{token_hash(TOKEN)}', scopes: {{buildings: [create, replace, update, delete]}}}}
"""


@pytest.fixture(scope="module")
def pyqgis() -> list[str]:
    """Return the command of a Python whose QGIS edits, or skip."""
    python = shlex.split(os.environ.get("QGIS_PYTHON", "/usr/bin/python3"))
    asked = [*python, "-c", "from qgis.core import Qgis; print(Qgis.QGIS_VERSION_INT)"]
    try:
        found = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=60).stdout.strip()
    except OSError:
        found = ""
    if not found or int(found) < 33000:
        pytest.skip("QGIS 3.30 or later is absent: name a Python that has it, QGIS_PYTHON='...'")
    return python


@pytest.fixture
def served(demo: Installation, tmp_path: Path) -> Iterator[str]:
    """Return the address of a demo city of its own, with a key to its buildings."""
    shutil.copytree(demo.data, tmp_path / "var", ignore=shutil.ignore_patterns("*.lock", "*.sock", "demo"))
    (tmp_path / "config.yml").write_text(CONFIGURATION, "utf-8")
    process, url = Installation(tmp_path).start("serve", "--port", "0")
    yield f"{url}/ogc"
    process.terminate()
    process.wait(timeout=30)


def test_the_address_of_a_new_object_is_written_as_qgis_reads_it(served: str) -> None:
    """Its older versions compare the name of the header with its capital; servers may write names as they like."""
    sent = {"type": "Feature", "geometry": None, "properties": {"height": 3.0}}
    headers = {"content-type": "application/geo+json"}
    answer = httpx.post(f"{served}/collections/buildings/items", json=sent, headers=headers, auth=("Urbanisme", TOKEN))
    address = dict(answer.headers.raw)[b"Location"].decode()
    assert httpx.get(address).json()["properties"]["height"] == 3.0


@pytest.mark.newer_qgis
def test_qgis_edits_buildings(served: str, pyqgis: list[str]) -> None:
    items = f"{served}/collections/buildings/items"
    before = httpx.get(items, params={"limit": "1"}).json()["numberMatched"]
    done = subprocess.run(
        [*pyqgis, "-c", Path(__file__).with_name("qgis_edits.py").read_text("utf-8"), served, "Urbanisme"],
        input=TOKEN,
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
        env={"HOME": "/tmp", "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert done.stdout, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["errors"] == []
    assert seen["crs"] == "EPSG:2154"
    raised, moved, gone = seen["ids"]
    assert httpx.get(f"{items}/{raised}").json()["properties"]["height"] == seen["height"]
    versions = httpx.get(items, params={"id": raised}).json()["features"]
    assert [feature["properties"]["height"] for feature in versions] == pytest.approx(
        [seen["height"] - 2.5, seen["height"]]
    )
    there = httpx.get(f"{items}/{moved}", params={"crs": "http://www.opengis.net/def/crs/EPSG/0/2154"}).json()
    wanted = shapely.from_wkt(seen["moved"])
    assert shapely.equals_exact(shapely.geometry.shape(there["geometry"]), wanted, tolerance=0.002)
    named = httpx.get(items, params={"name": "Maison de l'été"}).json()["features"]
    assert [feature["properties"]["usage"] for feature in named] == ["office"]
    assert httpx.get(f"{items}/{gone}").status_code == 404
    # Two edits, a new object: three versions more; the life of the deleted one is kept.
    assert httpx.get(items, params={"limit": "1"}).json()["numberMatched"] == before + 3
