"""The observed properties that Jumeau knows: titles, UCUM units, CF names and quality limits, as data."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

from twin.model import ObservedProperty


@cache
def known_properties() -> dict[str, ObservedProperty]:
    """Return the properties of ``observed_properties.yml`` by name."""
    entries = yaml.safe_load(files("twin").joinpath("observed_properties.yml").read_text("utf-8"))
    return {name: ObservedProperty.model_validate({"name": name, **entry}) for name, entry in entries.items()}
