"""The views of the page, as a citizen takes them: last night's heat, the air of each commune, two stations."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.viewer.conftest import Visit

type Api = Callable[..., dict]
_FRESH = itertools.count()
FRAMES = "new Promise((done) => { let n = 20; const tick = () => n-- ? requestAnimationFrame(tick) : done(); tick(); })"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(autouse=True)
def _at_rest(visit: Visit) -> None:
    visit.page.evaluate(f"location.hash = 'lang=fr&t=2026-07-15T20:00:00Z&n={next(_FRESH)}'")
    visit.until("!window.jumeau.state().theme && window.jumeau.state().time.startsWith('2026-07-15T20')")
    visit.until("window.jumeau.state().language === 'fr' && !window.jumeau.state().selection")


def numbers(sentence: str) -> list[float]:
    """Return the numbers of a French sentence."""
    return [float(found.replace(",", ".")) for found in re.findall(r"-?\d+(?:,\d+)?", sentence)]


def assessment(api: Api, instant: str) -> dict:
    found = api("ogc/collections/heat_island_map_error/items", datetime=instant)["features"]
    return found[0]["properties"]


def test_one_touch_shows_last_night_s_map_and_says_how_sure_it_is(visit: Visit, api: Api):
    visit.page.get_by_role("button", name="Îlots de chaleur").click()
    visit.settle()
    state = visit.state()
    assert state["time"].startswith("2026-07-30T20"), "ten in the evening of the last day"
    assert "heat_island_map" in state["drawn"]["layers"]
    assert state["measure"] == "heat_island.air_temperature_difference"
    caption = visit.page.locator("[data-caption=heat_island_map]")
    expect(caption).to_contain_text("station de référence")
    expect(caption.locator(".ends")).to_contain_text("°C")
    told = assessment(api, "2026-07-30T20:00:00Z")
    error, count = numbers(caption.locator(".hint").inner_text())
    assert error == pytest.approx(told["rmse"], abs=0.05)
    assert count == told["stations"]
    cells = api(
        "ogc/collections/heat_island_map/cube",
        bbox=",".join(map(str, api("scenes/catalogue.json")["extent"])),
        datetime="2026-07-30T20:00:00Z",
        **{"parameter-name": "air_temperature_difference"},
    )["ranges"]["air_temperature_difference"]["values"]
    known = [value for value in cells if value is not None]
    least, greatest, mean = numbers(caption.locator(".facts").inner_text())
    assert least == pytest.approx(min(known), abs=0.06)
    assert greatest == pytest.approx(max(known), abs=0.06)
    assert mean == pytest.approx(np.mean(known), abs=0.06)


def test_the_map_follows_the_slider_without_asking_again(visit: Visit):
    visit.page.evaluate("location.hash = 'lang=fr&view=heat&t=2026-07-15T20:00:00Z&layers=heat_island_map'")
    visit.page.get_by_role("button", name="Toute la ville").click()
    visit.until("window.jumeau.state().layers.length === 1")
    visit.settle()
    caption = visit.page.locator("[data-caption=heat_island_map] .facts")
    pictures, facts, asked = [], [], len(visit.asked)
    for hour in (20, 14, 8, 2):
        visit.slide(f"2026-07-15T{hour:02}:00")
        pictures.append(visit.picture())
        facts.append(caption.inner_text())
    assert len(set(facts)) == 4
    for one, other in itertools.pairwise(pictures):
        assert np.mean(np.abs(one - other).max(axis=2) > 4) > 0.002
    assert not [url for url in visit.asked[asked:] if "/grids/" in url or "map_error" in url]
    visit.page.locator("#time").press("ArrowLeft")
    visit.page.evaluate(FRAMES)
    soon = visit.picture()
    visit.settle()
    assert np.array_equal(soon, visit.picture()), "nothing stale waits for the next movement"


def test_an_hour_without_a_map_says_why_and_shows_none(visit: Visit, api: Api):
    hours = [
        (feature["id"], feature["properties"])
        for offset in (0, 500)
        for feature in api("ogc/collections/heat_island_map_error/items", limit=500, offset=offset)["features"]
    ]
    refused = [(hour, row) for hour, row in hours if row["reason_fr"]]
    assert refused, "the small demo city has hours that cannot be mapped"
    hour, row = refused[0]
    visit.page.evaluate(f"location.hash = 'lang=fr&view=heat&t={hour[:13]}:00:00Z&layers=heat_island_map'")
    facts = visit.page.locator("[data-caption=heat_island_map] .facts")
    expect(facts).to_have_text(f"Pas de carte à cette heure : {row['reason_fr']}")
    expect(visit.page.locator("[data-caption=heat_island_map] .hint")).to_be_empty()


def test_the_air_of_each_commune_in_one_touch(visit: Visit, api: Api):
    visit.page.get_by_role("button", name="Qualité de l'air").click()
    visit.settle()
    state = visit.state()
    assert "air_quality_index_days" in state["drawn"]["layers"]
    assert state["measure"].startswith("air_quality_daily.")
    day = api("ogc/collections/air_quality_index_days/items", datetime=state["time"], limit=100)["features"]
    told = next(one for one in api("scenes/catalogue.json")["collections"] if one["id"] == "air_quality_index_days")
    classes = next(field for field in told["fields"] if field["name"] == "air_quality_index")["categories"]
    titles = {one["value"]: one["title"]["fr"] for one in classes}
    expected = {(one["properties"]["name"], titles[one["properties"]["air_quality_index"]]) for one in day}
    caption = visit.page.locator("[data-caption=air_quality_index_days]")
    expect(caption.locator(".facts")).to_have_text("jeudi 30 juillet 2026")
    shown = {tuple(text.split("\n")) for text in caption.locator(".classes button").all_inner_texts()}
    assert shown == expected
    caption.locator(".classes button").first.click()
    expect(visit.page.locator(".card h2")).to_have_text(caption.locator(".classes button span").first.inner_text())


def test_two_stations_in_one_chart(visit: Visit, api: Api):
    stations = [
        one["id"]
        for one in api("ogc/collections/stations/items", limit=100)["features"]
        if one["properties"]["station_type"] == "weather"
    ]
    names = {
        one["id"]: one["properties"]["name"] for one in api("ogc/collections/stations/items", limit=100)["features"]
    }
    first, second = stations[:2]
    page = visit.page
    page.evaluate(f"location.hash = 'lang=fr&view=heat&t=2026-07-15T20:00:00Z&object=stations/{first}'")
    expect(page.locator(".card h2")).to_have_text(names[first])
    series = page.locator(".series").first
    expect(series.locator(".chart .reference text")).to_have_text("Référence")
    page.get_by_label("Comparer avec").select_option(second)
    expect(series.locator(".chart .line")).to_have_count(2)
    expect(series.locator(".chart")).to_have_attribute("aria-label", re.compile(re.escape(names[second])))
    series.locator("summary").click()
    expect(series.locator("thead th").last).to_have_text(names[second])
    series.locator("tbody tr").nth(100).wait_for(state="attached")
    visit.until(f"location.hash.includes('with={second}')")


def test_the_other_station_is_chosen_by_touch(visit: Visit, api: Api):
    first, second = api("ogc/collections/stations/items", limit=2)["features"]
    page = visit.page
    page.evaluate(f"location.hash = 'lang=fr&t=2026-07-15T20:00:00Z&object=stations/{first['id']}'")
    expect(page.locator(".card h2")).to_have_text(first["properties"]["name"])
    page.get_by_role("button", name="Toucher l'autre sur la maquette").click()
    visit.look(second["geometry"]["coordinates"][:2], 400)
    page.locator("#map").focus()
    page.keyboard.press("Enter")
    visit.until(f"window.jumeau.state().compared === '{second['id']}'")
    assert visit.state()["selection"]["id"] == first["id"]


def test_the_address_brings_back_the_view(browser: Browser, site: str):
    visit = Visit(browser, site, "#lang=en&view=air&t=2026-07-16T12:00:00Z", size=PHONE)
    visit.settle()
    assert visit.state()["theme"] == "air"
    expect(visit.page.get_by_role("button", name="Air quality")).to_have_attribute("aria-pressed", "true")
    caption = visit.page.locator("[data-caption=air_quality_index_days] .facts")
    expect(caption).to_have_text(re.compile(r"Thursday,? 16 July 2026"))
    visit.page.locator("[data-view=heat]").focus()
    visit.page.keyboard.press("Enter")
    visit.settle()
    expect(visit.page.locator("[data-caption=heat_island_map] .facts")).to_have_text(re.compile(r"^From .*\s°C"))
    assert not visit.errors
    visit.context.close()


def test_the_first_view_is_light(browser: Browser, site: str):
    """At most 60 requests and 3 MB, hidden layers asked for nothing (DESIGN, numbers to reach)."""
    visit = Visit(browser, site, "#lang=fr", service_workers="block")
    sizes: list[int] = []
    visit.page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    visit.page.reload()
    visit.until("window.jumeau")
    visit.settle()
    assert len(sizes) <= 60
    assert sum(sizes) <= 3_000_000
    assert not [url for url in visit.asked if "/grids/" in url]
    visit.context.close()
