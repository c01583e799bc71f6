"""Variants of an attack are the same request to IIS, and what is not asked says why."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedsrv.lints.gate import Gate
from feedsrv.lints.iis_exchange import Exchange, Reading, decode_path
from feedsrv.lints.iis_patterns import Matcher
from feedsrv.lints.judging import Judge
from feedsrv.lints.variants import KINDS, MOST_CHARACTERS, Kind, Variant, variants
from feedsrv.model.action import Condition
from feedsrv.model.mitigation import RequestSample
from tests.unit.lints.examples import SAMPLES, drafted, request, ruled, through_the_gate
from tests.words import QUICK

COOKIES = "a=1; X-BEResource=mbx/x~3; b=2"
SAMPLE = RequestSample(
    "attack",
    "/owa/auth/x.aspx?id=7&path=@evil.example/ecp/&note=two+words",
    headers=(("Cookie", COOKIES), ("Content-Type", "text/XML")),
)
FORWARDED = "path and the directory in the query change places"
PATH_INFO = "more path behind the page"

segments = st.from_regex(r"[A-Za-z0-9._@-]{1,8}", fullmatch=True).filter(lambda one: set(one) != {"."})
values = st.text(st.sampled_from("abcXYZ019./@_-~!*'()+%20"), max_size=8).filter(lambda one: "%" not in one)
addresses = st.builds(
    lambda path, query: (
        "/" + "/".join(path) + ("?" + "&".join(f"{name}={value}" for name, value in query) if query else "")
    ),
    st.lists(segments, min_size=1, max_size=4),
    st.lists(
        st.tuples(st.from_regex(r"[a-z]{2,6}", fullmatch=True), values),
        max_size=3,
        unique_by=lambda pair: pair[0],
    ),
)


def asked(sample: RequestSample) -> list[Variant]:
    """The variants that a rule has to stop."""
    return [one for one in variants(sample) if one.kind.unasked is None]


def parameters(request: RequestSample) -> Counter[tuple[str, str]]:
    """Parameters as an application is given them; those that variants add are left out."""
    query = request.url.partition("?")[2]
    pairs = parse_qsl(query, keep_blank_values=True)
    return Counter(
        (name.casefold(), value.casefold())
        for name, value in pairs
        if (name.casefold(), value) != ("x", "1") and name
    )


@QUICK
@given(addresses)
def test_iis_takes_each_for_the_same_request(url: str) -> None:
    """The same path once HTTP.sys has read it, and the same parameters once ASP.NET has."""
    sample = request(url)

    for one in asked(sample):
        if one.kind.name == FORWARDED:
            continue
        path = decode_path(one.request.url.partition("?")[0]).casefold()
        if one.kind.name == PATH_INFO:
            path = path.removesuffix("/x")
        assert path == decode_path(url.partition("?")[0]).casefold(), one
        assert parameters(one.request) == parameters(sample), one


@QUICK
@given(addresses)
def test_each_is_another_spelling_and_none_comes_twice(url: str) -> None:
    """Nothing is asked for nothing, and everything fits into a request."""
    found = variants(request(url))

    assert len({one.request for one in found}) == len(found)
    assert request(url) not in {one.request for one in found}
    assert all(len(one.request.url) <= MOST_CHARACTERS for one in found)


@QUICK
@given(
    addresses,
    st.sampled_from(["{UrlDecode:{REQUEST_URI}}", "{URL}", "{QUERY_STRING}"]),
    st.sampled_from("abxe@./"),
)
def test_the_gate_says_what_its_evaluator_says(url: str, where: str, letter: str) -> None:
    """A draft is refused for a sample exactly where an asked request fares badly."""
    draft = drafted(
        ruled(Condition(where, f"[{letter}]")), must_block=(replace(SAMPLE, url=url, headers=()),)
    )
    judge = Judge(draft, Matcher())

    bad = [
        question
        for question in judge.questions()
        if question.expected == "block" and not judge.answer(question).good
    ]
    said = [
        str(one) for one in Gate(draft, Matcher()).examine() if "must-block sample 'attack'" in one.sentence
    ]

    assert bool(bad) == bool(said)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_makes_something(kind: Kind) -> None:
    """A line of the table that never made a request would be nothing but words."""
    samples = (
        SAMPLE,
        replace(SAMPLE, headers=(("CoNTent-tyPE", "a"),)),
        replace(SAMPLE, url="/a%20b.x?c=d%20e"),
    )

    assert any(one.kind.name == kind.name for sample in samples for one in variants(sample))


def test_cookies_stay_what_they_are() -> None:
    """Only order, names' case and what divides them change; a value never does."""
    wanted = {"1", "mbx/x~3", "2"}

    for one in asked(SAMPLE):
        cookie = Exchange.of(one.request, Reading.RAW).variable("HTTP_COOKIE")
        assert cookie is not None
        pairs = [pair.strip().partition("=") for pair in cookie.split(";") if pair.strip()]
        assert wanted <= {value for _, _, value in pairs}, one
        assert {name.casefold() for name, _, _ in pairs} - {"x", "y"} == {"a", "x-beresource", "b"}, one


