"""The collections of the forecast: how they are told, and their Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from layers.forecast.method import LEADS, MODELS
from layers.forecast.parameters import Parameters
from layers.forecast.verification import Refusal, Verified
from layers.series import datastreams, observations
from layers.stations import Stations
from layers.telling import Telling, integer, number, text
from twin.model import Category, Collection, Field, FieldType, Kind, Ramp, Style, Text
from twin.observed_properties import known_properties
from twin.products import Features, Series
from twin.tables import feature_schema

type Outlooks = Sequence[tuple[Stations, Verified]]

FORECAST = known_properties()["air_temperature_forecast"]
_DECIMALS = 3
_TEMPERATURES = Ramp(minimum=-5.0, maximum=40.0, colours=("#313695", "#74add1", "#ffffbf", "#f46d43", "#a50026"))
_SKILLS = Ramp(minimum=0.0, maximum=1.0, colours=("#f7fbff", "#6baed6", "#08306b"))
_MODELS = {
    "persistence": Text(fr="persistance", en="persistence"),
    "climatology": Text(fr="climatologie diurne", en="diurnal climatology"),
    "regression": Text(fr="régression", en="regression"),
}


@dataclass(frozen=True)
class About:
    """What the collections say of how they were made; ``issue`` is the hour of issue, naive UTC."""

    timeseries: Collection
    objects: Collection
    issue: np.datetime64
    parameters: Parameters

    @property
    def issued(self) -> datetime:
        """The hour of issue."""
        return self.issue.astype("M8[us]").item().replace(tzinfo=UTC)  # type: ignore[no-any-return]

    @property
    def reasons(self) -> dict[Refusal, Text | None]:
        """Why nothing is shown, in words."""
        asked = self.parameters
        return {
            Refusal.NONE: None,
            Refusal.SILENT: Text(
                fr=f"station muette : aucune bonne valeur dans les {asked.latest} h avant l'émission",
                en=f"silent station: no good value in the {asked.latest} h before the issue",
            ),
            Refusal.SHORT: Text(
                fr=f"mesures trop courtes : il faut {asked.least_record_days} jours",
                en=f"record too short: it takes {asked.least_record_days} days",
            ),
            Refusal.GAPS: Text(
                fr="trop de lacunes dans les jours d'apprentissage ou d'essai",
                en="too many gaps in the days of training or of test",
            ),
            Refusal.SKILL: Text(
                fr=f"pas meilleure que la persistance, à {100 * asked.confidence:g} % de confiance",
                en=f"no better than persistence, at {100 * asked.confidence:g} % confidence",
            ),
            Refusal.INPUTS: Text(
                fr="il manque au modèle retenu des valeurs des derniers jours",
                en="the model chosen lacks values of the last days",
            ),
        }

    @property
    def telling(self) -> Telling:
        """What the collections share."""
        asked = self.parameters
        lineage = Text(
            fr="Tirée des seules mesures de la station : climatologie diurne de "
            f"{asked.climatology_days} jours (heures UTC), ou régression sur les écarts à celle-ci (au plus "
            f"{asked.training_days} jours). Modèle retenu sur {asked.test_days} jours, essayé sur les "
            f"{asked.test_days} suivants, montré là où il fait mieux que la persistance ; valeurs signalées "
            "douteuses exclues.",
            en="From the station's own measurements alone: diurnal climatology of "
            f"{asked.climatology_days} days (hours UTC), or a regression on the departures from it (at most "
            f"{asked.training_days} days). Model chosen on {asked.test_days} days, tested on the next "
            f"{asked.test_days}, shown where it is better than persistence; flagged values left out.",
        )
        keywords = ("prévision", "forecast", "température de l'air", "air temperature")
        return Telling.of(self.timeseries, self.objects, "heat", keywords, lineage)


def series(about: About, stations: Stations, outlooks: Outlooks) -> Series:
    """Return the forecasts that are shown, in the colours of what is measured; they result at the hour of issue."""
    measured = about.timeseries.style
    ramp = measured.ramp if measured.colour_by == about.parameters.observed_property else None
    collection = about.telling.collection(
        "air_temperature_forecast",
        Kind.TIMESERIES,
        Text(fr="Prévision de température de l'air", en="Forecast of air temperature"),
        Text(
            fr="Température de l'air prévue aux stations pour les 24 heures qui suivent la dernière mesure. Le modèle "
            "et sa compétence, ou la raison d'une absence, sont dans air_temperature_forecast_skill.",
            en="Air temperature forecast at stations for the 24 hours after the last measurement. The model and its "
            "skill, or why there is none, are in air_temperature_forecast_skill.",
        ),
        observed_properties=(FORECAST,),
        style=Style(
            symbol="point", size=9, order=93, visible=False, colour_by=FORECAST.name, ramp=ramp or _TEMPERATURES
        ),
    )
    times = about.issue + np.arange(1, LEADS + 1).astype("m8[h]")
    batches = (
        observations(block.ids, FORECAST.name, times, verified.values, about.issued) for block, verified in outlooks
    )
    return Series(collection, datastreams(collection, FORECAST, stations.streams, stations.names), batches)


_MODEL = text("model", "Modèle retenu", "Model chosen")
SKILL = (
    text("name", "Station", "Station"),
    text("object_id", "Objet observé", "Observed object"),
    Field(name="issued", type=FieldType.DATETIME, title=Text(fr="Émission", en="Issue")),
    integer("first_lead", "h", "Première échéance", "First lead"),
    integer("last_lead", "h", "Dernière échéance", "Last lead"),
    _MODEL.model_copy(update={"categories": tuple(Category(value=name, title=_MODELS[name]) for name in MODELS[1:])}),
    integer("shown", None, "Heures montrées", "Hours shown"),
    number("skill", None, "Compétence du modèle retenu", "Skill of the model chosen"),
    *(
        number(f"skill_{name}", None, f"Compétence : {_MODELS[name].fr}", f"Skill: {_MODELS[name].en}")
        for name in MODELS[1:]
    ),
    *(
        number(f"rmse_{name}", "K", f"Erreur quadratique : {_MODELS[name].fr}", f"RMSE: {_MODELS[name].en}")
        for name in MODELS
    ),
    integer("test_days", "d", "Jours d'essai", "Days of test"),
    number("training_days", "d", "Jours d'apprentissage", "Days of training"),
    text("reason_fr", "Pourquoi rien n'est montré", "Why nothing is shown (French)"),
    text("reason_en", "Pourquoi rien n'est montré (anglais)", "Why nothing is shown"),
)


def skill(about: About, outlooks: Outlooks) -> Features:
    """Return one feature for each station and band of leads."""
    collection = about.telling.collection(
        "air_temperature_forecast_skill",
        Kind.FEATURES,
        Text(fr="Prévision de température : compétence", en="Forecast of temperature: skill"),
        Text(
            fr="Par station et tranche d'échéances : le modèle retenu et, sur les jours d'essai, son erreur et sa "
            "compétence (1 : parfaite, 0 : celle de la persistance) ; ou pourquoi rien n'est montré.",
            en="By station and band of leads: the model chosen and, on the days of test, its error and its skill "
            "(1: perfect, 0: that of persistence); or why nothing is shown.",
        ),
        fields=SKILL,
        geometry="Point",
        style=Style(symbol="point", size=11, order=92, visible=False, label="name", colour_by="skill", ramp=_SKILLS),
    )
    return Features(collection, _rows(about, outlooks))


def _rows(about: About, outlooks: Outlooks) -> Iterator[pa.RecordBatch]:
    lasts = np.array(about.parameters.bands)
    firsts = np.append(1, lasts[:-1] + 1)
    bands, words = len(lasts), np.array([*MODELS, None], dtype=object)
    for block, verified in outlooks:
        station = np.repeat(np.arange(len(block)), bands)
        at = block.take(station)
        first, last = (np.tile(edge, len(block)) for edge in (firsts, lasts))
        shown = np.add.reduceat(np.isfinite(verified.values), np.append(0, lasts[:-1]), axis=1)
        of_model = np.take_along_axis(verified.skill, verified.model[:, :, np.newaxis], axis=2)
        skill = np.where(verified.model >= 0, of_model[:, :, 0], np.nan)
        reasons = [about.reasons[Refusal(code)] for code in verified.refusal.ravel().tolist()]
        numbers = {
            "skill": skill,
            **{f"skill_{name}": verified.skill[:, :, MODELS.index(name)] for name in MODELS[1:]},
            **{f"rmse_{name}": verified.rmse[:, :, number] for number, name in enumerate(MODELS)},
        }
        columns = {
            "id": [f"{name}.{a}-{b}" for name, a, b in zip(at.ids, first, last, strict=True)],
            **{name: at.streams[name] for name in ("valid_from", "valid_to", "geometry", "object_id")},
            "name": pa.array(at.names, pa.string()),
            "issued": [about.issued] * len(station),
            "first_lead": first,
            "last_lead": last,
            "model": pa.array(words[verified.model.ravel()], pa.string()),
            "shown": shown.ravel(),
            **{
                name: pa.array(np.round(values.ravel(), _DECIMALS), from_pandas=True)
                for name, values in numbers.items()
            },
            "test_days": verified.test_days.ravel(),
            "training_days": np.round(verified.training_days.ravel(), 1),
            "reason_fr": pa.array([reason and reason.fr for reason in reasons], pa.string()),
            "reason_en": pa.array([reason and reason.en for reason in reasons], pa.string()),
        }
        schema = feature_schema(SKILL)
        yield pa.table({name: columns[name] for name in schema.names}).cast(schema).combine_chunks().to_batches()[0]
