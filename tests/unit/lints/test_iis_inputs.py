"""Input strings, and the known slips in them."""

from __future__ import annotations

import pytest

from feedsrv.lints.iis_exchange import Exchange, Reading
from feedsrv.lints.iis_inputs import BadInputStringError, expand, input_slips, is_constant, parse
from feedsrv.model.mitigation import RequestSample

EXCHANGE = Exchange.of(
    RequestSample("sample", "/OWA/a%2fb?q=%41%2540", headers=(("User-Agent", "curl/8"),)), Reading.RAW
)


def value(text: str) -> str:
    """What an input string holds, with a rule that captured `r0 r1` and a condition that captured `c0 c1`."""
    return expand(parse(text), EXCHANGE, ("r0", "r1"), ("c0", "c1"))


def slips(text: str, *, outbound: bool = False, rule_groups: int = 1, condition_groups: int = 1) -> list[str]:
    """The slips in an input string."""
    return list(
        input_slips(text, outbound=outbound, rule_groups=rule_groups, condition_groups=condition_groups)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{REQUEST_URI}", "/OWA/a%2fb?q=%41%2540"),
        ("{request_uri}", "/OWA/a%2fb?q=%41%2540"),
        ("{UrlDecode:{REQUEST_URI}}", "/OWA/a/b?q=A%40"),  # once
        ("{UrlDecode:{UrlDecode:{REQUEST_URI}}}", "/OWA/a/b?q=A@"),
        ("{UrlDecode: {REQUEST_URI}}", " /OWA/a/b?q=A%40"),
        ("{ToLower:{URL}-{QUERY_STRING}}", "/owa/a/b-q=%41%2540"),
        ("{UrlEncode:a b/c}", "a%20b%2Fc"),
        ("{UrlDecode:%e4}", "\N{REPLACEMENT CHARACTER}"),
        ("{R:0}{R:1}{C:0}{C:1}", "r0r1c0c1"),
        ("{R:9}{C:2}", ""),
        ("{ToLower:{R:1}X}", "r1x"),
        ("{ToLower:}", ""),
        ("x{HTTP_USER_AGENT}y{HTTP_COOKIE}z", "xcurl/8yz"),
    ],
)
def test_expanding(text: str, expected: str) -> None:
    """Variables, back-references and functions, nested and side by side."""
    assert value(text) == expected


@pytest.mark.parametrize(
    "text", ["{", "}", "{}", "{A", "A}", "{UrlDecode:{A}", "{UrlDecode:{A}}}", "{{A}}", "{A{B}}"]
)
def test_braces_that_do_not_close_are_refused(text: str) -> None:
    """By the parser, and as a slip."""
    with pytest.raises(BadInputStringError, match="brace"):
        parse(text)

    assert slips(text)


@pytest.mark.parametrize(
    "text", ["{REQUEST_URL}", "{CERT_SUBJECT}", "{Unescape:{REQUEST_URI}}", "{HTTP_X-Y}"]
)
def test_what_cannot_be_tried_is_refused(text: str) -> None:
    """An unknown name is never quietly empty."""
    with pytest.raises(BadInputStringError):
        value(text)


@pytest.mark.parametrize(
    ("text", "slip"),
    [
        ("{UrlDecode: {REQUEST_URI}}", "stray space"),
        ("{UrlDecode:{REQUEST_URI} }", "stray space"),
        ("{UrlDecode:{REQUEST_URI}\t}", "stray space"),
        ("{ REQUEST_URI}", "stray space"),
        ("{REQUEST_URI }", "stray space"),
        ("{REQUEST_URL}", "no server variable of IIS"),
        ("{UrlDecode:{REQUEST_URL}}", "no server variable of IIS"),
        ("{urldecode:{REQUEST_URI}}", "is no function; there are ToLower, UrlDecode, UrlEncode"),
        ("{BlockedAddresses:{REMOTE_ADDR}}", "is no function"),
        ("{UrlDecode :{REQUEST_URI}}", "is no function"),
        ("{HTTP_USER-AGENT}", "hyphens are written as underscores"),
        ("{RESPONSE_CONTENT_TYPE}", "not known yet when an inbound rule runs"),
        ("{REQUEST_FILENAME}", "cannot be tried on a sample"),
        ("{R:2}", "names a group"),
        ("{C:2}", "names a group"),
        ("{R:12}", "no function"),
    ],
)
def test_known_slips_are_named(text: str, slip: str) -> None:
    """Each by what is wrong with it."""
    (found,) = slips(text)

    assert slip in found


@pytest.mark.parametrize(
    "text",
    [
        "{REQUEST_URI}",
        "{UrlDecode:{REQUEST_URI}}",
        "{ToLower:{HTTP_USER_AGENT} {HTTP_COOKIE}}",  # a space between two is meant
        "{R:1}-{C:1}",
        "{REMOTE_ADDR}",
        "{HTTPS}",
    ],
)
def test_ordinary_inputs_have_no_slips(text: str) -> None:
    """Nothing is found where nothing is wrong."""
    assert slips(text) == []


def test_a_response_is_known_to_outbound_rules() -> None:
    """And back-references need something before them that captures."""
    assert slips("{RESPONSE_CONTENT_TYPE}", outbound=True) == []
    assert slips("{C:0}", condition_groups=-1)
    assert slips("{R:0}", rule_groups=-1)


@pytest.mark.parametrize(
    ("text", "constant"),
    [("REQUEST_URI", True), ("{ToLower:X}", True), ("{URL}", False), ("{ToLower:{R:0}}", False)],
)
def test_an_input_without_variables_is_constant(text: str, *, constant: bool) -> None:
    """Forgotten braces make a condition that always, or never, holds."""
    assert is_constant(text) is constant
