"""Without a network the page shows what it had shown, and says since when; a new build is seen at once."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from scenes.door import ScenesDoor
from scenes.page import DIST, ViewerDoor
from tests.scenes.small_city import filled, served
from tests.viewer.conftest import Visit

#: The page is kept after all that it needs.
KEPT = "caches.match(document.baseURI.split('#')[0], {ignoreVary: true}).then(Boolean)"
KINDS = {"open": "no-cache", "private": "private, no-cache", "unstored": "no-store"}


def await_kept(visit: Visit) -> None:
    """Wait until the page can do without the network."""
    visit.page.evaluate(
        f"(async () => {{ while (!await {KEPT}) await new Promise((done) => setTimeout(done, 50)); }})()"
    )


def kept(visit: Visit, *names: str) -> list[str]:
    """Return what is kept of some names under scenes/, the oldest first."""
    keys = "Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()))"
    urls = visit.page.evaluate(f"(async () => (await {keys}).flat().map(({{url}}) => url))()")
    last = [url.split("/")[-1] for url in urls]
    return [one for one in last if one.split("?")[0] in names]


def test_in_the_tunnel_the_city_is_still_there(browser: Browser, site: str):
    visit = Visit(browser, site, "#lang=fr&view=heat&t=2026-07-15T20:00:00Z")
    visit.settle()
    caption = visit.page.locator("[data-caption=heat_island_map] .facts")
    facts, before = caption.inner_text(), visit.picture()
    notice = visit.page.locator(".notices [role=status]").last
    expect(notice).to_be_empty()
    await_kept(visit)
    visit.context.set_offline(True)
    visit.page.reload()
    visit.until("window.jumeau")
    visit.settle()
    expect(notice).to_have_text(re.compile(r"^Le réseau ne répond pas : données lues le \d+ \S+ \d{4} \d\d:\d\d"))
    expect(caption).to_have_text(facts)
    assert np.mean(np.abs(visit.picture() - before).max(axis=2) > 4) < 0.05
    visit.page.get_by_role("button", name="English").click()
    expect(notice).to_have_text(re.compile("^The network does not answer: data read on "))
    visit.context.set_offline(False)
    visit.page.get_by_role("button", name="Reload").click()
    visit.until("window.jumeau")
    visit.settle()
    expect(notice).to_be_empty()
    assert not visit.errors
    visit.context.close()


@pytest.fixture
def build(tmp_path: Path) -> Path:
    if not (DIST / "index.html").is_file():
        pytest.skip("the page is not built: make test builds it")
    return Path(shutil.copytree(DIST, tmp_path / "dist"))


@pytest.fixture
def rebuilt(tmp_path: Path, build: Path) -> Iterator[str]:
    """Return the address, behind a prefix, of a small city whose page can be built anew."""
    with filled(tmp_path / "twin") as twin, served(_behind_prefix(ViewerDoor(twin, build), ScenesDoor(twin))) as client:
        yield f"{str(client.base_url).rstrip('/')}/jumeau"


def _behind_prefix(page: ViewerDoor, scenes: ScenesDoor) -> ASGIApp:
    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix("/jumeau")
        kind = path.removeprefix("/scenes/")
        if kind == "fat":
            await Response(bytes(20 * 2**20))(scope, receive, send)
            return
        if kind in KINDS:
            await JSONResponse(kind, headers={"Cache-Control": KINDS[kind]})(scope, receive, send)
            return
        door = scenes if path.startswith("/scenes/") else page
        await door.app({**scope, "path": path, "root_path": door.prefix.rstrip("/")}, receive, send)

    return mounted


def test_a_new_build_is_seen_at_once_and_then_without_a_network(flat_browser: Browser, rebuilt: str, build: Path):
    visit = Visit(flat_browser, rebuilt)
    await_kept(visit)
    script = next((build / "assets").glob("index-*.js"))
    script.with_name("index-anew.js").write_text(f"{script.read_text('utf-8')};window.anew = true", "utf-8")
    index = build / "index.html"
    index.write_text(index.read_text("utf-8").replace(script.name, "index-anew.js"), "utf-8")
    script.unlink()
    for offline in (False, True):
        visit.context.set_offline(offline)
        visit.page.reload()
        visit.until("window.jumeau && window.anew")
    visit.context.close()


def test_what_is_private_is_not_kept(flat_browser: Browser, rebuilt: str):
    visit = Visit(flat_browser, rebuilt)
    await_kept(visit)
    visit.page.reload()
    visit.until("navigator.serviceWorker.controller")
    ask = "([kind, headers]) => fetch(`scenes/${kind}?${Object.keys(headers)}`, {headers}).then((one) => one.text())"
    for kind in KINDS:
        visit.page.evaluate(ask, [kind, {}])
    visit.page.evaluate(ask, ["open", {"Authorization": "Bearer key"}])
    while not (seen := kept(visit, *KINDS)):
        pass
    assert seen == ["open?"]
    visit.context.close()


def test_the_oldest_is_dropped_beyond_64_mb(flat_browser: Browser, rebuilt: str):
    visit = Visit(flat_browser, rebuilt)
    await_kept(visit)
    visit.page.reload()
    visit.until("navigator.serviceWorker.controller")
    for number in range(4):
        visit.page.evaluate("(n) => fetch(`scenes/fat?${n}`).then((one) => one.blob())", number)
    while "fat?3" not in (seen := kept(visit, "fat")) or "fat?0" in seen:
        pass
    assert seen == ["fat?1", "fat?2", "fat?3"]
    visit.context.close()
