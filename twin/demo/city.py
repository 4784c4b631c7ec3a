"""The whole demo city, made in memory: everything that the files are written from."""

from __future__ import annotations

from dataclasses import dataclass

from twin.demo.blocks import Blocks, blocks
from twin.demo.buildings import Buildings, buildings
from twin.demo.climate import HeatIsland, Weather, weather
from twin.demo.furniture import LampPosts, Trees, lamp_posts, trees
from twin.demo.instruments import Measured
from twin.demo.land_cover import LandCover, land_cover
from twin.demo.plan import Plan
from twin.demo.series import air_quality, electricity, lamp_sensors, weather_stations
from twin.demo.stations import Stations, stations
from twin.demo.streets import Network, network
from twin.demo.terrain import Terrain
from twin.demo.water import Water, water


@dataclass(frozen=True)
class City:
    """The city at one scale: its ground, its objects, its weather, and what is measured (by file name)."""

    plan: Plan
    network: Network
    blocks: Blocks
    buildings: Buildings
    water: Water
    land_cover: LandCover
    lamp_posts: LampPosts
    trees: Trees
    stations: Stations
    weather: Weather
    island: HeatIsland
    measured: dict[str, Measured]


def build(scale: float = 1.0) -> City:
    """Make the city; the same scale gives the same city."""
    plan = Plan(scale)
    terrain = Terrain(plan)
    ways = network(plan)
    land = blocks(plan, ways)
    houses = buildings(plan, ways, land, terrain)
    wet = water(plan, ways, land)
    lamps = lamp_posts(plan, ways)
    places = stations(plan, ways, land, houses, terrain)
    shared, island = weather(plan), HeatIsland(plan, land, houses)
    return City(
        plan=plan,
        network=ways,
        blocks=land,
        buildings=houses,
        water=wet,
        land_cover=land_cover(plan, ways, land, houses, wet),
        lamp_posts=lamps,
        trees=trees(plan, ways, land, houses, wet),
        stations=places,
        weather=shared,
        island=island,
        measured={
            "weather": weather_stations(plan, places, shared, island),
            "air_quality": air_quality(plan, places, shared),
            "lamp_posts": lamp_sensors(plan, lamps, shared, island, terrain),
            "electricity": electricity(plan, houses, shared, island),
        },
    )
