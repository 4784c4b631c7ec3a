"""A small real store with what is hard about items: versions, nulls, awkward texts, personal data."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from twin.context import Twin
from twin.model import Category, Collection, Field, FieldType, Kind, Licence, ObservedProperty, Run, Style, Text
from twin.settings import Settings
from twin.store import Commit, StagedFeatures, StagedSeries, Store
from twin.store.embedded import open_store
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, datastream_id, feature_schema
from twin.testing.samples import cube, put_cube

BUILDINGS = 120
HOURS = 72
STATIONS = ("Église Saint-Pierre", 'L\'Haÿ; <b>« Zoé »</b> & "nord"', "Bois\\vert")
START = datetime(2026, 7, 1, tzinfo=UTC)
ORIGIN = np.array([770_000.0, 6_279_000.0])
STEP = 40.0

LICENCE = Licence(title="Licence Ouverte 2.0", url="https://www.etalab.gouv.fr/licence", attribution="© Ville-Jumelle")
AIR_TEMPERATURE = ObservedProperty(
    name="air_temperature", title=Text(fr="Température de l'air", en="Air temperature"), unit="Cel"
)


def collection(identifier: str, kind: Kind = Kind.FEATURES, **more: object) -> Collection:
    return Collection(
        id=identifier,
        kind=kind,
        title=Text(fr=f"Titre <{identifier}>", en=f"Title <{identifier}>"),
        description=Text(fr=f"Ce que sont {identifier} & co.", en=f"What {identifier} are & co."),
        keywords=("été", "summer"),
        licence=LICENCE,
        producer="Service géomatique",
        **more,
    )


def field(name: str, kind: FieldType, unit: str | None = None, **more: object) -> Field:
    return Field(name=name, type=kind, unit=unit, title=Text(fr=f"Champ {name}", en=f"Field {name}"), **more)


BUILDING_FIELDS = (
    field("height", FieldType.NUMBER, "m"),
    field("storeys", FieldType.INTEGER),
    field("usage", FieldType.STRING, categories=(Category(value="housing", title=Text(fr="logement", en="housing")),)),
    field("commune", FieldType.STRING),
    field("public", FieldType.BOOLEAN),
    field("permit", FieldType.DATE),
)
COMMUNES = ("Mauguio", "Pérols", 'A<B & "C"')


def buildings() -> pa.RecordBatch:
    """Return squares of 10 m on a diagonal; every fourth ends on 15 July, one has no geometry, b0001 two versions."""
    corner = ORIGIN + STEP * np.arange(BUILDINGS)[:, None]
    squares = shapely.box(corner[:, 0], corner[:, 1], corner[:, 0] + 10, corner[:, 1] + 10)
    wkb = list(shapely.to_wkb(squares))
    wkb[7] = None
    ids = [f"b{number:04}" for number in range(BUILDINGS)]
    starts = [START + timedelta(days=number % 10) for number in range(BUILDINGS)]
    ends = [datetime(2026, 7, 15, tzinfo=UTC) if number % 4 == 0 else None for number in range(BUILDINGS)]
    ids[2], starts[2] = "b0001", datetime(2026, 7, 20, tzinfo=UTC)
    ends[1] = starts[2]
    return pa.RecordBatch.from_pydict(
        {
            "id": ids,
            "valid_from": starts,
            "valid_to": ends,
            "geometry": pa.array(wkb, pa.binary()),
            "height": [None if number % 7 == 0 else float(number) for number in range(BUILDINGS)],
            "storeys": [number % 9 for number in range(BUILDINGS)],
            "usage": ["housing"] * BUILDINGS,
            "commune": [COMMUNES[number % 3] for number in range(BUILDINGS)],
            "public": [None if number % 5 == 0 else number % 2 == 0 for number in range(BUILDINGS)],
            "permit": [START.date() + timedelta(days=number % 3) for number in range(BUILDINGS)],
        },
        schema=feature_schema(BUILDING_FIELDS),
    )


def places() -> pa.Array:
    x = ORIGIN[0] + 500.0 * np.arange(len(STATIONS))
    return pa.array(shapely.to_wkb(shapely.points(x, np.full(x.size, ORIGIN[1]))), pa.binary())


def stations() -> pa.RecordBatch:
    count = len(STATIONS)
    columns = {
        "id": [f"s{number}" for number in range(count)],
        "valid_from": [START] * count,
        "valid_to": [None] * count,
        "geometry": places(),
        "name": list(STATIONS),
    }
    return pa.RecordBatch.from_pydict(columns, schema=feature_schema([field("name", FieldType.STRING)]))


def datastreams(timeseries: str) -> pa.Table:
    count = len(STATIONS)
    columns = {
        "id": [datastream_id(f"{timeseries[0]}s{number}", "air_temperature") for number in range(count)],
        "valid_from": [START] * count,
        "valid_to": [None] * count,
        "geometry": places(),
        "name": list(STATIONS),
        "timeseries": [timeseries] * count,
        "object_collection": ["stations"] * count,
        "object_id": [f"s{number}" for number in range(count)],
        "observed_property": ["air_temperature"] * count,
        "unit": ["Cel"] * count,
    }
    return pa.Table.from_pydict(columns, schema=feature_schema(DATASTREAM_FIELDS))


def observations(timeseries: str) -> pa.Table:
    """Return 72 hours at each station: 10 * station + hour / 10; hour 5 of each is out of range."""
    ids = datastreams(timeseries).column("id").to_pylist()
    rows = [(place, hour) for place in range(len(ids)) for hour in range(HOURS)]
    times = [START + timedelta(hours=hour) for _, hour in rows]
    columns = {
        "datastream": [ids[place] for place, _ in rows],
        "phenomenon_time": times,
        "result_time": times,
        "result": [10.0 * place + hour / 10 for place, hour in rows],
        "result_text": [None] * len(rows),
        "quality": [1 if hour == 5 else 0 for _, hour in rows],
        "quality_reason": ["range: above 45" if hour == 5 else None for _, hour in rows],
    }
    return pa.Table.from_pydict(columns, schema=OBSERVATION_SCHEMA)


def commit_features(store: Store, made: Collection, batch: pa.RecordBatch, source: str = "test") -> None:
    run = Run(
        id=f"{made.id}-{source}-{uuid4().hex}",
        kind="ingest",
        name=made.id,
        fingerprint=source,
        started=datetime.now(UTC),
    )
    with store.staging(run.id) as folder:
        pq.write_table(pa.Table.from_batches([batch]), folder / "features.parquet")
        staged = StagedFeatures(collection=made, source=source, files=("features.parquet",))
        store.commit(Commit(run=run, features=(staged,)))


def commit_series(store: Store, made: Collection) -> None:
    run = Run(id=made.id, kind="ingest", name=made.id, fingerprint="1", started=datetime.now(UTC))
    with store.staging(run.id) as folder:
        pq.write_table(datastreams(made.id), folder / "datastreams.parquet")
        pq.write_table(observations(made.id), folder / "observations.parquet")
        staged = StagedSeries(
            collection=made, source="test", datastreams=("datastreams.parquet",), files=("observations.parquet",)
        )
        store.commit(Commit(run=run, series=(staged,)))


def made_buildings() -> Collection:
    return collection(
        "buildings", fields=BUILDING_FIELDS, geometry="Polygon", style=Style(symbol="extrusion", height="height")
    )


def fill(store: Store) -> None:
    commit_features(store, made_buildings(), buildings())
    name = (field("name", FieldType.STRING),)
    commit_features(store, collection("stations", fields=name, geometry="Point"), stations())
    commit_features(store, collection("secrets", fields=name, geometry="Point"), stations())
    put_cube(store, cube())
    series = {"kind": Kind.TIMESERIES, "observed_properties": (AIR_TEMPERATURE,), "geometry": "Point"}
    commit_series(store, collection("observations", **series))
    commit_series(store, collection("private_series", **series))
    commit_series(store, collection("meters", finest_period="P1D", **series))


@contextmanager
def city(folder, keys=(), **server):
    """Open a twin over a new store of `folder`; two collections are private."""
    settings = Settings.model_validate(
        {
            "store": {"folder": folder},
            "server": server,
            "access": {"private": ["secrets", "private_series"], "keys": list(keys)},
            "bounds": {"items": 100},
        }
    )
    store = open_store(folder, settings.city.crs)
    try:
        fill(store)
        yield Twin.over(settings, store)
    finally:
        store.close()
