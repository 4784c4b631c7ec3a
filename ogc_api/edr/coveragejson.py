"""CoverageJSON documents (OGC 21-069r2) made of whole arrays, never value by value.

Arrays stay numpy until :func:`encode`, which writes float32 with as many digits as it holds, and
not-a-number as ``null``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from twin import crs as crs_
from twin.model import QUALITY_TITLES, Collection, Kind, ObservedProperty, Quality, Text

MEDIA_TYPE = "application/prs.coverage+json"
UCUM = "http://www.opengis.net/def/uom/UCUM/"
QUALITY_SUFFIX = "_quality"

type Document = dict[str, Any]


def encode(document: Document) -> bytes:
    """Return the JSON of a document whose values may be numpy arrays."""
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def rfc3339(times: NDArray[np.datetime64]) -> list[str]:
    """Return UTC instants as RFC 3339 with ``Z``, to the second unless the data is finer."""
    seconds = times.astype("M8[s]")
    exact = seconds if (seconds == times).all() else times.astype("M8[us]")
    return [f"{text}Z" for text in np.datetime_as_string(exact).tolist()]


def label(text: Text) -> dict[str, str]:
    """Return an i18n object: the text in each language."""
    return {"fr": text.fr, "en": text.en}


def parameter(observed: ObservedProperty) -> Document:
    """Return the parameter of an observed property, its unit in UCUM."""
    return {
        "type": "Parameter",
        "id": observed.name,
        "label": label(observed.title),
        "observedProperty": {"id": identifier(observed), "label": label(observed.title)},
        "unit": {"label": {"fr": observed.unit, "en": observed.unit}, "symbol": {"value": observed.unit, "type": UCUM}},
    }


def identifier(observed: ObservedProperty) -> str:
    """Return the URI of an observed property: its definition, or its CF standard name, or its name."""
    if observed.definition:
        return observed.definition
    if observed.standard_name:
        return f"http://vocab.nerc.ac.uk/standard_name/{observed.standard_name}/"
    return observed.name


def quality_title(observed: ObservedProperty) -> Text:
    """Return the title of the quality parameter of an observed property."""
    return Text(fr=f"Qualité : {observed.title.fr}", en=f"Quality: {observed.title.en}")


def quality_parameter(observed: ObservedProperty) -> Document:
    """Return the parameter of the quality flags of an observed property, as categories."""
    name = observed.name + QUALITY_SUFFIX
    title = label(quality_title(observed))
    categories = [{"id": quality.name.lower(), "label": label(text)} for quality, text in QUALITY_TITLES.items()]
    return {
        "type": "Parameter",
        "id": name,
        "label": title,
        "observedProperty": {"id": name, "label": title, "categories": categories},
        "categoryEncoding": {quality.name.lower(): int(quality) for quality in Quality},
    }


def referencing(crs: str, *, temporal: bool) -> list[Document]:
    """Return the reference systems of the axes x and y, and of t when there is one."""
    kind = "ProjectedCRS" if crs_.definition(crs).is_projected else "GeographicCRS"
    systems: list[Document] = [{"coordinates": ["x", "y"], "system": {"type": kind, "id": crs_.uri(crs)}}]
    if temporal:
        systems.append({"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "Gregorian"}})
    return systems


def ndarray(values: NDArray[Any] | list[Any], axes: tuple[str, ...], shape: tuple[int, ...]) -> Document:
    """Return a range; `values` has the product of `shape` elements, in row-major order.

    A list holds texts, or integers some of which are missing.
    """
    if isinstance(values, np.ndarray):
        kind = "integer" if values.dtype.kind in "iu" else "float"
        values = np.ascontiguousarray(values).reshape(-1)
    else:
        kind = "string" if any(isinstance(value, str) for value in values) else "integer"
    return {"type": "NdArray", "dataType": kind, "axisNames": axes, "shape": shape, "values": values}


def domain(kind: str, x: NDArray[np.float64], y: NDArray[np.float64], times: NDArray[np.datetime64] | None) -> Document:
    """Return the domain of one coverage; :func:`document` adds its reference systems."""
    axes: Document = {"x": {"values": x}, "y": {"values": y}}
    if times is not None:
        axes["t"] = {"values": rfc3339(times)}
    return {"type": "Domain", "domainType": kind, "axes": axes}


def coverage(domain: Document, ranges: Mapping[str, Document], name: str | None = None) -> Document:
    """Return one coverage; :func:`document` makes it whole."""
    named = {} if name is None else {"id": name}
    return {"type": "Coverage", **named, "domain": domain, "ranges": ranges}


def document(coverages: Sequence[Document], parameters: Mapping[str, Document], crs: str) -> Document:
    """Return the document of coverages of one kind of domain: a collection unless there is but one.

    `parameters` may hold more than the coverages use.
    """
    used = {name: parameters[name] for name in parameters if any(name in item["ranges"] for item in coverages)}
    first = coverages[0]["domain"]
    systems = referencing(crs, temporal="t" in first["axes"])
    if len(coverages) == 1:
        return {**coverages[0], "domain": {**first, "referencing": systems}, "parameters": used}
    return {
        "type": "CoverageCollection",
        "domainType": first["domainType"],
        "parameters": used,
        "referencing": systems,
        "coverages": coverages,
    }


def parameters(collection: Collection) -> dict[str, Document]:
    """Return every parameter that a query of a collection may name, quality flags of series included."""
    found = {observed.name: parameter(observed) for observed in collection.observed_properties}
    if collection.kind is Kind.TIMESERIES:
        for observed in collection.observed_properties:
            found[observed.name + QUALITY_SUFFIX] = quality_parameter(observed)
    return found
