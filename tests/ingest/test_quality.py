"""Range, step and persistence, against what a person would say of the same values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from twin import quality
from twin.model import Limits
from twin.observed_properties import known_properties
from twin.tables import OBSERVATION_SCHEMA, Quality

START = datetime(2026, 7, 1, tzinfo=UTC)
LIMITS = Limits(minimum=-20, maximum=45, step_per_hour=10, persistence_hours=6, persistence_ignores=(0,))


@pytest.fixture
def check(tmp_path):
    """Return a function that tests series given as {datastream: [(hour, value)]} and returns their rows."""

    def run(limits=LIMITS, qualities=None, **series):
        rows = [
            {
                "datastream": name,
                "phenomenon_time": START + timedelta(hours=hour),
                "result_time": START + timedelta(hours=hour),
                "result": value,
                "quality": (qualities or {}).get((name, hour), 0),
                "quality_reason": "producer: doubt" if (name, hour) in (qualities or {}) else None,
            }
            for name, values in series.items()
            for hour, value in values
        ]
        np.random.default_rng(0).shuffle(rows)
        files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
        for file, half in zip(files, (rows[::2], rows[1::2]), strict=True):
            pq.write_table(pa.Table.from_pylist(half, schema=OBSERVATION_SCHEMA), file)
        counts = quality.check(files, dict.fromkeys(series, limits), tmp_path / "out.parquet")
        out = pq.read_table(tmp_path / "out.parquet").to_pylist()
        assert sum(counts.values()) == len(rows) == len(out)  # nothing is dropped
        keys = [(row["datastream"], row["phenomenon_time"]) for row in out]
        assert keys == sorted(keys)
        return out

    return run


def flags(rows):
    return {
        (row["datastream"], (row["phenomenon_time"] - START) // timedelta(hours=1)): Quality(row["quality"])
        for row in rows
        if row["quality"]
    }


def test_the_schema_is_that_of_observations(check, tmp_path):
    check(a=[(0, 1.0), (1, 2.0)])
    assert pq.read_schema(tmp_path / "out.parquet").equals(
        pa.schema([field.with_nullable(True) for field in OBSERVATION_SCHEMA])
    )


def test_range_is_inclusive_and_keeps_the_value(check):
    rows = check(LIMITS.model_copy(update={"step_per_hour": None}), a=[(0, -20.0), (1, 45.0), (2, 45.1), (3, -20.1)])
    assert flags(rows) == {("a", 2): Quality.RANGE, ("a", 3): Quality.RANGE}
    assert rows[2]["result"] == 45.1
    assert rows[2]["quality_reason"] == "range: 45.1 > 45"
    assert rows[3]["quality_reason"] == "range: -20.1 < -20"


def test_a_spike_is_one_fault_and_its_return_none(check):
    rows = check(a=[(0, 20.0), (1, 21.0), (2, 35.0), (3, 21.5), (4, 22.0)])
    assert flags(rows) == {("a", 2): Quality.STEP}
    assert rows[2]["quality_reason"] == "step: 14 per hour > 10"


def test_a_shift_is_a_fault_where_it_happens(check):
    assert flags(check(a=[(0, 5.0), (1, 6.0), (2, 30.0), (3, 31.0)])) == {("a", 2): Quality.STEP}


def test_a_step_is_per_hour_and_within_a_datastream(check):
    assert flags(check(a=[(0, 0.5), (4, 30.0)], b=[(0, 30.0), (1, 31.0)])) == {}
    assert flags(check(a=[(0, 0.5), (0.25, 4.0)])) == {("a", 0): Quality.STEP}


def test_a_value_out_of_range_is_no_measure_of_steps(check):
    assert flags(check(a=[(0, 20.0), (1, 99.0), (2, 21.0)])) == {("a", 1): Quality.RANGE}


def test_a_stuck_sensor_is_flagged_from_the_first_value(check):
    values = [(hour, 20.0 + hour) for hour in range(5)] + [(hour, 24.5) for hour in range(5, 13)] + [(13, 25.0)]
    rows = check(a=values)
    assert flags(rows) == {("a", hour): Quality.PERSISTENCE for hour in range(5, 13)}
    assert rows[5]["quality_reason"] == "persistence: unchanged for 7 h > 6 h"
    assert flags(check(a=[(hour, 24.5) for hour in range(7)])) == {}  # six hours are allowed


def test_what_may_last_and_what_a_gap_ends(check):
    assert flags(check(a=[(hour, 0.0) for hour in range(40)])) == {}
    assert flags(check(a=[(24 * day, 12.5) for day in range(5)])) == {}


def test_every_failed_test_is_in_the_reason_with_the_producers(check):
    rows = check(a=[(0, 20.0), (1, 60.0)], b=[(0, 1.0), (1, 2.0)], qualities={("a", 1): 5, ("b", 1): 5})
    assert flags(rows) == {("a", 1): Quality.RANGE, ("b", 1): Quality.PRODUCER}
    assert rows[1]["quality_reason"] == "range: 60 > 45; producer: doubt"


def test_no_limit_no_fault_and_no_value_no_fault(check):
    assert flags(check(Limits(), a=[(0, 1e9), (1, -1e9)])) == {}
    assert flags(check(a=[(0, None), (1, 20.0), (2, None), (3, 21.0)])) == {}


@pytest.mark.parametrize("observed", known_properties().values(), ids=lambda observed: observed.name)
def test_known_properties_are_sound(observed):
    limits = observed.limits
    assert limits.minimum is not None
    assert limits.maximum is not None
    assert limits.minimum < limits.maximum
    assert observed.title.fr != ""
