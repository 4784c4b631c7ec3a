"""The page in a real browser: what is drawn, what a click shows, that time changes the picture."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.viewer.conftest import Visit

type Api = Callable[..., dict]
_FRESH = itertools.count()


@pytest.fixture(autouse=True)
def _at_rest(visit: Visit) -> None:
    """Begin each test on an evening, in French, with nothing selected."""
    # A number that the page ignores: an address equal to the present one would change nothing.
    visit.page.evaluate(f"location.hash = 'lang=fr&t=2026-07-15T20:00:00Z&n={next(_FRESH)}'")
    visit.until("window.jumeau.state().language === 'fr' && !window.jumeau.state().selection")
    visit.until("window.jumeau.state().time.startsWith('2026-07-15T20')")


def features(api: Api, collection: str, **parameters: str | int) -> list[dict]:
    return api(f"ogc/collections/{collection}/items", limit=1000, **parameters)["features"]


def middle(feature: dict) -> list[float]:
    """Return the middle of the box of a point or of a polygon's outer ring."""
    shape = feature["geometry"]
    places = np.atleast_2d(shape["coordinates"] if shape["type"] == "Point" else shape["coordinates"][0])
    return ((places.min(axis=0) + places.max(axis=0)) / 2)[:2].tolist()


def compact(feature: dict) -> float:
    """Return the share of a polygon's box that its outer ring covers: near 1, its middle is inside."""
    x, y = np.array(feature["geometry"]["coordinates"][0])[:, :2].T
    area = abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
    return float(area / (np.ptp(x) * np.ptp(y))) - len(feature["geometry"]["coordinates"]) + 1


def test_what_the_catalogue_shows_is_drawn(visit: Visit, api: Api):
    catalogue = api("scenes/catalogue.json")
    drawn = [one for one in catalogue["collections"] if {"tileset", "tiles", "grid"} & one["links"].keys()]
    state = visit.state()
    city = {one["id"] for one in drawn if one["style"]["visible"] and not one["theme"]}
    assert set(state["drawn"]["layers"]) == city
    assert state["drawn"]["tiles"] >= 2
    assert state["drawn"]["measured"]
    names = visit.page.locator(".layers .name").all_text_contents()
    assert set(names) == {one["title"]["fr"] for one in drawn}


def test_the_picture_is_a_city(visit: Visit):
    colours = np.unique(visit.picture().reshape(-1, 3), axis=0)
    assert len(colours) > 300


def test_a_click_on_a_station_says_what_it_is_and_draws_its_series(visit: Visit, api: Api):
    station = next(one for one in features(api, "stations") if one["properties"]["station_type"] == "weather")
    visit.look(middle(station), 400)
    visit.page.mouse.click(*visit.middle())
    card = visit.page.locator(".card")
    expect(card.locator("h2")).to_have_text(station["properties"]["name"])
    expect(card.get_by_text("Température de l'air")).to_be_visible()
    assert visit.state()["selection"] == {"collection": "stations", "id": station["id"]}
    line = card.locator(".chart .line").first
    assert len(re.findall("[ML]", line.get_attribute("d"))) > 100
    expect(card.locator(".amount").first).to_have_text(re.compile(r"^-?[\d,]+\s°C$"))
    before = visit.picture(20)
    visit.page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    visit.settle()
    assert np.any(before != visit.picture(20)), "what is selected is marked on the model"


def test_doubtful_values_are_seen_and_said(visit: Visit, api: Api):
    doubtful = features(api, "observations", quality="persistence", observed_property="air_temperature")[0][
        "properties"
    ]
    time = doubtful["phenomenon_time"]
    visit.page.evaluate(f"location.hash = 'lang=fr&t={time}&object=stations/{doubtful['object_id']}'")
    series = visit.page.locator(".series").filter(has_text="Température de l'air").first
    expect(series.locator(".amount")).to_have_text(re.compile("valeur bloquée"))
    assert series.locator(".chart .doubtful").count() > 3
    assert "valeur bloquée" in series.locator(".chart .doubtful title").first.text_content()
    series.locator("summary").click()
    row = series.locator("tr.doubtful").first
    expect(row).to_contain_text("valeur bloquée")
    series.locator("tbody tr").nth(600).wait_for(state="attached")


