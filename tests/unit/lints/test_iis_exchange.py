"""A request and its response as server variables."""

from __future__ import annotations

import pytest

from feedsrv.lints.iis_exchange import Exchange, Reading, decode_path
from feedsrv.model.action import Place, Scope
from feedsrv.model.mitigation import RequestSample

SITE = Place(Scope.SITE, "Default Web Site")
OWA = Place(Scope.APPLICATION, "Default Web Site", "/owa")


def exchange(url: str, reading: Reading = Reading.RAW, **headers: str) -> Exchange:
    """An exchange of that URL; underscores in header names become hyphens."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Exchange.of(RequestSample("sample", url, headers=named), reading)


@pytest.mark.parametrize(
    ("sent", "decoded"),
    [
        ("/owa", "/owa"),
        ("/owa/", "/owa/"),
        ("/", "/"),
        ("", "/"),
        ("/autodiscover%2ejson", "/autodiscover.json"),
        ("/a%252e", "/a%2e"),  # once
        ("//owa///x", "/owa/x"),
        ("/a/./b/../c", "/a/c"),
        ("/../../a", "/a"),
        ("/a/%2e%2e/b", "/b"),
        ("/a\\b", "/a/b"),
        ("/a%5cb%2fc", "/a/b/c"),
        ("/gr%C3%BC%C3%9Fe", "/grüße"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
    ],
)
def test_a_path_is_decoded_as_by_the_server(sent: str, decoded: str) -> None:
    """Once, with single slashes and without dot segments."""
    assert decode_path(sent) == decoded


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("URL", "/OWA/x.y"),
        ("PATH_INFO", "/OWA/x.y"),
        ("QUERY_STRING", "q=%41"),
        ("UNENCODED_URL", "/OWA/x%2ey?q=%41"),
        ("HTTP_X_ORIGINAL_URL", "/OWA/x.y?q=%41"),
        ("REQUEST_METHOD", "GET"),
        ("HTTP_HOST", "mail.example.org"),
        ("SERVER_NAME", "mail.example.org"),
        ("HTTPS", "on"),
        ("SERVER_PORT", "443"),
        ("REMOTE_ADDR", "203.0.113.7"),
        ("REMOTE_USER", ""),
        ("HTTP_USER_AGENT", "curl/8"),
        ("http_user_agent", "curl/8"),
        ("HTTP_COOKIE", ""),
        ("CONTENT_TYPE", "text/xml"),
        ("REQUEST_URL", None),
        ("HTTP_USER-AGENT", None),
        ("PATH_TRANSLATED", None),
    ],
)
def test_server_variables(name: str, value: str | None) -> None:
    """By name without case; a header that was not sent is empty, what does not exist is not."""
    sent = exchange("/OWA/x%2ey?q=%41", User_Agent="curl/8", Content_Type="text/xml")

    assert sent.variable(name) == value


def test_request_uri_has_two_readings() -> None:
    """As sent, and with its path decoded; the query stays as sent in both."""
    raw, decoded = (exchange("/a%2eb?q=%41", reading).variable("REQUEST_URI") for reading in Reading)

    assert (raw, decoded) == ("/a%2eb?q=%41", "/a.b?q=%41")


def test_a_whole_url_names_scheme_and_host() -> None:
    """For rules on plain HTTP, or on a name."""
    sent = exchange("http://owa.example.org:8080/owa?x")

    assert [sent.variable(name) for name in ("HTTPS", "HTTP_HOST", "SERVER_PORT", "URL", "REQUEST_URI")] == [
        "off",
        "owa.example.org:8080",
        "8080",
        "/owa",
        "/owa?x",
    ]


def test_a_header_sent_twice_is_one_variable() -> None:
    """Cookies are joined as cookies are."""
    twice = RequestSample(
        "twice", "/", headers=(("Cookie", "a=1"), ("cookie", "b=2"), ("X-A", "1"), ("x_a", "2"))
    )
    sent = Exchange.of(twice, Reading.RAW)

    assert sent.variable("HTTP_COOKIE") == "a=1; b=2"
    assert sent.variable("HTTP_X_A") == "1, 2"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/owa/x", "x"),
        ("/OWA/x?y", "x"),
        ("/owa", ""),
        ("/owa/", ""),
        ("/%6fwa/x", "x"),
        ("/owa2/x", None),
        ("/ecp/owa", None),
        ("/ecp/../owa/x", "x"),
    ],
)
def test_an_applications_rules_see_what_is_below_it(url: str, path: str | None) -> None:
    """Whatever the case or encoding, and nothing that merely begins alike."""
    assert exchange(url).path_for(OWA) == path
    assert exchange(url).path_for(SITE) == decode_path(url.partition("?")[0])[1:]


class TestResponses:
    """Response headers as `RESPONSE_` variables."""

    sample = RequestSample(
        "page", "/", response_headers=(("content-type", "text/html"), ("X-A", "1"), ("X-A", "2"))
    )
    start = Exchange.of(sample, Reading.RAW)

    def test_reading(self) -> None:
        """Underscores stand for hyphens; what is absent is empty."""
        assert self.start.variable("RESPONSE_Content_Type") == "text/html"
        assert self.start.variable("RESPONSE_X_A") == "1, 2"
        assert self.start.variable("response_x_b") == ""

    def test_setting(self) -> None:
        """A header that was there keeps its name; a new one gets it from the variable."""
        changed = self.start.with_header("RESPONSE_X_A", "3").with_header(
            "RESPONSE_Content_Security_Policy", "x"
        )

        assert changed.response == (
            ("content-type", "text/html"),
            ("X-A", "3"),
            ("Content-Security-Policy", "x"),
        )

    def test_setting_to_nothing_removes(self) -> None:
        """An empty header is as good as none."""
        assert self.start.with_header("RESPONSE_X_A", "").response == (("content-type", "text/html"),)


def test_a_rewrite_keeps_the_query_and_may_add_to_it() -> None:
    """And a path without slash lies below the place of its rule."""
    sent = exchange("/owa/old?a=1")

    assert sent.with_url("/new?b=2", OWA).variable("URL") == "/new"
    assert sent.with_url("/new?b=2", OWA).variable("QUERY_STRING") == "b=2&a=1"
    assert sent.with_url("new", OWA).variable("URL") == "/owa/new"
    assert sent.with_url("new", SITE).variable("URL") == "/new"
