"""A small demo city served behind a prefix by the real command, and a browser looking at it."""

from __future__ import annotations

import base64
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import yaml
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "/ville"
PATIENCE = 300_000  # milliseconds: software rendering on a busy machine
expect.set_options(timeout=PATIENCE / 4)
FLAGS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--no-sandbox"]
LAYERS = ("built_fraction", "urban_morphology", "heat_island", "heat_map", "air_quality_daily", "air_quality_index")
#: Hours at which one of the stations is silent or stuck have no map.
PARAMETERS = {"heat_map": {"stations": 11}}
SIZE: ViewportSize = {"width": 900, "height": 560}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a demo city of 400 buildings, without a trailing slash."""
    if not (ROOT / "scenes" / "viewer" / "dist" / "index.html").is_file():
        pytest.skip("the page is not built: make test builds it")
    folder = tmp_path_factory.mktemp("site")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "city": {"name": "Valmérac"},
        "store": {"folder": str(folder / "var")},
        "server": {"port": port, "public_url": f"http://127.0.0.1:{port}{PREFIX}"},
        "layers": [{"layer": name, "parameters": PARAMETERS.get(name, {})} for name in LAYERS],
    }
    (folder / "config.yml").write_text(yaml.safe_dump(settings), "utf-8")
    command = [sys.executable, "-c", "from twin.cli import main; main()", "demo", "--scale", "0.02"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, encoding="utf-8") as server:
        try:
            assert server.stdout is not None
            lines = iter(server.stdout.readline, "")
            announced = next((line for line in lines if re.match("Serving at", line)), None)
            assert announced, "the demo city was not served"
            yield f"http://127.0.0.1:{port}{PREFIX}"
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def api(site: str) -> Callable[..., dict]:
    """Return a reader of JSON documents of the site: a path and query parameters."""

    def get(path: str, **parameters: str | int) -> dict:
        answer = httpx.get(f"{site}/{path}", params={"f": "json", **parameters} if "ogc/" in path else parameters)
        answer.raise_for_status()
        return answer.json()

    return get


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Return a running Playwright; it ends with its module, for it holds the event loop of the thread."""
    with sync_playwright() as running:
        yield running


def _launch(playwright: Playwright, *flags: str) -> Browser:
    found = shutil.which("chromium") or playwright.chromium.executable_path
    if not Path(found).exists():
        pytest.skip("Chromium is absent: install Debian's chromium, or run playwright install chromium")
    return playwright.chromium.launch(executable_path=found, args=[*FLAGS, *flags])


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = _launch(playwright)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def flat_browser(playwright: Playwright) -> Iterator[Browser]:
    """Return a browser that has no WebGL."""
    browser = _launch(playwright, "--disable-3d-apis")
    yield browser
    browser.close()


class Visit:
    """One page open on the site; keeps the hosts asked and the errors told."""

    def __init__(
        self,
        browser: Browser,
        site: str,
        fragment: str = "",
        language: str = "fr-FR",
        size: ViewportSize = SIZE,
        service_workers: Literal["allow", "block"] = "allow",
    ) -> None:
        self.context = browser.new_context(
            viewport=size, locale=language, reduced_motion="reduce", service_workers=service_workers
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.hosts: set[str] = set()
        self.asked: list[str] = []
        self.refused: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("response", lambda answer: answer.status >= 400 and self.refused.append(answer.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{site}/{fragment}")
        self.until("window.jumeau")

    def until(self, condition: str) -> None:
        """Wait for a JavaScript condition, without the eval that the page's security policy forbids."""
        self.page.evaluate(
            f"""new Promise((done, fail) => {{
                const last = performance.now() + {PATIENCE / 2};
                const look = () => ({condition}) ? done()
                    : performance.now() < last ? setTimeout(look, 20) : fail(Error("it never came"));
                look();
            }})"""
        )

    def settle(self) -> None:
        """Wait until everything that the view needs has arrived and been drawn."""
        self.page.evaluate("window.jumeau.settled()")

    def state(self) -> dict:
        return self.page.evaluate("window.jumeau.state()")

    def look(self, place: list[float], height: float) -> None:
        """Look straight down on a place (longitude, latitude) from `height` metres."""
        self.page.evaluate("([x, y, z]) => window.jumeau.look(x, y, z, 0, -90)", [*place, height])
        self.settle()

    def middle(self) -> tuple[float, float]:
        """Return the middle of the picture, in pixels of the window."""
        box = self.page.locator("#map").bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def picked(self) -> dict | None:
        """Return the object drawn in the middle of the picture."""
        return self.page.evaluate(
            "() => { const map = document.querySelector('#map');"
            " return window.jumeau.pick(map.clientWidth / 2, map.clientHeight / 2); }"
        )

    def slide(self, instant: str) -> None:
        """Drag the time slider to an hour of July 2026, and wait for the picture."""
        slider = self.page.locator("#time")
        shown = np.datetime64(self.state()["time"].removesuffix("Z"))
        hours = int((np.datetime64(instant) - shown) / np.timedelta64(1, "h"))
        slider.fill(str(int(slider.input_value()) + hours))
        self.settle()

    def picture(self, around: int | None = None) -> np.ndarray:
        """Return the pixels of the map, or of a square of 2 x `around` pixels in its middle, shape (h, w, 3)."""
        box = self.page.locator("#map").bounding_box()
        assert box is not None
        if around:
            x, y = self.middle()
            box = {"x": x - around, "y": y - around, "width": 2 * around, "height": 2 * around}
        hidden = "main > :not(#map), .card { opacity: 0 !important }"
        png = base64.b64encode(self.page.screenshot(clip=box, style=hidden)).decode()
        return _decode(self.context.new_page(), png)


def _decode(page: Page, png: str) -> np.ndarray:
    """Let the browser read its own picture, on a blank page."""
    rgba, width = page.evaluate(
        """async (png) => {
            const image = new Image();
            image.src = `data:image/png;base64,${png}`;
            await image.decode();
            const canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height});
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            const {data} = context.getImageData(0, 0, image.width, image.height);
            const blob = new FileReader();
            const read = new Promise((resolve) => (blob.onload = () => resolve(blob.result.split(",")[1])));
            blob.readAsDataURL(new Blob([data]));
            return [await read, image.width];
        }""",
        png,
    )
    page.close()
    return np.frombuffer(base64.b64decode(rgba), np.uint8).reshape(-1, width, 4)[:, :, :3].astype(int)


@pytest.fixture(scope="module")
def visit(browser: Browser, site: str) -> Iterator[Visit]:
    """Return the page that most tests share: opening the scene in software takes its time."""
    visit = Visit(browser, site)
    visit.settle()
    yield visit
    visit.context.close()
