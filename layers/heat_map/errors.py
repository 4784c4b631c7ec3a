"""The error of each hour's map, by leave-one-out, or why the hour has none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import shapely

from layers.grids import Floats
from layers.heat_map.hourly import Atlas
from layers.interpolation import Group
from twin.model import Field, FieldType, Text, feature_schema

_HOUR = np.timedelta64(1, "h")
_DECIMALS = 4


def _field(name: str, kind: FieldType, unit: str | None, fr: str, en: str) -> Field:
    return Field(name=name, type=kind, unit=unit, title=Text(fr=fr, en=en))


_NUMBER, _INTEGER, _STRING, _BOOLEAN = FieldType.NUMBER, FieldType.INTEGER, FieldType.STRING, FieldType.BOOLEAN
FIELDS = (
    _field("rmse", _NUMBER, "K", "Erreur quadratique moyenne (validation croisée)", "Root mean square error, left out"),
    _field("mae", _NUMBER, "K", "Erreur absolue moyenne (validation croisée)", "Mean absolute error, left out"),
    _field("bias", _NUMBER, "K", "Biais : prédit moins mesuré", "Bias: predicted minus measured"),
    _field("kriging_variance", _NUMBER, "K2", "Variance de krigeage moyenne aux stations", "Mean kriging variance"),
    _field("standardised_error", _NUMBER, "1", "Erreur rapportée à celle attendue", "Error over that expected"),
    _field("stations", _INTEGER, None, "Stations utilisées", "Stations used"),
    _field("night", _BOOLEAN, None, "Régime de nuit", "Regime of the night"),
    _field("model", _STRING, None, "Modèle de variogramme", "Model of the variogram"),
    _field("nugget", _NUMBER, "K2", "Effet de pépite", "Nugget"),
    _field("sill", _NUMBER, "K2", "Palier", "Sill"),
    _field("length", _NUMBER, "m", "Longueur du variogramme", "Length scale of the variogram"),
    _field("fitted", _BOOLEAN, None, "Variogramme ajusté", "Variogram fitted"),
    _field("reason_fr", _STRING, None, "Pourquoi pas de carte", "Why there is no map (French)"),
    _field("reason_en", _STRING, None, "Pourquoi pas de carte (anglais)", "Why there is no map"),
)
SCORES = ("rmse", "mae", "bias", "kriging_variance", "standardised_error")


def scores(group: Group) -> dict[str, Floats]:
    """Return the scores of the instants of a group, shape (instants,): of the stations that can be left out."""
    known = np.isfinite(group.errors)
    count = np.maximum(known.sum(axis=0), 1)
    errors, variances = np.where(known, group.errors, 0), np.where(known, group.variances, 0)
    share = np.divide(errors**2, variances, out=np.zeros(errors.shape), where=variances > 0)
    found = {
        "rmse": np.sqrt((errors**2).sum(axis=0) / count),
        "mae": np.abs(errors).sum(axis=0) / count,
        # Errors are value minus prediction.
        "bias": -errors.sum(axis=0) / count,
        "kriging_variance": variances.sum(axis=0) / count,
        "standardised_error": np.sqrt(share.sum(axis=0) / count),
    }
    return {name: np.where(known.any(axis=0), values, np.nan) for name, values in found.items()}


def rows(atlas: Atlas) -> Iterator[pa.RecordBatch]:
    """Yield one feature for each hour of the record, a regime at a time, over the extent of the maps."""
    box = atlas.ground.grid.bbox
    extent = shapely.box(box.xmin, box.ymin, box.xmax, box.ymax).wkb
    for one in atlas.fitted:
        hours = one.regime.hours
        of_hours = np.isfinite(atlas.observed.difference[:, hours]).sum(axis=0)
        found = {name: np.full(hours.size, np.nan) for name in SCORES}
        for group in one.groups:
            at = np.searchsorted(hours, group.instants)
            for name, values in scores(group).items():
                found[name][at] = np.round(values, _DECIMALS)
        reasons = [one.refused.get(int(hour)) for hour in hours]
        times = atlas.observed.hours[hours]
        table = {
            "id": [f"{time}Z" for time in times.astype("M8[h]").astype(str)],
            "valid_from": pa.array(times.astype("M8[us]")).cast(pa.timestamp("us", tz="UTC")),
            "valid_to": pa.array((times + _HOUR).astype("M8[us]")).cast(pa.timestamp("us", tz="UTC")),
            "geometry": [extent] * hours.size,
            **{name: pa.array(values, from_pandas=True) for name, values in found.items()},
            "stations": of_hours,
            "night": [one.regime.night] * hours.size,
            "model": [one.variogram.model] * hours.size,
            "nugget": [one.variogram.nugget] * hours.size,
            "sill": [one.variogram.sill] * hours.size,
            "length": [one.variogram.length] * hours.size,
            "fitted": [one.variogram.fitted] * hours.size,
            "reason_fr": [reason and reason.fr for reason in reasons],
            "reason_en": [reason and reason.en for reason in reasons],
        }
        yield pa.table(table).cast(feature_schema(FIELDS)).combine_chunks().to_batches()[0]
