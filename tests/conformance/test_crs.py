"""OGC API Features Part 2: coordinate reference systems by reference."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyproj
import shapely

from tests.conformance.abstract_tests import F2, abstract_test
from tests.conformance.service import CRS84, GEOJSON, Json, Service, identities, middle, shape, text

CRS = f"{F2}/crs"
UNKNOWN = "http://www.opengis.net/def/crs/EPSG/0/0"


@lru_cache
def _transformer(crs: str) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs("OGC:CRS84", crs)


@lru_cache
def tolerance(crs: str) -> float:
    """Return a tenth of a metre, in the unit of a CRS."""
    return 1e-6 if pyproj.CRS.from_user_input(crs).is_geographic else 0.1


def moved(geometry: shapely.Geometry, crs: str) -> shapely.Geometry:
    """Return a CRS84 geometry in another CRS, its axes in the order of its authority."""
    return shapely.transform(geometry, lambda points: np.column_stack(_transformer(crs).transform(*points.T)))


@abstract_test(f"{CRS}/crs-uri")
def test_every_crs_is_a_uri_of_the_ogc(service: Service) -> None:
    for collection in service.feature_collections:
        for crs in (*collection["crs"], collection["storageCrs"]):
            assert crs.startswith("http://www.opengis.net/def/crs/")
            assert pyproj.CRS.from_user_input(crs)


@abstract_test(f"{CRS}/default-crs")
def test_crs84_is_always_there(service: Service) -> None:
    for collection in service.feature_collections:
        assert CRS84 in collection["crs"]
        assert CRS84 in service.json(f"/collections/{collection['id']}")["crs"]


@abstract_test(f"{CRS}/storageCrs")
def test_the_crs_of_storage_is_one_of_them(service: Service) -> None:
    for collection in service.feature_collections:
        assert collection["storageCrs"] in collection["crs"]


@abstract_test(f"{CRS}/crs-parameter")
def test_items_are_given_in_every_crs(service: Service) -> None:
    for collection in service.feature_collections:
        for crs in collection["crs"]:
            for path in _paths(service, collection):
                answer = service.get(path, accept=GEOJSON, crs=crs, **_few(path))
                assert answer.status_code == 200, answer.text
                assert answer.headers["content-crs"] == f"<{crs}>"
                assert answer.json()["type"] in ("Feature", "FeatureCollection")


@abstract_test(f"{CRS}/crs-parameter-default")
def test_the_default_crs_is_told(service: Service) -> None:
    for collection in service.feature_collections:
        for path in _paths(service, collection):
            assert service.get(path, accept=GEOJSON).headers["content-crs"] == f"<{CRS84}>"


@abstract_test(f"{CRS}/crs-parameter-invalid")
def test_another_crs_is_refused(service: Service) -> None:
    for collection in service.feature_collections:
        for path in _paths(service, collection):
            assert service.refuses(path, crs=UNKNOWN)


@abstract_test(f"{CRS}/crs-parameter-transform")
def test_geometries_are_transformed(service: Service) -> None:
    for collection in service.feature_collections:
        for path in _paths(service, collection):
            plain = _shapes(service.json(path, accept=GEOJSON, **_few(path)))
            for crs in collection["crs"]:
                given = _shapes(service.json(path, accept=GEOJSON, crs=crs, **_few(path)))
                for one, other in zip(plain, given, strict=True):
                    assert shapely.equals_exact(moved(one, crs), other, tolerance(crs)), crs


@abstract_test(f"{CRS}/bbox-crs-parameter")
def test_a_box_is_in_the_crs_that_it_says(service: Service) -> None:
    for collection in service.feature_collections:
        for crs in collection["crs"]:
            asked = moved(shapely.box(*middle(collection)), crs).bounds
            found = service.items(collection, bbox=text(list(asked)), bbox_crs=crs, crs=crs)
            around = shapely.box(*asked)
            assert all(one.distance(around) <= tolerance(crs) for one in _shapes(found)), crs


@abstract_test(f"{CRS}/bbox-crs-parameter-default")
def test_a_box_is_in_crs84_unless_it_says_otherwise(service: Service) -> None:
    for collection in service.feature_collections:
        bbox = text(middle(collection))
        silent = service.items(collection, bbox=bbox)
        assert identities(silent) == identities(service.items(collection, bbox=bbox, bbox_crs=CRS84))


@abstract_test(f"{CRS}/bbox-crs-parameter-invalid")
def test_a_box_in_another_crs_is_refused(service: Service) -> None:
    for collection in service.feature_collections:
        path = f"/collections/{collection['id']}/items"
        assert service.refuses(path, bbox=text(middle(collection)), bbox_crs=UNKNOWN)


def _paths(service: Service, collection: Json) -> tuple[str, str]:
    items = f"/collections/{collection['id']}/items"
    return items, f"{items}/{service.items(collection)['features'][0]['id']}"


def _few(path: str) -> dict[str, int]:
    return {"limit": 5} if path.endswith("/items") else {}


def _shapes(document: Json) -> list[shapely.Geometry]:
    return [shape(feature) for feature in document.get("features", [document])]
