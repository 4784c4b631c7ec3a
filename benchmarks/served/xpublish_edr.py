"""xpublish-edr over Zarr stores, in an environment of its own: a peer of the benchmark of EDR.

As a program (in that environment, so that it imports nothing of the project) it serves the stores that it is given:
``python -P xpublish_edr.py PORT NAME=STORE...``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.served.load import Served


@contextmanager
def coverages(stores: Mapping[str, Path], variable: str) -> Iterator[Served]:
    """Run it over the stores of one cube, by layout: each question goes to the layout that suits it."""
    from benchmarks.served import environments  # noqa: PLC0415 - not where this file is the program
    from benchmarks.served.load import free_port, served  # noqa: PLC0415

    def address(path: str) -> str:
        layout = "series" if "/position" in path else "map"
        # It reads no Z, and no fraction of a second.
        return path.replace(f"/collections/{variable}/", f"/datasets/{layout}/edr/").replace("Z", "")

    port = free_port()
    told = [f"{layout}={path}" for layout, path in stores.items()]
    command = (environments.python("xpublish-edr"), "-P", __file__, str(port), *told)
    with served(*command, port=port, address=address) as running:
        yield running


def _serve(port: int, stores: dict[str, str]) -> None:
    import uvicorn  # noqa: PLC0415
    import xarray as xr  # noqa: PLC0415
    from xpublish import Rest  # noqa: PLC0415

    opened = {name: xr.open_zarr(path, chunks=None, consolidated=False) for name, path in stores.items()}
    uvicorn.run(Rest(opened).app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="error")


if __name__ == "__main__":
    _serve(int(sys.argv[1]), dict(argument.split("=", 1) for argument in sys.argv[2:]))
