"""The collection that tells what the quality control found: a version of each instrument for each month."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from layers.quality_control.judgement import Judgement
from layers.quality_control.months import Month
from twin.model import Collection, Field, FieldType, Kind, Ramp, Style, Text
from twin.tables import Quality, feature_schema

_INTEGER, _NUMBER, _STRING = FieldType.INTEGER, FieldType.NUMBER, FieldType.STRING


def _field(name: str, kind: FieldType, unit: str | None, fr: str, en: str) -> Field:
    return Field(name=name, type=kind, unit=unit, title=Text(fr=fr, en=en))


FIELDS = (
    _field("name", _STRING, None, "Station", "Station"),
    _field("object_id", _STRING, None, "Objet observé", "Observed object"),
    _field("observed_property", _STRING, None, "Propriété observée", "Observed property"),
    _field("tested", _INTEGER, None, "Valeurs comparées", "Values compared"),
    _field("flagged", _INTEGER, None, "En désaccord avec les voisines", "At odds with the neighbours"),
    _field("flagged_share", _NUMBER, "%", "Part en désaccord", "Share at odds"),
    _field("flagged_before", _INTEGER, None, "Signalées par un autre contrôle", "Flagged by another test"),
    _field(
        "neighbours", _NUMBER, None, "Voisines, en moyenne (0 : non jugée)", "Neighbours, on average (0: not judged)"
    ),
    _field("made_of", _STRING, None, "Empreinte des données jugées", "Digest of the data judged"),
)
_STAMP = pa.timestamp("us", tz="UTC")
SCHEMA = feature_schema(FIELDS)


def collection(timeseries: Collection, crs: str) -> Collection:
    """Return the collection ``quality_control`` of a time series."""
    return Collection(
        id="quality_control",
        kind=Kind.FEATURES,
        title=Text(fr="Contrôle de qualité : bilan par mois", en="Quality control: summary by month"),
        description=Text(
            fr="Pour chaque instrument et chaque mois (UTC), combien de valeurs s'écartent de celles de ses voisines.",
            en="For each instrument and month (UTC), how many values are at odds with those of its neighbours.",
        ),
        keywords=("qualité", "quality control", "capteurs", "sensors"),
        fields=FIELDS,
        geometry="Point",
        crs=crs,
        style=Style(
            symbol="point",
            size=9,
            order=94,
            visible=False,
            label="name",
            colour_by="flagged_share",
            ramp=Ramp(minimum=0.0, maximum=20.0, colours=("#1a9850", "#fee08b", "#d73027")),
        ),
        licence=timeseries.licence,
        producer=timeseries.producer,
        lineage=Text(
            fr="Écart à la moyenne des voisines à la même heure (titanlib), niveaux de CrowdQC+ si demandés.",
            en="Difference with the mean of the neighbours at the same hour (titanlib), CrowdQC+ levels where asked.",
        ),
    )


def rows(month: Month, judgement: Judgement, made_of: str) -> pa.RecordBatch:
    """Return one row for each instrument that observed anything in a month."""
    seen = np.flatnonzero(month.counts.sum(axis=1))
    stations = month.stations.take(seen)
    flagged = np.zeros(len(month.stations))
    np.add.at(flagged, judgement.cells // len(month.hours), month.observations.flat[judgement.cells])
    tested = month.observations.sum(axis=1)
    others = month.counts.sum(axis=1) - month.counts[:, [Quality.GOOD, Quality.SPATIAL]].sum(axis=1)
    start, end = (
        pa.array(np.full(len(seen), edge.astype("M8[us]"))).cast(_STAMP)
        for edge in (month.hours[0], month.hours[-1] + np.timedelta64(1, "h"))
    )
    columns = {
        "id": stations.streams["id"],
        "valid_from": start,
        "valid_to": end,
        "geometry": stations.streams["geometry"],
        "name": stations.names,
        "object_id": stations.streams["object_id"],
        "observed_property": stations.streams["observed_property"],
        "tested": tested[seen],
        "flagged": flagged[seen].astype(np.int64),
        "flagged_share": np.round(100 * flagged[seen] / np.maximum(tested[seen], 1), 2),
        "flagged_before": others[seen],
        "neighbours": judgement.neighbours[seen],
        "made_of": [made_of] * len(seen),
    }
    return pa.table(columns).cast(SCHEMA).combine_chunks().to_batches()[0]
