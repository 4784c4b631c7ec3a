"""The command line as an operator uses it: one line for an error, status 2 for bad input, live ingest."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.installation import Installation
from twin.access import Access, token_hash
from twin.settings import load


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


@pytest.fixture
def trees(installation: Installation) -> Path:
    """A dataset of three trees, as an operator would describe it."""
    folder = installation.folder / "trees"
    folder.mkdir()
    features = [
        {
            "type": "Feature",
            "properties": {"numero": f"T{n}", "hauteur": 4.5 + n},
            "geometry": {"type": "Point", "coordinates": [3.87 + n / 1000, 43.61]},
        }
        for n in range(3)
    ]
    (folder / "arbres.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    (folder / "manifest.yml").write_text(
        """
dataset: arbres
title: {fr: Arbres, en: Trees}
description: {fr: Trois arbres., en: Three trees.}
producer: Ville
licence: {title: Licence Ouverte 2.0, attribution: Ville}
collections:
  oaks:
    title: {fr: Chênes, en: Oaks}
    description: {fr: Des chênes., en: Some oaks.}
    geometry: Point
    fields:
      height: {type: number, unit: m, title: {fr: Hauteur, en: Height}}
parts:
  - source: vector
    files: [arbres.geojson]
    features:
      collection: oaks
      id: {column: numero}
      fields: {height: hauteur}
""",
        "utf-8",
    )
    return folder


def test_an_unknown_setting_is_refused_by_its_name(installation: Installation) -> None:
    (installation.folder / "config.yml").write_text("city: {nam: Dijon}\n", "utf-8")
    done = installation.run("status")
    assert done.returncode == 2
    assert "city.nam is not a setting" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_setting_from_the_environment_goes_over_the_file(installation: Installation) -> None:
    (installation.folder / "config.yml").write_text("city: {name: Dijon}\n", "utf-8")
    assert "Toulon" in installation.run("status", TWIN_CITY__NAME="Toulon").stdout
    refused = installation.run("status", TWIN_SERVER__PRT="1")
    assert refused.returncode == 2
    assert "server.prt" in refused.stderr


def test_a_dry_run_changes_nothing_and_an_ingest_is_done_once(installation: Installation, trees: Path) -> None:
    dry = installation.run("ingest", "trees", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "oaks" not in installation.run("status").stdout
    assert installation.run("ingest", "trees").returncode == 0
    before = installation.run("status").stdout.splitlines()
    again = installation.run("ingest", "trees")
    assert again.returncode == 0
    assert installation.run("status").stdout.splitlines()[1:] == before[1:]  # the first line has the process's number
    assert any("oaks" in line for line in before)


def test_an_ingest_in_another_terminal_reaches_a_running_server(installation: Installation, trees: Path) -> None:
    process, url = installation.start("serve", "--port", "0")
    try:
        assert httpx.get(f"{url}/ogc/collections/oaks").status_code == 404
        done = installation.run("ingest", "trees")
        assert done.returncode == 0, done.stderr
        items = httpx.get(f"{url}/ogc/collections/oaks/items").json()
        assert items["numberMatched"] == 3
        assert {feature["id"] for feature in items["features"]} == {"T0", "T1", "T2"}
        assert installation.run("remove", "oaks").returncode == 0
        assert httpx.get(f"{url}/ogc/collections/oaks").status_code == 404
    finally:
        process.terminate()
        assert process.wait(timeout=30) is not None


def test_a_second_server_by_mistake_is_told_so(installation: Installation) -> None:
    process, _ = installation.start("serve", "--port", "0")
    try:
        second = installation.run("serve", "--port", "0")
        assert second.returncode == 1
        assert str(process.pid) in second.stderr
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_a_backup_taken_while_serving_is_restored_elsewhere(
    installation: Installation, trees: Path, tmp_path: Path
) -> None:
    process, _ = installation.start("serve", "--port", "0")
    try:
        assert installation.run("ingest", "trees").returncode == 0
        done = installation.run("backup", "twin.backup")
        assert done.returncode == 0, done.stderr
    finally:
        process.terminate()
        process.wait(timeout=30)
    elsewhere = Installation(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    done = elsewhere.run("restore", str(installation.folder / "twin.backup"))
    assert done.returncode == 0, done.stderr
    assert "oaks" in elsewhere.run("status").stdout
    assert elsewhere.run("restore", str(installation.folder / "twin.backup")).returncode == 2


def test_check_names_the_file_and_the_key(installation: Installation, trees: Path) -> None:
    good = installation.run("check", "trees")
    assert good.returncode == 0, good.stderr
    manifest = trees / "manifest.yml"
    manifest.write_text(manifest.read_text("utf-8").replace("producer:", "producteur:"), "utf-8")
    bad = installation.run("check", "trees")
    assert bad.returncode == 2
    assert "producteur" in bad.stderr
    assert "manifest.yml" in bad.stderr


def test_a_key_is_made_and_opens_what_it_says(installation: Installation) -> None:
    made = installation.run("key", "Marie Durand", "--scope", "buildings:read,update", "--scope", "*:read")
    assert made.returncode == 0, made.stderr
    config = installation.folder / "config.yml"
    config.write_text(made.stdout, "utf-8")
    access = Access(load(config).access)
    token = next(line for line in made.stdout.splitlines() if line.startswith("# ") and " " not in line[2:])[2:]
    principal = access.principal({"authorization": f"Bearer {token}"})
    assert principal.name == "Marie Durand"
    assert (principal.may("update", "buildings"), principal.may("delete", "buildings")) == (True, False)
    assert token not in config.read_text("utf-8").replace(f"# {token}", "")
    refused = installation.run("key", "x", "--scope", "buildings:drop")
    assert refused.returncode == 2
    assert "buildings" in refused.stderr


def test_check_tells_what_privacy_brings_about(demo: Installation) -> None:
    assert "private" not in demo.run("check").stdout
    told = demo.run("check", TWIN_ACCESS__PRIVATE="[stations, statoins]").stdout.splitlines()
    assert "access.private names statoins: there is no such collection yet." in told
    (besides,) = (line for line in told if line.startswith("access.private hides "))
    assert " heat_island, heat_island_daily " in besides
    assert "observations" not in besides, "lamp posts are observed too"
    (derived,) = (line for line in told if line.startswith("Public, though derived"))
    assert "heat_island_stations" in derived
    assert "built_fraction" not in derived
    key = f"[{{name: Marie, hash: '{token_hash('t')}', scopes: {{observations: [read]}}}}]"
    told = demo.run("check", TWIN_ACCESS__PRIVATE="[datastreams, observations]", TWIN_ACCESS__KEYS=key).stdout
    assert "The key 'Marie' sees nothing of observations: let it read datastreams" in told
