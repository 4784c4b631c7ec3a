"""Stable identities: from a column or from the position, whatever the order of the file."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twin import pipeline

from .samples import ORIGIN, features_entry, write_manifest, write_vector

KINDS = np.array(["LED", "sodium", None], dtype=object)


def lamps(rng, count=300):
    """Return points on a grid of 1 cm, so that many share a rounded position and some are equal in all."""
    steps = rng.integers(0, 12, (count, 2)) * 0.004
    return shapely.points(ORIGIN[0] + steps[:, 0], ORIGIN[1] + steps[:, 1]), KINDS[rng.integers(0, 3, count)]


def ingest(bench, points, kinds, name="sample", **identity):
    folder = bench.folder / name
    folder.mkdir(exist_ok=True)
    write_vector(folder / "lamps.gpkg", points, {"kind": kinds}, append=False)
    part = {
        "source": "vector",
        "files": ["lamps.gpkg"],
        "features": {"collection": name, "id": {"position": 0.01, **identity}, "fields": {"kind": "kind"}},
    }
    return pipeline.ingest(
        bench.twin, write_manifest(folder, {name: features_entry(kind="string")}, [part], dataset=name)
    )


def content(bench, name):
    rows = bench.features(name, columns=("kind",)).to_pylist()
    return {row["id"]: (row["geometry"], row["kind"]) for row in rows}


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_ids_survive_any_order_of_the_file(bench, seed):
    rng = np.random.default_rng(seed)
    points, kinds = lamps(rng)
    ingest(bench, points, kinds, "one")
    order = rng.permutation(len(points))
    ingest(bench, points[order], kinds[order], "two")
    one, two = content(bench, "one"), content(bench, "two")
    assert len(one) == 300  # nothing was merged
    assert one == two


def test_reordering_a_file_makes_no_new_revision(bench):
    points, kinds = lamps(np.random.default_rng(1))
    first = ingest(bench, points, kinds)
    again = ingest(bench, points[::-1], kinds[::-1])
    assert first.changed == ("sample",)
    assert again.run is not None
    assert again.changed == ()
    assert bench.collection("sample").revision == first.revision
    assert "no new revision" in "\n".join(again.lines())


def test_precision_and_ties_are_told(bench):
    x = ORIGIN[0] + np.array([0, 0.001, 0.02, 0.02])
    report = ingest(bench, shapely.points(x, ORIGIN[1]), np.array(["a", "b", "c", "c"], dtype=object), prefix="l-")
    ids = sorted(bench.features("sample")["id"].to_pylist())
    assert ids == ["l-77000000_627900000", "l-77000000_627900000~2", "l-77000002_627900000", "l-77000002_627900000~2"]
    assert any("position to 0.01 m" in note for note in report.notes)
    assert any("2 objects have the rounded position of another" in note for note in report.notes)


def test_further_columns_make_ties_rarer(bench):
    x = ORIGIN[0] + np.array([0, 0.001])
    ingest(bench, shapely.points(x, ORIGIN[1]), np.array(["a", "b"], dtype=object), columns=["kind"])
    assert set(bench.features("sample")["id"].to_pylist()) == {"77000000_627900000_a", "77000000_627900000_b"}


@pytest.fixture
def by_column(bench):
    def run(codes, years, **features):
        count = len(codes)
        points = shapely.points(ORIGIN[0] + np.arange(count) // 2, ORIGIN[1])
        fields = {"code": np.array(codes, dtype=object), "year": np.array(years)}
        write_vector(bench.folder / "a.gpkg", points, fields)
        rule = {"collection": "things", "id": {"column": "code"}, "fields": {"year": "year"}} | features
        part = {"source": "vector", "files": ["a.gpkg"], "features": rule}
        return pipeline.ingest(
            bench.twin, write_manifest(bench.folder, {"things": features_entry(year="integer")}, [part])
        )

    return run


def test_an_id_given_twice_is_kept_once(bench, by_column):
    report = by_column(["a", "a", "b", "b", "c", None], [1, 1, 2, 3, 4, 5])
    assert report.rows == {"things": 3}
    assert report.quarantined == 2
    assert any("1 rows repeat an earlier one entirely" in note for note in report.notes)
    lines = report.quarantine.read_text("utf-8")
    assert "already that of row 3, which differs" in lines
    assert "column code is empty" in lines
    assert bench.features("things", ids=("b",))["year"].to_pylist() == [2]


def test_versions_of_an_object_are_no_duplicates(bench, by_column):
    report = by_column(["a", "a"], [1990, 2010], valid_from={"column": "year", "format": "year"})
    assert (report.rows, report.quarantined) == ({"things": 2}, 0)
    assert sorted(pc.year(bench.features("things", ids=("a",))["valid_from"]).to_pylist()) == [1990, 2010]


def test_one_of_many_rows_per_object(bench, by_column):
    report = by_column(["a", "a", "b", "b"], [1, 1, 2, 3], distinct=True)
    assert (report.rows, report.quarantined) == ({"things": 2}, 0)
    assert any("1 objects have rows that differ" in note for note in report.notes)
