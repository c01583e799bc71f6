from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedsrv.web.negotiation import accepts_gzip, holds, prefer, seconds_of

JSON, XML = "application/json", "application/xml"


@pytest.mark.parametrize(
    ("header", "held"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ('"b" , W/"a"', True),
        ("*", True),
        (" * ", True),
        ('"b"', False),
        ('"A"', False),
        ("a", False),
        ('"a', False),
        ('"x,a"', False),
        ("", False),
    ],
)
def test_an_entity_tag_is_found_in_a_list_and_compared_weakly(header: str, held: bool) -> None:
    """A GET with If-None-Match asks for weak comparison (RFC 9110, 13.1.2); half a tag is none."""
    assert holds(header, '"a"') is held


def test_a_comma_inside_a_tag_belongs_to_the_tag() -> None:
    """Splitting at commas would tear such a tag apart."""
    assert holds('"b", "x,y"', '"x,y"')
    assert not holds('"b,c"', '"c"')


@given(st.text(st.characters(max_codepoint=255)))
def test_no_header_value_upsets_the_readers(header: str) -> None:
    """Whatever a client sends, it is read as something or as nothing."""
    holds(header, '"a"')
    accepts_gzip(header)
    prefer(header, (XML, JSON))
    seconds_of(header)


@given(
    st.from_regex(
        r"(Wed,? )?[0-9]{1,9} (May|Foo|12) ?[0-9]{0,5} [0-9:.]{0,12} (GMT|[+-][0-9]{2,8}|Z|)", fullmatch=True
    )
)
def test_no_near_date_upsets_the_reader_of_dates(header: str) -> None:
    """What looks like a date is the likeliest to find a hole."""
    seconds_of(header)


@pytest.mark.parametrize(
    ("header", "welcome"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("*", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.0", False),
        ("*, gzip;q=0", False),
        ("identity;q=1, gzip;q=0.2", False),
        ("gzip;q=2", False),
        ("gzip;q=", False),
    ],
)
def test_gzip_is_sent_only_to_those_who_welcome_it(header: str, welcome: bool) -> None:
    """A refusal (q=0), a preference for plain bytes and nonsense all mean plain bytes."""
    assert accepts_gzip(header) is welcome


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", XML),
        ("*/*", XML),
        (JSON, JSON),
        ("application/json;q=0.4, application/xml;q=0.3", JSON),
        ("application/*", XML),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", XML),
        ("text/plain", XML),
        ("application/xml;q=0, */*", JSON),
    ],
)
def test_the_form_that_is_wanted_most_is_chosen(header: str, chosen: str) -> None:
    """The first of the offered forms wins where the client does not care, or wants neither."""
    assert prefer(header, (XML, JSON)) == chosen


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Wed, 20 May 2026 09:30:00 GMT", 1779269400),
        ("Wednesday, 20-May-26 09:30:00 GMT", 1779269400),
        ("Wed May 20 09:30:00 2026", 1779269400),
        ("2026-05-20", None),
        ("", None),
        ("Wed, 99 May 2026 09:30:00 GMT", None),
    ],
)
def test_dates_are_read_in_all_three_forms_of_http(header: str, seconds: int | None) -> None:
    """What is no date counts as not sent."""
    assert seconds_of(header) == seconds
