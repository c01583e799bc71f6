"""One value held against one type of the grammar."""

from __future__ import annotations

import pytest

from feedsrv.codec.values import UnknownTypeError, complaint


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("MitigationId", "M0010"),
        ("MitigationId", "PING1"),
        ("Build", "15.2.1118.7"),
        ("Text", 'Block <script> & "co" in R\'lyeh — 危険'),
        ("Exact", ""),
        ("Exact", " with blanks "),
        ("OutboundRule@variable", "RESPONSE_Content_Security_Policy"),
        ("Sample@url", "/owa/?layout=light"),
        ("Pattern", r"(?=.*autodiscover)(?=.*powershell)"),
    ],
)
def test_what_fits_gets_no_complaint(kind: str, value: str) -> None:
    """None means that a document may say it."""
    assert complaint(kind, value) is None


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("MitigationId", "M1", "M and four digits"),
        ("Build", "15.02.1.1", "without leading zeros"),
        ("Text", "", "must not be empty"),
        ("Headline", "x" * 201, "201 characters; at most 200 fit"),
        ("Text", "x" * 1_000_000, "1000000 characters; at most 4000 fit"),
        ("Exact", "two\r\nlines", "none of them unseen"),
        ("Text", "turned \u202e about", "No characters that cannot be seen"),
        ("Name", "\x00", "holds a character that no document can hold"),
        ("Name", "\ud800", "holds a character that no document can hold"),
        ("OutboundRule@variable", "HTTP_HOST", "The response header as a server variable"),
        ("NamedAction@name", r"..\pool", "without / \\"),
        ("CustomResponse@status", "200", "From 400 to 599"),
        ("WebAddress", "javascript:alert(1)", "begins with https://"),
        ("Severity", "huge", "critical, high, medium or low"),
    ],
)
def test_a_complaint_says_what_is_wanted(kind: str, value: str, said: str) -> None:
    """In the grammar's own words, so that form and file are refused alike."""
    assert said in (complaint(kind, value) or "")


def test_a_type_that_is_none_is_a_slip_of_ours() -> None:
    """It must not pass for a value that fits."""
    with pytest.raises(UnknownTypeError):
        complaint("Nothing", "x")
