"""What a store must do of the quality that a test finds in observations it holds."""

# ruff: noqa: D102 - a test is told by its name

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from twin.errors import BadInput, NotFound
from twin.store import OPERATOR, Store
from twin.tables import OBSERVATION_SCHEMA, Quality
from twin.testing import samples
from twin.testing.store.asks import count_observations, read_observations

_REASON = "spatial: at odds with 7 neighbours"


def _with(table: pa.Table, quality: Quality, reason: str | None) -> pa.Table:
    columns = {name: table[name] for name in OBSERVATION_SCHEMA.names[:-2]}
    columns["quality"] = pa.array(np.full(table.num_rows, quality, np.uint8))
    columns["quality_reason"] = pa.array([reason] * table.num_rows, pa.string())
    return pa.table(columns, schema=OBSERVATION_SCHEMA)


class VerdictTests:
    """Quality and reason change, and are undone; values, times and other tests' verdicts stay."""

    @pytest.mark.parametrize("hours", [48, 3000])
    def test_a_verdict_changes_the_quality_alone_and_is_undone(self, store: Store, hours: int) -> None:
        given = samples.observation_table(3, hours)
        samples.put_series(store, given, datastreams=samples.datastream_table(3, samples.series()))
        before = store.catalogue.collection("observations", OPERATOR)
        doubtful = given.filter(pc.equal(given["datastream"], "b000001.air_temperature"))
        receipt = samples.put_verdicts(store, _with(doubtful, Quality.SPATIAL, _REASON), revision=before.revision)
        assert set(receipt.changed) == {"observations"}
        found = read_observations(store)
        assert found.select([0, 1, 2, 3, 4]).equals(given.select([0, 1, 2, 3, 4]))
        touched = np.asarray(pc.equal(found["datastream"], "b000001.air_temperature"))
        former, quality = given["quality"].to_numpy(), found["quality"].to_numpy()
        expected = np.where(touched & (former == 0), int(Quality.SPATIAL), former)
        assert quality.tolist() == expected.tolist(), "what failed another test keeps it"
        assert set(found.filter(pc.equal(found["quality"], 4))["quality_reason"].to_pylist()) == {_REASON}
        assert count_observations(store, superseded=True) == 0
        after = store.catalogue.collection("observations", OPERATOR)
        assert (after.count, after.temporal, after.sources) == (before.count, before.temporal, before.sources)
        run = store.catalogue.runs(limit=1)[0]
        assert run.settled == {"observations": after.revision}
        again = samples.put_verdicts(store, _with(doubtful, Quality.SPATIAL, _REASON), revision=after.revision)
        assert again.changed == {}
        samples.put_verdicts(store, _with(doubtful, Quality.GOOD, None), revision=before.revision)
        assert read_observations(store).equals(given)
        assert store.catalogue.runs(limit=1)[0].settled == {}, "read before the last change: not settled"

    def test_a_copy_of_the_value_does_not_undo_it_and_a_correction_does(self, store: Store) -> None:
        streams = samples.datastream_table(1, samples.series())
        given = samples.observation_table(1, 3, first=1)
        samples.put_series(store, given, datastreams=streams)
        judged = _with(given, Quality.SPATIAL, _REASON)
        samples.put_verdicts(store, judged)
        assert samples.put_series(store, samples.observation_table(1, 3, first=1, days_late=1)).changed == {}
        assert read_observations(store).equals(judged)
        corrected = samples.observation_table(1, 1, first=2, warmer=1.0, days_late=1)
        samples.put_series(store, corrected)
        found = read_observations(store)
        assert found["quality"].to_pylist() == [4, 0, 4]
        assert read_observations(store, superseded=True).equals(judged.slice(1, 1)), "with the quality it had"
        samples.put_verdicts(store, judged)
        assert read_observations(store).equals(found), "the verdict was on the former value"

    def test_verdicts_on_nothing_or_of_another_test_are_refused(self, store: Store) -> None:
        given = samples.observation_table(1, 3, first=1)
        with pytest.raises(NotFound):
            samples.put_verdicts(store, given)
        samples.put_series(store, given, datastreams=samples.datastream_table(1, samples.series()))
        with pytest.raises(BadInput, match="SPATIAL"):
            samples.put_verdicts(store, _with(given, Quality.STEP, "step"))
        stranger = samples.observation_table(5, 3, first=1)
        assert samples.put_verdicts(store, stranger).changed == {}
