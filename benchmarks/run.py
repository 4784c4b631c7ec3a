"""Run every benchmark of this folder: print the table, write ``report.json``.

A benchmark is a module with ``run() -> dict``: ratios to the cheapest program that could do the job,
measured side by side. ``python -m benchmarks.run tiles3d items`` runs those alone.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import platform
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent


def main(chosen: list[str]) -> None:
    """Run the benchmarks named, or all."""
    console = Console()
    names = chosen or sorted(
        module.name for module in pkgutil.iter_modules([str(FOLDER)]) if module.name != "run" and not module.ispkg
    )
    report: dict[str, Any] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()},
    }
    table = Table("benchmark", "figure", "value")
    for name in names:
        began = time.perf_counter()
        console.print(f"{name} ...")
        report[name] = importlib.import_module(f"benchmarks.{name}").run()
        console.print(f"{name}: {time.perf_counter() - began:.0f} s")
        for figure, value in _flat(report[name]):
            table.add_row(name, figure, _shown(value))
        table.add_section()
    console.print(table)
    if not chosen:
        (FOLDER / "report.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def _shown(value: object) -> str:
    """Return a figure as a person reads it: three digits say enough of a measurement."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _flat(figures: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name} ")
        else:
            yield prefix + name, value


if __name__ == "__main__":
    main(sys.argv[1:])
