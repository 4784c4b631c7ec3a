"""CSV, as a French spreadsheet opens it, or as RFC 4180 says.

=================  ==========================  ==========================
language           ``fr`` (a spreadsheet)      ``en`` (RFC 4180)
=================  ==========================  ==========================
separator          ``;``                       ``,``
decimal mark       ``,``                       ``.``
start of the file  byte order mark             none
instant            ``2026-07-01 12:00:00``,    ``2026-07-01T12:00:00Z``,
                   whole seconds, ``(UTC)``    with its microseconds if any
                   in the heading
boolean            ``VRAI``, ``FAUX``          ``true``, ``false``
=================  ==========================  ==========================

In both: UTF-8, lines ended by CR LF, an absent value empty. Points are in columns ``x`` and ``y``
(``geometry_x``, ``geometry_y`` where the collection has such fields), other geometries are WKT in
``geometry``. Numbers keep their every digit; coordinates go to a tenth of a millimetre.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from twin.crs import definition
from twin.errors import BadInput
from twin.export.columns import GEOMETRY
from twin.export.geometries import geometries, has_heights, peeked
from twin.model import Collection, Kind, Language

_END = "\r\n"


@dataclass(frozen=True)
class Dialect:
    """The conventions of one kind of reader."""

    separator: str
    decimal: str
    encoding: str
    instant: str
    whole_seconds: bool
    instant_heading: str
    true: str
    false: str


SPREADSHEET_FR = Dialect(";", ",", "utf-8-sig", "%Y-%m-%d %H:%M:%S", True, "{} (UTC)", "VRAI", "FAUX")
RFC_4180 = Dialect(",", ".", "utf-8", "%Y-%m-%dT%H:%M:%SZ", False, "{}", "true", "false")


class Csv:
    """Writes CSV; the language chooses between :data:`SPREADSHEET_FR` and :data:`RFC_4180`."""

    suffix = ".csv"
    media_type = "text/csv"

    def accepts(self, collection: Collection) -> bool:
        """Whether this format can carry `collection`."""
        return collection.kind is not Kind.TILESET

    def write(
        self, collection: Collection, batches: pa.RecordBatchReader, crs: str, language: Language, path: Path
    ) -> None:
        """Write a line of headings, then a line a row."""
        dialect = SPREADSHEET_FR if language == "fr" else RFC_4180
        first, rows = peeked(batches)
        fields = [field for field in batches.schema if field.name != GEOMETRY]
        place = _Place(
            digits=9 if definition(crs).is_geographic else 4,
            point=collection.kind is Kind.TIMESERIES or collection.geometry == "Point",
            height=has_heights(first),
            prefix=f"{GEOMETRY}_" if {"x", "y", "z"} & {field.name for field in fields} else "",
        )
        headings = [_heading(field, dialect) for field in fields] + place.headings
        with path.open("wb") as file:
            file.write((dialect.separator.join(headings) + _END).encode(dialect.encoding))
            for batch in rows:
                cells = [_cell(batch.column(field.name), dialect) for field in fields]
                cells += [_cell(column, dialect) for column in place.columns(batch)]
                file.write(_lines(cells, dialect))


@dataclass(frozen=True)
class _Place:
    """How geometries are written: coordinates of a point, in columns, or WKT."""

    digits: int
    point: bool
    height: bool
    prefix: str

    @property
    def headings(self) -> list[str]:
        axes = "xyz" if self.height else "xy"
        return [self.prefix + axis for axis in axes] if self.point else [GEOMETRY]

    def columns(self, batch: pa.RecordBatch) -> list[pa.Array]:
        geometry = geometries(batch)
        if not self.point:
            return [pa.array(shapely.to_wkt(geometry, rounding_precision=self.digits), pa.string())]
        # The place of an observation of something wide is its middle.
        points = np.where(
            shapely.get_type_id(geometry) == shapely.GeometryType.POINT, geometry, shapely.centroid(geometry)
        )
        if not self.height and has_heights(batch):
            raise BadInput("Some places have a height and others none, which CSV cannot tell: use .gpkg or .parquet.")
        numbers = [shapely.get_x(points), shapely.get_y(points), shapely.get_z(points)][: len(self.headings)]
        return [pa.array(number.round(self.digits), from_pandas=True) for number in numbers]


def _heading(field: pa.Field, dialect: Dialect) -> str:
    return dialect.instant_heading.format(field.name) if pa.types.is_timestamp(field.type) else field.name


def _cell(column: pa.Array, dialect: Dialect) -> pa.Array:
    """Return a column as the text of its cells, null where absent."""
    kind = column.type
    if pa.types.is_string(kind):
        special = pc.match_substring_regex(column, f'["\r\n{dialect.separator}]')
        quoted = pc.binary_join_element_wise('"', pc.replace_substring(column, '"', '""'), '"', "")
        return pc.if_else(special, quoted, column)
    if pa.types.is_boolean(kind):
        return pc.if_else(column, dialect.true, dialect.false)
    if pa.types.is_timestamp(kind):
        instants = column.cast(pa.timestamp("us"))
        if dialect.whole_seconds:
            instants = pc.floor_temporal(instants, unit="second")
        return pc.replace_substring(pc.strftime(instants, dialect.instant), ".000000", "")
    text = column.cast(pa.string())
    if not pa.types.is_floating(kind):
        return text
    text = pc.if_else(pc.is_finite(column), text, pa.scalar(None, pa.string()))
    return pc.replace_substring(text, ".", dialect.decimal)


def _lines(cells: list[pa.Array], dialect: Dialect) -> pa.Buffer:
    """Return the lines of a batch as the bytes of one text."""
    filled = [pc.fill_null(cell, "") for cell in cells]
    lines = pc.binary_join_element_wise(*filled, dialect.separator)
    ended = pc.binary_join_element_wise(lines, "", _END)
    return pc.binary_join(pa.ListArray.from_arrays([0, len(ended)], ended), "")[0].as_buffer()
