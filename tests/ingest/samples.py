"""Small datasets as real files, and the manifests that read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import shapely
import yaml

ORIGIN = (770_000.0, 6_279_000.0)


def text(words):
    return {"fr": words, "en": words}


def write_manifest(folder: Path, collections: dict, parts: list, **more) -> Path:
    """Write ``manifest.yml`` with what every dataset must say."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "dataset": "sample",
        "title": text("Sample"),
        "description": text("A sample."),
        "producer": "City",
        "licence": {"title": "Licence Ouverte 2.0", "attribution": "City"},
        "collections": collections,
        "parts": parts,
    } | more
    path = folder / "manifest.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    return path


def features_entry(geometry="Point", **types):
    """Return a collection of features with fields of these types, `name` among them unless given."""
    fields = {name: {"type": kind, "title": text(name)} for name, kind in (types or {"name": "string"}).items()}
    return {"title": text("Things"), "description": text("Things."), "geometry": geometry, "fields": fields}


def series_entry(*properties, **overrides):
    return {
        "title": text("Observations"),
        "description": text("Observations."),
        "observed_properties": {name: {} for name in properties} | overrides,
    }


def squares(count=40, z=None):
    """Return `count` squares of 10 m, one every 20 m from ORIGIN, in Lambert-93."""
    x = ORIGIN[0] + 20.0 * np.arange(count)
    shapes = shapely.box(x, ORIGIN[1], x + 10, ORIGIN[1] + 10)
    return shapes if z is None else shapely.force_3d(shapes, z)


def write_vector(path: Path, shapes, fields: dict, crs="EPSG:2154", **options) -> Path:
    pyogrio.raw.write(
        path,
        shapely.to_wkb(shapes),
        list(fields.values()),
        list(fields),
        geometry_type=shapes[0].geom_type + (" Z" if shapes[0].has_z else ""),
        crs=crs,
        **options,
    )
    return path
