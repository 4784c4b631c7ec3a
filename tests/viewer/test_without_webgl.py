"""A browser that cannot draw in 3D gives the same facts as lists, cards and tables."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Browser, expect

from tests.viewer.conftest import Visit


def test_objects_and_series_are_read_without_the_model(flat_browser: Browser, site: str):
    visit = Visit(flat_browser, site, language="en-GB")
    page = visit.page
    expect(page.get_by_role("alert")).to_contain_text("cannot draw in 3D")
    page.locator(".list summary").filter(has_text="Stations").first.click()
    first = page.locator(".list[open] .results button").first
    name = first.inner_text()
    first.click()
    expect(page.locator(".card h2")).to_have_text(name)
    expect(page.locator(".card .chart").first).to_be_visible()
    page.locator(".card .table summary").first.click()
    page.locator(".card tbody tr").nth(100).wait_for(state="attached")
    assert not visit.errors
    visit.context.close()


def test_heat_and_air_are_read_without_the_model(flat_browser: Browser, site: str, api: Callable[..., dict]):
    west, south, east, north = api("scenes/catalogue.json")["extent"]
    place = f"{(west + east) / 2:.5f},{(south + north) / 2:.5f}"
    visit = Visit(flat_browser, site, f"#view=heat&lang=en&place={place}", language="en-GB")
    expect(visit.page.locator(".card h2")).to_have_text("At this place")
    expect(visit.page.locator(".card .amount")).to_have_text(re.compile("°C$"))
    expect(visit.page.locator("[data-caption=heat_island_map] .facts")).to_have_text(re.compile(r"^From .*\s°C"))
    expect(visit.page.locator("[data-caption=heat_island_map] .hint")).to_have_text(re.compile(r"^Sure to"))
    visit.page.get_by_role("button", name="Air quality").click()
    expect(visit.page.locator("[data-caption=air_quality_index_days] .classes button")).not_to_have_count(0)
    assert not visit.errors
    visit.context.close()
