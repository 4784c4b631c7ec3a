"""The themes that Jumeau knows, as data."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

from twin.model import Theme


@cache
def known_themes() -> dict[str, Theme]:
    """Return the themes of ``themes.yml`` by name."""
    entries = yaml.safe_load(files("twin").joinpath("themes.yml").read_text("utf-8"))
    return {name: Theme(name=name, title=title) for name, title in entries.items()}