def test_the_slider_builds_and_demolishes(visit: Visit, api: Api):
    month = [one for one in features(api, "buildings") if one["geometry"]["type"] == "Polygon"]
    new = max((one for one in month if (one["properties"]["valid_from"] or "") > "2026-07-02"), key=compact)
    old = max((one for one in month if (one["properties"]["valid_to"] or "") > "2026-07-02"), key=compact)
    for building, before, after in ((new, None, new["id"]), (old, old["id"], None)):
        visit.look(middle(building), 120)
        seen, pictures = [], []
        for instant in ("2026-07-01T00:00", "2026-07-30T20:00"):
            visit.slide(instant)
            seen.append((visit.picked() or {}).get("id"))
            pictures.append(visit.picture(10))
        assert seen == [before, after]
        assert np.abs(pictures[0] - pictures[1]).max() > 8


def test_the_slider_changes_the_colour_of_a_station(visit: Visit, api: Api):
    values = features(api, "observations", observed_property="air_temperature", datetime="2026-07-15T14:00:00Z")
    station = next(one for one in values if one["properties"]["object_collection"] == "stations")
    visit.look(middle(station), 400)
    visit.slide("2026-07-15T14:00")
    hot = visit.picture(2).mean(axis=(0, 1))
    visit.slide("2026-07-05T04:00")
    cool = visit.picture(2).mean(axis=(0, 1))
    assert hot[0] - hot[2] > cool[0] - cool[2] + 20, "redder when hotter"


def test_without_a_measure_objects_keep_the_colour_of_their_style(visit: Visit, api: Api):
    values = features(api, "observations", observed_property="air_temperature", datetime="2026-07-15T14:00:00Z")
    station = next(one for one in values if one["properties"]["object_collection"] == "stations")
    visit.look(middle(station), 400)
    visit.slide("2026-07-15T14:00")
    coloured = visit.picture(2)
    visit.page.locator("#measure").select_option("")
    visit.settle()
    assert np.abs(visit.picture(2) - coloured).max() > 20
    visit.page.locator("#measure").select_option("observations.air_temperature")


def test_a_layer_is_hidden_and_shown(visit: Visit):
    visit.page.evaluate("location.hash = 'lang=fr'")
    box = visit.page.locator("[data-layer=buildings]")
    box.uncheck()
    visit.until("!window.jumeau.state().drawn.layers.includes('buildings')")
    box.check()
    visit.until("window.jumeau.state().drawn.layers.includes('buildings')")


def test_a_coverage_is_laid_on_the_ground(visit: Visit, api: Api):
    land = features(api, "buildings")[0]
    visit.look(middle(land), 3000)
    visit.page.locator(".others summary").first.click()
    visit.page.locator("[data-layer=built_fraction]").uncheck()
    visit.settle()
    before = visit.picture()
    visit.page.locator("[data-layer=built_fraction]").check()
    visit.settle()
    assert np.mean(np.abs(visit.picture() - before).max(axis=2) > 4) > 0.2
    visit.page.locator("[data-layer=built_fraction]").uncheck()


def test_years_are_another_scale(visit: Visit):
    visit.page.get_by_role("button", name="Années").click()
    expect(visit.page.locator(".clock")).to_have_text("2026")
    visit.page.locator("#time").focus()
    visit.page.keyboard.press("Home")
    assert int(visit.page.locator(".clock").inner_text()) < 2015
    visit.page.get_by_role("button", name="Heures").click()
    expect(visit.page.locator(".clock")).to_have_text("22:00")