def test_what_an_address_forwards_keeps_all_its_words() -> None:
    """Both directories are named, only the other way round."""
    (one,) = [one for one in variants(SAMPLE) if one.kind.name == FORWARDED]

    assert one.request.url == "/ecp/?x=/owa/auth/x.aspx&id=7&path=@evil.example/x/&note=two+words"


@pytest.mark.parametrize(
    "url",
    [
        "/owa/auth/logon.aspx?url=https://mail.example.org/ecp/",
        "/owa/auth/logon.aspx?url=/ecp/&reason=3",
        "/ecp/report.aspx?template=../../web.config",
        "/owa/?path=/owa/mail",
    ],
)
def test_a_way_back_is_no_forwarding(url: str) -> None:
    """Nobody passes that request on, so its order is nobody's choice."""
    assert FORWARDED not in {one.kind.name for one in variants(request(url))}


def test_links_carry_less() -> None:
    """Where a victim's browser sends the request, it has resolved the detours already."""
    page = replace(SAMPLE, headers=(), expect=(("X", "y"),))

    kinds = {one.kind.name for one in variants(page)}

    assert "path letters percent-encoded" in kinds
    assert not kinds & {"path by a detour", "path slashes encoded or turned", FORWARDED}


class TestTwice:
    """What is percent-encoded twice."""

    def test_in_a_path_iis_refuses_it(self) -> None:
        """So no rule is asked, and the reason names the answer."""
        (one,) = [one for one in variants(SAMPLE) if one.kind.name == "path percent-encoded twice"]

        assert unquote(unquote(one.request.url.partition("?")[0])) == "/owa/auth/x.aspx"
        assert "404.11" in (one.kind.unasked or "")

    def test_in_a_query_it_is_asked_where_the_sample_shows_it_to_work(self) -> None:
        """An author who saw it once need not write down the other letters."""
        once, twice = request("/owa/?a=b%2ec"), request("/owa/?a=b%252ec")
        rule = ruled(Condition("{UrlDecode:{QUERY_STRING}}", r"b(\.|%2e)c"))
        everyday = SAMPLES.must_pass

        assert through_the_gate(drafted(rule, must_block=(once,), must_pass=everyday)) == []
        (line,) = through_the_gate(drafted(rule, must_block=(once, twice), must_pass=everyday))

        assert "must-block sample '/owa/?a=b%252ec' passes" in line
        assert "the same with query percent-encoded twice" in line

    def test_a_rule_that_decodes_twice_stops_it(self) -> None:
        """As the input's functions nest."""
        rule = ruled(Condition("{UrlDecode:{UrlDecode:{QUERY_STRING}}}", r"b\.c"))

        assert through_the_gate(drafted(rule, must_block=(request("/owa/?a=b%252ec"),))) == []


def test_reasons_name_where_they_are_written() -> None:
    """Whoever doubts one can look it up, or try it."""
    for kind in KINDS:
        assert kind.unasked is None or len(kind.unasked) > 40, kind.name
    assert sum("https://" in (kind.unasked or "") for kind in KINDS) >= 3
