"""What IIS URL Rewrite does with one exchange."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feedsrv.lints.iis import Outcome, evaluate_inbound, evaluate_outbound
from feedsrv.lints.iis_exchange import Exchange, Reading
from feedsrv.lints.iis_patterns import Matcher
from feedsrv.model.action import (
    AbortRequest,
    Condition,
    CustomResponse,
    Grouping,
    InboundRule,
    OutboundRule,
    Place,
    Preconditions,
    Rewrite,
    Scope,
    Syntax,
    UrlRewrite,
)
from feedsrv.model.mitigation import RequestSample

SERVER = Place(Scope.SERVER)
SITE = Place(Scope.SITE, "Default Web Site")
OWA = Place(Scope.APPLICATION, "Default Web Site", "/owa")
ABORT = InboundRule(".*", AbortRequest())


def inbound(*actions: UrlRewrite | InboundRule, url: str = "/owa/x?q=1", cookie: str = "") -> Outcome:
    """What becomes of a request for that URL; bare rules are put on the site."""
    sample = RequestSample("sample", url, headers=(("Cookie", cookie),) if cookie else ())
    named = [
        UrlRewrite(f"A{number}", "rule", SITE, one) if isinstance(one, InboundRule) else one
        for number, one in enumerate(actions, start=1)
    ]
    return evaluate_inbound(named, Exchange.of(sample, Reading.RAW), Matcher())


def on(*conditions: tuple[str, str], grouping: Grouping = Grouping.ALL) -> InboundRule:
    """A rule that blocks where these conditions hold."""
    return replace(ABORT, grouping=grouping, conditions=tuple(Condition(*one) for one in conditions))


class TestInbound:
    """Rules judge requests."""

    @pytest.mark.parametrize(
        ("place", "pattern", "acts"),
        [
            (SITE, "^owa/x$", True),  # without its leading slash, without its query
            (SITE, "^/owa", False),
            (SITE, "q=1", False),
            (SERVER, "^owa/x$", True),
            (OWA, "^x$", True),  # relative to the application
            (OWA, "owa", False),
            (Place(Scope.APPLICATION, "Default Web Site", "/ecp"), ".*", False),
        ],
    )
    def test_a_rule_sees_the_path_from_its_place(self, place: Place, pattern: str, *, acts: bool) -> None:
        """And nothing of what lies beside its application."""
        rule = UrlRewrite("A1", "rule", place, replace(ABORT, pattern=pattern))

        assert inbound(rule).is_blocked is acts

    def test_the_path_is_decoded_before_a_rule_sees_it(self) -> None:
        """Encoding hides nothing from the pattern itself."""
        assert inbound(replace(ABORT, pattern=r"^auto\.json$"), url="/aut%6f%2ejson?x").is_blocked

    def test_a_negated_rule_acts_where_it_does_not_match(self) -> None:
        """And captures nothing."""
        negated = replace(ABORT, pattern="^ecp", negate=True)

        assert inbound(negated).is_blocked
        assert not inbound(negated, url="/ecp").is_blocked

    @pytest.mark.parametrize(
        ("grouping", "first", "second", "acts"),
        [
            (Grouping.ALL, "q=1", "GET", True),
            (Grouping.ALL, "q=1", "POST", False),
            (Grouping.ALL, "q=2", "GET", False),
            (Grouping.ANY, "q=1", "POST", True),
            (Grouping.ANY, "q=2", "GET", True),
            (Grouping.ANY, "q=2", "POST", False),
        ],
    )
    def test_conditions_hold_together_or_any(
        self, grouping: Grouping, first: str, second: str, *, acts: bool
    ) -> None:
        """MatchAll and MatchAny."""
        rule = on(("{QUERY_STRING}", first), ("{REQUEST_METHOD}", second), grouping=grouping)

        assert inbound(rule).is_blocked is acts

    def test_a_negated_condition_holds_where_it_does_not_match(self) -> None:
        """Such as: not from here."""
        rule = replace(ABORT, conditions=(Condition("{QUERY_STRING}", "q=1", negate=True),))

        assert not inbound(rule).is_blocked
        assert inbound(rule, url="/owa/x").is_blocked

    def test_conditions_use_the_syntax_of_their_rule(self) -> None:
        """A wildcard rule has wildcard conditions."""
        rule = replace(on(("{QUERY_STRING}", "*=1")), pattern="*", syntax=Syntax.WILDCARD)

        assert inbound(rule).is_blocked
        assert not inbound(rule, url="/owa/x?q=12").is_blocked

    def test_a_condition_may_ignore_case_when_its_rule_does_not(self) -> None:
        """Each has a switch of its own."""
        rule = replace(on(("{QUERY_STRING}", "Q=1")), ignore_case=False, pattern="owa")

        assert inbound(rule).is_blocked
        assert not inbound(replace(rule, pattern="OWA")).is_blocked

    def test_back_references_lead_from_pattern_to_conditions(self) -> None:
        """The rule's, and those of the condition that matched last."""
        rule = replace(
            on(("{R:1}-{QUERY_STRING}", "^x-q=(1)$"), ("{C:1}{R:0}", "^1owa/x$")), pattern="^owa/(.)$"
        )

        assert inbound(rule).is_blocked

    def test_a_negated_condition_does_not_forget_what_was_captured(self) -> None:
        """`{C:n}` is of the last that matched, not of the last that was tried."""
        first, third = Condition("{QUERY_STRING}", "^(q)"), Condition("{C:1}", "^q$")
        rule = replace(ABORT, conditions=(first, Condition("{URL}", "ecp", negate=True), third))

        assert inbound(rule).is_blocked

    def test_a_custom_response_blocks_as_well(self) -> None:
        """And nothing after it is tried."""
        outcome = inbound(replace(ABORT, outcome=CustomResponse(403)), ABORT)

        assert outcome.is_blocked
        assert outcome.acted == ("A1",)

    def test_a_rewrite_is_seen_by_the_rules_after_it(self) -> None:
        """Unless it stops them."""
        rewrite = InboundRule("^owa/(.*)", Rewrite("/ecp/{R:1}"), stop_processing=False)
        ecp = replace(ABORT, pattern="^ecp/x$")

        assert inbound(rewrite, ecp).acted == ("A1", "A2")
        assert inbound(replace(rewrite, stop_processing=True), ecp).acted == ("A1",)
        assert not inbound(rewrite).is_blocked

    def test_rules_of_the_server_run_first(self) -> None:
        """Then the site's, then the application's, however they are listed."""
        places = ("A1", OWA), ("A2", SITE), ("A3", SERVER), ("A4", OWA)
        keep = InboundRule(".*", Rewrite("{URL}"), stop_processing=False)

        outcome = inbound(*(UrlRewrite(action_id, "rule", place, keep) for action_id, place in places))

        assert outcome.acted == ("A3", "A2", "A1", "A4")

    def test_a_miss_says_what_was_seen(self) -> None:
        """For an author who wonders why."""
        outcome = inbound(on(("{UrlDecode:{HTTP_COOKIE}}", "X-BEResource")), cookie="a=%20b")

        ((action_id, miss),) = outcome.missed
        assert action_id == "A1"
        assert miss.why == "'X-BEResource' does not match {UrlDecode:{HTTP_COOKIE}} 'a= b'"


