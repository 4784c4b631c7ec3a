"""What a store must do of time series."""

# ruff: noqa: D102 - a test is told by its name

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import shapely

from twin.errors import BadInput, NotFound
from twin.store import (
    OPERATOR,
    AggregateQuery,
    Condition,
    Logic,
    ObservationQuery,
    Principal,
    Store,
)
from twin.tables import DATASTREAMS, Quality
from twin.testing import samples
from twin.testing.filter_samples import OBSERVATION_FILTERS
from twin.testing.filters import holds
from twin.testing.store.asks import (
    X,
    Y,
    count_observations,
    read_observations,
    read_statistics,
)
from twin.time import TimeSpan


class ObservationTests:
    """Order, filters, statistics, pages and corrections."""

    def test_what_is_hidden_shows_in_no_count_and_no_extent(self, store: Store) -> None:
        streams = samples.datastream_table(2, samples.series())
        samples.put_series(store, samples.observation_table(2, 5), datastreams=streams)
        hidden = samples.series("hidden", "anomaly")
        table = samples.observation_table(4, 9, observed="anomaly")
        samples.put_series(store, table, datastreams=samples.datastream_table(4, hidden), collection=hidden)
        whole = store.catalogue.collection(DATASTREAMS, OPERATOR)
        public = Principal(name="public", hidden=frozenset({"hidden"}))
        seen = store.catalogue.collection(DATASTREAMS, public)
        assert (whole.count, seen.count) == (6, 2)
        assert whole.extent is not None
        assert seen.extent is not None
        assert seen.extent.xmax < whole.extent.xmax
        assert [found.id for found in store.catalogue.collections(public)] == [DATASTREAMS, "observations"]
        assert store.catalogue.collection("observations", public).count == 10
        again = samples.datastream_table(5, hidden)
        table = samples.observation_table(5, 9, observed="anomaly")
        samples.put_series(store, table, datastreams=again, collection=hidden)
        assert store.catalogue.collection(DATASTREAMS, public) == seen, "nor in its revision"
        blind = Principal(name="blind", hidden=frozenset({"hidden", "observations"}))
        assert store.catalogue.collections(blind) == [], "datastreams of nothing are no collection"

    def test_a_series_is_seen_as_far_as_its_datastreams_are(self, store: Store) -> None:
        streams = samples.datastream_table(2, samples.series())
        samples.put_series(store, samples.observation_table(2, 5), datastreams=streams)
        query = ObservationQuery(collection="observations")
        for hidden in ("buildings", DATASTREAMS):
            public = Principal(name="public", hidden=frozenset({hidden}))
            assert store.catalogue.collections(public) == [], hidden
            with pytest.raises(NotFound):
                store.catalogue.collection("observations", public)
            with pytest.raises(NotFound):
                store.observations.count(query, public)
            with pytest.raises(NotFound):
                store.observations.read(query, public)
            for pooled in (False, True):
                with pytest.raises(NotFound):
                    store.observations.aggregate(AggregateQuery(select=query, pooled=pooled), public)
        beside = samples.series("observations", "anomaly")
        meters = samples.datastream_table(3, beside)
        place = meters.schema.get_field_index("object_collection")
        meters = meters.set_column(place, meters.schema.field(place), pa.array(["meters"] * 3))
        table = samples.observation_table(3, 9, observed="anomaly")
        samples.put_series(store, table, datastreams=meters, collection=beside, source="other")
        public = Principal(name="public", hidden=frozenset({"meters"}))
        whole, seen = (store.catalogue.collection("observations", who) for who in (OPERATOR, public))
        assert (whole.count, seen.count) == (37, 10)
        assert [len(found.observed_properties) for found in (whole, seen)] == [2, 1], "nor in what is observed"
        assert seen.extent is not None
        assert whole.extent is not None
        assert seen.extent.xmax < whole.extent.xmax
        assert store.observations.count(query, public) == 10
        assert store.catalogue.collection(DATASTREAMS, public).count == 2

    def test_observations_come_by_datastream_then_time(self, store: Store) -> None:
        given = samples.observation_table(4, 48)
        shuffled = given.take(np.random.default_rng(1).permutation(given.num_rows))
        samples.put_series(store, shuffled, datastreams=samples.datastream_table(4, samples.series()))
        assert read_observations(store).equals(given)
        collection = store.catalogue.collection("observations", OPERATOR)
        assert (collection.count, count_observations(store)) == (192, 192)
        assert collection.temporal == (samples.START, samples.START + timedelta(hours=47))
        assert collection.extent is not None
        assert store.catalogue.collection(DATASTREAMS, OPERATOR).count == 4

    def test_observations_are_found_by_what_and_where_and_when(self, store: Store) -> None:
        streams = samples.datastream_table(4, samples.series())
        samples.put_series(store, samples.observation_table(4, 48), datastreams=streams)
        near = shapely.box(X + 5, Y - 1, X + 25, Y + 1).wkb
        day = TimeSpan.parse("2026-07-02")
        for query, wanted in (
            ({"datastreams": ("b000001.air_temperature",)}, 48),
            ({"objects": ("b000001", "b000002", "b9")}, 96),
            ({"observed_properties": ("air_temperature",)}, 192),
            ({"observed_properties": ("wind",)}, 0),
            ({"region": near, "time": day}, 48),
            ({"good_only": True}, 184),
            ({"where": (Condition(field="result", operator=">=", value=47),)}, 4),
            ({"where": (Condition(field="object_id", value="b000003"), Condition(field="quality", value=1))}, 2),
            ({"latest": True}, 4),
            ({"latest": True, "time": TimeSpan.parse("../2026-07-01")}, 4),
        ):
            assert count_observations(store, **query) == read_observations(store, **query).num_rows == wanted, query
        last = read_observations(store, latest=True, time=TimeSpan.parse("../2026-07-01"))[
            "phenomenon_time"
        ].to_pylist()
        assert last == [samples.START + timedelta(hours=23)] * 4
        joined = read_observations(store, joined=True, objects=("b000002",), limit=1).to_pylist()[0]
        assert joined["object_collection"] == "buildings"
        assert (joined["object_id"], joined["observed_property"], joined["unit"]) == (
            "b000002",
            "air_temperature",
            "Cel",
        )
        assert shapely.from_wkb(joined["geometry"]).equals(shapely.Point(X + 20, Y))
        with pytest.raises(BadInput):
            read_observations(store, where=(Condition(field="results", value=1),))

    def test_filters_of_observations_look_at_them_and_at_their_datastream(self, store: Store) -> None:
        streams = samples.datastream_table(4, samples.series())
        samples.put_series(store, samples.observation_table(4, 48), datastreams=streams)
        names = [quality.name.lower() for quality in Quality]
        rows = [
            {**row, "quality_name": names[row["quality"]]} for row in read_observations(store, joined=True).to_pylist()
        ]
        for node in OBSERVATION_FILTERS:
            for asked in (node, Logic(operator="not", filters=(node,))):
                wanted = [(row["datastream"], row["phenomenon_time"]) for row in rows if holds(asked, row)]
                found = read_observations(store, where=(asked,))
                pairs = zip(found["datastream"].to_pylist(), found["phenomenon_time"].to_pylist(), strict=True)
                assert list(pairs) == wanted, asked
                assert count_observations(store, where=(asked,)) == len(wanted), asked
                paged = read_observations(store, where=(asked,), offset=3, limit=5)
                assert paged.equals(found.slice(3, 5)), asked
                assert read_observations(store, where=(asked,), latest=True).num_rows == len(
                    {name for name, _ in wanted}
                )
        assert sum(0 < count_observations(store, where=(node,)) < len(rows) for node in OBSERVATION_FILTERS) > 8

    def test_statistics_of_each_datastream_and_period(self, store: Store) -> None:
        """Hours 0 to 47, the first of each day flagged; stream 1 is a thousandth above stream 0."""
        given = samples.observation_table(3, 48)
        holes = pc.and_(pc.equal(given["datastream"], "b000002.air_temperature"), pc.less(given["result"], 47))
        given = given.filter(pc.invert(holes))
        samples.put_series(store, given, datastreams=samples.datastream_table(3, samples.series()))
        edges = tuple(samples.START + timedelta(hours=24 * k) for k in range(3))
        good = {"collection": "observations", "good_only": True}
        statistics = ("mean", "min", "max", "sum", "count", "p50", "p90")
        found = read_statistics(store, select=good, edges=edges, statistics=statistics)
        assert found.column_names == ["datastream", "period", "values", "expected", *statistics]
        rows = found.to_pylist()
        assert [(row["datastream"], row["period"]) for row in rows] == [
            *((f"b00000{k}.air_temperature", edge) for k in range(2) for edge in edges[:2]),
            ("b000002.air_temperature", edges[1]),
        ]
        assert (rows[0]["values"], rows[0]["expected"]) == (23, 24)
        wanted = [12, 1, 23, 276, 23, 12, 20.8]
        assert [rows[0][name] for name in statistics] == pytest.approx(wanted)
        assert [rows[3][name] for name in statistics[:4]] == pytest.approx([36.001, 25.001, 47.001, 828.023])
        assert (rows[4]["values"], rows[4]["expected"], rows[4]["max"]) == (1, None, 47.002)
        every = read_statistics(store, select={"collection": "observations"}, edges=edges, pooled=True).to_pylist()
        assert every[0]["observed_property"] == "air_temperature"
        assert [(row["values"], row["expected"]) for row in every] == [(48, 48), (49, 48)]
        assert every[0]["mean"] == pytest.approx(11.5005)

    def test_statistics_of_each_instant_and_of_nothing(self, store: Store) -> None:
        samples.put_series(
            store, samples.observation_table(3, 5), datastreams=samples.datastream_table(3, samples.series())
        )
        select = {"collection": "observations", "good_only": True, "time": TimeSpan.parse("../2026-07-01T02:00:00Z")}
        found = read_statistics(store, select=select, statistics=("mean",), pooled=True).to_pylist()
        assert [row["period"] for row in found] == [samples.START + timedelta(hours=k) for k in (1, 2)]
        assert [row["mean"] for row in found] == pytest.approx([1.001, 2.001])
        assert [(row["values"], row["expected"]) for row in found] == [(3, 3)] * 2
        assert read_statistics(store, select={**select, "objects": ("nobody",)}).num_rows == 0
        edges = (samples.START - timedelta(hours=2), samples.START)
        assert read_statistics(store, select=select, edges=edges).num_rows == 0
        with pytest.raises(NotFound):
            read_statistics(store, select={"collection": "nothing"})

    def test_pages_of_observations_hold_every_one_once(self, store: Store) -> None:
        streams = samples.datastream_table(5, samples.series())
        samples.put_series(store, samples.observation_table(5, 20), datastreams=streams)
        for descending in (False, True):
            whole = read_observations(store, descending=descending)
            key = [("datastream", "descending" if descending else "ascending")]
            assert whole["datastream"].to_pylist() == whole.sort_by(key)["datastream"].to_pylist()
            pages, after = [], None
            while (page := read_observations(store, descending=descending, after=after, limit=13)).num_rows:
                pages.append(page)
                last = page.slice(page.num_rows - 1).to_pylist()[0]
                after = (last["datastream"], last["phenomenon_time"])
            assert pa.concat_tables(pages).equals(whole)
            parts = [read_observations(store, descending=descending, offset=at, limit=30) for at in range(0, 100, 30)]
            assert pa.concat_tables(parts).equals(whole)

    @pytest.mark.parametrize("hours", [30, 3000])
    def test_a_correction_takes_the_place_and_the_former_value_stays(self, store: Store, hours: int) -> None:
        streams = samples.datastream_table(2, samples.series())
        first = samples.put_series(store, samples.observation_table(2, 3000), datastreams=streams)
        again = samples.put_series(store, samples.observation_table(2, hours, days_late=1), datastreams=streams)
        assert again.changed == {}
        corrected = samples.observation_table(2, hours, warmer=5.0, days_late=2)
        receipt = samples.put_series(store, corrected)
        assert receipt.revision > first.revision
        span = TimeSpan(start=samples.START, end=samples.START + timedelta(hours=hours - 1))
        assert read_observations(store, time=span).equals(corrected)
        assert read_observations(store, superseded=True).equals(samples.observation_table(2, hours))
        assert count_observations(store) == 6000
        late = samples.observation_table(2, hours, warmer=9.0, days_late=1)
        samples.put_series(store, late)
        assert read_observations(store, time=span).equals(corrected)
        assert count_observations(store, superseded=True) == 4 * hours
        assert samples.put_series(store, late).changed == {}
        samples.put_series(store, samples.observation_table(2, hours, warmer=7.0, days_late=3))
        assert count_observations(store, superseded=True) == 6 * hours
        assert count_observations(store) == 6000

    @pytest.mark.parametrize("hours", [3, 70_000])
    def test_of_two_values_in_one_file_the_later_produced_is_current(self, store: Store, hours: int) -> None:
        streams = samples.datastream_table(2, samples.series())
        later = samples.observation_table(2, hours, warmer=1.0, days_late=1)
        former = samples.observation_table(2, hours).take(np.random.default_rng(2).permutation(2 * hours)[:5])
        samples.put_series(store, pa.concat_tables([former, later, later.slice(0, 4)]), datastreams=streams)
        assert read_observations(store).equals(later)
        kept = read_observations(store, superseded=True)
        assert kept.equals(former.sort_by([("datastream", "ascending"), ("phenomenon_time", "ascending")]))

    def test_small_batches_add_up_as_a_large_one_does(self, store: Store) -> None:
        streams = samples.datastream_table(3, samples.series())
        for first in range(0, 48, 8):
            table = samples.observation_table(3, 8, first=first)
            samples.put_series(store, table, datastreams=streams if first == 0 else None)
        assert read_observations(store).equals(samples.observation_table(3, 48))
        assert store.catalogue.collection("observations", OPERATOR).count == 144

    def test_a_derived_series_is_replaced_whole(self, store: Store) -> None:
        for source, streams in (("measured", 5), ("derived", 3)):
            observed = "air_temperature" if source == "measured" else "anomaly"
            collection = samples.series(observed=observed)
            samples.put_series(
                store,
                samples.observation_table(streams, 10, observed=observed),
                datastreams=samples.datastream_table(streams, collection),
                collection=collection,
                source=source,
            )
        anomaly = samples.series(observed="anomaly")
        fewer = samples.datastream_table(2, anomaly)
        table = samples.observation_table(2, 8, warmer=1.0, observed="anomaly")
        samples.put_series(store, table, datastreams=fewer, collection=anomaly, source="derived", replace=True)
        assert read_observations(store, observed_properties=("anomaly",)).equals(table)
        assert count_observations(store, observed_properties=("air_temperature",)) == 50
        assert count_observations(store, superseded=True) == 0
        assert store.catalogue.collection(DATASTREAMS, OPERATOR).count == 7
        names = {found.name for found in store.catalogue.collection("observations", OPERATOR).observed_properties}
        assert names == {"air_temperature", "anomaly"}
        again = samples.put_series(store, table, datastreams=fewer, collection=anomaly, source="derived", replace=True)
        assert again.changed == {}

    def test_datastreams_that_are_not_known_or_not_its_own_are_refused(self, store: Store) -> None:
        streams = samples.datastream_table(2, samples.series())
        samples.put_series(store, samples.observation_table(2, 5), datastreams=streams)
        with pytest.raises(BadInput, match="b000002"):
            samples.put_series(store, samples.observation_table(3, 5))
        other = samples.series("elsewhere")
        with pytest.raises(BadInput, match="observations"):
            samples.put_series(
                store,
                samples.observation_table(2, 5),
                datastreams=samples.datastream_table(2, other),
                collection=other,
            )
        assert count_observations(store) == 10

    def test_a_removed_series_takes_its_datastreams_and_brings_them_back(self, store: Store) -> None:
        streams = samples.datastream_table(2, samples.series())
        samples.put_series(store, samples.observation_table(2, 5), datastreams=streams)
        store.remove("observations")
        assert store.catalogue.collection(DATASTREAMS, OPERATOR).count == 0
        samples.put_series(store, samples.observation_table(2, 2, first=5), datastreams=streams)
        assert read_observations(store).equals(samples.observation_table(2, 7))
