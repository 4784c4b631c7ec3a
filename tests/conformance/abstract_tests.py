"""The abstract tests of the classes of conformance, as the annexes of the standards list them.

A class and a test are named by their address under ``http://www.opengis.net/spec/``.

References
----------
OGC 19-072 (Common Part 1), 20-024 (Part 2), 23-058r2 (Part 3, which is Features Part 5, draft), 17-069r4 (Features
Part 1), 18-058 (Part 2), 19-079r2 (Part 3), 20-002 (Part 4, draft), 21-065r2 (CQL2), 19-086r6 (EDR 1.1) and 19-086r4
(EDR 1.0), annexes A.
"""

from __future__ import annotations

import pytest

SPEC = "http://www.opengis.net/spec/"
F1, F2, F3, F4 = (f"ogcapi-features-{part}/1.0/conf" for part in (1, 2, 3, 4))
#: Common Part 1 (19-072), Part 2 (20-024) and Part 3 (23-058r2).
C1, C2, C3 = (f"ogcapi-common-{part}/1.0/conf" for part in (1, 2, 3))
CQL2 = "cql2/1.0/conf"
EDR = tuple(f"ogcapi-edr-1/{version}/conf" for version in ("1.0", "1.1"))
#: The standards whose abstract tests are here.
STANDARDS = ("ogcapi-common-", "ogcapi-features-", "cql2/", "ogcapi-edr-")


def abstract_test(*identifiers: str) -> pytest.MarkDecorator:
    """Mark a function as one or more abstract tests; ``pytest -k`` finds it by their identifiers."""
    return pytest.mark.abstract_test(*identifiers)


def edr(name: str) -> pytest.MarkDecorator:
    """Mark a function as an abstract test that both versions of EDR have under one name."""
    return abstract_test(*(f"{root}/{name}" for root in EDR))


def _under(root: str, names: str) -> tuple[str, ...]:
    return tuple(f"{root}/{name}" for name in names.split())


_OAS30 = "completeness exceptions-codes oas-definition-1 oas-definition-2 oas-impl security"
# The document of EDR includes /conf/edr/query_type/no-data in no class: what it requires holds for every query.
_EDR_COLLECTIONS = """
    edr/query_type/no-data
    collections/rc-md-op rc-md-success collections/src-md-op collections/src-md-success core/rc-extent
    edr/rc-collection-info edr/rc-data-queries edr/rc-common-query-type edr/rc-common-variables
    edr/rc-radius-variables edr/rc-cube-variables edr/rc-corridor-variables edr/rc-items-variables
    edr/rc-md-query-links core/rc-collection-info-links edr/rc-parameters
"""

