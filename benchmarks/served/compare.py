"""Questions put to several servers: each answer checked first, then the CPU of each server in turn, round by round."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx

from benchmarks.served.load import Served

ROUNDS, CONNECTIONS = 3, (1, 32)
_SAMPLE_MS = 300.0  # of CPU
_ENOUGH_MS = 2_000.0  # what is slow is known after one round
_SLOW_MS = 100.0  # what takes longer is measured at one connection only
_CHECKING_S = 2.0
_MOST, _FEW = 3_000, 5

type Servers = Mapping[str, Served]


@dataclass(frozen=True)
class Question:
    """Addresses of one kind.

    Attributes
    ----------
    paths
        Asked over and over.
    fault
        Tells what is wrong in the answer to a path, or None when it is exact.
    fresh
        Others, asked once each.
    """

    paths: Sequence[str]
    fault: Callable[[str, dict[str, Any]], str | None]
    fresh: Sequence[str] = ()


def answers(server: Served, question: Question, most_seconds: float = math.inf) -> dict[str, str]:
    """Return the exact answers of a server: to all paths, or to as many as it gives in so much CPU, but a few.

    Raises
    ------
    ValueError
        When an answer is not exact; the message says how.
    """
    found: dict[str, str] = {}
    before = server.seconds()
    for path in question.paths:
        if len(found) >= _FEW and server.seconds() - before > most_seconds:
            break
        address = server.address(path)
        if address is None:
            raise ValueError("offers no such question")
        try:
            answer = server.client.get(address)
        except httpx.HTTPError as error:
            raise ValueError(f"breaks off: {error}") from None
        if answer.status_code != 200:
            raise ValueError(f"answers {answer.status_code} to {address}: {answer.text[:120]}")
        if fault := question.fault(path, answer.json()):
            raise ValueError(f"answers {address} wrongly: {fault}")
        found[path] = answer.text
    return found


def compared(servers: Servers, question: Question) -> dict[str, Any]:
    """Return milliseconds of CPU a request of each server that answers, and how many times ours.

    The bare callable is not asked to be exact, and ours is. A peer whose answers are not is measured all the same,
    when it answers at all, and its fault is told; one that is slow, at one connection.
    """
    faults: dict[str, str] = {}
    asked = {"bare": _addresses(servers["bare"], question.paths)}
    for name in [each for each in servers if each != "bare"]:
        try:
            asked[name] = _addresses(servers[name], [*answers(servers[name], question, _CHECKING_S)])
        except ValueError as error:
            faults[name] = str(error)
            if some := _answered(servers[name], question):
                asked[name] = some
    figures: dict[str, Any] = {f"{name} is not exact": fault for name, fault in faults.items()}
    for connections in CONNECTIONS:
        found = figures[f"connections_{connections}"] = _measured(servers, asked, connections)
        asked = {name: paths for name, paths in asked.items() if found[f"{name}_ms"] < _SLOW_MS}
    return figures


def _addresses(server: Served, paths: Sequence[str]) -> list[str]:
    return [address for path in paths if (address := server.address(path))]


def _answered(server: Served, question: Question) -> list[str]:
    """Return a few addresses, if they are answered at all."""
    addresses = _addresses(server, question.paths[:_FEW])
    try:
        if all(server.client.get(address).status_code == 200 for address in addresses):
            return addresses
    except httpx.HTTPError:
        pass
    return []


def _measured(servers: Servers, asked: Mapping[str, list[str]], connections: int) -> dict[str, float]:
    counts = {name: max(_count(servers[name], paths), connections) for name, paths in asked.items()}
    costs: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(ROUNDS):
        for name, paths in asked.items():
            if counts[name] * sum(costs[name]) < _ENOUGH_MS:
                costs[name].append(servers[name].cost(paths, counts[name], connections))
    found = {name: median(cost) for name, cost in costs.items()}
    figures = {f"{name}_ms": round(cost, 3) for name, cost in found.items()}
    ours = found.pop("ours")
    figures["times_bare"] = round(ours / found.pop("bare"), 2)
    return figures | {f"times_less_than_{name}": round(cost / ours, 1) for name, cost in found.items()}


def _count(server: Served, paths: list[str]) -> int:
    """Return how many requests take long enough to be weighed."""
    few = paths[:_FEW]
    guess = server.cost(few, len(few), 1) or _SAMPLE_MS / _MOST
    return max(len(few), min(_MOST, round(_SAMPLE_MS / guess)))
