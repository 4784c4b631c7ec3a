"""Work done in threads and by the workers of a Dask scheduler: the same, in order, a little ahead."""

import itertools
import operator
import os
import threading
from collections.abc import Iterator
from functools import partial

import dask
import numpy as np
import pytest
from distributed import LocalCluster
from pydantic import ValidationError

from twin.compute import Compute
from twin.errors import BadSettings, TwinError
from twin.settings import ComputeSettings


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as cluster,
    ):
        yield cluster.scheduler_address


def test_two_dask_workers_give_the_bytes_of_this_process(scheduler: str) -> None:
    random = np.random.default_rng(5)
    function = partial(np.linalg.solve, random.normal(size=(40, 40)))
    items = [random.normal(size=(40, 3)) for _ in range(25)]
    here = list(Compute(ComputeSettings(threads=1)).map(function, items))
    there = list(Compute(ComputeSettings(scheduler=scheduler)).map(function, items))
    assert [result.tobytes() for result in there] == [result.tobytes() for result in here]
    assert len(here) == 25


@pytest.mark.parametrize("where", ["threads", "dask"])
def test_an_error_comes_at_its_place(where: str, request: pytest.FixtureRequest) -> None:
    address = request.getfixturevalue("scheduler") if where == "dask" else None
    results = Compute(ComputeSettings(scheduler=address)).map(partial(operator.truediv, 1), range(-5, 5))
    assert list(itertools.islice(results, 5)) == [1 / item for item in range(-5, 0)]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_items_are_read_as_results_are_taken() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    results = Compute(ComputeSettings(threads=2)).map(str, items())
    assert [next(results) for _ in range(3)] == ["0", "1", "2"]
    assert len(taken) <= 3 + 4
    results.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("compute")]


def test_a_scheduler_that_does_not_answer_is_told_in_one_line() -> None:
    with pytest.raises(
        BadSettings, match=r"compute.scheduler: no Dask scheduler answers at tcp://127.0.0.1:9 "
    ) as told:
        list(Compute(ComputeSettings(scheduler="tcp://127.0.0.1:9")).map(str, range(3)))
    assert "\n" not in str(told.value)


def test_workers_that_lack_the_code_are_told_in_one_line(scheduler: str) -> None:
    with pytest.raises(BadSettings, match="install the same Jumeau on them") as told:
        list(Compute(ComputeSettings(scheduler=scheduler)).map(_unknown_to_workers, range(3)))
    assert "\n" not in str(told.value)


def _unknown_to_workers(item: int) -> int:
    return item


def test_workers_that_die_are_told_in_one_line(scheduler: str) -> None:
    with pytest.raises(TwinError, match="died at their task") as told:
        list(Compute(ComputeSettings(scheduler=scheduler)).map(os._exit, [1]))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "http://127.0.0.1:8786", "tcp://host", "tcp://a b:1"])
def test_an_address_is_a_dask_one(address: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        ComputeSettings(scheduler=address)
