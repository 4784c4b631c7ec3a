"""Boxes in the axis order of their authority."""

import pytest

from ogc_api.parameters import Parameters, y_first
from twin.crs import CRS84, BBox
from twin.errors import BadInput


def test_the_axis_order_of_the_authority_is_undone():
    assert y_first("EPSG:4326")
    assert not y_first(CRS84)
    assert not y_first("EPSG:2154")
    text = "bbox=43,3,44,4&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/4326"
    assert Parameters(text).bbox(("EPSG:4326",)).as_list() == [3, 43, 4, 44]
    text = "bbox=43,3,-10,44,4,99&bbox-crs=EPSG:4326"
    assert Parameters(text).bbox(("EPSG:4326",)).as_list() == [3, 43, 4, 44]


def test_a_box_across_the_antimeridian_is_cut_on_the_side_of_the_data():
    near = BBox(xmin=3, ymin=43, xmax=4, ymax=44)
    assert Parameters("bbox=170,0,20,50").bbox(around=near).as_list() == [-180, 0, 20, 50]
    assert Parameters("bbox=2,0,-170,50").bbox(around=near).as_list() == [2, 0, 180, 50]
    with pytest.raises(BadInput, match="lower left first"):
        Parameters("bbox=2,0,-170,50").bbox()
    with pytest.raises(BadInput, match="lower left first"):
        Parameters("bbox=5,0,1,50&bbox-crs=EPSG:2154").bbox(("EPSG:2154",), around=near)
