"""How the files of a dataset are read: the ``parts`` of a manifest (see :mod:`twin.ingest.manifest`)."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field as Constrained
from pydantic import field_validator, model_validator

from twin import crs as reference_systems
from twin.model import Identifier, Model

type Constant = bool | int | float | str


class Read(Model):
    """How the bytes of a file are to be read.

    ``crs`` is for files that do not say theirs, and must not contradict one that does. ``anywhere``
    keeps coordinates outside the area of use of the city's CRS (stations overseas). ``missing_z`` is
    the height that stands for an unknown one: geometries that have it lose their Z. ``units`` is for
    CSV whose line below the header gives units: what it says of each column, so that a file that says
    otherwise is refused. ``records`` is the key of the list of records in a JSON object, ``record`` that
    of the columns in each record.
    """

    layer: str | None = None
    encoding: str | None = None
    crs: str | None = None
    anywhere: bool = False
    missing_z: float | None = None
    delimiter: Annotated[str, Constrained(min_length=1, max_length=1)] = ","
    decimal: Annotated[str, Constrained(min_length=1, max_length=1)] = "."
    skip_rows: Annotated[int, Constrained(ge=0)] = 0
    missing: tuple[str, ...] = ("",)
    units: dict[str, str] = {}
    records: str | None = None
    record: str | None = None

    @field_validator("crs")
    @classmethod
    def _known_crs(cls, value: str | None) -> str | None:
        if value is None:
            return None
        code = reference_systems.normalise(value)
        return reference_systems.CRS84 if code == "EPSG:4326" else code  # files write x first, whatever EPSG says

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        try:
            "".encode(value or "utf-8")
        except LookupError:
            raise ValueError(f"Python knows no encoding called {value!r}") from None
        return value


class Moment(Model):
    """An instant: from a column, or a constant.

    ``format`` is ``iso``, ``year`` or a ``strptime`` pattern. ``zone`` is the IANA zone of date-times
    that carry no offset; dates and years start at 00:00 UTC without it. A local time that occurs
    twice when clocks go back is quarantined unless ``ambiguous`` says which one it is. ``hour`` is the
    column of the hour of a date: a whole number from 0 to 24, of which 24 is 0 of the day after.
    """

    column: str | None = None
    hour: str | None = None
    value: str | None = None
    format: str = "iso"
    zone: str | None = None
    ambiguous: Annotated[str, Constrained(pattern="^(earliest|latest)$")] | None = None
    missing: tuple[Constant, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _constant(cls, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, date):
            return {"value": value.isoformat()}
        if isinstance(value, int):
            return {"value": str(value), "format": "year"}
        return {"value": value} if isinstance(value, str) else value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            return value and ZoneInfo(value).key
        except (KeyError, ValueError):
            raise ValueError(f"{value!r} is not an IANA time zone, such as Europe/Paris or UTC") from None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either a column or a constant")
        if self.hour is not None and (self.column is None or self.zone is None):
            raise ValueError("an hour needs the column of its date, and their zone, for instance zone: UTC")
        return self


class Reading(Model):
    """One way to find the value of a field: a column, a constant, or which reading of a field won.

    ``missing`` lists values that mean none; ``map`` gives the value to keep for each source value
    (one that it does not list is quarantined); ``unit`` is the source's UCUM unit, converted to the
    field's; ``times`` multiplies; ``format`` and ``zone`` read dates as :class:`Moment` does.
    """

    column: str | None = None
    value: Constant | None = None
    origin_of: Identifier | None = None
    missing: tuple[Constant, ...] = ()
    map: dict[str, Constant] | None = None
    unit: str | None = None
    times: float = 1.0
    format: str = "iso"
    zone: str | None = None
    origin: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _column_alone(cls, value: Any) -> Any:  # noqa: ANN401
        return {"column": value} if isinstance(value, str) else value

    @field_validator("map", mode="before")
    @classmethod
    def _text_keys(cls, value: Any) -> Any:  # noqa: ANN401
        return {_text(key): kept for key, kept in value.items()} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(way is not None for way in (self.column, self.value, self.origin_of)) != 1:
            raise ValueError("give one of column, value, origin_of")
        return self


class Identity(Model):
    """Where the stable id of an object comes from.

    ``column`` alone is the id as it stands; ``columns`` are joined. ``position`` is a precision in
    metres: the id is then the position (the centre of the box, for lines and areas) in the storage CRS,
    counted in steps of that precision, and the ``columns``; objects that still tie are told apart by
    all that is read of them, then counted, so that the order of the file does not matter.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    position: Annotated[float, Constrained(gt=0)] | None = None
    prefix: str = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if not (self.column or self.columns or self.position):
            raise ValueError("give a column, columns, or a position precision in metres")
        if self.column and (self.columns or self.position):
            raise ValueError("column stands alone: put further parts in columns")
        return self


