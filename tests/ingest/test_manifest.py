"""Manifests: what they may say, and how they are refused."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
import yaml

from twin.errors import BadManifest
from twin.ingest import manifest as module
from twin.ingest.manifest import Manifest
from twin.themes import known_themes

from .samples import features_entry, series_entry, write_manifest

DATASETS = sorted((Path(__file__).resolve().parents[2] / "datasets").glob("*/manifest.yml"))
POINTS = {
    "source": "table",
    "files": ["a.csv"],
    "read": {"crs": "EPSG:2154"},
    "features": {"collection": "things", "id": {"column": "id"}, "geometry": {"x": "x", "y": "y"}},
}


def refused(folder, match, collections=None, part=None, **more):
    path = write_manifest(folder, collections or {"things": features_entry()}, [part or POINTS], **more)
    with pytest.raises(BadManifest, match=match) as caught:
        Manifest.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", DATASETS, ids=lambda path: path.parent.name)
def test_manifests_of_the_project_are_sound(path):
    manifest = Manifest.load(path)
    assert manifest.dataset == path.parent.name
    for name in manifest.collections:
        collection = manifest.collection(name, "EPSG:2154")
        assert collection.title.fr
        assert collection.title.en
        drawn = {collection.style.label, collection.style.height, collection.style.base} - {None}
        assert drawn <= {field.name for field in collection.fields}


def test_the_example_of_the_documentation_is_sound(tmp_path):
    example = textwrap.dedent(module.__doc__.split("::\n\n", 1)[1].split("\nA series takes")[0])
    content = yaml.safe_load(example.replace("stations: {...}", "stations: {}"))
    content["collections"]["stations"] = features_entry(name="string", station_type="string")
    content["collections"]["observations"]["observed_properties"] |= {"no2": {}, "pm2_5": {}}
    path = tmp_path / "manifest.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    manifest = Manifest.load(path)
    observed = {known.name: known for known in manifest.collection("observations", "EPSG:2154").observed_properties}
    assert observed["air_temperature"].limits.minimum == -25
    assert observed["air_temperature"].limits.step_per_hour == 12  # what is not overridden stays
    assert manifest.collection("observations", "EPSG:2154").finest_period == "P1D"


def test_a_collection_enters_a_known_theme_or_makes_its_own(tmp_path):
    def theme_of(given):
        entry = features_entry() | {"theme": given}
        return (
            Manifest.load(write_manifest(tmp_path, {"things": entry}, [POINTS])).collection("things", "EPSG:2154").theme
        )

    assert theme_of("heat") == known_themes()["heat"]
    own = {"name": "noise", "title": {"fr": "Bruit", "en": "Noise"}}
    assert theme_of(own).model_dump() == own
    refused(tmp_path, "'cold' is no known theme", {"things": features_entry() | {"theme": "cold"}})


def test_an_unknown_key_is_refused_by_its_name(tmp_path):
    refused(tmp_path, r"parts\.0\.read\.encodign is not a key", part=POINTS | {"read": {"encodign": "latin-1"}})


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside.csv", "a/../../b.csv"])
def test_no_file_outside_the_data_folder(tmp_path, name):
    refused(tmp_path, "must stay inside the data folder", part=POINTS | {"files": [name]})


def test_other_mistakes_are_one_sentence(tmp_path):
    features = POINTS["features"]
    refused(tmp_path, "which collections lacks", part=POINTS | {"features": features | {"collection": "other"}})
    refused(
        tmp_path, "colour, which the collection", part=POINTS | {"features": features | {"fields": {"colour": "c"}}}
    )
    refused(
        tmp_path,
        "not an IANA time zone",
        part=POINTS | {"features": features | {"valid_from": {"column": "d", "zone": "Paris"}}},
    )
    refused(tmp_path, "Unknown coordinate reference", part=POINTS | {"read": {"crs": "EPSG:1"}})
    refused(tmp_path, "knows no encoding", part=POINTS | {"read": {"encoding": "latin-one"}})
    refused(tmp_path, "one of features, series, coverage", part={"source": "table", "files": ["a.csv"]})
    series = {"collection": "things", "object": {"collection": "things", "file": "("}, "time": {"column": "t"}}
    refused(tmp_path, "no regular expression", part={"source": "table", "files": ["a"], "series": series})
    refused(tmp_path, "finest_period", collections={"things": features_entry() | {"finest_period": "a day"}})


def test_an_unknown_property_needs_its_title_and_unit(tmp_path):
    entry = series_entry("radon")
    part = {
        "source": "table",
        "files": ["a.csv"],
        "series": {
            "collection": "observations",
            "object": {"collection": "things", "column": "id"},
            "time": {"column": "t"},
            "results": {"radon": "radon"},
        },
    }
    path = write_manifest(tmp_path, {"observations": entry}, [part])
    with pytest.raises(BadManifest, match="'radon' is not known: give its title and its UCUM unit"):
        Manifest.load(path).collection("observations", "EPSG:2154")


def test_what_is_no_manifest(tmp_path):
    with pytest.raises(BadManifest, match="there is no such manifest"):
        Manifest.load(tmp_path / "manifest.yml")
    (tmp_path / "manifest.yml").write_text("a: [", "utf-8")
    with pytest.raises(BadManifest, match="not YAML"):
        Manifest.load(tmp_path)
    (tmp_path / "manifest.yml").write_text("- a list", "utf-8")
    with pytest.raises(BadManifest):
        Manifest.load(tmp_path)
