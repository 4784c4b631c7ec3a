"""A second process: owns the stores that it is told to open, fills them, and says when."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from twin.store import Store
from twin.store.embedded import open_store
from twin.testing import samples

FILLED = 20_000


def main() -> None:
    opened: dict[str, Store] = {}
    for line in sys.stdin:
        verb, folder = line.rstrip("\n").split(" ", 1)
        verb, _, count = verb.partition(":")
        if verb == "fill":
            table = samples.building_table(range(int(count or FILLED)))
        print("begun", flush=True)
        match verb:
            case "open":
                opened[folder] = open_store(Path(folder), "EPSG:2154", serve=True)
            case "join":
                opened[folder] = open_store(Path(folder), "EPSG:2154")
            case "fill":
                samples.put_features(opened[folder], table)
            case "stage":
                with opened[folder].staging("forgotten") as staged:
                    (staged / "half.parquet").write_bytes(b"PAR1")
                    print("staged", flush=True)
                    time.sleep(600)
            case "close":
                opened.pop(folder).close()
        print("done", flush=True)


if __name__ == "__main__":
    main()
