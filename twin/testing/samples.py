"""Small, exact data for contract suites: a street of buildings, their thermometers, a field of numbers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
import xarray as xr

from twin.model import Collection, Field, FieldType, Kind, Licence, ObservedProperty, Run, Text
from twin.products import CubeSteps
from twin.store import (
    OPERATOR,
    Commit,
    Edit,
    Receipt,
    StagedCube,
    StagedFeatures,
    StagedSeries,
    StagedVerdicts,
    Store,
    write_cube,
    write_steps,
)
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, Quality, datastream_id, feature_schema

CRS = "EPSG:2154"
#: Lower left corner of the first building: Montpellier, in Lambert-93 metres.
ORIGIN = (770_000.0, 6_279_000.0)
START = datetime(2026, 7, 1, tzinfo=UTC)
_LICENCE = Licence(title="Licence Ouverte 2.0", attribution="Jumeau")


def _text(words: str) -> Text:
    return Text(fr=words, en=words)


def _described(name: str, kind: Kind) -> Collection:
    return Collection(
        id=name, kind=kind, title=_text(name), description=_text(name), crs=CRS, licence=_LICENCE, producer="Jumeau"
    )


def buildings(*fields: Field) -> Collection:
    """Return a collection of buildings with a height, a name, a number of storeys, and `fields`."""
    standing = (
        Field(name="height", type=FieldType.NUMBER, title=_text("Height"), unit="m"),
        Field(name="name", type=FieldType.STRING, title=_text("Name")),
        Field(name="storeys", type=FieldType.INTEGER, title=_text("Storeys")),
        Field(name="public", type=FieldType.BOOLEAN, title=_text("Public")),
        Field(name="permit", type=FieldType.DATE, title=_text("Permit")),
        Field(name="seen", type=FieldType.DATETIME, title=_text("Seen")),
    )
    update = {"fields": (*standing, *fields), "geometry": "Polygon"}
    return _described("buildings", Kind.FEATURES).model_copy(update=update)


def series(name: str = "observations", observed: str = "air_temperature") -> Collection:
    """Return a time series of one observed property."""
    properties = (ObservedProperty(name=observed, title=_text(observed), unit="Cel"),)
    return _described(name, Kind.TIMESERIES).model_copy(update={"observed_properties": properties})


def coverage() -> Collection:
    """Return a coverage of one observed property, ``built_fraction``."""
    properties = (ObservedProperty(name="built_fraction", title=_text("Built"), unit="1"),)
    return _described("built_fraction", Kind.COVERAGE).model_copy(update={"observed_properties": properties})


def building_table(numbers: Sequence[int], *, raised: float = 0.0) -> pa.Table:
    """Return buildings 5 m wide, 10 m apart along x, at 7.5 m above the datum.

    Building ``n`` is ``3 + n % 7 + raised`` metres high (unknown when ``n % 10 == 9``), exists from
    1 January of ``1900 + n`` and, when ``n`` is a multiple of 4, until ten years later.
    """
    n = np.asarray(numbers, dtype=np.int64)
    x, y = ORIGIN[0] + 10.0 * n, np.full(n.size, ORIGIN[1])
    corners = np.stack([x, y, x + 5, y, x + 5, y + 5, x, y + 5, x, y], axis=1).reshape(-1, 2)
    points = np.column_stack([corners, np.full(len(corners), 7.5)])
    rings = shapely.linearrings(points, indices=np.repeat(np.arange(n.size), 5))
    heights = [None if k % 10 == 9 else 3.0 + k % 7 + raised for k in n.tolist()]
    return pa.table(
        {
            "id": [f"b{k:06d}" for k in n],
            "valid_from": [datetime(1900 + k % 100, 1, 1, tzinfo=UTC) for k in n.tolist()],
            "valid_to": [None if k % 4 else datetime(1910 + k % 100, 1, 1, tzinfo=UTC) for k in n.tolist()],
            "geometry": shapely.to_wkb(shapely.polygons(rings), flavor="iso"),
            "height": heights,
            "name": [f"Bâtiment {k}" if k % 3 else None for k in n.tolist()],
            "storeys": n % 5,
            "public": (n % 2).astype(bool),
            "permit": [datetime(2000, 1, 1, tzinfo=UTC).date() + timedelta(days=k) for k in n.tolist()],
            "seen": [START + timedelta(hours=k) for k in n.tolist()],
        },
        schema=feature_schema(buildings().fields),
    )


def datastream_table(count: int, collection: Collection) -> pa.Table:
    """Return one datastream a building, at its corner."""
    observed = collection.observed_properties[0]
    objects = [f"b{k:06d}" for k in range(count)]
    x = ORIGIN[0] + 10.0 * np.arange(count)
    return pa.table(
        {
            "id": [datastream_id(name, observed.name) for name in objects],
            "valid_from": [None] * count,
            "valid_to": [None] * count,
            "geometry": shapely.to_wkb(shapely.points(x, ORIGIN[1])),
            "name": objects,
            "timeseries": [collection.id] * count,
            "object_collection": ["buildings"] * count,
            "object_id": objects,
            "observed_property": [observed.name] * count,
            "unit": [observed.unit] * count,
        },
        schema=feature_schema(DATASTREAM_FIELDS),
    )


def observation_table(
    count: int,
    hours: int,
    *,
    first: int = 0,
    warmer: float = 0.0,
    days_late: int = 0,
    observed: str = "air_temperature",
) -> pa.Table:
    """Return hourly values of `count` datastreams: ``hour + datastream / 1000 + warmer``.

    Every hour that is a multiple of 24 is flagged out of range. The result time is one day after
    the start, and `days_late` more.
    """
    stream, hour = (grid.ravel() for grid in np.mgrid[0:count, first : first + hours])
    flagged = hour % 24 == 0
    instants = np.datetime64(START.replace(tzinfo=None), "us") + hour * np.timedelta64(3_600_000_000, "us")
    produced = START + timedelta(days=1 + days_late)
    return pa.table(
        {
            "datastream": [datastream_id(f"b{k:06d}", observed) for k in stream],
            "phenomenon_time": pa.array(instants, pa.timestamp("us")).cast(pa.timestamp("us", "UTC")),
            "result_time": [produced] * stream.size,
            "result": hour + stream / 1000 + warmer,
            "result_text": pa.nulls(stream.size, pa.string()),
            "quality": flagged.astype(np.uint8),
            "quality_reason": ["range" if doubtful else None for doubtful in flagged],
        },
        schema=OBSERVATION_SCHEMA,
    )


def cube(hours: int = 30, *, rows: int = 40, columns: int = 30, offset: float = 0.0) -> xr.Dataset:
    """Return ``built_fraction`` over ``(time, y, x)``, every value another one."""
    values = np.arange(hours * rows * columns, dtype=np.float32).reshape(hours, rows, columns) + np.float32(offset)
    return xr.Dataset(
        {"built_fraction": (("time", "y", "x"), values)},
        coords={
            "time": np.datetime64(START.replace(tzinfo=None), "ns") + np.arange(hours) * np.timedelta64(1, "h"),
            "y": ORIGIN[1] + 10.0 * np.arange(rows),
            "x": ORIGIN[0] + 10.0 * np.arange(columns),
        },
    )


def new_run(run_id: str | None = None) -> Run:
    """Return the record of a run that starts now."""
    return Run(
        id=run_id or uuid.uuid4().hex, kind="ingest", name="sample", fingerprint="sample", started=datetime.now(UTC)
    )


def put_features(
    store: Store,
    table: pa.Table,
    *,
    collection: Collection | None = None,
    source: str = "sample",
    run_id: str | None = None,
) -> Receipt:
    """Commit a table of features."""
    run = new_run(run_id)
    with store.staging(run.id) as folder:
        pq.write_table(table, folder / "features.parquet")
        part = StagedFeatures(collection=collection or buildings(), source=source, files=("features.parquet",))
        return store.commit(Commit(run=run, features=(part,)))


def put_edit(
    store: Store,
    identity: str,
    row: int | None,
    table: pa.Table | None,
    *,
    at: datetime | None = None,
    run_id: str | None = None,
) -> Receipt:
    """Commit an edit of a building: the one row of `table`, which begins at `at`; None ends its life."""
    run = new_run(run_id).model_copy(update={"kind": "edit"})
    at = at or datetime.now(UTC)
    file = None
    with store.staging(run.id) as folder:
        if table is not None:
            file = "edit.parquet"
            starts = pa.array([at], pa.timestamp("us", tz="UTC"))
            pq.write_table(table.set_column(1, table.schema.field("valid_from"), starts), folder / file)
        edit = Edit(collection="buildings", id=identity, row=row, at=at, file=file)
        return store.commit(Commit(run=run, edits=(edit,)))


def put_series(
    store: Store,
    table: pa.Table,
    *,
    datastreams: pa.Table | None = None,
    collection: Collection | None = None,
    source: str = "sample",
    replace: bool = False,
) -> Receipt:
    """Commit a table of observations, with its datastreams when given."""
    run = new_run()
    with store.staging(run.id) as folder:
        pq.write_table(table, folder / "observations.parquet")
        if datastreams is not None:
            pq.write_table(datastreams, folder / "datastreams.parquet")
        part = StagedSeries(
            collection=collection or series(),
            source=source,
            datastreams=("datastreams.parquet",) if datastreams is not None else (),
            files=("observations.parquet",),
            replace=replace,
        )
        return store.commit(Commit(run=run, series=(part,)))


def put_verdicts(store: Store, table: pa.Table, *, test: Quality = Quality.SPATIAL, revision: int = 0) -> Receipt:
    """Commit the quality of observations, as read at a `revision`."""
    run = new_run()
    with store.staging(run.id) as folder:
        pq.write_table(table, folder / "verdicts.parquet")
        part = StagedVerdicts(collection=series().id, test=test, files=("verdicts.parquet",), revision=revision)
        return store.commit(Commit(run=run, verdicts=(part,)))


def put_steps(store: Store, steps: CubeSteps) -> Receipt:
    """Commit a coverage step by step, over its present revision where there is one."""
    run = new_run()
    known = {collection.id for collection in store.catalogue.collections(OPERATOR)}
    with store.staging(run.id) as folder, ExitStack() as lent:
        name = steps.collection.id
        former = lent.enter_context(store.cubes.folder(name, OPERATOR)) if name in known else None
        write_steps(steps, folder / "cube", former)
        part = StagedCube(collection=steps.collection, source="sample", folder="cube")
        return store.commit(Commit(run=run, cubes=(part,)))


def put_cube(store: Store, dataset: xr.Dataset, *, collection: Collection | None = None) -> Receipt:
    """Commit a coverage."""
    run = new_run()
    with store.staging(run.id) as folder:
        described = collection or coverage()
        write_cube(described, dataset, folder / "cube")
        part = StagedCube(collection=described, source="sample", folder="cube")
        return store.commit(Commit(run=run, cubes=(part,)))
