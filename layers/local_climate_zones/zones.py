"""The table of local climate zones: classes, ranges, rules, colours."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files

import yaml

from twin.model import Category, Colour, Model, Text

type Range = tuple[float | None, float | None]


class Zone(Model):
    """A class; its ranges where it is told from others by distance, none where rules tell it."""

    number: int
    wudapt: int
    colour: Colour
    title: Text
    sky_view_factor: Range | None = None
    aspect_ratio: Range | None = None
    built_fraction: Range | None = None
    mean_height: Range | None = None
    roughness: tuple[int, int] | None = None


class Rules(Model):
    """Thresholds of the classes that rules tell: shares of ground or of footprints, ``low`` in metres."""

    built: float
    aspect_ratio: float
    sealed: float
    water: float
    scattered: float
    dense: float
    shrubs: float
    use: float
    low: float
    vegetation: float
    sky_view_factor: float


class Table(Model):
    """All that ``zones.yml`` says; zones by their code, ``1`` to ``10`` and ``A`` to ``G``."""

    valid_from: date
    valid_to: date | None
    weights: dict[str, float]
    roughness_lengths: tuple[float, ...]
    rules: Rules
    zones: dict[str, Zone]

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes, in order."""
        return tuple(self.zones)

    @property
    def categories(self) -> tuple[Category, ...]:
        """The legend."""
        return tuple(
            Category(
                value=code,
                title=Text(fr=f"{code} – {zone.title.fr}", en=f"{code} – {zone.title.en}"),
                colour=zone.colour,
            )
            for code, zone in self.zones.items()
        )

    def ranges(self) -> dict[str, dict[str, Range]]:
        """Return the ranges of the classes told by distance, by code, then by indicator."""
        indicators = ("sky_view_factor", "aspect_ratio", "built_fraction", "mean_height")
        return {
            code: {
                **{name: getattr(zone, name) for name in indicators},
                "roughness_length": (self._edge(zone.roughness[0]), self._edge(zone.roughness[1] + 1)),
            }
            for code, zone in self.zones.items()
            if zone.roughness is not None
        }

    def _edge(self, roughness: int) -> float | None:
        """Return the roughness length at which a class begins, None beyond the last."""
        lengths = (0.0, *self.roughness_lengths)
        return None if roughness >= len(lengths) else (lengths[roughness - 1] + lengths[roughness]) / 2


@cache
def table() -> Table:
    """Return the table ``zones.yml``."""
    return Table.model_validate(
        yaml.safe_load(files("layers.local_climate_zones").joinpath("zones.yml").read_text("utf-8"))
    )
