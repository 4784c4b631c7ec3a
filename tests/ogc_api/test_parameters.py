"""Boxes in the axis order of their authority."""

import pytest

from ogc_api.parameters import Parameters, y_first
from twin.crs import CRS84
from twin.errors import BadInput


def sides(text: str, crs: str = CRS84) -> list[list[float]]:
    return [box.as_list() for box in Parameters(text).boxes((crs,))]


def test_the_axis_order_of_the_authority_is_undone():
    assert y_first("EPSG:4326")
    assert not y_first(CRS84)
    assert not y_first("EPSG:2154")
    text = "bbox=43,3,44,4&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/4326"
    assert sides(text, "EPSG:4326") == [[3, 43, 4, 44]]
    text = "bbox=43,3,-10,44,4,99&bbox-crs=EPSG:4326"
    assert sides(text, "EPSG:4326") == [[3, 43, 4, 44]]


def test_a_box_across_the_antimeridian_is_two():
    assert sides("bbox=170,0,20,50") == [[170, 0, 180, 50], [-180, 0, 20, 50]]
    assert sides("bbox=170,0,-9,-170,50,9") == [[170, 0, 180, 50], [-180, 0, -170, 50]]
    assert sides("bbox=0,170,50,-170&bbox-crs=EPSG:4326", "EPSG:4326") == [[170, 0, 180, 50], [-180, 0, -170, 50]]
    for text, crs in (("bbox=190,0,20,50", CRS84), ("bbox=5,0,1,50&bbox-crs=EPSG:2154", "EPSG:2154")):
        with pytest.raises(BadInput, match="lower left first"):
            sides(text, crs)
