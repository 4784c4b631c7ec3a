"""The month behaves: days and nights, a heat wave, a heat island, rush hours, lamps at dusk, office hours."""

from __future__ import annotations

import numpy as np
import pytest

from tests.demo.conftest import Written
from twin.demo.climate import TIMES, relative_humidity, weather
from twin.demo.plan import Plan
from twin.demo.sun import elevation

UTC_HOUR = np.arange(720) % 24
DAY = np.arange(720) // 24 + 1  # of July, in UTC
WEEKDAY = (DAY + 1) % 7  # Monday is 0: 1 July 2026 is a Wednesday
WORKING = (WEEKDAY < 5) & (DAY != 14)
HOT = (DAY >= 12) & (DAY <= 17)


def local_hour(hour: int) -> np.ndarray:
    return hour - 2 == UTC_HOUR


@pytest.mark.parametrize(
    ("moment", "declination"),
    [("2026-03-20T14:46", 0.0), ("2026-06-21T08:24", 23.44), ("2026-09-23T00:05", 0.0), ("2026-12-21T20:50", -23.44)],
)
def test_at_the_pole_the_sun_stands_as_high_as_its_declination(moment: str, declination: float):
    assert elevation(np.array([moment], "datetime64[s]"), 0.0, 90.0)[0] == pytest.approx(declination, abs=0.02)


def test_the_sun_passes_the_meridian_at_noon_and_rises_in_the_east():
    minutes = np.datetime64("2026-07-01T00:00", "s") + np.arange(1440) * np.timedelta64(60, "s")
    height = elevation(minutes, 3.87, 43.61)
    assert height.max() == pytest.approx(90 - 43.61 + 23.13, abs=0.1)
    assert 11 * 60 + 45 < height.argmax() < 11 * 60 + 52  # equation of time: 4 minutes late on 1 July
    assert height.argmax() - elevation(minutes, 18.87, 43.61).argmax() == pytest.approx(60, abs=1)


def test_series_have_every_hour_but_those_that_truth_says_are_missing(city: Written):
    truth = city.truth
    for name, faults in truth["faults"].items():
        table = city.series(name)
        assert table.num_rows == truth["observations"][name]
        missing = set()
        for fault in faults:
            if fault["kind"] == "gap":
                first, last = (np.datetime64(fault[side].rstrip("Z"), "h") for side in ("from", "to"))
                hours = np.arange(first, last + 1)
                missing |= {(fault["object_id"], what, hour) for what in fault["observed_properties"] for hour in hours}
        keys = set(
            zip(
                table["object_id"].to_pylist(),
                table["observed_property"].to_pylist(),
                table["time"].to_numpy().astype("datetime64[h]"),
                strict=True,
            )
        )
        assert len(keys) == table.num_rows
        assert not keys & missing
        streams = {key[:2] for key in keys}
        assert len(streams) == truth["datastreams"][name]
        absent = {key for key in missing if key[:2] in streams}
        assert table.num_rows + len(absent) == 720 * len(streams)
        assert (table["result_time"].to_numpy() > table["time"].to_numpy()).all()


def test_objects_of_series_are_objects_of_the_city(city: Written):
    for name, layer in (("weather", "stations"), ("lamp_posts", "lamp_posts"), ("electricity", "buildings")):
        measured = set(city.series(name)["object_id"].to_pylist())
        assert measured <= set(city.layer(layer)["id"])
    assert set(city.series("lamp_posts")["object_id"].to_pylist()) == set(city.truth["sensor_lamp_posts"])
    assert set(city.series("electricity")["object_id"].to_pylist()) == set(city.truth["public_buildings"])


def test_the_coolest_hour_is_at_dawn_and_the_warmest_in_the_afternoon(city: Written):
    _, values = city.values("weather", "air_temperature")
    cycle = np.nanmean(values.reshape(-1, 30, 24), axis=(0, 1))
    assert 3 <= cycle.argmin() <= 6
    assert 13 <= cycle.argmax() <= 16
    assert 8 < np.ptp(cycle) < 16


def test_the_heat_wave_is_hot_by_day_and_by_night(city: Written):
    air = city.fields["air_temperature"].reshape(-1, 30, 24)
    highest, lowest = air.max(axis=2).mean(axis=0), air.min(axis=2).mean(axis=0)
    hot = np.isin(np.arange(1, 31), np.arange(12, 18))
    assert highest[hot].min() >= 35 > highest[~hot & (np.arange(1, 31) < 10)].max()
    assert lowest[hot].min() >= 20  # tropical nights
    mean = air.mean(axis=(0, 2))
    assert mean[hot].min() - mean[:8].max() > 3.5


def test_the_heat_island_follows_the_built_fraction_at_night_and_hardly_by_day(city: Written):
    fields = city.fields
    weather_rows = np.isin(fields["station"], fields["weather_station"])
    built = fields["built_fraction"][weather_rows]
    altitude = dict(zip(city.layer("stations")["id"], city.layer("stations")["altitude"], strict=True))
    level = np.array([altitude[key] for key in fields["weather_station"]])
    excess = fields["air_temperature"] - fields["open_country"] + 0.0065 * (level - 45.0)[:, None]
    night = excess[:, (UTC_HOUR >= 23) | (UTC_HOUR <= 2)].mean(axis=1)
    noon = excess[:, (UTC_HOUR >= 11) & (UTC_HOUR <= 14)].mean(axis=1)
    assert np.corrcoef(built, night)[0, 1] > 0.9
    assert np.abs(noon).max() < 0.5
    assert night.max() > 1.5  # a small town
    assert excess == pytest.approx(np.outer(fields["anomaly"][weather_rows], fields["island"]), abs=1e-9)


