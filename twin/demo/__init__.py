"""The demo city: written as files, then ingested like any other data.

Aigues-Claires is invented, and the same for everybody: :func:`write` makes it anew from a seed. It lies in the
south of France in Lambert-93, ten kilometres across with 20,000 buildings, and lives through thirty days of
July 2026.
"""

from __future__ import annotations

import hashlib
import shutil
from importlib import resources
from pathlib import Path

from twin.errors import BadInput

__all__ = ["manifests", "write"]

#: The datasets, in the order in which they are ingested: series come after the objects they observe.
DATASETS = ("territory", "land_cover", "buildings", "street_furniture", "measurements")
_STAMP = "complete"


def write(folder: Path, scale: float = 1.0) -> None:
    """Write the demo city, unless `folder` already holds it whole.

    The folder gets ``datasets/`` (files, each with its manifest) and ``truth/`` (what the files were
    made from, for tests; see :mod:`twin.demo.truth`). A stamp is written last: what was interrupted
    is made again.

    Parameters
    ----------
    folder
        Where to write; only what this function wrote there before is replaced.
    scale
        Share of the objects: 1 is the whole city, 0.02 has 400 buildings. Always thirty days.

    Raises
    ------
    BadInput
        When `scale` is not between 0.01 and 1.
    """
    if not 0.01 <= scale <= 1:
        raise BadInput(f"The demo city comes at scales from 0.01 to 1, not {scale}.")
    stamp, complete = _fingerprint(scale), folder / _STAMP
    if complete.is_file() and complete.read_text("utf-8") == stamp:
        return
    from twin.demo import city, files, truth  # noqa: PLC0415 - only when there is work: a second start is quick

    complete.unlink(missing_ok=True)
    for part in ("datasets", "truth"):
        shutil.rmtree(folder / part, ignore_errors=True)
    made = city.build(scale)
    files.write_files(made, folder / "datasets")
    for name in DATASETS:
        text = _package(f"datasets/{name}/manifest.yml").read_bytes()
        (folder / "datasets" / name / "manifest.yml").write_bytes(text)
    truth.write_truth(made, folder / "truth")
    complete.write_text(stamp, "utf-8")


def manifests(folder: Path) -> list[Path]:
    """Return the manifests of the city written in `folder`, in the order of ingestion."""
    return [folder / "datasets" / name / "manifest.yml" for name in DATASETS]


def _package(name: str) -> resources.abc.Traversable:
    return resources.files(__name__).joinpath(name)


def _fingerprint(scale: float) -> str:
    """Return what tells one version of the generator from another: its own text, and the scale."""
    digest = hashlib.sha256(str(scale).encode())
    here = _package(".")
    texts = [item for item in here.iterdir() if item.name.endswith(".py")]
    texts += [_package(f"datasets/{name}/manifest.yml") for name in DATASETS]
    for text in sorted(texts, key=str):
        digest.update(text.read_bytes())
    return digest.hexdigest()
