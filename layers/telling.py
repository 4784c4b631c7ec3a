"""What the collections of a layer say of themselves, and the fields and properties that they are made of."""

from __future__ import annotations

from dataclasses import dataclass

from twin.model import Collection, Field, FieldType, Kind, Licence, ObservedProperty, Text, Theme
from twin.themes import known_themes


@dataclass(frozen=True)
class Telling:
    """What the collections derived from observations share: licence and producer are those of what was measured."""

    crs: str
    licence: Licence
    producer: str
    theme: Theme
    keywords: tuple[str, ...]
    lineage: Text

    @classmethod
    def of(
        cls, timeseries: Collection, objects: Collection, theme: str, keywords: tuple[str, ...], lineage: Text
    ) -> Telling:
        """Return that of what is derived from a time series at objects, in whose CRS it is."""
        return cls(objects.crs, timeseries.licence, timeseries.producer, known_themes()[theme], keywords, lineage)

    def collection(self, name: str, kind: Kind, title: Text, description: Text, **more: object) -> Collection:
        """Return one of the collections."""
        shared = {
            "crs": self.crs,
            "licence": self.licence,
            "producer": self.producer,
            "theme": self.theme,
            "keywords": self.keywords,
            "lineage": self.lineage,
        }
        told = {"id": name, "kind": kind, "title": title, "description": description}
        return Collection.model_validate({**shared, **told, **more})


def number(name: str, unit: str | None, fr: str, en: str) -> Field:
    """Return a field of numbers."""
    return Field(name=name, type=FieldType.NUMBER, unit=unit, title=Text(fr=fr, en=en))


def integer(name: str, unit: str | None, fr: str, en: str) -> Field:
    """Return a field of whole numbers."""
    return Field(name=name, type=FieldType.INTEGER, unit=unit, title=Text(fr=fr, en=en))


def text(name: str, fr: str, en: str) -> Field:
    """Return a field of text."""
    return Field(name=name, type=FieldType.STRING, title=Text(fr=fr, en=en))


def truth(name: str, fr: str, en: str) -> Field:
    """Return a field of what is true or false."""
    return Field(name=name, type=FieldType.BOOLEAN, title=Text(fr=fr, en=en))


def observed(name: str, unit: str, fr: str, en: str) -> ObservedProperty:
    """Return an observed property of the layer's own."""
    return ObservedProperty(name=name, unit=unit, title=Text(fr=fr, en=en))