def test_instruments_add_noise_of_a_fifth_of_a_kelvin(city: Written):
    objects, values = city.values("weather", "air_temperature")
    faulty = {fault["object_id"] for fault in city.truth["faults"]["weather"] if fault["kind"] != "gap"}
    sound = [row for row, key in enumerate(objects) if key not in faulty]
    error = values[sound] - city.fields["air_temperature"][sound]
    assert np.nanstd(error) == pytest.approx(0.2, rel=0.05)
    assert abs(np.nanmean(error)) < 0.02


def test_humidity_is_that_of_the_dew_point():
    shared = weather(Plan(0.02))
    assert relative_humidity(shared, shared.dew_point[None]) == pytest.approx(np.full((1, 720), 100.0))
    warmer = relative_humidity(shared, shared.dew_point[None] + 10)
    assert warmer.min() > 45
    assert warmer.max() < 60


def test_a_station_is_stuck_for_three_days_and_another_has_spikes(city: Written):
    faults = city.truth["faults"]["weather"]
    (stuck,) = [fault for fault in faults if fault["kind"] == "stuck"]
    objects, values = city.values("weather", "air_temperature")
    first = np.flatnonzero(np.datetime64(stuck["from"].rstrip("Z")) == TIMES)[0]
    assert len(set(values[objects.index(stuck["object_id"]), first : first + 72])) == 1
    spikes = [fault for fault in faults if fault["kind"] == "spike"]
    (spiky,) = {fault["object_id"] for fault in spikes}
    error = np.abs(values[objects.index(spiky)] - city.fields["air_temperature"][objects.index(spiky)])
    assert len(spikes) - 2 <= (error > 10).sum() <= len(spikes)  # a gap may hide one
    longest = max(
        np.datetime64(fault["to"].rstrip("Z")) - np.datetime64(fault["from"].rstrip("Z"))
        for fault in faults
        if fault["kind"] == "gap"
    )
    assert longest > np.timedelta64(4, "D")


def test_lamps_burn_from_dusk_to_dawn_and_are_dimmed_in_between(city: Written):
    objects, power = city.values("lamp_posts", "power")
    rated = dict(zip(city.layer("lamp_posts")["id"], city.layer("lamp_posts")["power"], strict=True))
    share = np.nanmean(power / np.array([rated[key] for key in objects])[:, None], axis=0)
    assert share[(UTC_HOUR >= 6) & (UTC_HOUR <= 18)].max() < 0.05
    assert share[local_hour(23)] == pytest.approx(1.0, abs=0.03)  # the hour that ends at 23:00
    assert share[local_hour(4)] == pytest.approx(0.5, abs=0.03)
    sun = city.fields["sun"]
    assert (share[sun < -8] > 0.45).all()


def test_rush_hours_make_nitrogen_dioxide_and_the_sun_makes_ozone(city: Written):
    _, no2 = city.values("air_quality", "no2")
    traffic = np.nanmean(no2, axis=1).argmax()
    rush = np.nanmean(no2[traffic, local_hour(8) & WORKING])
    assert rush > 2 * np.nanmean(no2[traffic, local_hour(3)])
    assert rush > 1.5 * np.nanmean(no2[traffic, local_hour(8) & (WEEKDAY == 6)])
    _, o3 = city.values("air_quality", "o3")
    cycle = np.nanmean(o3.reshape(-1, 30, 24), axis=(0, 1))
    assert 12 <= cycle.argmax() <= 17
    assert np.nanmean(o3[:, HOT]) > np.nanmean(o3[:, ~HOT])
    background = np.nanmean(no2, axis=0)
    assert np.corrcoef(np.nan_to_num(background), o3[0])[0, 1] < 0
    _, coarse = city.values("air_quality", "pm10")
    _, fine = city.values("air_quality", "pm2_5")
    assert np.nanmean(fine) < np.nanmean(coarse)
    _, so2 = city.values("air_quality", "so2")
    assert (so2 < 0).any()  # an analyser reads small negative values near zero


def test_offices_work_on_weekdays_and_are_cooled_in_the_heat_wave(city: Written):
    objects, energy = city.values("electricity", "electricity")
    usage = dict(zip(city.layer("buildings")["id"], city.layer("buildings")["usage"], strict=True))
    offices = np.array([usage[key] == "public_service" for key in objects])
    schools = np.array([usage[key] == "education" for key in objects])
    work, sunday = local_hour(15) & WORKING, local_hour(15) & (WEEKDAY == 6)
    assert np.nanmean(energy[offices][:, work]) > 2 * np.nanmean(energy[offices][:, sunday])
    assert np.nanmean(energy[offices][:, work & HOT]) > 1.2 * np.nanmean(energy[offices][:, work & ~HOT])
    assert np.nanmean(energy[offices][:, local_hour(15) & (DAY == 14)]) < np.nanmean(energy[offices][:, work]) / 2
    term, holidays = work & (DAY < 4), work & (DAY > 4)
    assert np.nanmean(energy[schools][:, term]) > 3 * np.nanmean(energy[schools][:, holidays])
