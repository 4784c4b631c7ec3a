"""Where heavy work is done: in threads of this process, or by the workers of a Dask scheduler."""

from __future__ import annotations

import importlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from twin.errors import BadSettings, TwinError
from twin.settings import ComputeSettings

_PATIENCE = "5s"  # for a scheduler to answer


class _Awaited[R](Protocol):
    """What a thread pool and Dask both give for work under way."""

    def result(self) -> R: ...


type _Submit[T, R] = Callable[[T], _Awaited[R]]


class Compute:
    """Runs pure functions over many items, where ``compute`` of ``config.yml`` says."""

    def __init__(self, settings: ComputeSettings) -> None:
        self._settings = settings

    def map[T, R](self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield ``function(item)`` of each item, in order, a few being under way ahead of the reader.

        Parameters
        ----------
        function
            Pure: it sees its item and what it was made with, and no store. For Dask it must pickle (a function of a
            module, or a :func:`functools.partial` of one); it travels to each worker once, with what it holds.
        items
            Read lazily: at most twice as many as there are workers are under way.

        Raises
        ------
        BadSettings
            When the scheduler of ``compute.scheduler`` does not answer, its workers cannot take the
            function, or Dask is not installed.
        TwinError
            When the workers die at their task.
        """
        with self._workers(function) as (count, submit):
            under_way: deque[_Awaited[R]] = deque()
            for item in items:
                if len(under_way) == 2 * count:
                    yield under_way.popleft().result()
                under_way.append(submit(item))
            while under_way:
                yield under_way.popleft().result()

    def _workers[T, R](self, function: Callable[[T], R]) -> AbstractContextManager[tuple[int, _Submit[T, R]]]:
        if self._settings.scheduler is None:
            return _threads(function, self._settings.threads or len(os.sched_getaffinity(0)))
        return _dask(function, self._settings.scheduler)


@contextmanager
def _threads[T, R](function: Callable[[T], R], count: int) -> Iterator[tuple[int, _Submit[T, R]]]:
    pool = ThreadPoolExecutor(count, thread_name_prefix="compute")
    try:
        yield count, lambda item: pool.submit(function, item)
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _dask[T, R](function: Callable[[T], R], address: str) -> Iterator[tuple[int, _Submit[T, R]]]:
    try:
        # Optional, and half a second to import.
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise BadSettings(
            f"compute.scheduler is {address}, and Dask is not installed: pip install 'jumeau[dask]'."
        ) from None
    try:
        client = distributed.Client(address, timeout=_PATIENCE, set_as_default=False)
    except OSError as error:
        raise BadSettings(
            f"compute.scheduler: no Dask scheduler answers at {address} within {_PATIENCE}: "
            "start it, or correct the address."
        ) from error
    with client:
        try:
            held = client.scatter(function, broadcast=True, hash=False)
        except Exception as error:  # what a worker raises comes back as a plain Exception
            raise BadSettings(
                f"compute.scheduler: the workers of {address} cannot take the work ({error}): "
                "install the same Jumeau on them, and start at least one."
            ) from error
        try:
            yield sum(client.nthreads().values()) or 1, lambda item: client.submit(_call, held, item, pure=False)
        except (distributed.KilledWorker, CancelledError) as error:
            raise TwinError(
                f"compute.scheduler: the workers of {address} died at their task: give them more memory, "
                "or read in their logs why."
            ) from error


def _call[T, R](function: Callable[[T], R], item: T) -> R:
    return function(item)
