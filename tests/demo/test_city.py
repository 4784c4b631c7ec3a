"""The ground and the objects of the demo city are those of a possible city."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import yaml

from tests.demo.conftest import Written
from twin.demo.blocks import blocks
from twin.demo.buildings import buildings
from twin.demo.plan import Plan
from twin.demo.shapes import axes, far_apart, halve
from twin.demo.stations import stations
from twin.demo.streets import network
from twin.demo.terrain import Terrain
from twin.demo.water import water


def standing(layer, day: str) -> np.ndarray:
    day = np.datetime64(day)
    return (layer["valid_from"] <= day) & ~(layer["valid_to"] <= day)


def test_counts_follow_the_scale(city: Written):
    counts = {name: len(city.layer(name)) for name in city.truth["features"]}
    assert counts == city.truth["features"]
    assert counts["buildings"] == 400
    assert counts["lamp_posts"] == 160
    assert counts["communes"] == 3
    assert sorted(city.layer("stations")["station_type"]) == ["air_quality"] * 2 + ["weather"] * 11


def test_the_whole_city_has_what_it_promises():
    plan = Plan(1.0)
    assert (plan.count(20_000), plan.count(8_000), plan.count(300), plan.count(100)) == (20_000, 8_000, 300, 100)
    assert len(plan.communes) == 8
    assert 9_000 < 2 * plan.radius < 11_000


def test_ids_are_unique_and_readable(city: Written):
    for name, start in (("buildings", "B"), ("stations", ("S", "A")), ("lamp_posts", "L"), ("land_cover", "O20")):
        ids = city.layer(name)["id"]
        assert len(set(ids)) == len(ids)
        assert all(key.startswith(start) for key in ids)


def test_communes_tile_the_territory_in_one_piece_each(city: Written):
    communes = city.layer("communes").geometry
    assert shapely.get_num_geometries(communes).tolist() == [1] * len(communes)
    whole = shapely.union_all(communes)
    assert shapely.area(communes).sum() == pytest.approx(shapely.area(whole), rel=1e-9)
    assert shapely.get_type_id(whole) == shapely.GeometryType.POLYGON


def test_no_two_buildings_stand_in_the_same_place_at_the_same_time(city: Written):
    buildings = city.layer("buildings")
    first, second = shapely.STRtree(buildings.geometry).query(buildings.geometry, predicate="intersects")
    one_way = first < second
    first, second = first[one_way], second[one_way]
    start, end = (
        buildings["valid_from"],
        np.where(np.isnat(buildings["valid_to"]), np.datetime64("9999-01-01"), buildings["valid_to"]),
    )
    together = (start[first] < end[second]) & (start[second] < end[first])
    shared = shapely.area(shapely.intersection(buildings.geometry[first], buildings.geometry[second]))
    assert shared[together].max() < 0.1  # square metres: party walls rounded to the centimetre
    assert shared[~together].max() > 10  # and some stand where others stood before


def test_buildings_stand_off_the_streets_and_near_them(city: Written):
    buildings, streets = city.layer("buildings"), city.layer("streets")
    roads = shapely.union_all(shapely.buffer(streets.geometry, streets["width"] / 2, quad_segs=2))
    assert shapely.area(shapely.intersection(buildings.geometry, roads)).max() < 0.5
    lived_in = buildings["usage"] != "agricultural"
    assert shapely.distance(buildings.geometry[lived_in], roads).max() < 120


def test_buildings_have_plausible_heights_shapes_and_uses(city: Written):
    buildings = city.layer("buildings")
    assert shapely.is_valid(buildings.geometry).all()
    assert (buildings["height"] > 2.2 * buildings["storeys"]).all()
    assert (buildings["height"] < 7 * buildings["storeys"] + 6).all()
    rectangles = shapely.area(buildings.geometry) / shapely.area(shapely.oriented_envelope(buildings.geometry))
    assert 0.1 < (rectangles < 0.9).mean() < 0.7  # L, T and U shapes among them
    assert np.median(buildings["height"][buildings["usage"] == "mixed"]) > 12


def test_public_buildings_are_named_and_each_commune_has_its_town_hall(city: Written):
    buildings = city.layer("buildings")
    public = buildings["public"].astype(bool)
    assert buildings["id"][public].tolist() == city.truth["public_buildings"]
    assert len(set(buildings["name"][public])) == public.sum() == 4
    assert [name for name in buildings["name"][~public] if name is not None] == []
    halls = [name for name in buildings["name"][public] if name.startswith("Hôtel de ville")]
    assert len(halls) == len(set(buildings["commune"][public]))


def test_the_city_changes_over_the_years_and_within_the_month(city: Written):
    buildings, truth = city.layer("buildings"), city.truth
    assert (buildings["valid_from"] >= np.datetime64("1905-01-01")).all()
    ended = ~np.isnat(buildings["valid_to"])
    assert (buildings["valid_to"][ended] > buildings["valid_from"][ended]).all()
    for day, expected in truth["buildings_standing"].items():
        assert standing(buildings, day).sum() == expected
    counts = list(truth["buildings_standing"].values())
    assert counts[0] < counts[1] < counts[2]
    ids = buildings["id"]
    in_july = lambda column: set(ids[(column >= np.datetime64("2026-07-01")) & (column < np.datetime64("2026-07-31"))])  # noqa: E731
    assert in_july(buildings["valid_from"]) == set(truth["built_in_the_month"]) != set()
    assert in_july(buildings["valid_to"]) == set(truth["demolished_in_the_month"]) != set()


@pytest.mark.parametrize("vintage", [2018, 2024])
def test_land_cover_tiles_the_territory(city: Written, vintage: int):
    cover, communes = city.layer("land_cover"), city.layer("communes")
    shapes = cover.geometry[cover["vintage"] == vintage]
    assert shapely.is_valid(shapes).all()
    whole = shapely.union_all(communes.geometry)
    assert shapely.area(shapes).sum() == pytest.approx(shapely.area(whole), rel=1e-9)
    assert shapely.area(shapely.difference(whole, shapely.union_all(shapes))) < 0.01
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes[first], shapes[second]))
    assert shared[first != second].max() < 1e-3


def test_land_cover_is_artificialised_between_the_vintages(city: Written):
    cover = city.layer("land_cover")
    manifest = yaml.safe_load((city.folder / "datasets/land_cover/manifest.yml").read_text("utf-8"))
    for field in ("cover", "land_use"):
        known = {entry["value"] for entry in manifest["collections"]["land_cover"]["fields"][field]["categories"]}
        assert set(cover[field]) <= known
    built = cover["cover"] == "CS1.1.1.1"
    area = [shapely.area(cover.geometry[built & (cover["vintage"] == year)]).sum() for year in (2018, 2024)]
    assert area[0] < area[1]
    day = standing(city.layer("buildings"), "2024-01-01")
    footprints = shapely.area(city.layer("buildings").geometry[day]).sum()
    assert area[1] == pytest.approx(footprints, rel=1e-3)
    assert set(cover["valid_from"][cover["vintage"] == 2018]) == {np.datetime64("2018-01-01")}
    assert set(cover["valid_to"][cover["vintage"] == 2018]) == {np.datetime64("2024-01-01")}
    assert np.isnat(cover["valid_to"][cover["vintage"] == 2024]).all()


def test_lamp_posts_stand_at_the_edge_of_their_street(city: Written):
    lamps, streets = city.layer("lamp_posts"), city.layer("streets")
    distance, width = [], []
    for name, point in zip(lamps["street"], lamps.geometry, strict=True):
        mine = streets["name"] == name
        nearest = shapely.distance(streets.geometry[mine], point)
        distance.append(nearest.min())
        width.append(streets["width"][mine][nearest.argmin()])
    edge = np.array(width) / 2 - np.array(distance)
    assert np.abs(edge - 0.8).max() < 0.6
    assert set(lamps["lamp_type"]) == {"led", "sodium"}


def test_trees_grow_clear_of_buildings_and_water(city: Written):
    trees = city.layer("trees")
    for name in ("buildings", "water"):
        assert shapely.STRtree(city.layer(name).geometry).query(trees.geometry, predicate="intersects").size == 0
    assert trees["height"].min() >= 2
    assert trees["height"].max() < 30


def test_stations_stand_in_the_open_from_the_centre_to_the_fields(city: Written):
    stations = city.layer("stations")
    hit = shapely.STRtree(city.layer("buildings").geometry).query(stations.geometry, predicate="intersects")
    assert hit.size == 0
    weather = stations["station_type"] == "weather"
    assert set(stations["environment"][weather]) == {"urban", "suburban", "park", "rural"}
    assert set(stations["environment"][~weather]) == {"traffic", "background"}


def test_stations_of_a_small_city_stand_from_the_water_to_far_from_it():
    """Maps are blank where the ground is unlike that of any station."""
    plan = Plan(0.05)
    ways, terrain = network(plan), Terrain(plan)
    land = blocks(plan, ways)
    placed = stations(plan, ways, land, buildings(plan, ways, land, terrain), terrain)
    wet = shapely.union_all(water(plan, ways, land).polygon)
    reach = shapely.distance(wet, placed.point[placed.station_type == "weather"])
    away = shapely.distance(wet, shapely.point_on_surface(land.polygon))
    assert reach.min() < 50
    assert reach.max() > np.quantile(away, 0.95)


def test_streets_are_named_once_in_a_commune(city: Written):
    streets = city.layer("streets")
    assert all(name and name[0].isupper() for name in streets["name"])
    assert any(not name.isascii() for name in streets["name"])
    assert len(set(streets["name"])) > 0.5 * len(streets)


def test_halving_keeps_the_area_and_cuts_across_the_length():
    rectangle = np.array([shapely.box(0, 0, 100, 20)])
    pieces, parents, cuts = halve(rectangle, np.random.default_rng(1), 0.0, 0.0)
    assert parents.tolist() == [0, 0]
    assert shapely.area(pieces).tolist() == pytest.approx([1000, 1000])
    assert shapely.length(cuts).tolist() == pytest.approx([20])


def test_axes_of_a_turned_rectangle():
    turned = shapely.transform(shapely.box(-30, -5, 30, 5), lambda p: p @ [[0.6, 0.8], [-0.8, 0.6]] + [7, 9])
    centre, along, length, width = axes(np.array([turned]))
    assert centre[0] == pytest.approx([7, 9])
    assert abs(along[0] @ [0.6, 0.8]) == pytest.approx(1)
    assert (length[0], width[0]) == (pytest.approx(60), pytest.approx(10))


def test_points_far_apart_come_farthest_first():
    line = np.column_stack([np.arange(11.0), np.zeros(11)])
    assert far_apart(line, 3).tolist() == [0, 10, 5]
