"""The door over a real store and a real server: what the viewer asks for, and what may go wrong."""

from __future__ import annotations

import struct
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
import pyproj
import pytest

from tests.scenes.glb_reader import read
from tests.scenes.small_city import (
    CHANGE,
    GRID_X,
    GRID_Y,
    HOURS,
    START,
    buildings,
    commit,
    door_over,
    field_values,
    filled,
    temperature,
)
from twin.context import Twin
from twin.time import iso

VALUES = "/scenes/values/observations/air_temperature.bin"
GRID = "/scenes/grids/built_fraction/built_fraction.bin"


def unframe(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<I", data)
    assert (4 + length) % 8 == 0
    return orjson.loads(data[4 : 4 + length]), data[4 + length :]


def matrix(answer: httpx.Response) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    assert answer.status_code == 200, answer.text
    header, data = unframe(answer.content)
    shape = header["steps"], len(header["ids"])
    count = shape[0] * shape[1]
    assert len(data) == 5 * count
    return (
        header,
        np.frombuffer(data, "<f4", count).reshape(shape),
        np.frombuffer(data, np.uint8, count, 4 * count).reshape(shape),
    )


def test_the_catalogue_tells_all_that_is_drawn_and_nothing_private(client: httpx.Client) -> None:
    told = client.get("/scenes/catalogue.json").json()
    collections = {collection["id"]: collection for collection in told["collections"]}
    assert "secret" not in collections
    assert told["temporal"] == [iso(START), iso(CHANGE)]
    west, south, east, north = told["extent"]
    assert 3.8 < west < east < 3.9
    assert 43.6 < south < north < 43.7
    assert collections["buildings"]["style"]["height"] == "height"
    assert collections["buildings"]["licence"]["attribution"] == "essais"
    assert collections["land_cover"]["fields"][0]["categories"][0]["colour"] == "#aabbcc"
    assert collections["observations"]["objects"] == {"stations": ["air_temperature"]}
    assert collections["observations"]["observed_properties"][0]["unit"] == "Cel"


def test_every_link_of_the_scenes_leads_somewhere(client: httpx.Client) -> None:
    followed = set()
    for collection in client.get("/scenes/catalogue.json").json()["collections"]:
        for name, link in collection["links"].items():
            if link.startswith("ogc/"):
                continue
            observed = [prop["name"] for prop in collection["observed_properties"]] or [""]
            answer = client.get("/" + link.format(property=observed[0], z=0, x=0, y=0))
            assert answer.status_code == 200, link
            followed.add(name)
    assert followed == {"tileset", "tiles", "values", "grid"}


def test_a_matrix_holds_good_values_and_says_why_the_others_are_not(client: httpx.Client) -> None:
    header, values, quality = matrix(client.get(VALUES, params={"objects": "stations"}))
    assert header["ids"] == ["T1", "T3"]
    assert (header["start"], header["step_seconds"], header["steps"]) == (iso(START), 3600, HOURS)
    good = np.ones((HOURS, 2), bool)
    good[7, 0] = good[11, 1] = False
    expected = np.column_stack([temperature(0), temperature(1)])
    assert values[good] == pytest.approx(expected[good], abs=1e-4)
    assert np.isnan(values[~good]).all()
    assert quality[7, 0] == 2
    assert quality[11, 1] == 255
    assert (quality[good] == 0).all()


def test_a_matrix_covers_the_time_asked_for(client: httpx.Client) -> None:
    span = {"start": iso(START + timedelta(hours=10)), "end": iso(START + timedelta(hours=12))}
    header, values, _ = matrix(client.get(VALUES, params={"objects": "stations", **span}))
    assert (header["start"], header["steps"]) == (span["start"], 3)
    assert values[:, 0] == pytest.approx(temperature(0)[10:13], abs=1e-4)
    later = {"start": iso(START + timedelta(days=99))}
    header, _, _ = matrix(client.get(VALUES, params={"objects": "stations", **later}))
    assert header["steps"] == 0


def test_rows_of_a_matrix_are_those_of_the_tiles(client: httpx.Client) -> None:
    header, _, _ = matrix(client.get(VALUES, params={"objects": "stations"}))
    tileset = client.get("/scenes/tilesets/stations/1/tileset.json").json()["root"]
    data = client.get(f"/scenes/tilesets/stations/1/{tileset['content']['uri']}").content
    tile = read(data, tileset, np.array(tileset["transform"]).reshape(4, 4).T, 0)
    rows = dict(zip(tile.properties["id"], tile.properties["row"], strict=True))
    assert rows == {"T1": 0, "T2": 1, "T3": 2}
    assert header["rows"] == [rows[name] for name in header["ids"]]
    names = dict(zip(tile.properties["id"], tile.properties["label"], strict=True))
    assert names == {"T1": "Écusson", "T2": "Port", "T3": "Préfecture"}
    colours = dict(zip(tile.properties["id"], tile.properties["colour"], strict=True))
    assert colours == {"T1": 0.0, "T2": 1.0, "T3": 0.0}


def test_series_of_private_objects_are_not_given(client: httpx.Client) -> None:
    assert matrix(client.get(VALUES))[0]["ids"] == ["T1", "T3"]
    assert client.get(VALUES, params={"objects": "secret"}).status_code == 404


def test_what_may_be_published_only_as_an_aggregate_has_no_values(client: httpx.Client) -> None:
    told = client.get("/scenes/catalogue.json").json()["collections"]
    assert next(one["links"] for one in told if one["id"] == "meters") == {}
    answer = client.get("/scenes/values/meters/air_temperature.bin")
    assert answer.status_code == 404
    assert "P1D" in answer.json()["detail"]


def test_a_grid_gives_the_cell_that_holds_each_place(client: httpx.Client) -> None:
    answer = client.get(GRID, params={"datetime": iso(CHANGE + timedelta(days=3))})
    header, data = unframe(answer.content)
    values = np.frombuffer(data, "<f4").reshape(header["rows"], header["columns"])
    assert header["times"] == [iso(CHANGE)]
    west, south, east, north = header["bbox"]
    lon = west + (np.arange(header["columns"]) + 0.5) * (east - west) / header["columns"]
    lat = north - (np.arange(header["rows"]) + 0.5) * (north - south) / header["rows"]
    x, y = pyproj.Transformer.from_crs("OGC:CRS84", "EPSG:2154", always_xy=True).transform(*np.meshgrid(lon, lat))
    column, row = np.floor((x - GRID_X[0] + 25) / 50).astype(int), np.floor((y - GRID_Y[0] + 25) / 50).astype(int)
    inside = (column >= 0) & (column < GRID_X.size) & (row >= 0) & (row < GRID_Y.size)
    assert inside.mean() > 0.9
    assert np.array_equal(values[inside], field_values(1)[row[inside], column[inside]])
    assert np.isnan(values[~inside]).all()
    assert values[0, 10] > values[-1, 10]  # north first


def test_a_span_takes_the_map_in_force_at_its_start_and_those_up_to_its_end(client: httpx.Client) -> None:
    def times_of(**query: str) -> list[str]:
        header, data = unframe(client.get(GRID, params=query).content)
        cells = header["rows"] * header["columns"]
        maps = np.frombuffer(data, "<f4").reshape(-1, cells)
        assert len(maps) == len(header["times"])
        assert np.isfinite(maps).any(axis=1).all()
        return header["times"]

    assert times_of(datetime=iso(CHANGE - timedelta(hours=1))) == [iso(START)]
    assert times_of() == [iso(CHANGE)]
    assert times_of(datetime="2026-06-30T23:00:00Z") == []
    assert times_of(datetime=f"../{iso(CHANGE)}") == [iso(START), iso(CHANGE)]
    hour = timedelta(hours=1)
    assert times_of(datetime=f"{iso(CHANGE - hour)}/{iso(CHANGE + hour)}") == [iso(START), iso(CHANGE)]
    assert times_of(datetime=f"{iso(CHANGE + hour)}/..") == [iso(CHANGE)]


def test_a_coarser_grid_tells_the_cells_in_the_middle_of_its_own(client: httpx.Client) -> None:
    fine, data = unframe(client.get(GRID, params={"datetime": iso(START)}).content)
    fine_values = np.frombuffer(data, "<f4").reshape(fine["rows"], fine["columns"])
    header, data = unframe(client.get(GRID, params={"datetime": iso(START), "coarser": "3"}).content)
    values = np.frombuffer(data, "<f4").reshape(header["rows"], header["columns"])
    assert header["bbox"] == fine["bbox"]
    assert values.shape == (-(-fine["rows"] // 3), -(-fine["columns"] // 3))
    assert np.isin(values[np.isfinite(values)], fine_values).all()


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("values/observations/no2.bin", 404, "air_temperature"),
        ("values/buildings/height.bin", 404, "features"),
        ("values/observations/air_temperature.bin?objects=buildings", 404, "buildings"),
        ("values/observations/air_temperature.bin?start=monday", 400, "monday"),
        ("values/observations/air_temperature.bin?start=2026-07-02T00:00:00Z&end=2026-07-01T00:00:00Z", 400, "before"),
        ("values/observations/air_temperature.bin?limit=3", 400, "limit"),
        ("grids/built_fraction/heat.bin", 404, "built_fraction"),
        ("grids/observations/air_temperature.bin", 404, "timeseries"),
        ("grids/built_fraction/built_fraction.bin?datetime=2026", 400, "2026"),
        ("tilesets/land_cover/1/tileset.json", 404, "three dimensions"),
        ("tilesets/secret/1/tileset.json", 404, "secret"),
        ("tilesets/buildings/9/tileset.json", 404, "9"),
        ("tilesets/buildings/1/99.glb", 404, "99"),
        ("tilesets/buildings/1/../../../twin.duckdb", 404, "nothing at"),
        ("catalogue.json?f=html", 400, "f"),
        ("catalogue.json/", 404, "nothing at"),
        ("", 404, "nothing at"),
    ],
)
def test_bad_requests_are_told(client: httpx.Client, path: str, status: int, word: str) -> None:
    answer = client.get(f"/scenes/{path}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]


def test_what_did_not_change_is_not_sent_again(client: httpx.Client) -> None:
    tileset = client.get("/scenes/tilesets/buildings/1/tileset.json").json()
    paths = ["catalogue.json", "values/observations/air_temperature.bin", "tilesets/buildings/1/tileset.json"]
    paths += ["tiles/14/8368/5992.mvt?collections=land_cover", "grids/built_fraction/built_fraction.bin"]
    paths += [f"tilesets/buildings/1/{tileset['root']['content']['uri']}"]
    for path in paths:
        first = client.get(f"/scenes/{path}")
        again = client.get(f"/scenes/{path}", headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b""), path
        assert ("immutable" in first.headers["cache-control"]) == ("glb" in path)


def test_tiles_are_gzipped_for_those_who_accept_it(client: httpx.Client) -> None:
    path = "/scenes/tilesets/buildings/1/0.glb"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.content == packed.content
    assert int(packed.headers["content-length"]) < len(plain.content)


def test_a_matrix_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    with filled(tmp_path, values=90) as twin, door_over(twin) as client:
        answer = client.get(VALUES, params={"objects": "stations"})
        assert answer.status_code == 413
        assert "90" in answer.json()["detail"]
        assert (
            client.get(VALUES, params={"objects": "stations", "end": iso(START + timedelta(hours=5))}).status_code
            == 200
        )
        assert client.get(GRID).status_code == 413


def test_a_commit_gives_new_tiles_while_the_old_are_still_there(tmp_path: Path) -> None:
    def drawn(client: httpx.Client) -> tuple[str, dict[str, Any]]:
        collections = client.get("/scenes/catalogue.json").json()["collections"]
        link = next(one["links"]["tileset"] for one in collections if one["id"] == "buildings")
        return link, client.get(f"/{link}").json()

    with filled(tmp_path) as twin, door_over(twin) as client:
        links = []
        for name, count in {"": 1600, "second": 1500, "third": 1400}.items():
            if name:
                _replace_buildings(twin, name, count)
            link, tileset = drawn(client)
            assert tileset["extras"] == {"features": count - 1, "skipped": 1}
            links.append(link)
        assert len(set(links)) == 3
        assert client.get(f"/{links[1]}").json()["extras"]["features"] == 1499
        assert client.get(f"/{links[0]}").status_code == 404


def _replace_buildings(twin: Twin, name: str, count: int) -> None:
    with twin.store.staging(f"run-{name}") as staging:
        commit(twin, name, buildings(staging, count))


def test_a_removed_collection_leaves_no_copy_in_the_cache(tmp_path: Path) -> None:
    home = tmp_path / "cache" / "scenes" / "stations"
    with filled(tmp_path) as twin:
        with door_over(twin) as client:
            assert client.get("/scenes/tilesets/stations/1/tileset.json").status_code == 200
            assert home.is_dir()
            twin.store.remove("stations", history=True)
            assert client.get("/scenes/tilesets/stations/1/tileset.json").status_code == 404
        assert not home.exists()
        assert (tmp_path / "cache" / "scenes" / "buildings").is_dir()


def test_tilesets_outlive_the_service_and_broken_drafts_do_not(tmp_path: Path) -> None:
    with filled(tmp_path) as twin:
        with door_over(twin) as client:
            first = client.get("/scenes/tilesets/buildings/1/tileset.json")
        home = tmp_path / "cache" / "scenes" / "buildings"
        draft = home / ".making-x"
        draft.mkdir()
        (written,) = (folder / "tileset.json" for folder in home.iterdir() if folder != draft)
        stamp = written.stat().st_mtime_ns
        with door_over(twin) as client:
            assert client.get("/scenes/tilesets/buildings/1/tileset.json").content == first.content
        assert written.stat().st_mtime_ns == stamp
        assert not draft.exists()
        _replace_buildings(twin, "after", 1500)  # a stopped door is not in the way of a commit