#: The abstract tests of each class. Those of CQL2 called `test-data`, for a service of Natural Earth, do not apply.
CLASSES: dict[str, tuple[str, ...]] = {
    f"{C1}/core": _under(
        f"{C1}/core",
        """
        http query-param-name-unknown query-param-value-invalid query-param-capitalization query-param-list-delimiter
        query-param-list-escape query-param-list-empty query-param-value-boolean query-param-value-integer
        query-param-value-decimal query-param-value-double
        """,
    ),
    f"{C1}/landing-page": _under(
        f"{C1}/landing-page",
        "root-op root-success api-definition-op api-definition-success conformance-op conformance-success",
    ),
    f"{C1}/json": _under(f"{C1}/json", "definition content"),
    f"{C1}/html": _under(f"{C1}/html", "definition content"),
    f"{C1}/oas30": _under(f"{C1}/oas30", _OAS30),
    f"{C2}/collections": _under(
        f"{C2}/collections",
        """
        collections-list-op collections-list-success collections-list-links collections-list-collections
        description-op description-success description-links description-extent description-extent-multi
        """,
    ),
    f"{C3}/schemas": _under(
        f"{C3}/schemas", "basic-schema-inspection role role-id property-seq unit definition nullvalues"
    ),
    f"{C3}/advanced-property-roles": _under(
        f"{C3}/advanced-property-roles", "role-primary-geometry role-primary-temporal role-type"
    ),
    f"{C3}/returnables-and-receivables": _under(
        f"{C3}/returnables-and-receivables", "get-conformance link op-and-response response-1 response-2"
    ),
    f"{C3}/queryables": _under(f"{C3}/queryables", "get-conformance link op-and-response"),
    f"{C3}/sortables": _under(f"{C3}/sortables", "get-conformance link op-and-response"),
    f"{C3}/profile-parameter": _under(
        f"{C3}/profile-parameter", "get-conformance profile-param profile-param-response"
    ),
    f"{C3}/profile-codelists": _under(f"{C3}/profile-codelists", "get-conformance codelists"),
    f"{F1}/core": _under(
        f"{F1}/core",
        """
        http root-op root-success api-definition-op api-definition-success conformance-op conformance-success
        fc-md-op fc-md-success fc-md-links fc-md-items fc-md-items-links fc-md-extent fc-md-extent-multi
        sfc-md-op sfc-md-success fc-op fc-bbox-definition fc-bbox-response fc-limit-definition fc-limit-response
        fc-time-definition fc-time-response query-param-invalid query-param-unknown fc-response fc-links
        fc-timeStamp fc-numberMatched fc-numberReturned f-op f-success f-links crs84
        """,
    ),
    f"{F1}/geojson": _under(f"{F1}/geojson", "definition content"),
    f"{F1}/html": _under(f"{F1}/html", "definition content"),
    f"{F1}/oas30": _under(f"{F1}/oas30", _OAS30),
    f"{F2}/crs": _under(
        f"{F2}/crs",
        """
        crs-uri default-crs storageCrs crs-parameter crs-parameter-default crs-parameter-invalid
        crs-parameter-transform bbox-crs-parameter bbox-crs-parameter-default bbox-crs-parameter-invalid
        """,
    ),
    f"{F3}/queryables": _under(f"{F3}/queryables", "get-conformance get-queryables-uris get-queryables"),
    f"{F3}/queryables-query-parameters": _under(f"{F3}/queryables-query-parameters", "get-conformance query-param"),
    # No function of our own is offered: /conf/filter/get-functions does not apply.
    f"{F3}/filter": _under(
        f"{F3}/filter",
        "get-conformance filter-param filter-lang-default expression-construction filter-crs-wgs84 filter-crs-param",
    ),
    f"{F3}/features-filter": _under(
        f"{F3}/features-filter", "get-conformance get-collections get-collection filter-on-items mixing-expression"
    ),
    f"{F4}/create-replace-delete": _under(
        f"{F4}/create-replace-delete",
        """
        insert/post-op insert/body insert/content-type insert/response insert/response-rid update/put/put-op
        update/put/body update/put/content-type update/put/response update/put/rid-exception delete/delete-op
        delete/response crs/crs84 crs/geojson crs/storage-crs
        """,
    ),
    f"{F4}/features": _under(f"{F4}/features", "collection-items-end-point feature-end-point"),
    # The annex of the draft has none for these two: tests/ogc_api/test_editing.py holds them to their requirements.
    f"{F4}/update": (),
    f"{F4}/optimistic-locking-etags": (),
    **{
        f"{CQL2}/{name}": _under(f"{CQL2}/{name}", tests)
        for name, tests in {
            "cql2-text": "validate escaping",
            "cql2-json": "validate",
            "basic-cql2": "basic-test comparison is-null boolean logical",
            "advanced-comparison-operators": "like between in logical",
            "case-insensitive-comparison": "casei casei-like logical",
            "accent-insensitive-comparison": "accenti accenti-like accenti-casei accenti-casei-like logical",
            "basic-spatial-functions": "s_intersects logical",
            "basic-spatial-functions-plus": "s_intersects",
            "spatial-functions": """
                s_intersects s_disjoint s_equals s_touches s_crosses s_within s_contains s_overlaps logical
            """,
            "temporal-functions": "temporal-functions-1 temporal-functions-2 logical",
            "property-property": """
                comparison-value-property comparison-property-property comparison-value-value logical
            """,
            "arithmetic": "arithmetic logical",
        }.items()
    },
    **{
        f"{root}/core": _under(
            f"{root}/core",
            "http root-op root-success api-definition api-definition-success conformance conformance-success",
        )
        for root in EDR
    },
    f"{EDR[0]}/collections": _under(EDR[0], f"core/crs84 {_EDR_COLLECTIONS}"),
    f"{EDR[1]}/collections": _under(EDR[1], f"core/crs {_EDR_COLLECTIONS}"),
    **{
        f"{root}/{name}": _under(f"{root}/{name}", "definition content")
        for root in EDR
        for name in ("json", "geojson", "covjson")
    },
    **{f"{root}/oas30": _under(f"{root}/oas30", _OAS30) for root in EDR},
}
