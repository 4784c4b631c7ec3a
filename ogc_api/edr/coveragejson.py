"""CoverageJSON documents (OGC 21-069r2) made of whole arrays, never value by value.

Arrays stay numpy until :func:`encode`, which writes float32 with as many digits as it holds, and
not-a-number as ``null``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ogc_api.edr.answer import Answer, Grid, Path, Place, Times, Values, Variable
from ogc_api.edr.rfc3339 import rfc3339
from twin import crs as crs_
from twin.model import ObservedProperty, Text
from twin.tables import QUALITY_TITLES, Quality

MEDIA_TYPE = "application/prs.coverage+json"
UCUM = "http://www.opengis.net/def/uom/UCUM/"

type Document = dict[str, Any]


def encode(answer: Answer) -> bytes:
    """Return the document of an answer, as JSON."""
    return orjson.dumps(document(answer), option=orjson.OPT_SERIALIZE_NUMPY)


def document(answer: Answer) -> Document:
    """Return the document of an answer, its values still arrays: a collection unless there is but one coverage."""
    match answer.body:
        case Grid() as grid:
            coverages = [_grid(grid)]
        case Path() as path:
            coverages = [_path(path)]
        case places:
            coverages = [_place(place) for place in places]
    used = {
        name: parameter(variable)
        for name, variable in answer.variables.items()
        if any(name in item["ranges"] for item in coverages)
    }
    first = coverages[0]["domain"]
    systems = _referencing(answer.crs, timed=_is_timed(first["axes"]))
    if len(coverages) == 1:
        return {**coverages[0], "domain": {**first, "referencing": systems}, "parameters": used}
    return {
        "type": "CoverageCollection",
        "domainType": first["domainType"],
        "parameters": used,
        "referencing": systems,
        "coverages": coverages,
    }


# --- Domains ---------------------------------------------------------------------------------------


def _grid(grid: Grid) -> Document:
    axes: Document = {"x": {"values": grid.x}, "y": {"values": grid.y}, **_t(grid.times, grid.stops)}
    shape = () if grid.times is None else (len(grid.times),)
    names = (*_names(grid.times), "y", "x")
    return _coverage("Grid", axes, _ranges(grid.values, names, (*shape, len(grid.y), len(grid.x))))


def _place(place: Place) -> Document:
    kind, series = place.shape.geom_type, "" if place.times is None else "Series"
    axes: Document = _t(place.times, place.stops)
    if kind == "Point":
        axes = {"x": {"values": [place.shape.x]}, "y": {"values": [place.shape.y]}, **axes}
    else:
        rings = [np.asarray(ring.coords)[:, :2].tolist() for ring in (place.shape.exterior, *place.shape.interiors)]
        axes["composite"] = {"dataType": "polygon", "coordinates": ["x", "y"], "values": [rings]}
    shape = () if place.times is None else (len(place.times),)
    return _coverage(f"{kind}{series}", axes, _ranges(place.values, _names(place.times), shape), place.id)


def _path(path: Path) -> Document:
    count = len(path.x)
    if path.moving:
        assert path.times is not None  # noqa: S101 - what moves has times
        tuples = [list(each) for each in zip(rfc3339(path.times), path.x.tolist(), path.y.tolist(), strict=True)]
        axes = {"composite": {"dataType": "tuple", "coordinates": ["t", "x", "y"], "values": tuples}}
        return _coverage("Trajectory", axes, _ranges(path.values, ("composite",), (count,)))
    points = np.column_stack([path.x, path.y]).tolist()
    composite: Document = {"dataType": "tuple", "coordinates": ["x", "y"], "values": points}
    axes = {"composite": composite, **_t(path.times, path.stops)}
    shape = (count,) if path.times is None else (len(path.times), count)
    kind = "MultiPoint" if path.times is None else "MultiPointSeries"
    return _coverage(kind, axes, _ranges(path.values, (*_names(path.times), "composite"), shape))


def _t(times: Times, stops: Times) -> Document:
    if times is None:
        return {}
    if stops is None:
        return {"t": {"values": rfc3339(times)}}
    return {"t": {"values": rfc3339(times), "bounds": rfc3339(np.column_stack([times, stops]).reshape(-1))}}


def _names(times: Times) -> tuple[str, ...]:
    return () if times is None else ("t",)


def _coverage(kind: str, axes: Document, ranges: Document, name: str | None = None) -> Document:
    named = {} if name is None else {"id": name}
    domain = {"type": "Domain", "domainType": kind, "axes": axes}
    return {"type": "Coverage", **named, "domain": domain, "ranges": ranges}


def _ranges(values: Mapping[str, Values], axes: Sequence[str], shape: tuple[int, ...]) -> Document:
    return {name: _ndarray(array, axes, shape) for name, array in values.items()}


def _ndarray(values: Values, axes: Sequence[str], shape: tuple[int, ...]) -> Document:
    """Return a range; a list holds texts, or integers some of which are missing."""
    if isinstance(values, list):
        kind = "string" if any(isinstance(value, str) for value in values) else "integer"
        return {"type": "NdArray", "dataType": kind, "axisNames": axes, "shape": shape, "values": values}
    kind = "integer" if values.dtype.kind in "iu" else "float"
    flat: NDArray[Any] = np.ascontiguousarray(values).reshape(-1)
    return {"type": "NdArray", "dataType": kind, "axisNames": axes, "shape": shape, "values": flat}


def _is_timed(axes: Mapping[str, Any]) -> bool:
    return "t" in axes or "t" in axes.get("composite", {}).get("coordinates", ())


@lru_cache(maxsize=64)
def _referencing(crs: str, *, timed: bool) -> list[Document]:
    """Return the reference systems of x and y, and of t when there is one."""
    kind = "ProjectedCRS" if crs_.definition(crs).is_projected else "GeographicCRS"
    systems: list[Document] = [{"coordinates": ["x", "y"], "system": {"type": kind, "id": crs_.uri(crs)}}]
    if timed:
        systems.append({"coordinates": ["t"], "system": {"type": "TemporalRS", "calendar": "Gregorian"}})
    return systems


# --- Parameters ------------------------------------------------------------------------------------


def parameter(variable: Variable) -> Document:
    """Return the parameter of a variable, its unit in UCUM or its categories."""
    title = label(variable.title)
    found: Document = {"type": "Parameter", "id": variable.name, "label": title}
    if variable.description:
        found["description"] = label(variable.description)
    if variable.quality:
        categories = [{"id": quality.name.lower(), "label": label(text)} for quality, text in QUALITY_TITLES.items()]
        return {
            **found,
            "observedProperty": {"id": variable.name, "label": title, "categories": categories},
            "categoryEncoding": {quality.name.lower(): int(quality) for quality in Quality},
        }
    observed, unit = variable.observed, variable.unit
    return {
        **found,
        "observedProperty": {"id": identifier(observed), "label": label(observed.title)},
        "unit": {"label": {"fr": unit, "en": unit}, "symbol": {"value": unit, "type": UCUM}},
    }


def label(text: Text) -> dict[str, str]:
    """Return an i18n object: the text in each language."""
    return {"fr": text.fr, "en": text.en}


def identifier(observed: ObservedProperty) -> str:
    """Return the URI of an observed property: its definition, or its CF standard name, or its name."""
    if observed.definition:
        return observed.definition
    if observed.standard_name:
        return f"http://vocab.nerc.ac.uk/standard_name/{observed.standard_name}/"
    return observed.name
