"""Heat waves derived through the pipeline from a real store, against spells worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import shapely

from tests.layers.daily_series import commit_daily
from tests.layers.layer_twin import STAMP, Station, commit_features, commit_stations, empty_twin, instants
from twin import pipeline
from twin.context import Twin
from twin.errors import BadInput, DoesNotApply
from twin.store import OPERATOR, FeatureQuery, ObservationQuery

#: The thresholds of the département 34 are 22 and 35.
COLD, HOT, MILD = 22.0, 35.0, (15.0, 28.0)
PUBLISHED = {"timeseries": "climate", "minimum": "tn", "maximum": "tx"}


def days(first: str, count: int) -> np.ndarray:
    return np.datetime64(first, "D") + np.arange(count)


def spell(count: int, hot: slice) -> dict[str, np.ndarray]:
    """Return extremes that reach the thresholds on `hot` days and are mild on the others."""
    found = {"tn": np.full(count, MILD[0]), "tx": np.full(count, MILD[1])}
    found["tn"][hot], found["tx"][hot] = COLD, HOT
    return found


def commit(twin: Twin, values: dict[str, np.ndarray], times: np.ndarray, **more: object) -> None:
    """Commit daily extremes at a rural station, S1, and at a second one of the same values."""
    stations = [Station(name, "rural", 30.0, [20.0], point=(770_000, 6_280_000)) for name in ("S1", "S2")]
    commit_stations(twin, stations, "2026-07-01T00:00")
    both = {name: np.stack([given, given]) if given.ndim == 1 else given for name, given in values.items()}
    commit_daily(twin, "climate", ["S1", "S2"], both, times, **more)


def derive(twin: Twin, **parameters: object) -> pipeline.DeriveReport:
    return pipeline.derive(twin, "heat_waves", {**PUBLISHED, **parameters})


def rows(twin: Twin, collection: str) -> dict[str, dict[str, object]]:
    table = twin.store.features.read(FeatureQuery(collection=collection), OPERATOR).read_all()
    return {row["id"]: row for row in table.to_pylist()}


def spans(twin: Twin) -> dict[str, tuple[str, str]]:
    return {name: (str(row["first_day"]), str(row["last_day"])) for name, row in rows(twin, "heat_waves").items()}


def test_a_spell_lives_from_its_first_day_to_its_last(tmp_path: Path) -> None:
    with empty_twin(tmp_path, "34") as twin:
        commit(twin, spell(12, slice(3, 8)), days("2026-07-08", 12))
        derive(twin)
        (found,) = rows(twin, "heat_waves").values()
    # Hot from the 11th to the 15th: the means of three such days are given to the 11th, 12th and 13th.
    assert found["id"] == "ibm-2026-07-11"
    assert (found["first_day"], found["last_day"], found["days"]) == (date(2026, 7, 11), date(2026, 7, 13), 3)
    assert (found["valid_from"], found["valid_to"]) == (
        datetime(2026, 7, 11, tzinfo=UTC),
        datetime(2026, 7, 14, tzinfo=UTC),
    )
    assert (found["tmin"], found["tmax"], found["mean"], found["maximum"]) == (22.0, 35.0, 28.5, 28.5)
    assert (found["severity"], found["completeness"]) == (0.0, 100.0)
    assert (found["start_known"], found["end_known"]) == (True, True)
    assert (found["definition"], found["thresholds"]) == ("ibm", "22/35")
    assert "thresholds" in str(found["to_confirm"])
    assert found["name"] == "Dépassement des seuils IBM"


@pytest.mark.parametrize(("alignment", "first"), [("first", "11"), ("middle", "12"), ("last", "13")])
def test_the_mean_is_given_to_a_stated_day(tmp_path: Path, alignment: str, first: str) -> None:
    with empty_twin(tmp_path, "34") as twin:
        commit(twin, spell(12, slice(3, 8)), days("2026-07-08", 12))
        derive(twin, alignment=alignment)
        assert spans(twin) == {f"ibm-2026-07-{first}": (f"2026-07-{first}", f"2026-07-{int(first) + 2}")}
        told = twin.store.catalogue.collection("heat_waves", OPERATOR).lineage
        assert {"first": "premier", "middle": "deuxième", "last": "dernier"}[alignment] in told.fr


def test_severity_sums_what_exceeds_both_thresholds(tmp_path: Path) -> None:
    with empty_twin(tmp_path, "34") as twin:
        values = spell(9, slice(3, 6))
        values["tn"][3:6], values["tx"][3:6] = [22.5, 23.0, 23.5], [36.0, 37.0, 38.0]
        commit(twin, values, days("2026-07-08", 9))
        derive(twin)
        (found,) = rows(twin, "heat_waves").values()
    assert found["days"] == 1
    assert found["severity"] == pytest.approx((23.0 - 22) + (37.0 - 35))


def test_changing_the_departement_derives_anew(tmp_path: Path) -> None:
    with empty_twin(tmp_path, "34") as twin:
        commit(twin, spell(12, slice(3, 8)), days("2026-07-08", 12))
        assert derive(twin).run
        assert derive(twin).run is None
        assert spans(twin)
    with empty_twin(tmp_path, "13") as twin:  # 24/35
        assert derive(twin).run
        assert spans(twin) == {}
        assert rows(twin, "heat_wave_definitions")["heat_wave_ibm"]["thresholds"] == "24/35"
    with empty_twin(tmp_path, "84") as twin:
        derive(twin)
        assert "doubtful" in str(rows(twin, "heat_wave_definitions")["heat_wave_ibm"]["to_confirm"])


@pytest.mark.parametrize("department", [None, "971"])
def test_without_any_definition_it_does_not_apply(tmp_path: Path, department: str | None) -> None:
    with empty_twin(tmp_path, department) as twin:
        commit(twin, spell(12, slice(3, 8)), days("2026-07-08", 12))
        with pytest.raises(DoesNotApply, match=r"IBM.*indicator.*250 are needed"):
            derive(twin, local_years=10)


def test_what_could_not_be_applied_says_why(tmp_path: Path) -> None:
    with empty_twin(tmp_path, "34") as twin:
        commit(twin, spell(12, slice(3, 8)), days("2026-07-08", 12))
        derive(twin)
        told = rows(twin, "heat_wave_definitions")
    assert {row["definition"]: row["applied"] for row in told.values()} == {
        "ibm": True,
        "national": False,
        "local": False,
    }
    assert "indicator" in str(told["heat_wave_national"]["reason_en"])
    assert "750" in str(told["heat_wave_local"]["reason_fr"])
    assert (told["heat_wave_ibm"]["days"], told["heat_wave_ibm"]["spells"], told["heat_wave_ibm"]["missing_days"]) == (
        12,
        1,
        2,
    )
    assert told["heat_wave_ibm"]["reason_fr"] is None


def test_the_indices_make_a_chart(tmp_path: Path) -> None:
    with empty_twin(tmp_path, "34") as twin:
        commit(twin, spell(12, slice(3, 8)), days("2026-07-08", 12))
        derive(twin)
        query = ObservationQuery(collection="heat_wave_indicators", objects=("heat_wave_ibm",), joined=True)
        table = twin.store.observations.read(query, OPERATOR).read_all()
        told = twin.store.catalogue.collection("heat_wave_indicators", OPERATOR).observed_properties
    marks = {observed.name: observed.reference and observed.reference.value for observed in told}
    assert marks == {"daily_mean": None, "ibm_minimum": 22.0, "ibm_maximum": 35.0}
    found = {(row["observed_property"], row["phenomenon_time"].day): row["result"] for row in table.to_pylist()}
    assert set(table["object_collection"].to_pylist()) == {"heat_wave_definitions"}
    assert found["daily_mean", 8] == 21.5
    assert (found["ibm_minimum", 11], found["ibm_maximum", 11]) == (22.0, 35.0)
    assert found["ibm_minimum", 10] == pytest.approx((15 + 22 + 22) / 3, abs=1e-3)
    assert ("ibm_minimum", 18) not in found, "two days more would be needed"
    assert len(table) == 12 + 2 * 10


def test_a_flagged_day_breaks_a_spell_and_it_is_said(tmp_path: Path) -> None:
    with empty_twin(tmp_path, "34") as twin:
        values = spell(16, slice(3, 13))
        commit(twin, values, days("2026-07-08", 16), flags={7: 2})
        derive(twin, reference="S1")
        found = rows(twin, "heat_waves")
        # The 15th is missing: the means of the 13th, 14th and 15th are not known.
        assert spans(twin) == {
            "ibm-2026-07-11": ("2026-07-11", "2026-07-12"),
            "ibm-2026-07-16": ("2026-07-16", "2026-07-18"),
        }
        assert [(row["start_known"], row["end_known"]) for row in found.values()] == [(True, False), (False, True)]
        assert rows(twin, "heat_wave_definitions")["heat_wave_ibm"]["missing_days"] == 3 + 2
        # The other station is enough for the city, and what is missing is told.
        derive(twin)
        (whole,) = rows(twin, "heat_waves").values()
        assert (whole["days"], whole["completeness"]) == (8, pytest.approx(100 * (1 - 0.5 / 8), abs=1e-3))
        derive(twin, reference_share=1.0)
        assert len(spans(twin)) == 2
        derive(twin, reference="S1", excluded=[])
        assert len(spans(twin)) == 1


@pytest.mark.parametrize(
    "stamp",
    ["utc midnight", "Europe/Paris", "America/Martinique", "Indian/Reunion", "noon"],
)
def test_days_dated_at_any_midnight_are_the_same(tmp_path: Path, stamp: str) -> None:
    """Across the leap day, and the change of hour of 31 March 2024."""
    dates = days("2024-02-25", 40)
    if stamp == "utc midnight":
        times = dates.astype("M8[us]")
    elif stamp == "noon":
        times = dates.astype("M8[us]") + np.timedelta64(12, "h")
    else:
        local = [datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(stamp)) for day in dates.tolist()]
        times = np.array([instant.astimezone(UTC).replace(tzinfo=None) for instant in local], "M8[us]")
    values = spell(40, slice(2, 7))  # from 27 February to 2 March
    for name, given in spell(40, slice(33, 37)).items():  # from 29 March to 1 April
        values[name] = np.maximum(values[name], given)
    with empty_twin(tmp_path, "34") as twin:
        commit(twin, values, times)
        derive(twin)
        assert spans(twin) == {
            "ibm-2024-02-27": ("2024-02-27", "2024-02-29"),
            "ibm-2024-03-29": ("2024-03-29", "2024-03-30"),
        }
        assert rows(twin, "heat_waves")["ibm-2024-02-27"]["valid_to"] == datetime(2024, 3, 1, tzinfo=UTC)


def test_the_national_definition_reads_its_indicator(tmp_path: Path) -> None:
    indicator = {"timeseries": "country", "datastream": "S1.indicator"}
    with empty_twin(tmp_path, "34") as twin:
        commit(twin, spell(12, slice(0, 0)), days("2026-07-08", 12))
        with pytest.raises(DoesNotApply, match="not a datastream of country"):
            derive(twin, indicator=indicator)
        values = np.array([20, 23.4, 25.3, 24, 22.4, 22.3])
        commit_daily(twin, "country", ["S1"], {"indicator": values}, days("2026-07-08", 6))
        derive(twin, indicator=indicator)
        (found,) = rows(twin, "heat_waves").values()
        assert (found["id"], found["days"], found["thresholds"]) == ("national-2026-07-09", 3, "25.3/23.4/22.4")
        assert found["severity"] == pytest.approx(0 + 1.9 + 0.6)
        assert (found["mean"], found["tmin"]) == (pytest.approx(24.233), None)
        assert found["to_confirm"] == "stay, end"
        assert derive(twin, indicator=indicator).run is None
        # A correction of the indicator's own series is news.
        commit_daily(twin, "country", ["S1"], {"indicator": values - 5}, days("2026-07-20", 6))
        assert derive(twin, indicator=indicator).run


def test_local_percentiles_take_whole_years(tmp_path: Path) -> None:
    dates = days("2010-01-01", 3653)
    season = np.sin((dates - dates.astype("M8[Y]")).astype(int) / 365.25 * 2 * np.pi - np.pi / 2)
    mean = 13 + 8 * season + np.random.default_rng(1).normal(0, 2, len(dates))
    summer = np.isin(dates.astype("M8[M]").astype(int) % 12, (5, 6, 7))
    wave = slice(int(np.flatnonzero(dates == np.datetime64("2015-07-15"))[0]), None)
    mean[wave][:5] = 30.0
    with empty_twin(tmp_path, "34") as twin:
        commit(twin, {"tn": np.where(summer, mean - 5, np.nan), "tx": mean + 5}, dates)
        derive(twin, local_years=10)
        assert not rows(twin, "heat_wave_definitions")["heat_wave_local"]["applied"], (
            "summers alone have higher percentiles"
        )
        commit(twin, {"tn": mean - 5, "tx": mean + 5}, dates)
        derive(twin)
        assert not rows(twin, "heat_wave_definitions")["heat_wave_local"]["applied"], "thirty years by default"
        derive(twin, local_years=10)
        told = rows(twin, "heat_wave_definitions")["heat_wave_local"]
        peak, stay, end = np.percentile(mean, [99.5, 97.5, 95])
        assert told["thresholds"] == f"{round(peak, 2):g}/{round(stay, 2):g}/{round(end, 2):g}"
        found = rows(twin, "heat_waves")
        assert any(
            row["definition"] == "local" and row["first_day"] <= date(2015, 7, 15) <= row["last_day"]
            for row in found.values()
        )
        with pytest.raises(BadInput, match="local_years"):
            derive(twin, local_years=3)


def test_the_area_is_the_union_of_the_communes_or_the_hull(tmp_path: Path) -> None:
    with empty_twin(tmp_path, "34") as twin:
        commit(twin, spell(12, slice(3, 8)), days("2026-07-08", 12))
        derive(twin)
        (found,) = rows(twin, "heat_waves").values()
        hull = shapely.from_wkb(found["geometry"])
        assert hull.geom_type == "MultiPolygon"
        assert hull.area == pytest.approx(np.pi * 500**2, rel=0.02), "500 m around stations at one place"
        squares = [shapely.box(x, 0, x + 10, 10).wkb for x in (0, 10)]
        nowhen = instants([None, None]).cast(STAMP)
        columns = {"id": ["a", "b"], "valid_from": nowhen, "valid_to": nowhen, "geometry": squares}
        commit_features(twin, "communes", (), columns, "Polygon")
        assert derive(twin).run, "the communes are an input"
        for name in ("heat_waves", "heat_wave_definitions"):
            for row in rows(twin, name).values():
                assert shapely.from_wkb(row["geometry"]).equals(shapely.box(0, 0, 20, 10))


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"timeseries": "nothing"}, "no collection nothing"),
        ({"object_collection": "nothing"}, "no collection nothing"),
        ({"minimum": "tm"}, "observes tm"),
        ({"reference": {"environment": "lunar"}}, "environment = lunar"),
        ({"timeseries": "observations", "minimum": "air_temperature"}, "observes tx"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, parameters: dict[str, object], reason: str) -> None:
    with empty_twin(tmp_path, "34") as twin:
        commit(twin, spell(12, slice(3, 8)), days("2026-07-08", 12))
        with pytest.raises(DoesNotApply, match=reason):
            derive(twin, **parameters)


def test_series_that_are_not_daily_or_not_in_degrees_are_refused(tmp_path: Path) -> None:
    with empty_twin(tmp_path, "34") as twin:
        hours = np.datetime64("2026-07-08", "us") + np.arange(12) * np.timedelta64(1, "h")
        commit(twin, spell(12, slice(3, 8)), hours)
        with pytest.raises(DoesNotApply, match=r"S1\.tn has several values on 2026-07-08"):
            derive(twin)
        commit(twin, spell(12, slice(3, 8)), days("2026-07-08", 12), unit="K")
        with pytest.raises(DoesNotApply, match="tn is in K"):
            derive(twin)


def test_a_record_without_a_good_value_is_said(tmp_path: Path) -> None:
    with empty_twin(tmp_path, "34") as twin:
        flags = dict.fromkeys(range(12), 1)
        commit(twin, spell(12, slice(3, 8)), days("2026-07-08", 12), flags=flags)
        with pytest.raises(DoesNotApply, match="no good daily extreme"):
            derive(twin, reference=["S1"])


def test_a_day_of_the_heat_island_is_a_day_of_the_heat_wave(tmp_path: Path) -> None:
    """From hourly values: the day of the minimum starts at 18 UTC of the eve."""
    hour = np.arange(24 * 12)
    hot = (hour >= 24 * 3 - 5) & (hour < 24 * 7 + 7)  # from 19 UTC of the eve to 06 UTC of the morrow
    afternoon = (hour % 24 >= 12) & (hour % 24 < 18)
    values = np.where(hot, np.where(afternoon, 36.0, 23.0), np.where(afternoon, 28.0, 15.0))
    with empty_twin(tmp_path, "34") as twin:
        commit_stations(twin, [Station("S1", "rural", 30.0, values)], "2026-07-08T00:00")
        pipeline.derive(twin, "heat_island", {})
        pipeline.derive(twin, "heat_waves", {})
        # Hot from the 11th to the 14th.
        assert spans(twin) == {"ibm-2026-07-11": ("2026-07-11", "2026-07-12")}
