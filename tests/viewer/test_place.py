"""A place touched on the ground: what the maps shown say of it, how sure they are, and how it goes over time."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import numpy as np
import pytest
import shapely.geometry
from playwright.sync_api import Browser, Locator, expect

from tests.viewer.conftest import Visit

type Api = Callable[..., dict]
_FRESH = itertools.count()
BESIDE_THE_CARD = 200
INSTANT = "2026-07-15T20:00:00Z"
HEAT = f"lang=fr&view=heat&t={INSTANT}&layers=heat_island_map"


@pytest.fixture(autouse=True)
def _at_rest(visit: Visit) -> None:
    """Begin each test on the map of an evening, in French, with nothing selected."""
    visit.page.evaluate(f"location.hash = '{HEAT}&n={next(_FRESH)}'")
    visit.until("window.jumeau.state().layers.length === 1 && !window.jumeau.state().selection")
    visit.until("window.jumeau.state().language === 'fr' && window.jumeau.state().time.startsWith('2026-07-15T20')")


@pytest.fixture(scope="module")
def place(api: Api) -> list[float]:
    """Return the middle of the city: longitude, latitude."""
    west, south, east, north = api("scenes/catalogue.json")["extent"]
    return [(west + east) / 2, (south + north) / 2]


def number(text: str) -> float:
    """Return the first number of a text, French or English."""
    found = re.search(r"-?\d+(?:[.,]\d+)?", text)
    assert found, text
    return float(found[0].replace(",", "."))


def cell(api: Api, collection: str, name: str, at: dict, **parameters: str) -> list[float | None]:
    """Return what the map says of a place, asked of the OGC API."""
    point = f"POINT({at['longitude']} {at['latitude']})"
    told = api(f"ogc/collections/{collection}/position", coords=point, **{"parameter-name": name}, **parameters)
    return told["ranges"][name]["values"]


def touch(visit: Visit, place: list[float], aside: int = 0) -> dict:
    """Touch a place from above, or so many pixels west of it, and return what is then selected."""
    visit.look(place, 400)
    x, y = visit.middle()
    visit.page.mouse.click(x - aside, y)
    return visit.state()["selection"]


def series(visit: Visit) -> Locator:
    return visit.page.locator(".card .series").first


def test_a_touched_place_reads_its_cell_as_the_ogc_api_has_it(visit: Visit, api: Api, place: list[float]):
    at = touch(visit, place)
    assert [at["longitude"], at["latitude"]] == pytest.approx(place, abs=2e-5)
    card = visit.page.locator(".card")
    expect(card.locator("h2")).to_have_text("À cet endroit")
    expect(card.locator("h2")).to_be_focused()
    [value] = cell(api, "heat_island_map", "air_temperature_difference", at, datetime=INSTANT)
    assert value is not None
    expect(series(visit).locator(".amount")).to_have_text(re.compile(r"°C$"))
    assert number(series(visit).locator(".amount").inner_text()) == pytest.approx(value, abs=0.06)
    told = api("ogc/collections/heat_island_map_error/items", datetime=INSTANT)["features"][0]["properties"]
    expect(series(visit).locator(".hint")).to_have_text(re.compile("^Sûre à ± "))
    assert number(series(visit).locator(".hint").inner_text()) == pytest.approx(told["rmse"], abs=0.05)
    line = series(visit).locator(".chart .line").get_attribute("d")
    assert line is not None
    assert len(re.findall("[ML]", line)) > 100
    series(visit).locator("summary").click()
    expect(series(visit).locator("thead th")).to_have_text(["Date", "Valeur (°C)"])
    series(visit).locator("tbody tr").nth(700).wait_for(state="attached")


def test_an_object_tells_what_the_maps_say_of_its_place(visit: Visit, api: Api, place: list[float]):
    box = ",".join(str(side) for side in (*place, *(side + 0.01 for side in place)))
    building = api("ogc/collections/buildings/items", bbox=box, limit=1)["features"][0]
    west, south, east, north = shapely.geometry.shape(building["geometry"]).bounds
    middle = {"longitude": (west + east) / 2, "latitude": (south + north) / 2}
    [value] = cell(api, "heat_island_map", "air_temperature_difference", middle, datetime=INSTANT)
    visit.page.evaluate(f"location.hash = '{HEAT}&object=buildings/{building['id']}'")
    expect(visit.page.locator(".card .kind")).to_have_text("Bâtiments")
    amount = visit.page.locator(".card .series .amount").last
    expect(amount).to_have_text(re.compile(r"°C$"))
    assert number(amount.inner_text()) == pytest.approx(value, abs=0.06)
    maps = visit.page.locator(".card h3", has_text="Cartes")
    expect(maps).to_be_visible()
    visit.page.evaluate(f"location.hash = 'lang=fr&layers=buildings&object=buildings/{building['id']}'")
    expect(maps).to_have_count(0)
    expect(visit.page.locator(".card h2")).to_be_visible()


def test_the_value_follows_the_time_and_nothing_is_asked_again(visit: Visit, api: Api, place: list[float]):
    at = touch(visit, place)
    expect(series(visit).locator(".chart .line")).to_be_visible()
    asked = len(visit.asked)
    seen = []
    for hour in (14, 2):
        visit.slide(f"2026-07-15T{hour:02}:00")
        instant = f"2026-07-15T{hour:02}:00:00Z"
        [value] = cell(api, "heat_island_map", "air_temperature_difference", at, datetime=instant)
        seen.append(number(series(visit).locator(".amount").inner_text()))
        assert seen[-1] == pytest.approx(value, abs=0.06)
    assert seen[0] != seen[1]
    assert not [url for url in visit.asked[asked:] if "/position" in url]


def test_an_hour_without_a_map_has_no_value_and_says_why(visit: Visit, api: Api, place: list[float]):
    hours = [
        (feature["id"][:13], feature["properties"]["reason_fr"])
        for offset in (0, 500)
        for feature in api("ogc/collections/heat_island_map_error/items", limit=500, offset=offset)["features"]
    ]
    hour, reason = next(one for one in hours if one[1])
    address = HEAT.replace(INSTANT, f"{hour}:00:00Z")
    visit.page.evaluate(f"location.hash = '{address}&place={place[0]:.5f},{place[1]:.5f}'")
    expect(series(visit).locator(".amount")).to_have_text("pas de valeur")
    expect(series(visit).locator(".hint")).to_have_text(f"Pas de carte à cette heure : {reason}")


def test_the_address_brings_a_neighbour_to_the_same_place(
    browser: Browser, visit: Visit, site: str, place: list[float]
):
    at = touch(visit, place)
    expect(series(visit).locator(".amount")).to_have_text(re.compile(r"°C$"))
    amount = number(series(visit).locator(".amount").inner_text())
    visit.until("location.hash.includes('place=')")
    address = visit.page.evaluate("location.hash")
    assert f"place={at['longitude']:.5f},{at['latitude']:.5f}" in address
    neighbour = Visit(browser, site, address.replace("lang=fr", "lang=en"), language="en-GB")
    expect(neighbour.page.locator(".card h2")).to_have_text("At this place")
    expect(series(neighbour).locator(".amount")).to_have_text(re.compile(r"°C$"))
    assert number(series(neighbour).locator(".amount").inner_text()) == amount
    assert neighbour.state()["selection"] == at
    assert not neighbour.errors
    neighbour.context.close()


def test_the_keyboard_asks_and_closes_and_the_mark_shows_where(visit: Visit, place: list[float]):
    visit.look(place, 400)
    bare = visit.picture(6)
    visit.page.locator("#map").focus()
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator(".card h2")).to_be_focused()
    visit.settle()
    assert np.abs(visit.picture(6) - bare).max() > 40
    visit.page.keyboard.press("Escape")
    expect(visit.page.locator(".card")).to_be_hidden()
    visit.settle()
    assert np.abs(visit.picture(6) - bare).max() < 10
    for shown in (True, False):
        visit.page.locator("#map").focus()
        visit.page.keyboard.press("Enter")
        expect(visit.page.locator(".card")).to_be_visible(visible=shown)


def test_a_place_outside_the_map_is_said_to_be(visit: Visit):
    visit.page.evaluate(f"location.hash = '{HEAT}&place=4.2,43.6'")
    expect(visit.page.locator(".card .group .hint")).to_have_text("Cet endroit est hors de cette carte.")
    expect(visit.page.locator(".card .series")).to_have_count(0)


def test_the_ground_closes_the_card_of_an_object_then_answers(visit: Visit, api: Api, place: list[float]):
    station = api("ogc/collections/stations/items", limit=1)["features"][0]
    visit.page.evaluate(f"location.hash = '{HEAT}&object=stations/{station['id']}'")
    expect(visit.page.locator(".card h2")).to_have_text(station["properties"]["name"])
    assert touch(visit, place, BESIDE_THE_CARD) is None
    assert touch(visit, place, BESIDE_THE_CARD)["longitude"] < place[0]
    assert touch(visit, place, BESIDE_THE_CARD + 40)["longitude"] < place[0], "another place, in one touch"
    visit.page.evaluate("location.hash = 'lang=fr&layers=land_cover'")
    visit.until("window.jumeau.state().layers.join() === 'land_cover'")
    assert touch(visit, place) is None, "no map, no answer"


def test_years_are_drawn_whole_and_what_has_no_time_has_no_chart(visit: Visit, api: Api, place: list[float]):
    at = {"longitude": round(place[0], 5), "latitude": round(place[1], 5)}
    visit.page.evaluate(
        "location.hash = 'lang=fr&view=land&t=2012-01-01T00:00:00Z&layers=built_fraction,urban_morphology"
        f"&place={at['longitude']},{at['latitude']}'"
    )
    years, still = (visit.page.locator(".card .group").nth(i) for i in (0, 1))
    [built] = cell(api, "built_fraction", "built_fraction", at, datetime="2012-01-01T00:00:00Z")
    expect(years.locator(".chart .line")).to_have_attribute("d", re.compile(r"^M.*(L.*){19}$"))
    expect(years.locator(".chart .day text").first).to_have_text("2007")
    assert number(years.locator(".amount").inner_text()) == pytest.approx(built, abs=0.006)
    [impervious] = cell(api, "urban_morphology", "impervious_fraction", at)
    assert number(still.locator(".amount").inner_text()) == pytest.approx(impervious, abs=0.006)
    expect(still.locator(".chart")).to_have_count(0)
    assert not visit.errors
    assert not visit.refused
