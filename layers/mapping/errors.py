"""The error of each hour's map, by leave-one-out, or why the hour has none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import shapely

from layers.grids import Floats
from layers.interpolation import Group
from layers.mapping.atlas import Atlas
from layers.telling import integer, number, text, truth
from twin.model import Field, Text

DESCRIPTION = Text(
    fr="Pour chaque heure, l'erreur aux stations prédites par les autres (validation croisée, Dubrule 1983), la "
    "variance de krigeage attendue, et pourquoi il n'y a pas de carte.",
    en="For each hour, the error at stations predicted from the others (leave-one-out, Dubrule 1983), the kriging "
    "variance expected, and why there is no map.",
)
SCORES = ("rmse", "mae", "bias", "kriging_variance", "standardised_error")
_HOUR = np.timedelta64(1, "h")
_DECIMALS = 4


def fields(unit: str | None = None, squared: str | None = None) -> tuple[Field, ...]:
    """Return the fields, in a unit and its square; without them where rows differ in their unit."""
    return (
        number("rmse", unit, "Erreur quadratique moyenne (validation croisée)", "Root mean square error, left out"),
        number("mae", unit, "Erreur absolue moyenne (validation croisée)", "Mean absolute error, left out"),
        number("bias", unit, "Biais : prédit moins mesuré", "Bias: predicted minus measured"),
        number("kriging_variance", squared, "Variance de krigeage moyenne aux stations", "Mean kriging variance"),
        number("standardised_error", "1", "Erreur rapportée à celle attendue", "Error over that expected"),
        integer("stations", None, "Stations utilisées", "Stations used"),
        truth("night", "Régime de nuit", "Regime of the night"),
        text("model", "Modèle de variogramme", "Model of the variogram"),
        number("nugget", squared, "Effet de pépite", "Nugget"),
        number("sill", squared, "Palier", "Sill"),
        number("length", "m", "Longueur du variogramme", "Length scale of the variogram"),
        truth("fitted", "Variogramme ajusté", "Variogram fitted"),
        text("reason_fr", "Pourquoi pas de carte", "Why there is no map (French)"),
        text("reason_en", "Pourquoi pas de carte (anglais)", "Why there is no map"),
    )


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


def tables(atlas: Atlas) -> Iterator[pa.Table]:
    """Yield one feature for each hour of the record, a regime at a time, over the extent of the maps."""
    record, box = atlas.record, atlas.ground.grid.bbox
    extent = shapely.box(box.xmin, box.ymin, box.xmax, box.ymax).wkb
    for one in atlas.fitted:
        hours = one.regime.hours
        found = {name: np.full(hours.size, np.nan) for name in SCORES}
        for group in one.groups:
            at = np.searchsorted(hours, group.instants)
            for name, values in scores(group).items():
                found[name][at] = np.round(values, _DECIMALS)
        reasons = [one.refused.get(int(hour)) for hour in hours]
        times = record.hours[hours]
        table = {
            "id": [f"{time}Z" for time in times.astype("M8[h]").astype(str)],
            "valid_from": pa.array(times.astype("M8[us]")).cast(pa.timestamp("us", tz="UTC")),
            "valid_to": pa.array((times + _HOUR).astype("M8[us]")).cast(pa.timestamp("us", tz="UTC")),
            "geometry": [extent] * hours.size,
            **{name: pa.array(values, from_pandas=True) for name, values in found.items()},
            "stations": np.isfinite(record.values[:, hours]).sum(axis=0),
            "night": [one.regime.night] * hours.size,
            "model": [one.variogram.model] * hours.size,
            "nugget": [one.variogram.nugget] * hours.size,
            "sill": [one.variogram.sill] * hours.size,
            "length": [one.variogram.length] * hours.size,
            "fitted": [one.variogram.fitted] * hours.size,
            "reason_fr": pa.array([reason and reason.fr for reason in reasons], pa.string()),
            "reason_en": pa.array([reason and reason.en for reason in reasons], pa.string()),
        }
        yield pa.table(table)
