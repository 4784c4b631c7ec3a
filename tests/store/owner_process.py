"""A second process: opens the stores that it is told to, and answers when it has."""

from __future__ import annotations

import sys
from pathlib import Path

from twin.store.embedded import open_store


def main() -> None:
    opened = {}
    for line in sys.stdin:
        verb, folder = line.rstrip("\n").split(" ", 1)
        if verb == "open":
            opened[folder] = open_store(Path(folder), "EPSG:2154", serve=True)
        else:
            opened.pop(folder).close()
        print("done", flush=True)


if __name__ == "__main__":
    main()