def test_the_ground_follows_the_years(visit: Visit, api: Api):
    cover = next(one for one in api("scenes/catalogue.json")["collections"] if one["id"] == "land_cover")
    assert "2024-01-01T00:00:00Z" in cover["changes"]
    visit.page.evaluate("location.hash = 'lang=fr&t=2019-01-01T00:00:00Z&layers=land_cover'")
    expect(visit.page.locator(".clock")).to_have_text("2019")
    visit.page.get_by_role("button", name="Toute la ville").click()
    visit.settle()
    before = visit.picture()
    for _ in range(6):
        visit.page.get_by_role("button", name="Pas suivant").click()
    expect(visit.page.locator(".clock")).to_have_text("2025")

    def changed() -> bool:
        visit.settle()
        return bool(np.mean(np.abs(visit.picture() - before).max(axis=2) > 4) > 0.002)

    assert any(changed() for _ in range(20))  # the former ground stays until the new one has come


def test_french_and_english(visit: Visit, api: Api):
    page = visit.page
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.locator(".date")).to_have_text("mercredi 15 juillet 2026")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator(".date")).to_have_text(re.compile(r"Wednesday,? 15 July 2026"))
    expect(page.get_by_role("heading", name="Layers")).to_be_visible()
    english = {one["title"]["en"] for one in api("scenes/catalogue.json")["collections"]}
    assert set(page.locator(".layers .name").all_text_contents()) <= english
    visit.until("location.hash.includes('lang=en')")


def test_the_keyboard_is_enough(visit: Visit, api: Api):
    page = visit.page
    page.locator("#time").focus()
    page.keyboard.press("ArrowRight")
    visit.until("window.jumeau.state().time.startsWith('2026-07-15T21')")
    page.keyboard.press("PageUp")
    visit.until("window.jumeau.state().time.startsWith('2026-07-16T21')")
    assert page.locator("#time").get_attribute("aria-valuetext") == "jeudi 16 juillet 2026, 23:00"
    station = features(api, "stations")[0]
    visit.look(middle(station), 400)
    page.locator("#map").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".card h2")).to_have_text(station["properties"]["name"])
    expect(page.locator(".card h2")).to_be_focused()


def test_the_search_finds_without_accents_and_goes_there(visit: Visit, api: Api):
    commune = features(api, "communes")[0]["properties"]["name"]
    folded = unicodedata.normalize("NFD", commune).encode("ascii", "ignore").decode()
    station = features(api, "stations")[0]
    visit.page.locator("#search").fill(folded.lower())
    expect(visit.page.locator(".results").get_by_text(commune, exact=True).first).to_be_visible()
    visit.page.locator("#search").fill(station["properties"]["name"].upper())
    visit.page.locator(".results button").first.click()
    expect(visit.page.locator(".card h2")).to_have_text(station["properties"]["name"])
    visit.settle()
    assert visit.picked() == {"collection": "stations", "id": station["id"]}


def test_the_address_brings_back_what_was_on_the_screen(visit: Visit, api: Api):
    station = features(api, "stations")[1]
    place = middle(station)
    visit.page.evaluate(
        f"location.hash = 'lang=en&t=2026-07-10T03:00:00Z&layers=stations&object=stations/{station['id']}"
        f"&camera={place[0]},{place[1]},500,0,-90'"
    )
    expect(visit.page.locator(".card h2")).to_have_text(station["properties"]["name"])
    visit.settle()
    state = visit.state()
    assert state["time"].startswith("2026-07-10T03")
    assert state["layers"] == ["stations"]
    assert visit.picked() == state["selection"]


def test_the_person_is_told_when_an_object_cannot_be_read(visit: Visit):
    visit.page.evaluate("location.hash = 'lang=fr&object=stations/nowhere'")
    expect(visit.page.locator(".card [role=alert]")).to_contain_text("404")
    visit.refused.clear()


def test_nothing_is_asked_of_anyone_else(visit: Visit, site: str):
    assert visit.hosts == {urlsplit(site).netloc}
    assert not visit.refused
    assert not visit.errors
