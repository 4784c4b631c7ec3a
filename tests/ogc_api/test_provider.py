"""pygeoapi's own handlers over our provider: it is a provider like any other, and pygeoapi leaves no trace."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from pygeoapi.api import API, APIRequest
from pygeoapi.api.itemtypes import get_collection_item, get_collection_items

from ogc_api.configuration import configuration
from ogc_api.edr import Edr
from ogc_api.features.service import ItemsService
from ogc_api.features.versions import Versions
from tests.ogc_api.conftest import BASE
from tests.ogc_api.small_city import BUILDINGS


@pytest.fixture(scope="module")
def api(ogc_twin):
    principal = ogc_twin.access.public
    items = ItemsService(ogc_twin, principal, Versions(ogc_twin.store))
    edr = Edr(ogc_twin, BASE)
    collections = [ogc_twin.store.catalogue.collection("buildings", principal)]
    yield API(configuration(ogc_twin, principal, items, edr, collections, BASE, "fr"), {})
    edr.close()


def asked(api, **query):
    return APIRequest(
        SimpleNamespace(query_params={"f": "json", **query}, headers={}, scope={"path": "/"}), api.locales
    )


def test_pygeoapi_reads_pages_of_items(api, ogc):
    query = {"limit": "7", "storeys": "3", "sortby": "-height", "properties": "height,commune"}
    _, status, page = get_collection_items(api, asked(api, **query), "buildings")
    ours = ogc.json("/collections/buildings/items", **query)
    assert status == 200
    assert (page["numberMatched"], page["features"]) == (ours["numberMatched"], ours["features"])


def test_pygeoapi_asks_by_time_box_and_count(api, ogc):
    query = {"datetime": "1990-01-01/2026-07-03", "bbox": "3.86,43.60,3.88,43.62", "limit": "100"}
    _, status, page = get_collection_items(api, asked(api, **query), "buildings")
    assert status == 200, "open extents: a datetime outside of the data is no error"
    assert page["numberMatched"] == ogc.json("/collections/buildings/items", **query)["numberMatched"] > 0
    _, _, hits = get_collection_items(api, asked(api, resulttype="hits"), "buildings")
    assert (hits["numberMatched"], hits["features"]) == (BUILDINGS, [])


def test_pygeoapi_reads_one_item(api):
    _, status, item = get_collection_item(api, asked(api), "buildings", "b0003")
    assert (status, item["properties"]["commune"]) == (200, "Mauguio")
    assert get_collection_item(api, asked(api), "buildings", "b9999")[1] == 404


def test_pygeoapi_leaves_the_root_logger_to_the_application(ogc_twin):
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    root.handlers.clear()
    try:
        edr = Edr(ogc_twin, BASE)
        items = ItemsService(ogc_twin, ogc_twin.access.public, Versions(ogc_twin.store))
        API(configuration(ogc_twin, ogc_twin.access.public, items, edr, [], BASE, "en"), {})
        assert root.handlers == []
    finally:
        root.handlers.extend(before[1])
    assert root.level == before[0]
