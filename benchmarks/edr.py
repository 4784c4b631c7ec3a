"""EDR over HTTP, over one cube: CPU of the server for a request, beside a bare callable and the peers.

The bare callable reads the window that an address stands for, which it knows beforehand, of the right layout as the
store opens it, and dumps the float32 values with orjson on its event loop: no query, no axes, no parameters. Requests
go round a few addresses; beside them stands what was never asked before, ours and the bare callable's, each address
once. Each peer has the cube in both chunk layouts of ours, as plain Zarr, and is asked of the one that suits the
question. All are served by the same server, each in a process of its own; every answer is checked first.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely
import xarray as xr
from numpy.typing import NDArray
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.served import stock, xpublish_edr
from benchmarks.served.compare import CONNECTIONS, Question, answers, compared
from benchmarks.served.environments import Absent
from benchmarks.served.load import Served, listen, served
from twin.context import Twin
from twin.crs import CRS84
from twin.settings import Settings, StoreSettings
from twin.store.embedded import open_store
from twin.testing import samples

STEPS, SIDE = 720, 400
_NAME = "built_fraction"
_WEST, _SOUTH, _CELL = 3.8, 43.5, 0.0005
_STEP = 99
_ASKED = 20
#: Questions that are asked once, by kind: as many as take long enough to be weighed.
_FRESH = {"position": 1_200, "cube_200": 400, "cube_400": 200, "area": 1_200}
_EVERYTHING = f"/ogc/collections/{_NAME}/cube?bbox=0,0,20,60&f=CoverageJSON"


def run(steps: int = STEPS, side: int = SIDE) -> dict[str, Any]:
    """Return milliseconds of CPU a request, and the ratios to the bare callable and to each peer."""
    truth = _cube(steps, side)
    figures: dict[str, Any] = {"steps": steps, "side": side}
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        with closing(open_store(folder / "var", CRS84)) as store:
            samples.put_cube(store, truth, collection=samples.coverage().model_copy(update={"crs": CRS84}))
        questions = {kind: _asked(ask, truth[_NAME], kind) for kind, ask in _kinds(truth[_NAME]).items()}
        windows = {path: one.window for kind in questions.values() for part in kind for path, one in part.items()}
        (folder / "windows.pickle").write_bytes(pickle.dumps(windows))
        servers = {
            "ours": running.enter_context(_served(folder, "ours", "/ogc")),
            "bare": running.enter_context(_served(folder, "bare", "")),
            **_peers(folder, truth, running, figures),
        }
        for kind, (asked, fresh) in questions.items():
            answers(servers["ours"], _question(asked))
            costs = _fresh(servers, [*fresh])
            answers(servers["ours"], _question(dict([*fresh.items()][:_ASKED])))
            figures[kind] = compared(servers, _question(asked))
            for connections, (ours, bare) in costs.items():
                _add_fresh(figures[kind][f"connections_{connections}"], ours, bare)
        figures["refusal_of_all"] = _refused(servers["ours"])
    return figures


def _cube(steps: int, side: int) -> xr.Dataset:
    """Return a field that differs from cell to cell and from hour to hour, in degrees."""
    generator = np.random.default_rng(5)
    place, hour = generator.normal(0, 2, (side, side)), 6 * np.sin(np.arange(steps) / 24 * 2 * np.pi)
    values = (20 + place + hour[:, None, None]).astype(np.float32)
    start = np.datetime64(samples.START.replace(tzinfo=None), "ns")
    axes = {"time": start + np.arange(steps) * np.timedelta64(1, "h")}
    axes |= {"y": _SOUTH + _CELL * np.arange(side), "x": _WEST + _CELL * np.arange(side)}
    return xr.Dataset({_NAME: (("time", "y", "x"), values)}, coords=axes)


def _peers(folder: Path, truth: xr.Dataset, running: ExitStack, figures: dict[str, Any]) -> dict[str, Served]:
    stores = {layout: folder / f"{layout}.zarr" for layout in ("series", "map")}
    described = truth.copy()
    described["x"].attrs = {"standard_name": "longitude", "units": "degrees_east", "axis": "X"}
    described["y"].attrs = {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"}
    described["time"].attrs = {"standard_name": "time", "axis": "T"}
    described[_NAME].attrs = {"long_name": "Built", "units": "1"}
    for layout, chunks in {"series": (truth.sizes["time"], 16, 16), "map": (1, 256, 256)}.items():
        described.to_zarr(stores[layout], encoding={_NAME: {"chunks": chunks}}, consolidated=False)
    starts = {
        "stock_pygeoapi": lambda: stock.coverages(folder, stores, _NAME),
        "xpublish_edr": lambda: xpublish_edr.coverages(stores, _NAME),
    }
    found: dict[str, Served] = {}
    for name, start in starts.items():
        try:
            found[name] = running.enter_context(start())
        except Absent as error:
            figures[name] = f"absent: {error}"
    return found


@dataclass(frozen=True)
class _Asked:
    """What an address asks: the window that holds its values, and whether the values of an answer are those."""

    window: tuple[slice, slice, slice]
    same: Callable[[dict[str, Any]], bool]


def _kinds(truth: xr.DataArray) -> dict[str, Callable[[int, int, int], tuple[str, _Asked]]]:
    """Return what makes the address of a question of each kind, and what it asks, of a column, a row and a step."""
    values = truth.values
    side = values.shape[-1]
    grid = np.meshgrid(truth["x"].values, truth["y"].values)
    root, rest = f"/collections/{_NAME}", f"parameter-name={_NAME}"

    def at(step: int) -> str:
        return f"datetime={np.datetime_as_string(truth['time'].values[step], 's')}Z&{rest}"

    def position(x: int, y: int, _step: int) -> tuple[str, _Asked]:
        window = slice(0, len(values)), slice(y, y + 1), slice(x, x + 1)
        path = f"{root}/position?coords=POINT({_x(x)}%20{_y(y)})&{rest}"
        return path, _Asked(window, lambda found: np.array_equal(_numbers(found), values[window].ravel()))

    def cube(x: int, y: int, step: int, width: int) -> tuple[str, _Asked]:
        window = slice(step, step + 1), slice(y, y + width), slice(x, x + width)
        sides = _x(x - 0.4), _y(y - 0.4), _x(x + width - 0.6), _y(y + width - 0.6)
        path = f"{root}/cube?bbox={','.join(map(str, sides))}&{at(step)}"
        return path, _Asked(window, lambda found: np.array_equal(_map(found), values[window][0]))

    def area(x: int, y: int, step: int) -> tuple[str, _Asked]:
        """Ask a disc of 2,000 cells."""
        disc = shapely.Point(x + 30.3, y + 30.3).buffer((2_000 / np.pi) ** 0.5, 8).exterior.coords
        ring = [(_x(east), _y(north)) for east, north in disc]

        def same(found: dict[str, Any]) -> bool:
            expected = np.sort(values[step][shapely.contains_xy(shapely.Polygon(ring), *grid)])
            given = _numbers(found)
            return np.array_equal(np.sort(given[~np.isnan(given)]), expected)

        window = slice(step, step + 1), slice(y + 5, y + 56), slice(x + 5, x + 56)
        corners = ",".join(f"{east}%20{north}" for east, north in ring)
        return f"{root}/area?coords=POLYGON(({corners}))&{at(step)}", _Asked(window, same)

    return {
        "position": position,
        "cube_200": lambda x, y, step: cube(x, y, step, side // 2),
        "cube_400": lambda _x, _y, step: cube(0, 0, step, side),
        "area": area,
    }


def _asked(
    ask: Callable[[int, int, int], tuple[str, _Asked]], truth: xr.DataArray, kind: str
) -> tuple[dict[str, _Asked], dict[str, _Asked]]:
    """Return a few questions of one step, to be asked over and over, and others of all steps, to be asked once each."""
    steps, _rows, columns = truth.shape
    generator = np.random.default_rng(6)
    over = dict(ask(x, y, _STEP) for x, y in generator.integers(0, columns // 2, (_ASKED, 2)).tolist())
    places = generator.integers(0, columns // 2, (_FRESH[kind] * 2, 2)).tolist()
    once = dict(ask(x, y, at % steps) for at, (x, y) in enumerate(places))
    return over, dict([each for each in once.items() if each[0] not in over][: _FRESH[kind]])


def _fresh(servers: Mapping[str, Served], paths: list[str]) -> dict[int, tuple[float, float]]:
    """Return milliseconds of CPU for a question never asked before, ours and the bare callable's, by connections."""

    def cost(server: Served, connections: int) -> float:
        share = paths[CONNECTIONS.index(connections) :: len(CONNECTIONS)]
        return server.cost([str(server.address(path)) for path in share], len(share), connections)

    return {many: (cost(servers["ours"], many), cost(servers["bare"], many)) for many in CONNECTIONS}