POLICY = OutboundRule(
    "RESPONSE_Content_Security_Policy",
    "(.*)",
    Rewrite("{R:1}; script-src-attr 'none'"),
    preconditions=Preconditions((Condition("{RESPONSE_CONTENT_TYPE}", "^text/html"),)),
)


def outbound(
    rule: OutboundRule, *headers: tuple[str, str], url: str = "/owa/", place: Place = OWA
) -> Outcome:
    """What becomes of a response."""
    sample = RequestSample("sample", url, response_headers=headers)
    return evaluate_outbound(
        [UrlRewrite("A1", "rule", place, rule)], Exchange.of(sample, Reading.RAW), Matcher()
    )


class TestOutbound:
    """Rules change response headers."""

    html = ("Content-Type", "text/html; charset=utf-8")

    def test_a_header_is_rewritten(self) -> None:
        """With what the pattern captured of it."""
        outcome = outbound(POLICY, self.html, ("content-security-policy", "default-src 'self'"))

        assert outcome.acted == ("A1",)
        assert outcome.exchange.header("RESPONSE_Content_Security_Policy") == (
            "default-src 'self'; script-src-attr 'none'"
        )

    def test_an_absent_header_is_as_empty(self) -> None:
        """A pattern that matches nothing sets it; one that needs something does not."""
        assert outbound(POLICY, self.html).exchange.header("RESPONSE_Content_Security_Policy") == (
            "; script-src-attr 'none'"
        )
        assert outbound(replace(POLICY, pattern="(.+)"), self.html).acted == ()

    @pytest.mark.parametrize(
        ("grouping", "url", "acts"),
        [
            (Grouping.ALL, "/owa/", True),
            (Grouping.ALL, "/owa/x", False),
            (Grouping.ANY, "/owa/x", True),
        ],
    )
    def test_preconditions_come_first(self, grouping: Grouping, url: str, *, acts: bool) -> None:
        """In their own grouping."""
        tests = (Condition("{RESPONSE_CONTENT_TYPE}", "^text/html"), Condition("{REQUEST_URI}", "^/owa/?$"))
        rule = replace(POLICY, preconditions=Preconditions(tests, grouping))

        assert bool(outbound(rule, self.html, url=url).acted) is acts

    def test_preconditions_have_a_syntax_of_their_own(self) -> None:
        """Whatever the rule's is."""
        tests = Preconditions((Condition("{RESPONSE_CONTENT_TYPE}", "text/*"),), syntax=Syntax.WILDCARD)

        assert outbound(replace(POLICY, preconditions=tests), self.html).acted == ("A1",)

    def test_an_application_changes_only_its_own_responses(self) -> None:
        """As its rules see only its own requests."""
        assert outbound(POLICY, self.html, url="/ecp/").acted == ()
        assert outbound(POLICY, self.html, url="/ecp/", place=SITE).acted == ("A1",)

    def test_conditions_count_as_well(self) -> None:
        """After preconditions and pattern."""
        rule = replace(POLICY, conditions=(Condition("{HTTPS}", "^off$"),))

        assert outbound(rule, self.html).acted == ()

    def test_no_rule_of_the_other_direction_is_tried(self) -> None:
        """Inbound rules have done their work by then, and the other way round."""
        action = UrlRewrite("A1", "rule", SITE, POLICY)
        start = Exchange.of(RequestSample("sample", "/owa/x?q=1"), Reading.RAW)

        assert inbound(action) == Outcome(start)
        assert evaluate_outbound([replace(action, rule=ABORT)], start, Matcher()) == Outcome(start)

    def test_outbound_rules_are_tried_in_turn(self) -> None:
        """Each sees what the one before it wrote, unless that one stops them."""
        first = UrlRewrite("A1", "rule", SITE, OutboundRule("RESPONSE_X", "(.*)", Rewrite("{R:1}1")))
        second = UrlRewrite("A2", "rule", SITE, OutboundRule("RESPONSE_X", "^1$", Rewrite("{R:0}2")))
        start = Exchange.of(RequestSample("sample", "/"), Reading.RAW)
        stopping = replace(first, rule=replace(first.rule, stop_processing=True))

        assert evaluate_outbound([first, second], start, Matcher()).exchange.response == (("X", "12"),)
        assert evaluate_outbound([stopping, second], start, Matcher()).acted == ("A1",)
