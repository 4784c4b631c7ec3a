"""Every set of real data, read as published, by the manifests of the project."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyogrio
import shapely

from twin import pipeline
from twin.tables import Quality

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
MONTPELLIER = shapely.box(3.79, 43.55, 3.96, 43.67)


def ingest(bench, name):
    report = pipeline.ingest(bench.twin, DATASETS / name)
    assert report.revision is not None
    return report


def in_montpellier(bench, name):
    return MONTPELLIER.covers(bench.collection(name).extent.polygon("OGC:CRS84"))


def test_lamp_posts(real):
    report = ingest(real, "montpellier_lamp_posts")
    assert report.rows == {"lamp_posts": 29_969}
    assert report.quarantined == 0
    assert any("226 objects have the rounded position of another" in note for note in report.notes)
    rows = real.features("lamp_posts")
    assert len(pc.unique(rows["id"])) == 29_969
    kinds = Counter(rows["lamp_type"].to_pylist())
    assert kinds == {
        "lantern": 22_595, "ambience": 3_888, "floodlight": 1_689, "recessed": 1_017,
        "bollard": 750, "wall": 3, None: 27,
    }  # fmt: skip
    assert in_montpellier(real, "lamp_posts")


def test_street_trees_live_from_the_year_they_were_planted(real):
    assert ingest(real, "montpellier_trees").rows == {"trees": 23_972}
    rows = real.features("trees")
    years = Counter(year for year in pc.year(rows["valid_from"]).to_pylist() if year)
    assert years[2008] == 99
    assert years.total() == 742 - 31 - 4  # zero, and the year 1007, are unknown years
    assert pc.min(rows["height"]).as_py() > 0
    assert pc.sum(pc.is_valid(rows["species"])).as_py() == 743 - 7  # a dot is no name


def test_districts_and_commune(real):
    assert ingest(real, "montpellier_districts").rows == {"districts": 7}
    assert ingest(real, "montpellier_commune").rows == {"communes": 1}
    commune = shapely.from_wkb(real.features("communes")["geometry"][0].as_py())
    assert abs(commune.area - 48_200_183) / 48_200_183 < 2e-3  # the producer's own figure
    assert in_montpellier(real, "districts")


def test_public_buildings_of_2013(real, shared_data):
    assert ingest(real, "montpellier_buildings_2013").rows == {"public_buildings": 3_271}
    areas = shapely.area(shapely.from_wkb(real.features("public_buildings")["geometry"].to_numpy()))
    source = shared_data / "city_inventory/montpellier_editions/batiments_2013-10-03.zip"
    _, published = pyogrio.read_arrow(f"/vsizip/{source}", columns=["SHAPE_Area"], read_geometry=False)
    assert np.isclose(areas.sum(), pc.sum(published["SHAPE_Area"]).as_py(), rtol=1e-6)
    assert in_montpellier(real, "public_buildings")


def test_geojson_in_lambert_93_without_a_crs_is_told_and_placed(real):
    for dataset, collection, count in (
        ("montpellier_remarkable_trees", "remarkable_trees", 71),
        ("montpellier_traffic_lights", "traffic_lights", 373),
    ):
        report = ingest(real, dataset)
        assert report.rows == {collection: count}
        assert any("does not say its CRS" in note and "EPSG:2154" in note for note in report.notes)
        assert in_montpellier(real, collection)


def test_latin_1_geojson_is_decoded(real):
    assert ingest(real, "montpellier_green_spaces").rows == {"green_spaces": 203}
    rows = real.features("green_spaces")
    assert "Esplanade Paul Valéry" in rows["name"].to_pylist()
    assert Counter(rows["open"].to_pylist()) == {True: 155, False: 48}
    assert in_montpellier(real, "green_spaces")


def test_olemps_buildings_say_where_their_heights_come_from(real):
    report = ingest(real, "bdtopo_olemps")
    assert report.rows == {"buildings": 2_273, "communes": 1}
    rows = real.features("buildings")
    assert Counter(rows["height_source"].to_pylist()) == {"measured": 1_989, "storeys": 38, "default": 246}
    assert pc.min(rows["height"]).as_py() > 0
    assert round(pc.max(rows["height"]).as_py(), 1) == 20.3
    measured = rows.filter(pc.equal(rows["height_source"], "measured"))
    assert round(pc.mean(measured["height"]).as_py(), 2) == 5.76
    assert set(pc.year(rows["valid_from"]).to_pylist()) >= {2007, 2011, 2022}
    collection = real.collection("buildings")
    assert collection.vertical_crs == "EPSG:5720"
    geometry = shapely.from_wkb(rows["geometry"].to_numpy())
    assert int(shapely.has_z(geometry).sum()) == 2_273 - 269
    heights = shapely.get_coordinates(geometry[shapely.has_z(geometry)], include_z=True)[:, 2]
    assert 400 < heights.min() < heights.max() < 700
    assert "Résidentiel" not in rows["usage"].to_pylist()
    assert "Château" not in rows["usage"].to_pylist()
    commune = real.features("communes").to_pylist()[0]
    assert (commune["name"], commune["population"]) == ("Olemps", 3_439)


def test_toulouse_stations_and_series(real):
    report = ingest(real, "toulouse_weather")
    assert report.rows == {"stations": 77, "observations": 3 * (478 + 288 + 259 + 53 + 9)}
    stations = real.features("stations")
    assert len({name.split("-")[0] for name in stations["id"].to_pylist()}) < 77
    assert stations["id"].to_pylist()[0] == "00-station-meteo-toulouse-valade"  # no BOM in the way
    stream = "33-station-meteo-saint-jory-chapelle-beldou.air_temperature"
    rows = real.observations(datastreams=(stream,))
    times = rows["phenomenon_time"].to_pylist()
    assert times == sorted(times)
    assert len(times) == 53
    assert rows["result"][times.index(datetime(2025, 12, 19, 10, tzinfo=UTC))].as_py() == 10.0
    pressure = real.observations(observed_properties=("air_pressure",))
    fault = pressure.filter(pc.not_equal(pressure["quality"], Quality.GOOD)).to_pylist()
    assert [(row["result"], row["quality"]) for row in fault] == [(900.0, Quality.STEP)]
    assert fault[0]["phenomenon_time"] == datetime(2026, 1, 16, tzinfo=UTC)
    assert fault[0]["quality_reason"].startswith("step: ")
    assert report.flagged == {"step": 1}
    good = pressure.filter(pc.equal(pressure["quality"], Quality.GOOD))["result"].to_numpy()
    assert 960 < good.min() < good.max() < 1_020
    streams = real.features("datastreams")
    assert streams.num_rows == 15
    assert None not in streams["geometry"].to_pylist()


def test_atmo_occitanie_keeps_negative_values(real):
    report = ingest(real, "atmo_occitanie_2020_03")
    assert report.rows == {"stations": 42, "observations": 9_627}
    assert report.quarantined == 0
    rows = real.observations()
    assert int((rows["result"].to_numpy() < 0).sum()) == 175
    assert Counter(name.split(".")[-1] for name in rows["datastream"].to_pylist()) == {
        "no2": 1_809, "pm10": 1_753, "no": 1_670, "o3": 1_603, "nox": 1_547, "pm2_5": 895, "so2": 210, "h2s": 140,
    }  # fmt: skip
    assert set(rows["quality"].to_pylist()) == {Quality.GOOD}
    temporal = real.collection("observations").temporal
    assert temporal == (datetime(2020, 3, 14, 11, tzinfo=UTC), datetime(2020, 3, 17, 9, tzinfo=UTC))  # ends of hours


def test_atmo_occitanie_of_2023_has_utc_hours_and_repeats(real):
    report = ingest(real, "atmo_occitanie_2023_11")
    assert report.rows == {"stations": 16, "observations": 287}
    assert report.quarantined == 0
    assert "195 values repeat an earlier one of the same instant, and count once." in report.notes
    temporal = real.collection("observations").temporal
    assert temporal == (datetime(2023, 11, 24, 10, tzinfo=UTC), datetime(2023, 11, 25, 18, tzinfo=UTC))
    environments = Counter(real.features("stations")["environment"].to_pylist())
    assert environments == {"background": 6, "industrial": 5, "traffic": 5}


def test_airparif_hours_1_to_24_below_a_line_of_units(real):
    report = ingest(real, "airparif_pa13_2017_2018")
    hours, without_no2, without_o3 = 2 * 365 * 24, 427, 472
    assert hours == 17_520
    assert report.rows == {"stations": 1, "observations": 2 * hours - without_no2 - without_o3}
    assert report.quarantined == 0
    assert "observations: 899 empty values make no observation." in report.notes
    rows = real.observations(observed_properties=("no2",))
    assert rows.num_rows == hours - without_no2
    values = dict(zip(rows["phenomenon_time"].to_pylist(), rows["result"].to_pylist(), strict=True))
    assert values[datetime(2017, 1, 1, 1, tzinfo=UTC)] == 30  # 01/01/2017;1
    assert values[datetime(2017, 3, 27, 0, tzinfo=UTC)] == 45  # 26/03/2017;24, a day on which clocks change
    assert values[datetime(2017, 3, 26, 3, tzinfo=UTC)] == 27  # 26/03/2017;3, an hour that local time lacks
    assert max(values) == datetime(2019, 1, 1, 0, tzinfo=UTC)  # 31/12/2018;24


def test_poitiers_records_within_records(real):
    report = ingest(real, "poitiers_2019_01_17")
    assert report.rows == {"stations": 4, "observations": 40}
    assert report.quarantined == 5
    temporal = real.collection("observations").temporal
    assert temporal == (datetime(2019, 1, 17, 1, tzinfo=UTC), datetime(2019, 1, 17, 8, tzinfo=UTC))


def test_departments_of_occitanie(real):
    assert ingest(real, "occitanie_departments").rows == {"departments": 13}


def test_meteo_france_in_celsius_and_hectopascals(real, shared_data):
    data = shared_data / "weather" / "meteo_france"
    report = ingest(real, "meteo_france_2024_10_17")
    assert report.rows["meteo_france_stations"] == 2_033
    # Overseas stations are far out of Lambert-93: the extent is that of the stations, not of a bent box.
    listed = json.loads((data / "paquetobs-stations-horaire_2024-10-17T14_00_00Z.json").read_text("utf-8"))
    places = shapely.points([(station["lon"], station["lat"]) for station in listed])
    assert np.allclose(
        real.collection("meteo_france_stations").extent.as_list(), shapely.total_bounds(places), atol=1e-3
    )
    temperature = real.observations("meteo_france_observations", observed_properties=("air_temperature",))
    assert temperature.num_rows == 2_033 - 47
    values = temperature["result"].to_numpy()
    assert (values.min(), values.max()) == (-2.3, 35.2)
    first = temperature.filter(pc.equal(temperature["datastream"], "mf-01014002.air_temperature"))
    assert first["result"].to_pylist() == [19.2]
    assert first["result_time"].to_pylist() == [datetime(2024, 10, 17, 14, 2, 14, tzinfo=UTC)]
    pressure = real.observations("meteo_france_observations", observed_properties=("air_pressure",))["result"]
    assert np.isclose(pc.max(pressure).as_py(), 1_015.9)


def test_climate_zones_of_redon(real):
    """Codes 101 to 107 of GeoClimate are zones A to G; it tells how sure it is of 1,553 - 1,320 of them."""
    report = ingest(real, "geoclimate_redon")
    assert report.rows == {"local_climate_zones": 1_553}
    assert report.quarantined == 0
    rows = real.features("local_climate_zones")
    assert Counter(rows["lcz"].to_pylist()) == {
        "2": 18, "3": 22, "4": 3, "5": 4, "6": 54, "8": 47, "9": 128,
        "A": 337, "B": 76, "D": 304, "E": 478, "G": 82,
    }  # fmt: skip
    assert rows["uniqueness"].null_count == rows["lcz_second"].null_count == 1_320
    assert pc.min(rows["distance"]).as_py() == 0
    nearest = rows.filter(pc.equal(rows["distance"], 0.0))
    assert set(nearest["uniqueness"].to_pylist()) == {1.0}
    told = {category.value for category in real.collection("local_climate_zones").field("lcz").categories}
    assert {*map(str, range(1, 11)), *"ABCDEFG"} == told
