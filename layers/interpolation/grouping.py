"""Instants that share stations and a variogram: factored once, and multiplied for all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layers.interpolation import refusals
from layers.interpolation.patterns import patterns
from layers.interpolation.system import LARGEST_CONDITION, Floats, Gap, Rows, Sites, System
from layers.interpolation.variogram import Variogram
from twin.model import Text


@dataclass(frozen=True)
class Group:
    """The instants that one system serves.

    Attributes
    ----------
    rows
        Stations of the system, among those given, shape (stations,).
    instants
        Among those given, ascending, shape (instants,).
    values
        What is known, and what it predicts where a station is missing, shape (stations, instants).
    gaps, gap
        The sets of stations missing, and which of them is that of each instant, shape (instants,).
    errors, variances
        Of leave-one-out: value minus prediction, and the variance expected, shape (stations, instants).
    """

    system: System
    rows: Rows
    instants: Rows
    values: Floats
    gaps: tuple[Gap, ...]
    gap: Rows
    errors: Floats
    variances: Floats

    def take(self, chosen: NDArray[np.bool_]) -> Group:
        """Return the group of some of its instants, shape (instants,)."""
        gaps, gap = np.unique(self.gap[chosen], return_inverse=True)
        return Group(
            self.system,
            self.rows,
            self.instants[chosen],
            self.values[:, chosen],
            tuple(self.gaps[k] for k in gaps),
            gap,
            self.errors[:, chosen],
            self.variances[:, chosen],
        )


def groups(sites: Sites, values: Floats, variogram: Variogram, least: int = 0) -> tuple[list[Group], dict[int, Text]]:
    """Return the groups of the instants that can be mapped, and why the others cannot.

    One system of all the stations serves every instant, its gaps downdated from it. Where it is singular
    by itself (two stations at one place that never measure together), each set of stations has its own.

    Parameters
    ----------
    values
        Shape (stations, instants), not-a-number where there is none.
    least
        The least number of stations; at least two more than the drift has terms.
    """
    least = max(least, sites.covariates.shape[1] + 3)
    refused: dict[int, Text] = {}
    sound: list[tuple[Rows, Rows]] = []
    for valid, instants in patterns(np.isfinite(values)):
        seen = sites.take(valid)
        reason = refusals.reason_against(seen.points, seen.covariates, seen.ids, seen.names, least)
        if reason is None:
            sound.append((valid, instants))
        else:
            refused |= dict.fromkeys(instants.tolist(), reason)
    if not sound:
        return [], refused
    rows = np.unique(np.concatenate([valid for valid, _ in sound]))
    whole = System(sites.take(rows), variogram)
    parts = [(whole, rows, sound)]
    if whole.condition > LARGEST_CONDITION:
        parts = [(System(sites.take(valid), variogram), valid, [(valid, instants)]) for valid, instants in sound]
    found = [_group(system, among, sets, values, refused) for system, among, sets in parts]
    return [group for group in found if group is not None], refused


def _group(
    system: System, rows: Rows, sets: list[tuple[Rows, Rows]], values: Floats, refused: dict[int, Text]
) -> Group | None:
    gaps: list[Gap] = []
    blocks: list[tuple[Rows, Floats, Floats, Floats]] = []
    for valid, instants in sets:
        gap, condition = system.gap(np.flatnonzero(~np.isin(rows, valid)))
        if condition > LARGEST_CONDITION:
            refused |= dict.fromkeys(instants.tolist(), refusals.singular(condition))
            continue
        complete = system.complete(values[np.ix_(rows, instants)], gap)
        errors, variances = system.leave_one_out(complete, gap)
        gaps.append(gap)
        blocks.append((instants, complete, errors, np.repeat(variances[:, np.newaxis], instants.size, axis=1)))
    if not blocks:
        return None
    instants = np.concatenate([block[0] for block in blocks])
    order = np.argsort(instants)
    complete, errors, variances = (np.concatenate([block[k] for block in blocks], axis=1)[:, order] for k in (1, 2, 3))
    which = np.repeat(np.arange(len(gaps)), [block[0].size for block in blocks])[order]
    return Group(system, rows, instants[order], complete, tuple(gaps), which, errors, variances)
