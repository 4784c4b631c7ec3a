"""The snippets of docs/clients.md, run as they are printed against a real server."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "clients.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("language", "snippet"), SNIPPETS, ids=lambda text: text.splitlines()[0][:40])
def test_snippet_runs(served_demo: str, tmp_path: Path, language: str, snippet: str) -> None:
    text = snippet.replace("http://127.0.0.1:8000", served_demo)
    assert text != snippet
    programs = {line.split()[0] for line in text.splitlines()} if language == "sh" else set()
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is absent")
    command = ["sh", "-ec", text] if language == "sh" else [sys.executable, "-c", text]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr, done.stderr
    assert done.stdout or list(tmp_path.iterdir())
