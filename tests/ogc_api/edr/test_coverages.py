"""Coverages are opened once per revision, and never closed under a reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ogc_api.edr import Edr
from ogc_api.edr.coverages import OpenCoverages
from tests.ogc_api.edr.edr_twin import BASE, fill, opened, put_heat, requests_to
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.settings import AccessSettings
from twin.store import OPERATOR


def first(values) -> float:
    return float(np.asarray(values["air_temperature"][0, 0, 0]))


def test_a_reader_keeps_its_revision_and_the_next_gets_the_new_one(tmp_path: Path) -> None:
    with opened(tmp_path) as twin:
        fill(twin)
        coverages = OpenCoverages(twin.store)
        old = twin.store.catalogue.collection("heat", OPERATOR)
        with coverages.coverage(old, OPERATOR) as before:
            put_heat(twin.store, offset=1.0)
            new = twin.store.catalogue.collection("heat", OPERATOR)
            with coverages.coverage(new, OPERATOR) as after, coverages.coverage(new, OPERATOR) as again:
                assert after is again
                assert after is not before
                assert first(after.layouts[0]) == pytest.approx(first(before.layouts[0]) + 1)
            for layout in before.layouts:
                assert first(layout) == pytest.approx(0.1)
        with coverages.coverage(new, OPERATOR) as kept:
            assert kept is after
        coverages.close()


def test_former_revisions_are_let_go_without_another_request(tmp_path: Path) -> None:
    with opened(tmp_path) as twin:
        fill(twin)
        coverages = OpenCoverages(twin.store)
        heat = twin.store.catalogue.collection("heat", OPERATOR)
        with coverages.coverage(heat, OPERATOR):
            pass
        for offset in (1.0, 2.0):
            put_heat(twin.store, offset)
        revision = twin.store.catalogue.collection("heat", OPERATOR).revision
        folders = [path.name for path in (tmp_path / "cubes" / "heat").iterdir() if path.is_dir()]
        assert folders == [str(revision)]
        coverages.close()


def test_a_coverage_that_declares_no_grid_does_not_apply(twin: Twin) -> None:
    coverages = OpenCoverages(twin.store)
    bare = twin.store.catalogue.collection("heat", OPERATOR).model_copy(update={"grid": None})
    with pytest.raises(DoesNotApply, match="no grid"), coverages.coverage(bare, OPERATOR):
        pass


def test_what_is_private_does_not_exist(twin: Twin) -> None:
    access = AccessSettings(private=("heat", "observations"))
    edr = Edr(Twin.over(twin.settings.model_copy(update={"access": access}), twin.store), BASE)
    get = requests_to(edr)
    for path in ("heat/position", "observations/locations", "observations/locations/S001"):
        response = get(path, {"coords": "POINT(3 43)"})
        absent = get(path.replace("heat", "nothing").replace("observations", "nothing"), {"coords": "POINT(3 43)"})
        assert response.status_code == absent.status_code == 404
        assert (
            response.json()["detail"].replace("heat", "nothing").replace("observations", "nothing")
            == (absent.json()["detail"])
        )
    edr.close()
