"""OGC API Common Part 1, class Core: how the parameters of a query are written."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from tests.conformance.abstract_tests import C1, abstract_test
from tests.conformance.service import GEOJSON, Json, Service, example

CORE = f"{C1}/core"
#: What a parameter asks to be given with it.
WITH = {
    "filter-lang": {"filter": "TRUE"},
    "filter-crs": {"filter": "TRUE"},
    "bbox-crs": {"bbox": "3,43,4,44"},
    "corridor-height": {"height-units": "m"},
    "height-units": {"corridor-height": "9"},
    **{name: {"period": "P1D"} for name in ("aggregate", "aggregation", "time-zone", "minimum-completeness")},
}


def uses(service: Service) -> Iterator[tuple[str, dict[str, str], Json]]:
    """Yield a request for each parameter of each kind of operation: path, what else it needs, and the parameter.

    A profile that is not offered is no error (Features Part 5, section 13).
    """
    seen = {("schema", "profile"), ("queryables", "profile"), ("sortables", "profile")}
    for path, operation, asked in service.operations():
        for parameter in map(service.resolved, operation["parameters"]):
            kind = (operation["operationId"].partition("_")[0], parameter["name"])
            if parameter["in"] == "query" and kind not in seen:
                seen.add(kind)
                yield path, asked | WITH.get(parameter["name"], {}), parameter


def lists(service: Service) -> Iterator[tuple[str, dict[str, str], Json]]:
    return (use for use in uses(service) if use[2]["schema"].get("type") == "array")


def of_type(service: Service, *types: str) -> Iterator[tuple[str, dict[str, str], Json]]:
    return (use for use in uses(service) if use[2]["schema"].get("type") in types)


def status(service: Service, path: str, asked: dict[str, str], name: str, value: str) -> int:
    return service.get(f"{path}?{urlencode({**asked, name: value})}", accept="*/*").status_code


def matched(service: Service, path: str, name: str, value: str) -> int:
    found: int = service.json(f"{path}?{urlencode({name: value})}", accept=GEOJSON)["numberMatched"]
    return found


@abstract_test(f"{CORE}/query-param-value-invalid")
def test_a_value_against_its_constraints_is_refused(service: Service) -> None:
    for path, asked, parameter in uses(service):
        schema = parameter["schema"]
        if schema.get("type") != "string" or schema.keys() & {"enum", "pattern", "format"}:
            assert status(service, path, asked, parameter["name"], ";") == 400, (path, parameter["name"])


@abstract_test(f"{CORE}/query-param-capitalization")
def test_names_of_parameters_are_case_sensitive(service: Service) -> None:
    for path, asked, parameter in uses(service):
        name = parameter["name"]
        value = asked.get(name) or example(parameter)
        if value:
            # Hours of twenty years are more than one answer gives.
            assert status(service, path, asked, name, value) in (200, 204, 413), (path, name)
        assert status(service, path, asked, name.swapcase(), value or "1") == 400, (path, name)


@abstract_test(f"{CORE}/query-param-list-delimiter")
def test_items_of_a_list_are_parted_by_commas(service: Service) -> None:
    for path, asked, parameter in lists(service):
        schema, name = parameter["schema"], parameter["name"]
        several = example(parameter) if name == "bbox" else ",".join([first_item(parameter)] * 2)
        assert status(service, path, asked, name, several) in (200, 204), (path, name, schema)
        assert status(service, path, asked, name, several.replace(",", ";")) == 400, (path, name)


def first_item(parameter: Json) -> str:
    """Return an item that a list may have."""
    items = parameter["schema"]["items"]
    return example(parameter).partition(",")[0] or str(items["enum"][0])


@abstract_test(f"{CORE}/query-param-list-escape")
@pytest.mark.parametrize("odd", ["no such", "no,such", "no such,item"])
def test_no_item_of_a_list_has_a_space_or_a_comma(service: Service, odd: str) -> None:
    for path, asked, parameter in lists(service):
        items = parameter["schema"]["items"]
        assert all(" " not in item and "," not in item for item in items.get("enum", ()))
        assert status(service, path, asked, parameter["name"], odd) == 400, (path, parameter["name"])


@abstract_test(f"{CORE}/query-param-list-empty")
def test_an_empty_list_is_fewer_items_than_any_list_takes(service: Service) -> None:
    """The empty string is a list of no item, or of an empty one (19-072, section 8.5.2): neither is a valid value."""
    for path, asked, parameter in lists(service):
        assert parameter["schema"]["minItems"] >= 1, (path, parameter["name"])
        assert status(service, path, asked, parameter["name"], "") == 400, (path, parameter["name"])


@abstract_test(f"{CORE}/query-param-value-boolean")
def test_booleans_are_true_and_false(service: Service) -> None:
    for path, asked, parameter in of_type(service, "boolean"):
        assert parameter["name"] == "skipGeometry"
        for value, there in (("true", False), ("false", True)):
            page = service.json(path, accept=GEOJSON, **{**asked, "skipGeometry": value})
            assert any(feature["geometry"] for feature in page["features"]) == there


@abstract_test(f"{CORE}/query-param-value-integer")
def test_integers_are_digits_with_a_sign(service: Service) -> None:
    for path, asked, parameter in of_type(service, "integer"):
        name, least = parameter["name"], parameter["schema"].get("minimum")
        assert status(service, path, asked, name, "1") == status(service, path, asked, name, "01") == 200
        assert status(service, path, asked, name, "-1") == (200 if least is None else 400), (path, name)


def numbers(service: Service) -> Iterator[tuple[str, str, float]]:
    """Yield paths of items with a queryable of numbers, and a value that it has, not all of them whole."""
    for collection in service.feature_collections:
        path = f"/collections/{collection['id']}/items"
        schema = service.json(f"/collections/{collection['id']}/queryables")["properties"]
        for feature in service.items(collection)["features"][:3]:
            for name, value in feature["properties"].items():
                if schema.get(name, {}).get("type") == "number" and value is not None:
                    yield path, name, value


@abstract_test(f"{CORE}/query-param-value-decimal")
def test_decimals_may_have_zeros_around_them_and_a_sign(service: Service) -> None:
    for path, name, value in numbers(service):
        plain, digits = matched(service, path, name, repr(value)), f"{abs(value):.9f}"
        sign, other = ("-", "") if value < 0 else ("", "-")
        assert plain > 0
        for text in (f"{sign}00{digits}", f"{sign}{digits}00"):
            assert matched(service, path, name, text) == plain, text
        assert (matched(service, path, name, f"{other}{digits}") == plain) == (value == 0)
        whole = str(round(value))
        assert matched(service, path, name, whole) == matched(service, path, name, f"{whole}.000")


@abstract_test(f"{CORE}/query-param-value-double")
def test_doubles_may_have_an_exponent(service: Service) -> None:
    for path, name, value in numbers(service):
        digits = Decimal(repr(value))
        for text in (f"{digits * 10**3}e-3", f"{digits / 10**2}e2"):
            assert matched(service, path, name, text) == matched(service, path, name, repr(value)), text
        for large in ("5.2500e9", "-5000000000.2500"):
            assert matched(service, path, name, large) == 0
