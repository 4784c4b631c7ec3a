"""What each definition finds in a record, or why it cannot be applied."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from layers.heat_waves.city import Record
from layers.heat_waves.definitions import Definition, Name, Wave, definitions
from layers.heat_waves.spells import Alignment, Spell, Values, exceedances, three_day_mean, waves
from twin.model import Text

#: Days that a calendar month must have been known on, for each year of the record: a record of summers alone
#: has higher percentiles than that of whole years.
_DAYS_OF_MONTH = 25
_MONTHS = 12


@dataclass(frozen=True)
class Finding:
    """The spells of one definition.

    ``indices`` are daily values and their only threshold, by property, °C; ``excess`` is by how much thresholds are
    exceeded, K, not-a-number where unknown. ``thresholds`` are in °C, as people write them.
    """

    definition: Name
    rule: Definition
    record: Record
    spells: list[Spell]
    excess: Values
    thresholds: str
    doubts: tuple[str, ...]
    indices: dict[str, tuple[Values, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """A definition that cannot be applied, and the reason."""

    definition: Name
    rule: Definition
    reason: Text


def ibm(record: Record, department: str | None, alignment: Alignment) -> Finding | Refusal:
    """Return the spells over which both biometeorological indices reach the thresholds of the département."""
    rule = definitions().ibm
    pair = rule.of(department)
    if department is None or pair is None:
        reason = Text(
            fr=f"Aucun seuil IBM connu pour le département {department} (city.department des réglages).",
            en=f"No IBM threshold is known for the département {department} (city.department of the settings).",
        )
        return Refusal("ibm", rule, reason)
    low, high = pair
    lows, highs = (rule.held(record.days, three_day_mean(extreme, alignment)) for extreme in (record.tmin, record.tmax))
    return Finding(
        definition="ibm",
        rule=rule,
        record=record,
        spells=exceedances(lows, highs, low, high),
        excess=(lows - low) + (highs - high),
        thresholds=f"{low:g}/{high:g}",
        doubts=rule.doubts(department),
        indices={"ibm_minimum": (lows, low), "ibm_maximum": (highs, high)},
    )


def national(record: Record) -> Finding:
    """Return the heat waves of the national indicator."""
    return _waves("national", definitions().national, record)


def local(record: Record, years: float) -> Finding | Refusal:
    """Return the heat waves of the city's own daily means, at percentiles of all the days of the record."""
    rule = definitions().local
    known = np.isfinite(record.mean)
    month = record.days[known].astype("M8[M]").astype(np.int64) % _MONTHS
    fewest = int(np.bincount(month, minlength=_MONTHS).min())
    if fewest < _DAYS_OF_MONTH * years:
        reason = Text(
            fr=f"Le mois le moins connu a {fewest} jours dans tout le relevé, il en faut {_DAYS_OF_MONTH * years:g} "
            f"({years:g} années entières).",
            en=f"The month least known has {fewest} days in the whole record, and {_DAYS_OF_MONTH * years:g} are "
            f"needed ({years:g} whole years).",
        )
        return Refusal("local", rule, reason)
    peak, stay, end = np.percentile(record.mean[known], [rule.peak, rule.stay, rule.end]).round(2).tolist()
    return _waves("local", rule.model_copy(update={"peak": peak, "stay": stay, "end": end}), record)


def _waves(name: Name, rule: Wave, record: Record) -> Finding:
    values = rule.held(record.days, record.mean)
    return Finding(
        definition=name,
        rule=rule,
        record=record,
        spells=waves(values, peak=rule.peak, stay=rule.stay, end=rule.end, days=rule.days),
        excess=np.maximum(values - rule.stay, 0.0),
        thresholds=f"{rule.peak:g}/{rule.stay:g}/{rule.end:g}",
        doubts=rule.check,
    )
