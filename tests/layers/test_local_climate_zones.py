"""Local climate zones: the classes of typical places, by hand; areas of cells; rasters of codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin

from layers.local_climate_zones.classification import NEEDED, USES, classify
from layers.local_climate_zones.zones import table
from tests.layers.layer_twin import Station, commit_features, commit_stations, empty_twin
from tests.layers.test_urban_morphology import COVER, X, Y, box, columns, fill
from twin import pipeline
from twin.context import Twin
from twin.errors import BadInput, DoesNotApply
from twin.model import Field, FieldType, Text
from twin.store import OPERATOR, FeatureQuery

FIELD = {"built_fraction": 0.02, "mean_height": 5.0, "aspect_ratio": 0.02, "sky_view_factor": 0.98}
FIELD |= {"roughness_length": 0.05, "sealed_fraction": 0.03, "bare_fraction": 0.05, "vegetation_fraction": 0.9}
FIELD |= {"tree_fraction": 0.0, "shrub_fraction": 0.0, "water_fraction": 0.0}


def told(**change: float) -> tuple[str | None, str | None, float, float]:
    """Return the zone of a place that differs from a field of grass, the second one, distance and uniqueness."""
    found = classify({name: np.array([value]) for name, value in (FIELD | change).items()}, table())
    codes = (*table().codes, None)
    return codes[found.first[0]], codes[found.second[0]], float(found.distance[0]), float(found.uniqueness[0])


FORM = ("sky_view_factor", "aspect_ratio", "built_fraction", "mean_height", "roughness_length")
MIDDLE = {
    code: dict(zip(FORM, values, strict=True))
    for code, values in {
        "1": (0.3, 2.5, 0.5, 40, 2.5),
        "2": (0.45, 1.4, 0.55, 17, 1),
        "3": (0.4, 1.1, 0.55, 6, 0.6),
        "4": (0.6, 1.0, 0.3, 40, 2),
        "5": (0.65, 0.5, 0.3, 17, 0.5),
        "6": (0.75, 0.5, 0.3, 6, 0.5),
        "7": (0.35, 1.5, 0.75, 3, 0.2),
        "9": (0.9, 0.2, 0.15, 6, 0.5),
    }.items()
}


@pytest.mark.parametrize("code", MIDDLE)
def test_the_middle_of_the_ranges_of_a_zone_is_that_zone_for_certain(code: str) -> None:
    first, second, distance, uniqueness = told(**MIDDLE[code])
    assert (first, distance, uniqueness) == (code, 0.0, 1.0)
    assert second in set(MIDDLE) - {code}


def test_a_distance_is_worked_out_by_hand() -> None:
    """Between zones 5 and 6, which differ by their height and sky alone: 10 m of height to either side.

    At 9 m and a sky of 0.55, zone 6 lacks 0.05 of sky view and zone 5 lacks 1 m. The bounds of heights are
    25; 10, 25; 3, 10; 25; 10, 25; 3, 10; 2, 4; 3, 10, those of sky view 0.2, 0.4, 0.3, 0.6, 0.2, 0.6, 0.5,
    0.7, 0.5, 0.8, 0.6, 0.9, 0.2, 0.5, 0.8, 1: a gap is in their standard deviations, and weighs 6 and 4.
    """
    heights = np.std([25, 10, 25, 3, 10, 25, 10, 25, 3, 10, 2, 4, 3, 10])
    skies = np.std([0.2, 0.4, 0.3, 0.6, 0.2, 0.6, 0.5, 0.7, 0.5, 0.8, 0.6, 0.9, 0.2, 0.5, 0.8, 1])
    to_five, to_six = np.sqrt(6) * 1 / heights, np.sqrt(4) * 0.05 / skies
    place = {"sky_view_factor": 0.55, "aspect_ratio": 0.5, "built_fraction": 0.3, "mean_height": 9.0}
    first, second, distance, uniqueness = told(**place, roughness_length=0.5)
    assert (first, second) == (("5", "6") if to_five < to_six else ("6", "5"))
    assert distance == pytest.approx(min(to_five, to_six))
    assert uniqueness == pytest.approx(abs(to_five - to_six) / (to_five + to_six))


@pytest.mark.parametrize(
    ("change", "zone"),
    [
        ({}, "D"),
        ({"tree_fraction": 0.3}, "B"),
        ({"tree_fraction": 0.8}, "A"),
        ({"shrub_fraction": 0.6}, "C"),
        ({"sealed_fraction": 0.6, "vegetation_fraction": 0.35}, "E"),
        ({"bare_fraction": 0.7, "vegetation_fraction": 0.25}, "F"),
        ({"water_fraction": 0.6, "vegetation_fraction": 0.35}, "G"),
        (MIDDLE["6"] | {"heavy_industry_share": 0.5, "activity_share": 0.2}, "10"),
        (MIDDLE["9"] | {"activity_share": 0.6, "residential_share": 0.3, "vegetation_fraction": 0.1}, "8"),
        (MIDDLE["9"] | {"activity_share": 0.6, "residential_share": 0.3, "vegetation_fraction": 0.4}, "9"),
        ({"mean_height": np.nan}, None),
    ],
)
def test_rules_tell_land_covers_and_large_buildings(change: dict[str, float], zone: str | None) -> None:
    assert told(**change)[0] == zone


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=14, max_size=14))
def test_every_known_place_has_one_zone(values: list[float]) -> None:
    scale = {"mean_height": 60.0, "aspect_ratio": 4.0, "roughness_length": 3.0}
    names = (*NEEDED, *USES)
    first, _, distance, uniqueness = told(
        **{name: value * scale.get(name, 1.0) for name, value in zip(names, values, strict=True)}
    )
    assert first in table().codes
    assert np.isnan(uniqueness) == np.isnan(distance)
    assert np.isnan(uniqueness) or 0 <= uniqueness <= 1


def test_roughness_classes_meet_half_way() -> None:
    """Classes 5 and 6 of Davenport, 0.25 and 0.5 m: from (0.1 + 0.25) / 2 to (0.5 + 1) / 2; class 8 is open above."""
    ranges = table().ranges()
    assert ranges["6"]["roughness_length"] == pytest.approx((0.175, 0.75))
    assert ranges["1"]["roughness_length"] == (1.5, None)


def zones(twin: Twin) -> dict[str, dict[str, object]]:
    rows = twin.store.features.read(FeatureQuery(collection="local_climate_zones"), OPERATOR).read_all().to_pylist()
    return {row["id"]: row for row in rows}


def test_derived_from_the_morphology(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        commit_features(twin, "communes", (), columns([box(0, 0, 400, 200)]), "Polygon")
        covers = [box(0, 0, 200, 200), box(200, 0, 400, 200)]
        commit_features(twin, "land_cover", COVER, columns(covers, cover=["CS1.2.2", "CS2.2.1"]), "Polygon")
        field = (Field(name="height", type=FieldType.NUMBER, title=Text(fr="h", en="h")),)
        commit_features(twin, "buildings", field, columns([box(395, 195, 400, 200)], height=[3.0]), "Polygon")
        pipeline.derive(twin, "urban_morphology", {"radius": 10})
        pipeline.derive(twin, "local_climate_zones", {})
        found = zones(twin)
        assert {row["lcz"]: row["area"] for row in found.values()} == {"G": 40_000, "D": 40_000}
        for row in found.values():
            shape = shapely.from_wkb(row["geometry"])
            assert shape.equals(covers[0] if row["lcz"] == "G" else covers[1])
        with pytest.raises(BadInput, match="no multiple"):
            pipeline.derive(twin, "local_climate_zones", {"cell": 75})


def test_what_a_dataset_gives_is_not_overwritten(tmp_path: Path) -> None:
    with empty_twin(tmp_path) as twin:
        with pytest.raises(DoesNotApply, match="no coverage urban_morphology"):
            pipeline.derive(twin, "local_climate_zones", {})
        fill(twin)
        pipeline.derive(twin, "urban_morphology", {"land_cover": None, "water": None})
        with pytest.raises(DoesNotApply, match="need buildings with heights, and the land cover"):
            pipeline.derive(twin, "local_climate_zones", {})
        commit_features(twin, "local_climate_zones", COVER, columns([box(0, 0, 9, 9)], cover=["D"]), "Polygon")
        with pytest.raises(DoesNotApply, match="is given by"):
            pipeline.derive(twin, "local_climate_zones", {})


@pytest.mark.parametrize("stray", [0, 44])
def test_read_from_a_raster_of_codes(tmp_path: Path, stray: int) -> None:
    """Two squares of class 2 that touch at a corner alone are two areas; 14 is D, 0 is nothing."""
    codes = np.array([[2, 14, 14], [14, 2, stray]], np.uint8)
    profile = {"driver": "GTiff", "width": 3, "height": 2, "count": 1, "dtype": "uint8", "crs": "EPSG:2154"}
    with rasterio.open(tmp_path / "lcz.tif", "w", **profile, transform=from_origin(X, Y + 200, 100, 100)) as raster:
        raster.write(codes, 1)
    text = {"fr": "LCZ", "en": "LCZ"}
    told = {"title": text, "description": text}
    coverage = {"collection": "lcz", "property": "code", "cell": 100}
    manifest = {
        **told,
        "dataset": "wudapt",
        "producer": "WUDAPT",
        "licence": {"title": "CC BY 4.0", "attribution": "WUDAPT"},
        "collections": {"lcz": {**told, "observed_properties": {"code": {"title": text, "unit": "1"}}}},
        "parts": [{"source": "raster", "files": ["lcz.tif"], "coverage": coverage}],
    }
    (tmp_path / "manifest.yml").write_text(yaml.safe_dump(manifest), "utf-8")
    with empty_twin(tmp_path / "var") as twin:
        pipeline.ingest(twin, tmp_path / "manifest.yml")
        if stray:
            with pytest.raises(BadInput, match="lcz holds 44"):
                pipeline.derive(twin, "local_climate_zones", {"raster": "lcz"})
            return
        pipeline.derive(twin, "local_climate_zones", {"raster": "lcz"})
        areas = sorted((row["lcz"], row["area"], row["uniqueness"]) for row in zones(twin).values())
        assert areas == [("2", 10_000, None), ("2", 10_000, None), ("D", 10_000, None), ("D", 20_000, None)]


def test_the_zone_of_a_station_may_be_its_reference(tmp_path: Path) -> None:
    """Three stations a kilometre apart, the second of which stands in low plants, the third in no zone."""
    with empty_twin(tmp_path) as twin:
        warm, cool = np.full(48, 20.0), np.full(48, 18.0)
        stations = [Station("S1", "", 0.0, warm), Station("S2", "", 0.0, cool), Station("S3", "", 0.0, warm + 1)]
        commit_stations(twin, stations, "2026-07-10T00:00")
        field = (Field(name="lcz", type=FieldType.STRING, title=Text(fr="LCZ", en="LCZ")),)
        areas = [box(-200, -200, 200, 200), box(800, -200, 1200, 200)]
        commit_features(twin, "local_climate_zones", field, columns(areas, lcz=["2", "D"]), "Polygon")
        parameters = {"reference": {"lcz": "D"}, "areas": "local_climate_zones"}
        pipeline.derive(twin, "heat_island", parameters)
        told = twin.store.features.read(FeatureQuery(collection="heat_island_stations"), OPERATOR).read_all()
        assert dict(zip(told["id"].to_pylist(), told["is_reference"].to_pylist(), strict=True)) == {
            "S1": False,
            "S2": True,
            "S3": False,
        }
        assert set(told["reference"].to_pylist()) == {"S2"}
        with pytest.raises(DoesNotApply, match="No station of stations with lcz = A"):
            pipeline.derive(twin, "heat_island", parameters | {"reference": {"lcz": "A"}})
        with pytest.raises(DoesNotApply, match="no field 'lcz'"):
            pipeline.derive(twin, "heat_island", {"reference": {"lcz": "D"}})
