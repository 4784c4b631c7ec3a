"""The interpolation engine against PyKrige, against brute force, and against what must hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pykrige.uk import UniversalKriging

from layers.interpolation import MODELS, Sites, Support, System, Variogram, fit, groups, weights
from layers.interpolation.grouping import Group
from layers.interpolation.patterns import patterns

#: PyKrige's range over GSTools' length scale.
RANGE = {"exponential": 3.0, "spherical": 1.0, "gaussian": 7 / 2 / np.sqrt(np.pi)}
EVERYWHERE = Variogram("exponential", nugget=0.04, partial_sill=0.3, length=900.0)


def make_sites(count: int = 25, covariates: int = 2, seed: int = 1) -> Sites:
    rng = np.random.default_rng(seed)
    return Sites(
        tuple(f"S{k:03d}" for k in range(count)),
        tuple(f"c{k}" for k in range(covariates)),
        np.array([770_000, 6_280_000]) + rng.uniform(0, 8000, (count, 2)),
        rng.uniform(0, 1, (count, covariates)) * [0.6, 40.0, 300.0][:covariates],
    )


def values_at(sites: Sites, instants: int = 4, seed: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (
        20
        + sites.covariates @ rng.normal(size=(sites.covariates.shape[1], instants))
        + rng.normal(size=(len(sites), instants))
    )


def places(count: int = 60, covariates: int = 2) -> Sites:
    return make_sites(count, covariates, seed=9)


def only(found: tuple[list[Group], dict[int, object]]) -> Group:
    (group,), refused = found
    assert not refused
    return group


def predict(sites: Sites, values: np.ndarray, at: Sites, variogram: Variogram, **more: object) -> tuple:
    """Return values and standard errors, shape (instants, places), and the weights and the group."""
    group = only(groups(sites, values, variogram))
    found = weights(group.system, at.points, at.covariates, **more)
    return found.values(group), found.errors(group), found, group


def peer(sites: Sites, values: np.ndarray, at: Sites, variogram: Variogram, exact: bool = True) -> tuple:
    """Return what PyKrige gives at one instant: values and variances."""
    kriging = UniversalKriging(
        *sites.points.T,
        values,
        variogram_model=variogram.model,
        variogram_parameters={
            "psill": variogram.partial_sill,
            "range": variogram.length * RANGE[variogram.model],
            "nugget": variogram.nugget,
        },
        drift_terms=["specified"],
        specified_drift=list(sites.covariates.T),
        exact_values=exact,
    )
    return kriging.execute("points", *at.points.T, specified_drift_arrays=list(at.covariates.T), backend="vectorized")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("exact", [True, False])
def test_equals_universal_kriging_of_pykrige(model: str, exact: bool) -> None:
    sites, at = make_sites(), places()
    at.points[:3] = sites.points[:3]
    variogram = replace(EVERYWHERE, model=model)
    values = values_at(sites)
    ours, errors, _, _ = predict(sites, values, at, variogram, exact=exact)
    for instant in range(values.shape[1]):
        theirs, variance = peer(sites, values[:, instant], at, variogram, exact)
        np.testing.assert_allclose(ours[instant], theirs, rtol=0, atol=1e-6)
        np.testing.assert_allclose(errors[instant] ** 2, variance, rtol=0, atol=1e-6)


def test_equals_pykrige_whatever_stations_are_missing() -> None:
    sites, at = make_sites(), places()
    values = values_at(sites, 6)
    values[[3, 7], 1] = values[:18, 2] = values[[0], 3] = values[[0], 4] = np.nan
    ours, errors, _, group = predict(sites, values, at, EVERYWHERE)
    assert len(group.gaps) == 4
    for instant in range(6):
        there = np.flatnonzero(np.isfinite(values[:, instant]))
        theirs, variance = peer(sites.take(there), values[there, instant], at, EVERYWHERE)
        np.testing.assert_allclose(ours[instant], theirs, rtol=0, atol=1e-6)
        np.testing.assert_allclose(errors[instant] ** 2, variance, rtol=0, atol=1e-6)


def test_float32_is_within_a_hundredth_of_a_thermometer() -> None:
    sites, at = make_sites(), places()
    values = values_at(sites)
    values[3, 1] = np.nan
    exact, errors, _, _ = predict(sites, values, at, EVERYWHERE)
    quick, quick_errors, _, _ = predict(sites, values, at, EVERYWHERE, dtype=np.float32)
    assert quick.dtype == quick_errors.dtype == np.float32
    np.testing.assert_allclose(quick, exact, rtol=0, atol=1e-3)
    np.testing.assert_allclose(quick_errors, errors, rtol=0, atol=1e-3)


def test_leave_one_out_in_closed_form_equals_brute_force() -> None:
    sites = make_sites()
    values = values_at(sites)
    values[[3, 7], 1] = np.nan
    group = only(groups(sites, values, EVERYWHERE))
    for instant in range(values.shape[1]):
        there = np.flatnonzero(np.isfinite(values[:, instant]))
        for station in there:
            others = there[there != station]
            theirs, variance = peer(sites.take(others), values[others, instant], sites.take([station]), EVERYWHERE)
            assert group.errors[station, instant] == pytest.approx(values[station, instant] - theirs[0], abs=1e-8)
            assert group.variances[station, instant] == pytest.approx(variance[0], abs=1e-8)
    assert np.isnan(group.errors[[3, 7], 1]).all()
    assert np.isnan(group.variances[[3, 7], 1]).all()


def test_exact_at_stations_without_a_nugget() -> None:
    sites = make_sites()
    values = values_at(sites)
    ours, errors, _, _ = predict(sites, values, sites, replace(EVERYWHERE, nugget=0.0))
    np.testing.assert_allclose(ours, values.T, atol=1e-9)
    np.testing.assert_allclose(errors, 0, atol=1e-6)


def test_a_field_linear_in_the_covariates_is_given_back() -> None:
    sites, at = make_sites(covariates=3), places(covariates=3)
    told = np.array([[4.0, -1.0], [0.02, 0.3], [-0.001, 0.0]])
    values = 18 + sites.covariates @ told
    values[4, 1] = np.nan
    ours, _, _, group = predict(sites, values, at, EVERYWHERE)
    np.testing.assert_allclose(ours, (18 + at.covariates @ told).T, atol=1e-9)
    np.testing.assert_allclose(group.errors[np.isfinite(values)], 0, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    covariates=st.integers(0, 3),
    shift=st.floats(-300, 300),
    scale=st.floats(1e-3, 1e3),
    east=st.floats(-1e5, 1e5),
    data=st.data(),
)
def test_properties(seed: int, covariates: int, shift: float, scale: float, east: float, data: st.DataObject) -> None:
    """Weights sum to 1; shifts, units and the order of stations change nothing else."""
    sites, at = make_sites(12, covariates, seed), places(15, covariates)
    values = values_at(sites, 3, seed)
    missing = data.draw(st.sets(st.integers(0, 11), max_size=5))
    values[sorted(missing), 1] = np.nan
    ours, errors, found, _ = predict(sites, values, at, EVERYWHERE)
    np.testing.assert_allclose(found.matrix.sum(axis=0), 1, atol=1e-9)

    shifted, same, _, _ = predict(sites, values + shift, at, EVERYWHERE)
    np.testing.assert_allclose(shifted, ours + shift, atol=1e-7)
    np.testing.assert_allclose(same, errors, atol=1e-9)

    larger = replace(EVERYWHERE, nugget=EVERYWHERE.nugget * scale**2, partial_sill=EVERYWHERE.partial_sill * scale**2)
    scaled, wider, _, _ = predict(sites, values * scale, at, larger)
    np.testing.assert_allclose(scaled, ours * scale, atol=1e-7 * scale)
    np.testing.assert_allclose(wider, errors * scale, atol=1e-7 * scale)

    def elsewhere(group: Sites) -> Sites:
        return replace(
            group, points=group.points + np.array([east, -east]), covariates=group.covariates * scale + shift
        )

    moved, same, _, _ = predict(elsewhere(sites), values, elsewhere(at), EVERYWHERE)
    np.testing.assert_allclose(moved, ours, atol=1e-5)
    np.testing.assert_allclose(same, errors, atol=1e-5)

    order = np.array(data.draw(st.permutations(range(12))))
    mixed, same, _, _ = predict(sites.take(order), values[order], at, EVERYWHERE)
    np.testing.assert_allclose(mixed, ours, atol=1e-8)
    np.testing.assert_allclose(same, errors, atol=1e-8)


# --- Refusals --------------------------------------------------------------------------------------


def reasons(sites: Sites, values: np.ndarray, variogram: Variogram = EVERYWHERE, least: int = 0) -> dict[int, str]:
    _, refused = groups(sites, values, variogram, least)
    assert all(reason.fr.startswith("Pas de carte") for reason in refused.values())
    return {instant: reason.en for instant, reason in refused.items()}


def test_too_few_stations_give_no_map() -> None:
    sites = make_sites()
    values = values_at(sites)
    values[4:, 0] = values[5:, 1] = np.nan
    assert reasons(sites, values) == {0: "No map: 4 stations have a good value, and 5 are needed."}
    assert set(reasons(sites, values, least=10)) == {0, 1}
    (group,), _ = groups(sites, values, EVERYWHERE)
    assert group.instants.tolist() == [1, 2, 3]


def test_no_value_at_all_gives_no_map() -> None:
    sites = make_sites()
    found, refused = groups(sites, np.full((25, 2), np.nan), EVERYWHERE)
    assert not found
    assert set(refused) == {0, 1}


def test_stations_at_one_place_give_no_map() -> None:
    sites = make_sites()
    values = values_at(sites)
    heaped = replace(sites, points=np.repeat(sites.points[:1], 25, axis=0))
    assert set(reasons(heaped, values).values()) == {"No map: all the stations stand at one place."}
    points = sites.points.copy()
    points[8] = points[2]
    values[8, 1] = np.nan
    twice = reasons(replace(sites, points=points), values)
    assert twice == dict.fromkeys((0, 2, 3), "No map: the stations S002 and S008 stand at one place.")


def test_two_stations_at_one_place_in_turn_are_no_fault() -> None:
    """A station that takes the place of another: no instant has both, though the whole system is singular."""
    sites = make_sites()
    points = sites.points.copy()
    points[8] = points[2]
    sites = replace(
        sites, points=points, covariates=np.vstack([*sites.covariates[:8], sites.covariates[2], *sites.covariates[9:]])
    )
    values = values_at(sites)
    values[8, :2] = values[2, 2:] = np.nan
    bare = replace(EVERYWHERE, nugget=0.0)
    found, refused = groups(sites, values, bare)
    assert not refused
    assert len(found) == 2
    at = places()
    for group in found:
        ours = weights(group.system, at.points, at.covariates).values(group)
        for row, instant in enumerate(group.instants):
            there = np.flatnonzero(np.isfinite(values[:, instant]))
            theirs, _ = peer(sites.take(there), values[there, instant], at, bare)
            np.testing.assert_allclose(ours[row], theirs, atol=1e-6)


def test_a_constant_covariate_gives_no_map() -> None:
    sites = make_sites()
    sites.covariates[:, 1] = 7.0
    assert set(reasons(sites, values_at(sites)).values()) == {"No map: the covariate c1 is the same at all stations."}
    sites = make_sites()
    values = values_at(sites)
    sites.covariates[5:, 1] = 7.0
    values[:5, 2] = np.nan
    assert reasons(sites, values) == {2: "No map: the covariate c1 is the same at all stations."}


def test_a_singular_system_gives_no_map() -> None:
    sites = make_sites()
    sites.covariates[:, 1] = 3 * sites.covariates[:, 0] + 1
    told = reasons(sites, values_at(sites))
    assert set(told) == {0, 1, 2, 3}
    assert all("singular" in reason for reason in told.values())


def test_a_station_that_alone_carries_a_covariate_has_no_leave_one_out() -> None:
    sites = make_sites(covariates=1)
    sites.covariates[:, 0] = 0.0
    sites.covariates[4, 0] = 1.0
    group = only(groups(sites, values_at(sites), EVERYWHERE))
    assert np.isnan(group.errors[4]).all()
    assert np.isfinite(np.delete(group.errors, 4, axis=0)).all()


# --- Support ---------------------------------------------------------------------------------------


def test_places_unlike_or_far_from_the_stations_are_blank() -> None:
    sites = Sites(("a", "b"), ("c",), np.array([[0.0, 0.0], [1000.0, 0.0]]), np.array([[0.2], [0.4]]))
    points = np.array([[0, 100], [0, 100], [0, 100], [1200, 0], [1300, 0]], float)
    covariates = np.array([[0.19], [0.17], [np.nan], [0.3], [0.3]])
    support = Support(sites, points, covariates, distance=250.0, margin=0.1)
    system = System(replace(sites, ids=("a", "b")), EVERYWHERE)
    whole, _ = system.gap(np.array([], int))
    assert support.at(whole).tolist() == [True, False, False, True, False]
    alone = replace(whole, missing=np.array([1]))
    assert support.at(alone).tolist() == [False] * 5
    assert replace(support, covariates=np.full((5, 1), 0.2)).at(alone).tolist() == [True, True, True, False, False]


# --- Variogram -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_the_variogram_of_a_known_field_is_found(model: str) -> None:
    """Drawn from the model itself, about a drift of other coefficients each hour, with gaps."""
    rng = np.random.default_rng(5)
    sites = make_sites(60, 2)
    true = Variogram(model, nugget=0.05, partial_sill=0.5, length=1500.0)
    distance = np.hypot(*(sites.points[:, None] - sites.points[None]).transpose(2, 0, 1))
    covariance = true.sill * true.correlation(distance)
    np.fill_diagonal(covariance, true.sill)
    hours = 200
    values = np.linalg.cholesky(covariance) @ rng.normal(size=(60, hours))
    values += sites.covariates @ rng.normal(size=(2, hours)) + rng.normal(size=hours) * 5
    values[rng.random(values.shape) < 0.03] = np.nan
    found = fit(sites.points, sites.covariates, values, model)
    assert found.fitted
    assert found.sill == pytest.approx(true.sill, rel=0.25)
    assert found.nugget == pytest.approx(true.nugget, abs=0.06)
    assert found.length == pytest.approx(true.length, rel=0.35)


def test_what_cannot_be_fitted_is_a_nugget_and_said() -> None:
    sites = make_sites()
    exact = fit(sites.points, sites.covariates, 3 + sites.covariates @ np.ones((2, 5)))
    assert (exact.fitted, exact.partial_sill) == (False, 0.0)
    assert exact.nugget == pytest.approx(0, abs=1e-12)
    nothing = fit(sites.points, sites.covariates, np.full((25, 5), np.nan))
    assert (nothing.fitted, nothing.sill) == (False, 0.0)
    values = 3 + sites.covariates @ np.ones((2, 5))
    ours, errors, _, _ = predict(sites, values, sites, exact, exact=False)
    np.testing.assert_allclose(ours, values.T, atol=1e-9)
    np.testing.assert_allclose(errors, 0, atol=1e-5)


def test_instants_of_the_same_stations_are_taken_together() -> None:
    valid = np.array([[1, 1, 0, 1], [1, 0, 1, 1]], bool)
    found = {tuple(stations.tolist()): instants.tolist() for stations, instants in patterns(valid)}
    assert found == {(0, 1): [0, 3], (0,): [1], (1,): [2]}
