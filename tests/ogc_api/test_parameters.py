"""Query parameters: read once, strictly."""

import pytest

from ogc_api.parameters import Parameters, language, output_format, y_first
from twin.crs import CRS84, BBox
from twin.errors import BadInput

FORMATS = {"json": ("application/geo+json", "application/json"), "html": ("text/html",)}


def test_an_unknown_parameter_is_refused_with_the_nearest_known_one():
    parameters = Parameters("limits=3")
    parameters.integer("limit", 10)
    with pytest.raises(BadInput, match=r"'limits' is unknown here; known are: limit\. Did you mean 'limit'\?"):
        parameters.done()


@pytest.mark.parametrize("text", ["limit=1&limit=2", "limit=", "limit=%ff"])
def test_a_parameter_that_cannot_be_understood_is_refused(text):
    with pytest.raises(BadInput):
        Parameters(text).integer("limit", 10)


@pytest.mark.parametrize("value", ["0", "-1", "ten", "1.5", "1e3", "٣", "9" * 30])
def test_a_limit_is_a_positive_whole_number(value):
    with pytest.raises(BadInput, match="whole number"):
        Parameters(f"limit={value}").integer("limit", 10, minimum=1)


def test_a_limit_above_the_maximum_is_brought_down():
    assert Parameters("limit=5000").integer("limit", 10, minimum=1, clamp=100) == 100


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


def test_a_crs_that_is_not_offered_is_refused():
    with pytest.raises(BadInput, match="crs='EPSG:32631' is not offered here: use one of OGC:CRS84"):
        Parameters("crs=EPSG:32631").crs("crs", (CRS84,))
    with pytest.raises(BadInput, match="is not offered"):
        Parameters("crs=garbage").crs("crs", (CRS84,))


@pytest.mark.parametrize(
    ("query", "header", "expected"),
    [
        ("", None, "fr"),
        ("", "en-GB,en;q=0.9", "en"),
        ("", "de,en;q=0.3,fr;q=0.8", "fr"),
        ("", "fr;q=0,en;q=0.1", "en"),
        ("lang=fr", "en", "fr"),
        ("", "*", "fr"),
    ],
)
def test_the_language_is_asked_for_or_negotiated(query, header, expected):
    assert language(Parameters(query), header) == expected


@pytest.mark.parametrize(
    ("query", "header", "expected"),
    [
        ("", None, "json"),
        ("", "text/html,application/xhtml+xml,*/*;q=0.8", "html"),
        ("", "*/*", "json"),
        ("", "application/geo+json, text/html;q=0.1", "json"),
        ("", "image/png", "json"),
        ("f=html", "application/json", "html"),
        ("f=HTML", "application/json", "html"),
    ],
)
def test_the_format_is_asked_for_or_negotiated(query, header, expected):
    assert output_format(Parameters(query), header, FORMATS) == expected


def test_a_format_that_is_not_offered_is_refused():
    with pytest.raises(BadInput, match="f='jsonld' is not offered here: use one of json, html"):
        output_format(Parameters("f=jsonld"), None, FORMATS)
