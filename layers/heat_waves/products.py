"""The collections of heat waves: how they are told, and their Arrow batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from layers import series
from layers.heat_waves.definitions import Name
from layers.heat_waves.fields import DEFINITIONS, INDICES, MEAN, NAMES, SPELLS
from layers.heat_waves.findings import Finding, Refusal
from layers.heat_waves.spells import Alignment
from layers.telling import Telling
from twin.model import Collection, Field, Kind, Ramp, Reference, Style, Text
from twin.products import Features, Series
from twin.tables import feature_schema

TITLE = Text(fr="Vagues de chaleur", en="Heat waves")
_DAY = np.timedelta64(1, "D")
_STAMP = pa.timestamp("us", tz="UTC")
_DECIMALS = 3
_KEYWORDS = ("vague de chaleur", "canicule", "heat wave", "IBM")
_LISTED = "heat_wave_definitions"
_ALIGNED: dict[Alignment, Text] = {
    "first": Text(fr="premier", en="first"),
    "middle": Text(fr="deuxième", en="second"),
    "last": Text(fr="dernier", en="last"),
}


@dataclass(frozen=True)
class About:
    """What the collections share: who measured, the reference, the alignment of the IBM, the area of the city."""

    timeseries: Collection
    objects: Collection
    made: datetime
    reference: tuple[str, ...]
    alignment: Alignment
    area: shapely.MultiPolygon

    @property
    def telling(self) -> Telling:
        """What the collections share."""
        stations, aligned = ", ".join(self.reference), _ALIGNED[self.alignment]
        lineage = Text(
            fr=f"Extrêmes du jour de {self.timeseries.id}, moyenne de la référence ({stations}) ; valeurs signalées "
            f"douteuses exclues. IBM : moyenne de trois jours, donnée au {aligned.fr}.",
            en=f"Daily extremes of {self.timeseries.id}, mean of the reference ({stations}); flagged values left out. "
            f"IBM: mean over three days, given to the {aligned.en}.",
        )
        return Telling.of(self.timeseries, self.objects, "heat", _KEYWORDS, lineage)


def waves(about: About, found: Sequence[Finding]) -> Features:
    """Return one feature for each spell, which lives from its first day to its last."""
    collection = about.telling.collection(
        "heat_waves",
        Kind.FEATURES,
        TITLE,
        Text(
            fr="Périodes chaudes selon chaque définition. Un dépassement des seuils IBM n'est pas une vigilance. Un "
            "début ou une fin qui n'est pas certain est au bord d'un jour sans valeur, ou du relevé.",
            en="Hot spells by each definition. Exceeded IBM thresholds are no official warning. A start or an end that "
            "is not known is beside a day without a value, or at the edge of the record.",
        ),
        fields=SPELLS,
        geometry="MultiPolygon",
        style=Style(
            symbol="fill",
            opacity=0.15,
            outline="#b2182b",
            order=12,
            visible=False,
            label="name",
            colour_by="definition",
        ),
    )
    return Features(collection, [_spells(one, about.area) for one in found])


def _spells(found: Finding, area: shapely.MultiPolygon) -> pa.RecordBatch:
    record = found.record
    within = [slice(spell.first, spell.last + 1) for spell in found.spells]
    first, last = (
        record.days[np.array([getattr(spell, side) for spell in found.spells], np.intp)] for side in ("first", "last")
    )

    def over(values: NDArray[np.float64], kind: Literal["mean", "max", "sum"]) -> pa.Array:
        told = [getattr(np, kind)(values[part]) for part in within]
        return pa.array(np.round(np.array(told, float), _DECIMALS), from_pandas=True)

    return _batch(
        SPELLS,
        {
            **_shared(found, len(within), area),
            "id": [f"{found.definition}-{day}" for day in first],
            "valid_from": pa.array(first.astype("M8[us]")).cast(_STAMP),
            "valid_to": pa.array((last + _DAY).astype("M8[us]")).cast(_STAMP),
            "first_day": pa.array(first),
            "last_day": pa.array(last),
            "days": (last - first) // _DAY + 1,
            "completeness": over(100 * record.completeness, "mean"),
            "start_known": [spell.start_known for spell in found.spells],
            "end_known": [spell.end_known for spell in found.spells],
            "mean": over(record.mean, "mean"),
            "maximum": over(record.mean, "max"),
            "tmin": over(record.tmin, "mean"),
            "tmax": over(record.tmax, "mean"),
            "severity": over(found.excess, "sum"),
        },
    )


def definitions(about: About, judged: Sequence[Finding | Refusal]) -> Features:
    """Return one feature for each definition: its thresholds, the record that it was applied to, or why it was not."""
    collection = about.telling.collection(
        _LISTED,
        Kind.FEATURES,
        Text(fr="Vagues de chaleur : définitions", en="Heat waves: definitions"),
        Text(
            fr="Ce que chaque définition a trouvé, sur quels jours, ou pourquoi elle n'a pas pu être appliquée.",
            en="What each definition found, over which days, or why it could not be applied.",
        ),
        fields=DEFINITIONS,
        geometry="MultiPolygon",
        style=Style(symbol="fill", opacity=0.05, order=11, visible=False, label="name", colour_by="definition"),
    )
    return Features(collection, [_definition(one, about.area) for one in judged])


def _definition(judged: Finding | Refusal, area: shapely.MultiPolygon) -> pa.RecordBatch:
    columns: dict[str, object] = {
        **_shared(judged, 1, area),
        "id": [_object(judged.definition)],
        "applied": [isinstance(judged, Finding)],
    }
    match judged:
        case Refusal(reason=reason):
            columns |= {"reason_fr": [reason.fr], "reason_en": [reason.en]}
        case Finding(record=record, excess=excess):
            known = np.isfinite(excess)
            columns |= {
                "first_day": pa.array(record.days[:1]),
                "last_day": pa.array(record.days[-1:]),
                "days": [len(record.days)],
                "completeness": [round(100 * float(record.completeness.mean()), _DECIMALS)],
                "missing_days": [int((~known).sum())],
                "spells": [len(judged.spells)],
            }
    return _batch(DEFINITIONS, columns)


def indicators(about: About, found: Sequence[Finding]) -> Series:
    """Return the daily values that each definition compares with its thresholds."""
    marks = {
        name: Reference(value=threshold, title=Text(fr="Seuil", en="Threshold"))
        for one in found
        for name, (_, threshold) in one.indices.items()
    }
    collection = about.telling.collection(
        "heat_wave_indicators",
        Kind.TIMESERIES,
        Text(fr="Vagues de chaleur : indicateurs du jour", en="Heat waves: daily indicators"),
        Text(
            fr="Chaque jour, ce que chaque définition compare à ses seuils.",
            en="Each day, what each definition compares with its thresholds.",
        ),
        observed_properties=[
            observed.model_copy(update={"reference": marks.get(observed.name)}) for observed in INDICES
        ],
        style=Style(
            symbol="point",
            size=9,
            order=95,
            visible=False,
            colour_by=MEAN,
            ramp=Ramp(minimum=10.0, maximum=32.0, colours=("#2166ac", "#f7f7f7", "#ef8a62", "#b2182b")),
        ),
    )
    place = shapely.to_wkb(shapely.point_on_surface(about.area))
    listings, batches = [], []
    for one in found:
        about_city = pa.table(
            {
                "object_collection": [_LISTED],
                "object_id": [_object(one.definition)],
                "geometry": pa.array([place], pa.binary()),
                "valid_from": pa.nulls(1, _STAMP),
                "valid_to": pa.nulls(1, _STAMP),
            }
        )
        values = {MEAN: one.record.mean, **{name: given for name, (given, _) in one.indices.items()}}
        for observed in INDICES:
            if observed.name in values:
                listings.append(series.datastreams(collection, observed, about_city, [NAMES[one.definition].fr]))
                batches.append(
                    series.observations(
                        [_object(one.definition)],
                        observed.name,
                        one.record.days,
                        values[observed.name][np.newaxis],
                        about.made,
                    )
                )
    return Series(collection, pa.concat_tables(listings), batches)


def _object(definition: Name) -> str:
    """Return the id of a definition among the objects that have datastreams, whose ids are those of all the city."""
    return f"heat_wave_{definition}"


def _shared(judged: Finding | Refusal, count: int, area: shapely.MultiPolygon) -> dict[str, object]:
    finding = judged if isinstance(judged, Finding) else None
    to_confirm = ", ".join(finding.doubts if finding else judged.rule.check) or None
    one = {
        "geometry": shapely.to_wkb(area),
        "name": NAMES[judged.definition].fr,
        "definition": judged.definition,
        "thresholds": finding and finding.thresholds,
        "reference": judged.rule.source,
        "to_confirm": to_confirm,
    }
    return {name: [value] * count for name, value in one.items()}


def _batch(fields: tuple[Field, ...], columns: dict[str, object]) -> pa.RecordBatch:
    """Return features; what `columns` leaves out is null."""
    schema = feature_schema(fields)
    count = len(columns["id"])  # type: ignore[arg-type]
    arrays = []
    for field in schema:
        given = columns.get(field.name, pa.nulls(count))
        array = given if isinstance(given, pa.Array) else pa.array(given, field.type)
        arrays.append(array.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