class Place(Model):
    """Columns of a table that hold coordinates, in ``read.crs``."""

    x: str
    y: str
    z: str | None = None


class FeaturesPart(Model):
    """How rows become features."""

    collection: Identifier
    id: Identity
    geometry: Place | None = None
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    distinct: bool = False
    fields: dict[Identifier, tuple[Reading, ...]] = {}

    @field_validator("fields", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:  # noqa: ANN401
        if not isinstance(value, dict):
            return value
        return {name: reading if isinstance(reading, list) else [reading] for name, reading in value.items()}


class ObjectOf(Model):
    """The object that a series belongs to: an id column, or the group of a pattern over the file's stem."""

    collection: Identifier
    column: str | None = None
    file: str | None = None
    prefix: str = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (self.file is None):
            raise ValueError("give either a column or a file pattern")
        if self.file is not None:
            try:
                groups = re.compile(self.file).groups
            except re.error as error:
                raise ValueError(f"{self.file!r} is no regular expression ({error})") from None
            if groups != 1:
                raise ValueError(f"{self.file!r} needs exactly one group: the id")
        return self


class ObservationTime(Moment):
    """The phenomenon time (the end of the period for sums and means), and when the result was known.

    A column that holds the start of the period says how long it ``lasts``, for instance PT1H.
    """

    lasts: Annotated[timedelta, Constrained(gt=timedelta(0), le=timedelta(days=366))] | None = None
    result_time: Moment | None = None


class Result(Model):
    """The column of results and its UCUM unit, stated or per row; ``text`` keeps categories as they are."""

    column: str
    unit: str | None = None
    unit_column: str | None = None
    unit_map: dict[str, str] = {}
    text: bool = False
    missing: tuple[Constant, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _column_alone(cls, value: Any) -> Any:  # noqa: ANN401
        return {"column": value} if isinstance(value, str) else value


class PropertyColumn(Model):
    """The column that names the observed property, and the property of each of its values."""

    column: str
    map: dict[str, Identifier]


class ProducerQuality(Model):
    """The producer's own verdict: any value but those of ``good`` is a doubt."""

    column: str
    good: tuple[Constant, ...]


class SeriesPart(Model):
    """How rows become observations: ``results`` (wide) or ``property`` and ``result`` (long)."""

    collection: Identifier
    object: ObjectOf
    time: ObservationTime
    geometry: Place | None = None
    results: dict[Identifier, Result] = {}
    property: PropertyColumn | None = None
    result: Result | None = None
    quality: ProducerQuality | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if bool(self.results) == bool(self.property and self.result):
            raise ValueError("give results (one column per property), or property and result (one row per value)")
        return self


class CoveragePart(Model):
    """How one band of rasters becomes a coverage, on square cells whose edges are at multiples of ``cell``.

    ``cell`` is in units of the city's CRS. ``resampling`` says which value a cell takes: ``nearest``
    keeps the values as they are (categories), ``bilinear`` lies between the four nearest, ``average``
    is the mean of what the cell covers (a fine terrain on larger cells), ``mode`` the most frequent.
    """

    collection: Identifier
    property: Identifier
    cell: Annotated[float, Constrained(gt=0)]
    band: Annotated[int, Constrained(ge=1)] = 1
    resampling: Literal["nearest", "bilinear", "average", "mode"] = "nearest"


class Part(Model):
    """Files, the source that reads them, and what their rows become."""

    source: str
    files: Annotated[tuple[str, ...], Constrained(min_length=1)]
    read: Read = Read()
    features: FeaturesPart | None = None
    series: SeriesPart | None = None
    coverage: CoveragePart | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(target is not None for target in (self.features, self.series, self.coverage)) != 1:
            raise ValueError("a part has one of features, series, coverage")
        return self

    @property
    def target(self) -> FeaturesPart | SeriesPart | CoveragePart:
        """What the rows become."""
        return next(target for target in (self.features, self.series, self.coverage) if target is not None)

    @field_validator("files")
    @classmethod
    def _inside(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if Path(name).is_absolute() or ".." in Path(name).parts:
                raise ValueError(f"{name!r} must stay inside the data folder: no absolute path, no '..'")
        return value


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
