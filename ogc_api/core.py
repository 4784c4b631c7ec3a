"""pygeoapi, in process: the only module that imports its API, and what it mends of it.

pygeoapi 0.24 reads two environment files when its Starlette module is imported; its API object
needs neither. Its handlers write JSON through ``to_json``, which escapes HTML in it, and set up the
root logger: both are replaced here, so that its documents come as mappings and logging stays the
application's.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pygeoapi.api
import pygeoapi.api.itemtypes
from pygeoapi.api.collection import gen_collection
from pygeoapi.openapi import get_oas_30


def _as_mapping(document: dict[str, Any], pretty: bool = False) -> dict[str, Any]:
    return document


def _no_logger(configuration: dict[str, Any]) -> None:
    return None


pygeoapi.api.to_json = _as_mapping
pygeoapi.api.itemtypes.to_json = _as_mapping
pygeoapi.api.setup_logger = _no_logger


class Core:
    """pygeoapi's documents of one configuration, as mappings."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self._configuration = configuration
        self._api = pygeoapi.api.API(configuration, {})
        bare = SimpleNamespace(query_params={"f": "json"}, headers={}, scope={"path": "/"})
        self._request = pygeoapi.api.APIRequest(bare, self._api.locales)

    def landing_page(self) -> dict[str, Any]:
        """Return the landing page."""
        return self._body(pygeoapi.api.landing_page(self._api, self._request))

    def collection(self, collection_id: str) -> dict[str, Any]:
        """Return the document of one collection."""
        found: dict[str, Any] = gen_collection(self._api, self._request, collection_id, self._request.locale)
        return found

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document of the service without its collections."""
        document: dict[str, Any] = get_oas_30({**self._configuration, "resources": {}})
        return document

    @staticmethod
    def _body(answer: tuple[dict[str, str], int, dict[str, Any]]) -> dict[str, Any]:
        _headers, status, body = answer
        if status != 200:
            raise RuntimeError(f"pygeoapi answered {int(status)}: {body.get('description')}")
        return body
