"""What a spell, a definition and a daily index are told by: their fields, in both languages."""

from __future__ import annotations

from layers.heat_waves.definitions import Name
from twin.model import Category, Field, FieldType, ObservedProperty, Text

NAMES: dict[Name, Text] = {
    "ibm": Text(fr="Dépassement des seuils IBM", en="IBM thresholds exceeded"),
    "national": Text(fr="Vague de chaleur, indicateur national", en="Heat wave, national indicator"),
    "local": Text(fr="Vague de chaleur, percentiles locaux", en="Heat wave, local percentiles"),
}
_COLOURS: dict[Name, str] = {"ibm": "#b2182b", "national": "#ef8a62", "local": "#fdb863"}
_NUMBER, _STRING, _INTEGER = FieldType.NUMBER, FieldType.STRING, FieldType.INTEGER
_DATE, _BOOLEAN = FieldType.DATE, FieldType.BOOLEAN


def _field(name: str, kind: FieldType, unit: str | None, fr: str, en: str, told: Text | None = None) -> Field:
    return Field(name=name, type=kind, unit=unit, title=Text(fr=fr, en=en), description=told)


_COMMON = (
    _field("name", _STRING, None, "Nom", "Name"),
    Field(
        name="definition",
        type=_STRING,
        title=Text(fr="Définition", en="Definition"),
        categories=tuple(Category(value=name, title=title, colour=_COLOURS[name]) for name, title in NAMES.items()),
    ),
    _field(
        "thresholds",
        _STRING,
        None,
        "Seuils (°C)",
        "Thresholds (°C)",
        Text(
            fr="IBM : minimale/maximale ; vagues : pic/maintien/fin, sur la moyenne du jour.",
            en="IBM: minimum/maximum; waves: peak/stay/end, of the daily mean.",
        ),
    ),
    _field("reference", _STRING, None, "Référence de la définition", "Reference of the definition"),
    _field("to_confirm", _STRING, None, "Non confirmé dans le texte d'origine", "Not confirmed in the primary text"),
    _field("first_day", _DATE, None, "Premier jour", "First day"),
    _field("last_day", _DATE, None, "Dernier jour", "Last day"),
    _field("days", _INTEGER, "d", "Durée", "Duration"),
    _field(
        "completeness",
        _NUMBER,
        "%",
        "Complétude",
        "Completeness",
        Text(
            fr="Part des extrêmes du jour qui sont connus, aux stations de référence.",
            en="Share of the daily extremes that are known, at the reference stations.",
        ),
    ),
)
SPELLS = (
    *_COMMON,
    _field("start_known", _BOOLEAN, None, "Début certain", "Start known"),
    _field("end_known", _BOOLEAN, None, "Fin certaine", "End known"),
    _field("mean", _NUMBER, "Cel", "Température moyenne", "Mean temperature"),
    _field("maximum", _NUMBER, "Cel", "Moyenne du jour le plus chaud", "Mean of the hottest day"),
    _field("tmin", _NUMBER, "Cel", "Minimale moyenne", "Mean daily minimum"),
    _field("tmax", _NUMBER, "Cel", "Maximale moyenne", "Mean daily maximum"),
    _field(
        "severity",
        _NUMBER,
        "K.d",
        "Excès cumulé",
        "Cumulated excess",
        Text(
            fr="Somme, sur les jours, de ce qui dépasse le seuil de maintien ; pour l'IBM, les deux seuils.",
            en="Sum over the days of what exceeds the threshold to stay; for the IBM, both thresholds.",
        ),
    ),
)
DEFINITIONS = (
    *_COMMON,
    _field("applied", _BOOLEAN, None, "Appliquée", "Applied"),
    _field("reason_fr", _STRING, None, "Pourquoi elle ne l'est pas", "Why it is not (French)"),
    _field("reason_en", _STRING, None, "Pourquoi elle ne l'est pas (anglais)", "Why it is not"),
    _field("missing_days", _INTEGER, "d", "Jours sans indice", "Days without an index"),
    _field("spells", _INTEGER, None, "Épisodes", "Spells"),
)
MEAN = "daily_mean"
INDICES = tuple(
    ObservedProperty(name=name, unit="Cel", title=Text(fr=fr, en=en))
    for name, fr, en in (
        (MEAN, "Température moyenne du jour", "Daily mean temperature"),
        ("ibm_minimum", "Minimales sur trois jours (IBM)", "Minima over three days (IBM)"),
        ("ibm_maximum", "Maximales sur trois jours (IBM)", "Maxima over three days (IBM)"),
    )
)
