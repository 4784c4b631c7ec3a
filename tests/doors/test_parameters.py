"""Query parameters: read once, strictly."""

import pytest

from twin.crs import CRS84
from twin.doors.parameters import Parameters
from twin.errors import BadInput


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


def test_a_crs_that_is_not_offered_is_refused():
    with pytest.raises(BadInput, match="crs='EPSG:32631' is not offered here: use one of OGC:CRS84"):
        Parameters("crs=EPSG:32631").crs("crs", (CRS84,))
    with pytest.raises(BadInput, match="is not offered"):
        Parameters("crs=garbage").crs("crs", (CRS84,))