def _add_fresh(repeated: dict[str, float], ours: float, bare: float) -> None:
    """Add what a fresh question costs to the figures of those that are asked over and over."""
    found = {"ms": round(ours, 3), "bare_ms": round(bare, 3), "times_bare": round(ours / bare, 2)}
    peers = {name.removesuffix("_ms"): cost for name, cost in repeated.items() if name.endswith("_ms")}
    found |= {
        f"times_less_than_{name}": round(cost / ours, 1) for name, cost in peers.items() if name not in ("ours", "bare")
    }
    repeated |= {f"never_asked_before_{name}": figure for name, figure in found.items()}


def _question(asked: dict[str, _Asked]) -> Question:
    return Question([*asked], lambda path, found: None if asked[path].same(found) else "other values, or elsewhere")


def _x(column: float) -> float:
    return round(_WEST + _CELL * column, 7)


def _y(row: float) -> float:
    return round(_SOUTH + _CELL * row, 7)


def _numbers(answer: dict[str, Any]) -> NDArray[np.float32]:
    (found,) = answer["ranges"].values()
    return np.array([np.nan if value is None else value for value in found["values"]], np.float32)


def _map(answer: dict[str, Any]) -> NDArray[np.float32]:
    """Return the values of a grid with y ascending and x ascending, as its own axes tell."""
    (found,) = answer["ranges"].values()
    shape = dict(zip(found["axisNames"], found["shape"], strict=True))
    values = _numbers(answer).reshape(shape["y"], shape["x"])
    axis = answer["domain"]["axes"]["y"]
    first, last = (axis["values"][0], axis["values"][-1]) if "values" in axis else (axis["start"], axis["stop"])
    return values if first < last else values[::-1]


