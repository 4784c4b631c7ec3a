"""A small real store: buildings with courtyards and lifespans, points, a background, series and coverages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
import uvicorn
import xarray as xr
from starlette.types import ASGIApp, Receive, Scope, Send

from scenes.door import ScenesDoor
from twin.context import Twin
from twin.model import Category, Collection, Field, FieldType, Kind, Licence, ObservedProperty, Ramp, Run, Style, Text
from twin.settings import AccessSettings, Bounds, Settings, StoreSettings
from twin.store import Commit, StagedCube, StagedFeatures, StagedSeries, write_cube
from twin.store.embedded import open_store
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, Quality, datastream_id, feature_schema

START = datetime(2026, 7, 1, tzinfo=UTC)
CHANGE = datetime(2026, 7, 12, tzinfo=UTC)
HOURS = 48
X, Y = 770_000.0, 6_280_000.0
SIDE = 40  # buildings in a row of the grid of buildings
GRID_X = X + 50 * np.arange(20) + 25.0
GRID_Y = Y + 50 * np.arange(16) + 25.0
TEMPERATURE = ObservedProperty(
    name="air_temperature", title=Text(fr="Température de l'air", en="Air temperature"), unit="Cel"
)
FRACTION = ObservedProperty(name="built_fraction", title=Text(fr="Fraction bâtie", en="Built fraction"), unit="1")
COVERS = ("CS1.1.1", "CS2.1.1")


def collection(name: str, kind: Kind = Kind.FEATURES, **more: object) -> Collection:
    text = Text(fr=name, en=name)
    licence = Licence(title="Licence Ouverte 2.0", attribution="essais")
    return Collection(id=name, kind=kind, title=text, description=text, licence=licence, producer="essais", **more)


def field_of(name: str, kind: FieldType, **more: object) -> Field:
    return Field(name=name, type=kind, title=Text(fr=name, en=name), **more)


def footprints(count: int = SIDE * SIDE) -> np.ndarray:
    """Return squares of 12 m, every third with a courtyard of 4 m, on a grid of 20 m."""
    at = np.arange(count)
    x, y = X + 20.0 * (at % SIDE), Y + 20.0 * (at // SIDE)
    solid = shapely.box(x, y, x + 12, y + 12)
    holed = shapely.difference(solid, shapely.box(x + 4, y + 4, x + 8, y + 8))
    return np.where(at % 3 == 0, holed, solid)


def staged(
    folder: Path, described: Collection, ids: list[str], shapes: object, columns: dict[str, object] | None = None
) -> StagedFeatures:
    """Write features to `folder`; they live from START for ever unless `columns` says otherwise."""
    count = len(ids)
    table = pa.table(
        {
            "id": ids,
            "valid_from": [START] * count,
            "valid_to": pa.nulls(count, pa.timestamp("us", tz="UTC")),
            "geometry": pa.array(shapely.to_wkb(shapes), pa.binary()),
            **(columns or {}),
        },
        schema=feature_schema(described.fields),
    )
    pq.write_table(table, folder / f"{described.id}.parquet")
    return StagedFeatures(collection=described, source="test", files=(f"{described.id}.parquet",))


def buildings(folder: Path, count: int = SIDE * SIDE) -> StagedFeatures:
    """One in ten is demolished at CHANGE, one in ten is built then; the last has no area."""
    fields = (field_of("height", FieldType.NUMBER, unit="m"), field_of("name", FieldType.STRING))
    style = Style(symbol="extrusion", height="height", label="name", colour_by="height", order=5)
    shapes = footprints(count)
    shapes[-1] = shapely.Polygon([(X, Y), (X + 1, Y + 1), (X, Y)])
    columns = {
        "valid_from": [CHANGE if i % 10 == 1 else START for i in range(count)],
        "valid_to": [CHANGE if i % 10 == 2 else None for i in range(count)],
        "height": [None if i % 100 == 7 else 3.0 + i % 20 for i in range(count)],
        "name": [None if i % 2 else f"Bâtiment {i}" for i in range(count)],
    }
    ids = [f"B{i:05}" for i in range(count)]
    described = collection("buildings", fields=fields, geometry="Polygon", style=style)
    return staged(folder, described, ids, shapes, columns)


def _background(folder: Path) -> tuple[StagedFeatures, ...]:
    categories = tuple(Category(value=value, title=Text(fr=value, en=value), colour="#aabbcc") for value in COVERS)
    cover = collection(
        "land_cover",
        fields=(field_of("cover", FieldType.STRING, categories=categories),),
        style=Style(symbol="fill", colour_by="cover"),
    )
    halves = [shapely.box(X, Y, X + 500, Y + 800), shapely.box(X + 500, Y, X + 1000, Y + 800)]
    streets = collection(
        "streets",
        fields=(field_of("name", FieldType.STRING),),
        style=Style(symbol="line", label="name", minimum_zoom=10),
    )
    lines = [
        shapely.LineString([(X, Y + 10 * i), (X + 500, Y + 10 * i), (X + 1000, Y + 10 * i + 3)]) for i in range(30)
    ]
    return (
        staged(
            folder,
            cover,
            ["west", "east", "east"],
            [*halves, halves[1]],
            {
                "cover": [COVERS[0], COVERS[0], COVERS[1]],
                "valid_from": [START, START, CHANGE],
                "valid_to": [None, CHANGE, None],
            },
        ),
        staged(folder, streets, [f"S{i}" for i in range(30)], lines, {"name": [f"Rue {i}" for i in range(30)]}),
    )


def _points(folder: Path) -> tuple[StagedFeatures, ...]:
    types = ("weather", "air_quality")
    categories = tuple(Category(value=value, title=Text(fr=value, en=value)) for value in types)
    fields = (field_of("name", FieldType.STRING), field_of("station_type", FieldType.STRING, categories=categories))
    stations = collection(
        "stations", fields=fields, style=Style(symbol="point", label="name", colour_by="station_type")
    )
    places = shapely.points([[X + 100, Y + 100], [X + 900, Y + 700], [X + 500, Y + 400]])
    columns = {"name": ["Préfecture", "Écusson", "Port"], "station_type": ["weather", "weather", "air_quality"]}
    secret = collection("secret", style=Style(symbol="point"))
    return (
        staged(folder, stations, ["T3", "T1", "T2"], places, columns),
        staged(folder, secret, ["X"], places[:1]),
    )


def temperature(station: int) -> np.ndarray:
    return np.round(20 + station + 5 * np.sin(np.arange(HOURS) / 24 * 2 * np.pi), 2)


def _series(folder: Path, name: str = "observations", finest_period: str | None = None) -> StagedSeries:
    owners = ["T1", "T3", "X"]
    times = pa.array(np.datetime64(START.replace(tzinfo=None), "us") + np.arange(HOURS).astype("m8[h]"))
    times = times.cast(pa.timestamp("us", tz="UTC"))
    parts = []
    for number, owner in enumerate(owners):
        quality = np.zeros(HOURS, np.uint8)
        quality[7] = Quality.STEP if owner == "T1" else Quality.GOOD
        table = pa.table(
            {
                "datastream": [f"{name}.{datastream_id(owner, 'air_temperature')}"] * HOURS,
                "phenomenon_time": times,
                "result_time": times,
                "result": temperature(number),
                "result_text": pa.nulls(HOURS, pa.string()),
                "quality": quality,
                "quality_reason": pa.nulls(HOURS, pa.string()),
            },
            schema=OBSERVATION_SCHEMA,
        )
        parts.append(table.filter(np.arange(HOURS) != 11) if owner == "T3" else table)
    pq.write_table(pa.concat_tables(parts), folder / f"{name}.parquet")
    streams = pa.table(
        {
            "id": [f"{name}.{datastream_id(owner, 'air_temperature')}" for owner in owners],
            "valid_from": [START] * 3,
            "valid_to": pa.nulls(3, pa.timestamp("us", tz="UTC")),
            "geometry": [shapely.Point(X, Y).wkb] * 3,
            "name": owners,
            "timeseries": [name] * 3,
            "object_collection": ["stations", "stations", "secret"],
            "object_id": owners,
            "observed_property": ["air_temperature"] * 3,
            "unit": ["Cel"] * 3,
        },
        schema=feature_schema(DATASTREAM_FIELDS),
    )
    pq.write_table(streams, folder / f"{name}-datastreams.parquet")
    ramp = Ramp(minimum=10, maximum=40, colours=("#0000ff", "#ff0000"))
    described = collection(
        name,
        Kind.TIMESERIES,
        finest_period=finest_period,
        observed_properties=(TEMPERATURE,),
        style=Style(symbol="point", colour_by="air_temperature", ramp=ramp),
    )
    streams_file, values_file = f"{name}-datastreams.parquet", f"{name}.parquet"
    return StagedSeries(collection=described, source=name, datastreams=(streams_file,), files=(values_file,))


def field_values(step: int) -> np.ndarray:
    """A field that differs in every cell, so that a flip or a shift cannot pass."""
    rows, columns = np.meshgrid(np.arange(GRID_Y.size), np.arange(GRID_X.size), indexing="ij")
    return (rows * 100 + columns + 10_000 * step).astype(np.float32)


def _coverage(folder: Path) -> StagedCube:
    times = np.array([START.replace(tzinfo=None), CHANGE.replace(tzinfo=None)], dtype="datetime64[ns]")
    values = np.stack([field_values(0), field_values(1)])
    dataset = xr.Dataset(
        {"built_fraction": (("time", "y", "x"), values)}, coords={"time": times, "y": GRID_Y, "x": GRID_X}
    )
    described = collection(
        "built_fraction", Kind.COVERAGE, observed_properties=(FRACTION,), style=Style(symbol="raster")
    )
    write_cube(described, dataset, folder / "cube")
    return StagedCube(collection=described, source="test", folder="cube")


def commit(twin: Twin, name: str, *parts: StagedFeatures | StagedSeries | StagedCube) -> None:
    """Commit what was staged in the staging folder of ``run-<name>``."""
    twin.store.commit(
        Commit(
            run=Run(id=f"run-{name}", kind="ingest", name=name, fingerprint=name, started=START),
            features=tuple(part for part in parts if isinstance(part, StagedFeatures)),
            series=tuple(part for part in parts if isinstance(part, StagedSeries)),
            cubes=tuple(part for part in parts if isinstance(part, StagedCube)),
        )
    )


@contextmanager
def opened(folder: Path, **bounds: int) -> Iterator[Twin]:
    """Open a twin whose clock stands still after CHANGE."""
    settings = Settings(
        store=StoreSettings(folder=folder), bounds=Bounds(**bounds), access=AccessSettings(private=("secret",))
    )
    with closing(open_store(folder, "EPSG:2154")) as store:
        twin = Twin.over(settings, store)
        yield Twin(twin.settings, twin.store, twin.access, clock=lambda: datetime(2026, 8, 1, tzinfo=UTC))


@contextmanager
def filled(folder: Path, **bounds: int) -> Iterator[Twin]:
    """Open a twin that holds everything of this module."""
    with opened(folder, **bounds) as twin:
        with twin.store.staging("run-all") as staging:
            parts = (
                buildings(staging),
                *_background(staging),
                *_points(staging),
                _series(staging),
                _series(staging, "meters", "P1D"),
                _coverage(staging),
            )
            commit(twin, "all", *parts)
        yield twin


@contextmanager
def served(app: ASGIApp, lifespan: Literal["on", "off"] = "off") -> Iterator[httpx.Client]:
    """Serve an application on a free port and return a client of it."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan=lifespan)
    listening = config.bind_socket()
    listening.listen()  # so that a request made before the server runs waits for it
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    host, port = listening.getsockname()
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=60) as client:
        yield client
    server.should_exit = True
    thread.join()


@contextmanager
def door_over(twin: Twin) -> Iterator[httpx.Client]:
    """Start the door over `twin`, mounted as the application mounts it."""
    door = ScenesDoor(twin)
    door.start()

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        await door.app({**scope, "root_path": door.prefix}, receive, send)

    with served(mounted) as client:
        yield client
    door.stop()
