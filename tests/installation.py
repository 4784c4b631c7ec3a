"""An installation of Jumeau to drive from outside, as an operator does."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Installation:
    """A folder to run ``twin`` in, as an operator would: its own settings, nothing of the checkout's."""

    folder: Path
    twin: Path = Path(sys.executable).parent / "twin"

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "var"

    def command(self, *arguments: str) -> list[str]:
        """Return the whole command line of ``twin`` with `arguments`."""
        return [str(self.twin), *arguments]

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
