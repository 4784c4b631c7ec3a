"""The language and the format of an answer."""

import pytest

from twin.doors.negotiation import language, output_format
from twin.doors.parameters import Parameters
from twin.errors import BadInput

FORMATS = {"json": ("application/geo+json", "application/json"), "html": ("text/html",)}


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