def _refused(ours: Served) -> dict[str, float]:
    """Return milliseconds of CPU for a 413 to a question of all values, and the memory that it took, in MB."""
    count, memory, before = 200, ours.resident(), ours.seconds()
    for _ in range(count):
        if ours.client.get(_EVERYTHING).status_code != 413:
            raise RuntimeError("A cube past the bound was not refused.")
    return {
        "ms": round(1000 * (ours.seconds() - before) / count, 2),
        "memory_mb": round((ours.resident() - memory) / 1e6),
    }


def _served(folder: Path, how: str, prefix: str) -> Any:  # noqa: ANN401 - a context manager
    return served(sys.executable, "-m", "benchmarks.edr", str(folder), how, address=lambda path: prefix + path)


def _serve(folder: Path, how: str) -> None:
    from twin.app import create_app  # noqa: PLC0415 - the bare server must not pay for it
    from twin.store.cubes import open_layout  # noqa: PLC0415

    if how == "bare":
        (home,) = (folder / "var").glob(f"cubes/{_NAME}/*/")
        with open_layout(home, "series") as series, open_layout(home, "map") as maps:
            windows = pickle.loads((folder / "windows.pickle").read_bytes())
            return listen(_bare(windows, series[_NAME], maps[_NAME]))
    settings = Settings(store=StoreSettings(folder=folder / "var"))
    with closing(open_store(folder / "var", CRS84)) as store:
        return listen(create_app(Twin.over(settings, store)))


def _bare(windows: dict[str, tuple[slice, ...]], series: xr.DataArray, maps: xr.DataArray) -> ASGIApp:
    asked = {path.encode(): window for path, window in windows.items()}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        window = asked[scope["path"].encode() + b"?" + scope["query_string"]]
        array = series if scope["path"].endswith("position") else maps
        values = np.ascontiguousarray(array[window].values).ravel()
        body = orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
