"""The documents as pages for people, in French and in English; a page loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from ogc_api.features.fields import has_items, item_fields
from twin.model import Collection, Field, Language, Text

_TEXTS = {
    "collections": Text(fr="Collections", en="Collections"),
    "conformance": Text(fr="Classes de conformité", en="Conformance classes"),
    "openapi": Text(fr="Interface", en="Interface"),
    "items": Text(fr="Objets", en="Items"),
    "schema": Text(fr="Propriétés", en="Properties"),
    "queryables": Text(fr="Propriétés filtrables", en="Properties to filter by"),
    "sortables": Text(fr="Propriétés de tri", en="Properties to sort by"),
    "property": Text(fr="Propriété", en="Property"),
    "name": Text(fr="Nom", en="Name"),
    "type": Text(fr="Type", en="Type"),
    "unit": Text(fr="Unité", en="Unit"),
    "extent": Text(fr="Emprise", en="Extent"),
    "dates": Text(fr="Dates", en="Dates"),
    "open": Text(fr="aujourd'hui", en="today"),
    "crs": Text(fr="Systèmes de coordonnées", en="Coordinate reference systems"),
    "licence": Text(fr="Licence", en="Licence"),
    "attribution": Text(fr="Source", en="Credit"),
    "lineage": Text(fr="Généalogie", en="Lineage"),
    "queries": Text(fr="Requêtes EDR", en="EDR queries"),
    "value": Text(fr="Valeur", en="Value"),
    "of": Text(fr="sur", en="of"),
    "next": Text(fr="Page suivante", en="Next page"),
    "machine": Text(fr="Pour les logiciels", en="For software"),
    "connect": Text(
        fr="Dans QGIS, ArcGIS ou GDAL, ajoutez une connexion OGC API avec cette adresse :",
        en="In QGIS, ArcGIS or GDAL, add an OGC API connection with this address:",
    ),
    "other_language": Text(fr="English", en="Français"),
    "method": Text(fr="Requête", en="Request"),
    "empty": Text(fr="Aucun objet.", en="No item."),
}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("ogc_api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(
    name: str, document: dict[str, Any], language: Language, base: str, collections: Iterable[Collection] = ()
) -> str:
    """Return the page of a document.

    Parameters
    ----------
    name
        The template, without its suffix.
    document
        What the JSON answer would be.
    base
        Address of the landing page.
    collections
        The collections that the document is about.
    """
    known = {collection.id: collection for collection in collections}
    about = next(iter(known.values())) if len(known) == 1 else None
    fields = {field.name: field for field in item_fields(about)} if about and has_items(about) else {}

    def shown(name: str, value: object) -> object:
        """Return a value as a person reads it: classes by their title, midnights as dates."""
        titles = {category.value: category.title.in_language(language) for category in fields[name].categories}
        if value is None:
            return ""
        return titles.get(value, str(value).removesuffix("T00:00:00Z"))  # type: ignore[call-overload]

    return (
        _environment()
        .get_template(f"{name}.html")
        .render(
            document=document,
            t={key: text.in_language(language) for key, text in _TEXTS.items()},
            language=language,
            other="en" if language == "fr" else "fr",
            base=base,
            known=known,
            about=about,
            titles={name: _heading(field, language) for name, field in fields.items()},
            shown=shown,
        )
    )


def _heading(field: Field, language: Language) -> str:
    title = field.title.in_language(language)
    return f"{title} ({field.unit})" if field.unit else title
