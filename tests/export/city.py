"""A small real store: buildings with lifespans, stations that observe, a coverage in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
import xarray as xr

from twin.crs import BBox
from twin.model import Category, Collection, Field, FieldType, Grid, Kind, Licence, ObservedProperty, Run, Text
from twin.store import Commit, StagedCube, StagedFeatures, StagedSeries, Store
from twin.store.cubes import write_cube
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, datastream_id, feature_schema

BUILDINGS = 400
HOURS = 48
STATIONS = ("Église Saint-Pierre", "Cœur d'Œuvre", 'L\'Haÿ; « Zoé », "nord"')
START = datetime(2026, 7, 1, tzinfo=UTC)
ORIGIN = (770_000.125, 6_279_000.25)

LICENCE = Licence(title="Licence Ouverte 2.0", url="https://www.etalab.gouv.fr/licence", attribution="© Ville-Jumelle")
AIR_TEMPERATURE = ObservedProperty(
    name="air_temperature", title=Text(fr="Température de l'air", en="Air temperature"), unit="Cel"
)


def collection(identifier: str, kind: Kind, **more: object) -> Collection:
    return Collection(
        id=identifier,
        kind=kind,
        title=Text(fr=f"Été {identifier}", en=f"Summer {identifier}"),
        description=Text(fr=f"Ce que sont {identifier}.", en=f"What {identifier} are."),
        licence=LICENCE,
        producer="Service géomatique",
        lineage=Text(fr="Écrit pour les essais.", en="Written for the tests."),
        **more,
    )


def _field(name: str, kind: FieldType, unit: str | None = None, **more: object) -> Field:
    return Field(name=name, type=kind, unit=unit, title=Text(fr=f"Le {name}", en=f"The {name}"), **more)


BUILDING_FIELDS = (
    _field("height", FieldType.NUMBER, "m"),
    _field("storeys", FieldType.INTEGER),
    _field(
        "usage",
        FieldType.STRING,
        categories=(Category(value="housing", title=Text(fr="logement", en="housing")),),
    ),
    _field("public", FieldType.BOOLEAN),
    _field("permit", FieldType.DATE),
)


def buildings() -> pa.RecordBatch:
    """Return a row of squares of 10 m every 20 m eastwards; the even ones end on 15 July."""
    x = ORIGIN[0] + 20.0 * np.arange(BUILDINGS)
    squares = shapely.box(x, ORIGIN[1], x + 10, ORIGIN[1] + 10)
    end = datetime(2026, 7, 15, tzinfo=UTC)
    return pa.RecordBatch.from_pydict(
        {
            "id": [f"b{number:04}" for number in range(BUILDINGS)],
            "valid_from": [START + timedelta(days=number % 10) for number in range(BUILDINGS)],
            "valid_to": [end if number % 2 == 0 else None for number in range(BUILDINGS)],
            "geometry": pa.array(shapely.to_wkb(squares), pa.binary()),
            "height": [None if number % 7 == 0 else number / 8 for number in range(BUILDINGS)],
            "storeys": [number % 9 for number in range(BUILDINGS)],
            "usage": ["housing"] * BUILDINGS,
            "public": [None if number % 5 == 0 else number % 2 == 0 for number in range(BUILDINGS)],
            "permit": [datetime(2020, 2, 29).date()] * BUILDINGS,  # noqa: DTZ001
        },
        schema=feature_schema(BUILDING_FIELDS),
    )


def stations() -> pa.RecordBatch:
    x = ORIGIN[0] + 1_000.0 * np.arange(len(STATIONS))
    points = shapely.points(x, np.full(x.size, ORIGIN[1]), 12.5 + np.arange(x.size))
    return pa.RecordBatch.from_pydict(
        {
            "id": [f"s{number}" for number in range(len(STATIONS))],
            "valid_from": [START] * len(STATIONS),
            "valid_to": [None] * len(STATIONS),
            "geometry": pa.array(shapely.to_wkb(points), pa.binary()),
            "name": list(STATIONS),
        },
        schema=feature_schema([_field("name", FieldType.STRING)]),
    )


def datastreams() -> pa.Table:
    places = stations()
    ids = places.column("id").to_pylist()
    return pa.Table.from_pydict(
        {
            "id": [datastream_id(place, "air_temperature") for place in ids],
            "valid_from": [START] * len(ids),
            "valid_to": [None] * len(ids),
            "geometry": places.column("geometry"),
            "name": places.column("name"),
            "timeseries": ["observations"] * len(ids),
            "object_collection": ["stations"] * len(ids),
            "object_id": ids,
            "observed_property": ["air_temperature"] * len(ids),
            "unit": ["Cel"] * len(ids),
        },
        schema=feature_schema(DATASTREAM_FIELDS),
    )


def observations() -> pa.Table:
    """Return an hourly value a station; every tenth is flagged."""
    count = len(STATIONS) * HOURS
    hours = [START + timedelta(hours=number % HOURS) for number in range(count)]
    return pa.Table.from_pydict(
        {
            "datastream": [datastream_id(f"s{number // HOURS}", "air_temperature") for number in range(count)],
            "phenomenon_time": hours,
            "result_time": hours,
            "result": [20 + number / 16 for number in range(count)],
            "result_text": [None] * count,
            "quality": [2 if number % 10 == 0 else 0 for number in range(count)],
            "quality_reason": ["saut de 12 K" if number % 10 == 0 else None for number in range(count)],
        },
        schema=OBSERVATION_SCHEMA,
    )


def coverage() -> tuple[Collection, xr.Dataset]:
    """Return 6 x 4 cells of 100 m at three hours; one cell has no value."""
    x, y = ORIGIN[0] + 50 + 100 * np.arange(6), ORIGIN[1] + 50 + 100 * np.arange(4)
    values = np.arange(3 * 4 * 6, dtype="float32").reshape(3, 4, 6)
    values[:, 0, 0] = np.nan
    times = np.datetime64("2026-07-01T00:00", "ns") + np.arange(3) * np.timedelta64(1, "h")
    grid = Grid(
        bbox=BBox(xmin=ORIGIN[0], ymin=ORIGIN[1], xmax=ORIGIN[0] + 600, ymax=ORIGIN[1] + 400, crs="EPSG:2154"),
        columns=6,
        rows=4,
    )
    described = collection("heat", Kind.COVERAGE, observed_properties=(AIR_TEMPERATURE,), grid=grid)
    dataset = xr.Dataset({"air_temperature": (("time", "y", "x"), values)}, coords={"time": times, "y": y, "x": x})
    return described, dataset


def fill(store: Store) -> None:
    """Commit everything in one run."""
    run = Run(id="fill", kind="ingest", name="fill", fingerprint="1", started=START)
    with store.staging(run.id) as folder:
        pq.write_table(pa.Table.from_batches([buildings()]), folder / "buildings.parquet")
        pq.write_table(pa.Table.from_batches([stations()]), folder / "stations.parquet")
        pq.write_table(datastreams(), folder / "datastreams.parquet")
        pq.write_table(observations(), folder / "observations.parquet")
        described, dataset = coverage()
        write_cube(described, dataset, folder / "heat")
        store.commit(
            Commit(
                run=run,
                features=(
                    StagedFeatures(
                        collection=collection("buildings", Kind.FEATURES, fields=BUILDING_FIELDS, geometry="Polygon"),
                        source="fill",
                        files=("buildings.parquet",),
                    ),
                    StagedFeatures(
                        collection=collection(
                            "stations",
                            Kind.FEATURES,
                            fields=(_field("name", FieldType.STRING),),
                            geometry="Point",
                            vertical_crs="EPSG:5720",
                        ),
                        source="fill",
                        files=("stations.parquet",),
                    ),
                ),
                series=(
                    StagedSeries(
                        collection=collection("observations", Kind.TIMESERIES, observed_properties=(AIR_TEMPERATURE,)),
                        source="fill",
                        datastreams=("datastreams.parquet",),
                        files=("observations.parquet",),
                    ),
                    StagedSeries(
                        collection=collection(
                            "meters", Kind.TIMESERIES, observed_properties=(AIR_TEMPERATURE,), finest_period="P1D"
                        ),
                        source="fill",
                        datastreams=(),
                        files=(),
                    ),
                ),
                cubes=(StagedCube(collection=described, source="fill", folder="heat"),),
            )
        )
