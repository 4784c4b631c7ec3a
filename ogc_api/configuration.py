"""pygeoapi's configuration, made from the catalogue in one language; no file is read or written."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from ogc_api.edr import Edr, query_types
from ogc_api.extents import box
from ogc_api.features.fields import has_items, served_crs, time_field
from ogc_api.features.service import ItemsService
from twin.context import Twin
from twin.crs import CRS84, uri
from twin.model import Collection, Text
from twin.store import Principal

FEATURE_PROVIDER = "ogc_api.features.provider.StoreFeatureProvider"
EDR_PROVIDER = "ogc_api.edr.provider.StoreEdrProvider"

_DESCRIPTION = Text(
    fr="Les objets de la ville, leurs mesures et les couches qui en sont tirées, selon les standards OGC API.",
    en="The objects of the city, their measurements and the layers derived from them, by the OGC API standards.",
)
_BY_COLLECTION = Text(fr="Licence propre à chaque collection", en="Each collection has its own licence")


@dataclass(frozen=True)
class ProviderData:
    """What a provider works with: the ``data`` of its definition in the configuration."""

    collection: Collection
    language: str
    principal: Principal
    items: ItemsService
    edr: Edr

    def __deepcopy__(self, memo: dict[int, Any]) -> ProviderData:
        """Return itself: pygeoapi copies its configuration, the store must stay one."""
        return self


def configuration(
    twin: Twin,
    principal: Principal,
    items: ItemsService,
    edr: Edr,
    collections: list[Collection],
    base_url: str,
    language: str,
) -> dict[str, Any]:
    """Return pygeoapi's configuration of `collections`, as `principal` sees them.

    Extents are left open in time: pygeoapi answers 400 to a ``datetime`` outside of those it knows.
    """
    city = twin.settings.city.name
    root = twin.settings.server.url
    return {
        "server": {
            "url": base_url,
            "languages": [language],
            "api_rules": {"api_version": version("jumeau")},
            "limits": {"default_items": 10, "max_items": twin.settings.bounds.items},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {
                "title": city,
                "description": _DESCRIPTION.in_language(language),
                "keywords": ["OGC API", city],
                "terms_of_service": f"{base_url}/collections",
                "url": root,
            },
            "license": {"name": _BY_COLLECTION.in_language(language), "url": f"{base_url}/collections"},
            "provider": {"name": city, "url": root},
            "contact": {"name": city},
        },
        "resources": {
            collection.id: _resource(ProviderData(collection, language, principal, items, edr))
            for collection in collections
        },
    }


def _resource(data: ProviderData) -> dict[str, Any]:
    collection, language = data.collection, data.language
    shared = {
        "data": data,
        "crs": [uri(code) for code in served_crs(collection)],
        "storage_crs": uri(collection.crs),
    }
    providers = []
    if has_items(collection):
        title = {"title_field": collection.style.label} if collection.style.label else {}
        feature = {"type": "feature", "name": FEATURE_PROVIDER, "id_field": "id", "time_field": time_field(collection)}
        providers.append({**shared, **feature, **title})
    if set(query_types(collection)) - {"items"}:
        providers.append({**shared, "type": "edr", "name": EDR_PROVIDER})
    return {
        "type": "collection",
        "title": collection.title.in_language(language),
        "description": collection.description.in_language(language),
        "keywords": list(collection.keywords),
        "extents": {
            "spatial": {"bbox": box(collection), "crs": uri(CRS84)},
            "temporal": {"begin": None, "end": None},
        },
        "providers": providers,
    }
