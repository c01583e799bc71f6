"""Attempts to get a bad rule past the gate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from feedsrv.lints.gate import Gate
from feedsrv.lints.gate_process import examine
from feedsrv.lints.iis_patterns import Matcher
from feedsrv.lints.judging import MOST_VARIED
from feedsrv.lints.verdicts import judge_samples
from feedsrv.model.action import AbortRequest, Condition, InboundRule, Place, Scope, UrlRewrite
from feedsrv.model.mitigation import Draft, RequestSample
from tests.unit.lints.examples import FINAL_RULE, drafted, request, ruled, through_the_gate
from tests.words import QUICK, drafts

ATTACK = request("/ecp/report.aspx?template=..\\..\\web.config")
EVERYDAY = request("/ecp/report.aspx?template=monthly&id=7"), request("/ecp/default.aspx")


def lines_for(rule: UrlRewrite, *, must_block: tuple[RequestSample, ...] = (ATTACK,)) -> list[str]:
    """What the gate says of a rule against that attack."""
    return through_the_gate(drafted(rule, must_block=must_block, must_pass=EVERYDAY))


def inbound(pattern: str, *conditions: Condition, ignore_case: bool = True) -> UrlRewrite:
    """A rule of the site with that pattern and these conditions."""
    rule = InboundRule(pattern, AbortRequest(), ignore_case=ignore_case, conditions=conditions)
    return replace(FINAL_RULE, rule=rule)


PAGE = r"^ecp/report\.aspx"
QUERY, DECODED = "{UrlDecode:{QUERY_STRING}}", "{UrlDecode:{REQUEST_URI}}"
GOOD = inbound(PAGE, Condition(QUERY, r"(^|&)template=[^&]*\.\."))


def test_a_careful_rule_gets_through() -> None:
    """The gate asks for nothing that a careful author cannot give."""
    assert lines_for(GOOD) == []


@pytest.mark.parametrize(
    ("rule", "variant"),
    [
        (
            ruled(Condition("{REQUEST_URI}", r"report\.aspx.*template=.*\.\.")),
            "query letters percent-encoded",
        ),
        (ruled(Condition(DECODED, r"^/ecp/report\.aspx.*template=.*\.\.")), "path by a detour"),
        (ruled(Condition(DECODED, r"report\.aspx\?template=.*\.\.")), "parameters added"),
        (
            ruled(Condition("{UNENCODED_URL}", r"report\.aspx.*template=.*\.\.")),
            "path letters percent-encoded",
        ),
        (
            inbound(r"^ecp/report\.aspx$", Condition(QUERY, r"template=[^&]*\.\.")),
            "more path behind the page",
        ),
        (inbound(PAGE, Condition("{QUERY_STRING}", r"template=[^&]*\.\.")), "query signs percent-encoded"),
        (inbound(PAGE, Condition(QUERY, r"^template=[^&]*\.\.")), "parameters added"),
        (inbound(PAGE, Condition(QUERY, r"template=[^&]*\.\.", ignore_case=False)), "capitals changed"),
        (inbound(PAGE, Condition(QUERY, r"template=[^&]*\.\."), ignore_case=False), "capitals changed"),
        (inbound(PAGE, Condition(QUERY, r"template=\.\.\\\.\.\\web\.config$")), "parameters added"),
    ],
)
def test_a_rule_for_one_spelling_does_not(rule: UrlRewrite, variant: str) -> None:
    """From one sample, as it was seen; the finding says which spelling passes."""
    said = " ".join(lines_for(rule))

    assert "must-block sample" in said
    assert variant in said


@pytest.mark.parametrize(
    "rule",
    [
        inbound("x-backend", Condition("{URL}", ".*")),
        ruled(Condition("{HTTP_COOKIE}", "^X-Backend=[^;]*/")),
        ruled(Condition("{HTTP_COOKIE}", "X-Backend=[^;]*/$")),
        ruled(Condition("{HTTP_COOKIE}", "X-Backend=[^;]*/", ignore_case=False)),
        ruled(Condition("{HTTP_COOKIE}", "lang=en; X-Backend=[^;]*/")),
    ],
)
def test_a_rule_for_one_order_of_cookies_does_not(rule: UrlRewrite) -> None:
    """Cookies come in any order and case, with others around them."""
    attack = RequestSample("cookie", "/ecp/x.js", headers=(("Cookie", "lang=en; X-Backend=a/b"),))

    assert any("must-block sample 'cookie'" in line for line in lines_for(rule, must_block=(attack,)))


@pytest.mark.parametrize(
    ("rule", "is_asked"),
    [
        (ruled(Condition(DECODED, "x\\.aspx.*@.*/ecp/")), True),
        (inbound("x\\.aspx", Condition(QUERY, "@.*/ecp/")), True),
        (inbound("^zzz|x\\.aspx", Condition(QUERY, "@.*/ecp/")), True),
        (inbound("^owa/auth/x\\.aspx", Condition(QUERY, "@.*/ecp/")), False),
        (inbound(".*", Condition("{URL}", "^/owa/auth/x\\.aspx"), Condition(QUERY, "@.*/ecp/")), False),
    ],
)
def test_the_order_of_places_is_asked_unless_the_rule_is_tied_to_one(
    rule: UrlRewrite, is_asked: bool
) -> None:
    """A rule for one page is right to let another page pass; a rule for words is not."""
    forwarded = request("/owa/auth/x.aspx?path=@evil.example/ecp/")

    said = " ".join(lines_for(rule, must_block=(forwarded,)))

    assert ("change places" in said) is is_asked


def test_samples_that_name_their_own_action_do_not_hide_a_hole() -> None:
    """Two rules, each for half of the spellings: any of them may stop a sample that names none."""
    raw = ruled(Condition("{REQUEST_URI}", "x-evil"))
    decoded = replace(ruled(Condition("{UrlDecode:{REQUEST_URI}}", "x-evil")), id="A2")
    attack = request("/owa/?x-evil")

    together = through_the_gate(drafted(raw, decoded, must_block=(attack,)))
    alone = through_the_gate(drafted(raw, decoded, must_block=(replace(attack, action="A1"), attack)))

    assert any("no must-block sample shows" in line or "passes" in line for line in alone)
    assert not any("must-block sample '/owa/?x-evil' passes" in line for line in together)


def test_a_small_place_does_not_hide_from_a_detour() -> None:
    """Where a rule lives is decided by what IIS makes of the path."""
    small = replace(GOOD, place=Place(Scope.APPLICATION, "Default Web Site", "/ecp"))
    rule = replace(small, rule=replace(GOOD.rule, pattern=r"^report\.aspx"))

    assert lines_for(rule) == []


def test_a_crowd_of_samples_hides_no_hole() -> None:
    """The first hundred are varied; a draft with more is refused, so that no weak one stands behind them."""
    rule = ruled(Condition("{QUERY_STRING}", "evil"))
    numbers = range(MOST_VARIED + 1)
    crowd = tuple(replace(request(f"/owa/?evil={number}"), name=f"s{number}") for number in numbers)

    lines = through_the_gate(drafted(rule, must_block=crowd))

    assert sum("query letters percent-encoded" in line for line in lines) == MOST_VARIED
    assert "101 must-block samples are more than the 100 that are varied" in lines[0]


def test_a_sample_as_long_as_a_request_can_be_is_still_tried() -> None:
    """Its variants that no server would take are left out, not the sample."""
    padded = replace(ATTACK, url=ATTACK.url + "&x=" + "A" * 16_000)

    verdicts = judge_samples(drafted(GOOD, must_block=(padded,), must_pass=EVERYDAY))

    assert verdicts[0].request == padded
    assert all(one.good for one in verdicts)


@QUICK
@given(drafts())
def test_whatever_a_draft_can_say_is_judged(draft: Draft) -> None:
    """Patterns, inputs and addresses of any letters get findings, never an error."""
    assert all(one.sentence and one.remedy for one in Gate(draft, Matcher()).examine())


def test_a_pattern_that_hangs_hides_nothing_before_it() -> None:
    """Two drafts in one run: the first one's findings stay, the second is told by its input."""
    hole = drafted(ruled(Condition("{REQUEST_URI}", "x-evil")), must_block=(request("/owa/?x-evil"),))
    wild = drafted(
        ruled(Condition("{QUERY_STRING}", "^(a?){60}a{60}$")), must_block=(request("/?" + "a" * 60),)
    )

    findings = examine([hole, replace(wild, mitigation=replace(wild.mitigation, id="M0002"))], cpu_seconds=2)

    assert any(one.subject.startswith("M0001") and "percent-encoded" in one.sentence for one in findings)
