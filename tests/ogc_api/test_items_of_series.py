"""Observations as items."""

from __future__ import annotations

from tests.ogc_api.small_city import HOURS, STATIONS, observations
from twin.time import iso

OBSERVATIONS = "/collections/observations/items"


def test_every_observation_is_an_item(ogc):
    features, pages = ogc.every(OBSERVATIONS, limit=36)
    assert len(features) == len(STATIONS) * HOURS == len({feature["id"] for feature in features})
    assert pages == 6
    assert features[5] == {
        "type": "Feature",
        "id": "os0.air_temperature@2026-07-01T05:00:00Z",
        "geometry": features[0]["geometry"],
        "properties": {
            "datastream": "os0.air_temperature",
            "phenomenon_time": "2026-07-01T05:00:00Z",
            "result": 0.5,
            "result_text": None,
            "unit": "Cel",
            "quality": "range",
            "quality_reason": "range: above 45",
            "result_time": "2026-07-01T05:00:00Z",
            "object_collection": "stations",
            "object_id": "s0",
            "observed_property": "air_temperature",
        },
    }
    assert features[0]["geometry"]["type"] == "Point"
    assert ogc.json(f"{OBSERVATIONS}/{features[5]['id']}")["properties"] == features[5]["properties"]
    assert ogc.refused(f"{OBSERVATIONS}/os0.air_temperature", 404)
    assert ogc.refused(f"{OBSERVATIONS}/os0.air_temperature@2031-01-01T00:00:00Z", 404)


def test_observations_are_selected(ogc):
    for query, expected in (
        ({"object_id": "s1"}, HOURS),
        ({"datastream": "os2.air_temperature", "quality": "good"}, HOURS - 1),
        ({"quality": "range"}, len(STATIONS)),
        ({"observed_property": "no2"}, 0),
        ({"unit": "Cel"}, HOURS * len(STATIONS)),
        ({"result": "10.5"}, 1),
        ({"phenomenon_time": "2026-07-02T00:00:00Z"}, len(STATIONS)),
        ({"datetime": "2026-07-02"}, 24 * len(STATIONS)),
        ({"datetime": "2026-07-03T12:00:00Z/.."}, 12 * len(STATIONS)),
        ({"bbox": "3.86,43.60,3.87,43.62"}, HOURS),
    ):
        assert ogc.json(OBSERVATIONS, **query)["numberMatched"] == expected, query
    assert "good, range" in ogc.refused(OBSERVATIONS, quality="bad")
    assert "'result'" in ogc.refused(OBSERVATIONS, sortby="result")


def test_observations_page_by_offset_too(ogc):
    ids = [feature["id"] for feature in ogc.every(OBSERVATIONS, limit=100)[0]]
    assert [feature["id"] for feature in ogc.json(OBSERVATIONS, offset=70, limit=5)["features"]] == ids[70:75]
    times = observations("observations").column("phenomenon_time").to_pylist()
    assert [one.split("@")[1] for one in ids] == [iso(time) for time in times]


def test_small_pages_are_cut_from_blocks_whatever_is_asked_meanwhile(ogc):
    """Two clients follow `next` at once, with other filters, sizes and columns; each reads all of its own."""
    asked = [
        {"limit": 3},
        {"limit": 3, "quality": "range"},
        {"limit": 3, "properties": "result"},
        {"limit": 7, "datetime": "2026-07-02/.."},
        {"limit": 3, "skipGeometry": "true"},
    ]
    pages = [ogc.json(OBSERVATIONS, **query) for query in asked]
    found = [[*page["features"]] for page in pages]
    matched = [page["numberMatched"] for page in pages]
    while any(pages):
        for number, page in enumerate(pages):
            href = page and next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
            if number == 0 and href:
                href = href.replace("limit=3", "limit=5")
            pages[number] = ogc.json(href) if href else None
            if href:
                found[number] += pages[number]["features"]
    for features, count, query in zip(found, matched, asked, strict=True):
        assert len({feature["id"] for feature in features}) == len(features) == count, query
    assert {feature["properties"]["quality"] for feature in found[1]} == {"range"}
    assert all(set(feature["properties"]) == {"result"} for feature in found[2])
    assert all(feature["geometry"] is None for feature in found[4])
