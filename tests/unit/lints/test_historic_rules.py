"""S10 on the rules that were really published, and on what was wrong with some of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feedsrv.model.action import (
    AbortRequest,
    Condition,
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
from tests.unit.lints.examples import FINAL_RULE, SAMPLES, SITE, drafted, request, ruled, through_the_gate

WITH_AT_SIGN = r".*autodiscover\.json.*\@.*Powershell.*"
IN_ONE_ORDER = r".*autodiscover\.json.*Powershell.*"
FREE_OF_ORDER = "(?=.*autodiscover)(?=.*powershell)"
PLAIN = [
    "/autodiscover/autodiscover.json?@evil.example/powershell/&Email=autodiscover/autodiscover.json%3f@evil.example",
    "/autodiscover/autodiscover.json?@evil.example/owa/?&Email=autodiscover/autodiscover.json?@evil.example&FooProtocol=Powershell",
    "/autodiscover/autodiscover.json?a@foo.var/PowerShell/?x=a",
    "/Autodiscover/autodiscover.json?x=@y/powershell",
]


@pytest.mark.parametrize("plain", PLAIN)
class TestProxyNotShell:
    """The five revisions that the rule for CVE-2022-41040 went through in eight days of 2022.

    Each is tried with one attack as it was first seen; nobody tells the gate how it was varied later.
    """

    def gate(self, plain: str, condition: Condition) -> list[str]:
        """What the gate says of the rule with that condition, and with its known issue stated."""
        draft = drafted(FINAL_RULE, must_block=(request(plain),))
        actions = (ruled(condition),)
        return through_the_gate(replace(draft, mitigation=replace(draft.mitigation, actions=actions)))

    def test_an_at_sign_was_needed(self, plain: str) -> None:
        """First revision: the sign encoded passes, as later attacks had it."""
        said = " ".join(self.gate(plain, Condition("{REQUEST_URI}", WITH_AT_SIGN)))

        assert "passes (REQUEST_URI as sent)" in said
        assert "query signs percent-encoded" in said
        assert "query letters percent-encoded" in said
        assert "path and the directory in the query change places" in said

    def test_encoded_characters_passed(self, plain: str) -> None:
        """Second revision: `%2e` for a dot in the path, `%6f` for a letter in the query."""
        said = " ".join(self.gate(plain, Condition("{REQUEST_URI}", IN_ONE_ORDER)))

        assert "passes (REQUEST_URI as sent)" in said
        assert "query letters percent-encoded" in said
        assert "query signs percent-encoded" not in said

    def test_a_stray_space_stood_in_the_input(self, plain: str) -> None:
        """Third revision: named as such, beside the order of words."""
        lines = self.gate(plain, Condition("{UrlDecode: {REQUEST_URI}}", IN_ONE_ORDER))

        assert "{UrlDecode:...} has a stray space inside its braces" in lines[0]

    def test_the_order_of_words_mattered(self, plain: str) -> None:
        """Fourth revision: decoded, and still the words the other way round pass."""
        said = " ".join(self.gate(plain, Condition("{UrlDecode:{REQUEST_URI}}", IN_ONE_ORDER)))

        assert "the same with path and the directory in the query change places" in said
        assert "percent-encoded" not in said

    def test_the_final_revision_is_accepted(self, plain: str) -> None:
        """Order-free, and decoded; what else it blocks is stated."""
        assert self.gate(plain, Condition("{UrlDecode:{REQUEST_URI}}", FREE_OF_ORDER)) == []

    def test_without_its_known_issue_the_final_revision_is_refused(self, plain: str) -> None:
        """Any address that names both words is blocked: a link to the help on a cmdlet does."""
        draft = drafted(FINAL_RULE, must_block=(request(plain),))
        unstated = replace(draft, samples=replace(draft.samples, may_block=()))

        (line,) = through_the_gate(unstated)

        assert "ordinary traffic, 'OWA: a link in a message to the help on a cmdlet', is touched by" in line
        assert "MayBlock method='GET' url='/owa/redir.aspx" in line

    def test_an_everyday_request_of_the_author_counts_as_well(self, plain: str) -> None:
        """As nobody but they may know it."""
        search = request("/ecp/search?q=powershell+for+autodiscover")

        (line,) = through_the_gate(
            drafted(FINAL_RULE, must_block=(request(plain),), must_pass=(*SAMPLES.must_pass, search))
        )

        assert "must-pass sample '/ecp/search?q=powershell+for+autodiscover' is touched by rule A1" in line

    @pytest.mark.parametrize(
        "slip",
        [
            replace(FINAL_RULE, rule=replace(FINAL_RULE.rule, negate=True)),
            replace(FINAL_RULE, rule=replace(FINAL_RULE.rule, pattern="^autodiscover")),
            replace(FINAL_RULE, rule=replace(FINAL_RULE.rule, syntax=Syntax.WILDCARD)),
            replace(FINAL_RULE, place=Place(Scope.APPLICATION, "Default Web Site", "/autodiscover")),
        ],
    )
    def test_other_slips_are_found_too(self, plain: str, slip: UrlRewrite) -> None:
        """Negated, anchored, in the wrong syntax, in too small a place."""
        backwards = request("/powershell/?x=/autodiscover/autodiscover.json")

        assert through_the_gate(drafted(slip, must_block=(request(plain), backwards)))


class TestProxyLogon:
    """The two rules for CVE-2021-26855, which look at cookies."""

    first = UrlRewrite(
        "A1",
        "X-AnonResource-Backend Abort - inbound",
        SITE,
        InboundRule(
            ".*", AbortRequest(), conditions=(Condition("{HTTP_COOKIE}", "(.*)X-AnonResource-Backend(.*)"),)
        ),
    )
    second = UrlRewrite(
        "A2",
        "X-BEResource Abort - inbound",
        SITE,
        InboundRule(
            ".*", AbortRequest(), conditions=(Condition("{HTTP_COOKIE}", "X-BEResource=[^;/]*/[^;~]*~"),)
        ),
    )
    must_block = (
        replace(
            request("/ecp/x.js", Cookie="X-AnonResource=true; X-AnonResource-Backend=localhost"), action="A1"
        ),
        replace(
            request("/ecp/y.js", Cookie="x-beresource=localhost/autodiscover?a=~1942062522"), action="A2"
        ),
    )
    must_pass = (
        request("/ecp/default.aspx", Cookie="X-BEResource=mbx01~1942062522"),
        request("/owa/", Cookie="ClientId=4F6E; X-OWA-CANARY=aB3~x/y"),
        request("/owa/"),
    )

    def test_both_rules_are_accepted(self) -> None:
        """Each blocks its own, and neither an everyday cookie."""
        assert (
            through_the_gate(
                drafted(self.first, self.second, must_block=self.must_block, must_pass=self.must_pass)
            )
            == []
        )

    def test_as_released_the_second_one_could_be_made_to_hang(self) -> None:
        """Four parts without bounds, of which any can take what the next one wants."""
        asked = Condition("{HTTP_COOKIE}", r"(.*)X-BEResource=(.+)/(.+)~(.+)")
        released = replace(self.second, rule=InboundRule(".*", AbortRequest(), conditions=(asked,)))

        (line,) = through_the_gate(
            drafted(self.first, released, must_block=self.must_block, must_pass=self.must_pass)
        )

        assert f"rule A2, pattern {asked.pattern!r} backtracks: 'X-BEResource=" in line

    def test_a_rule_must_block_its_own_sample(self) -> None:
        """That the other one would have blocked it does not count."""
        swapped = tuple(replace(one, action="A1") for one in self.must_block)

        lines = through_the_gate(
            drafted(self.first, self.second, must_block=swapped, must_pass=self.must_pass)
        )

        assert "no must-block sample shows that rule A2 acts" in lines[0]
        assert "rule A1: '(.*)X-AnonResource-Backend(.*)' does not match {HTTP_COOKIE}" in lines[1]
        assert len(lines) == 2

    def test_a_greedier_rule_touches_everyday_cookies(self) -> None:
        """Without its slash, the second rule would lock out everybody behind a proxying server."""
        greedy = replace(
            self.second,
            rule=InboundRule(
                ".*", AbortRequest(), conditions=(Condition("{HTTP_COOKIE}", "X-BEResource=(.+)~(.+)"),)
            ),
        )

        lines = through_the_gate(
            drafted(self.first, greedy, must_block=self.must_block, must_pass=self.must_pass)
        )

        assert len(lines) == 1
        assert "'X-BEResource=mbx01~1942062522' is touched by rule A2" in lines[0]


class TestContentSecurityPolicy:
    """The outbound rule for CVE-2026-42897."""

    place = Place(Scope.APPLICATION, "Default Web Site", "/owa")
    pages = r"^/owa/?($|default\.aspx|projection\.aspx|readingPane\.aspx|popout\.aspx)"
    html = ("Content-Type", "text/html; charset=utf-8")
    policy = ("Content-Security-Policy", "default-src 'self'")
    wanted = (("Content-Security-Policy", "default-src 'self'; script-src-attr 'none'"),)

    def rule(self, pages: str = pages, where: str = "{URL}") -> UrlRewrite:
        """The rule, for these pages."""
        tests = Condition("{RESPONSE_CONTENT_TYPE}", "^text/html"), Condition(where, pages)
        return UrlRewrite(
            "A1",
            "OWA CSP - outbound",
            self.place,
            OutboundRule(
                "RESPONSE_Content_Security_Policy",
                "(.*)",
                Rewrite("{R:1}; script-src-attr 'none'"),
                preconditions=Preconditions(tests),
            ),
        )

    def page(self, url: str, *, expect: tuple[tuple[str, str], ...] = wanted) -> RequestSample:
        """A page with a policy."""
        return RequestSample(url, url, response_headers=(self.html, self.policy), expect=expect)

    @property
    def must_block(self) -> tuple[RequestSample, ...]:
        """Pages that must get the policy, one of which has none yet."""
        bare = RequestSample(
            "no policy yet",
            "/owa/?realm=x",
            response_headers=(self.html,),
            expect=(("content-security-policy", "; script-src-attr 'none'"),),
        )
        return self.page("/owa/"), self.page("/owa"), self.page("/OWA/popout.aspx?x"), bare

    @property
    def must_pass(self) -> tuple[RequestSample, ...]:
        """Responses that must stay as they are."""
        script = RequestSample(
            "script", "/owa/prem/x.js", response_headers=(("Content-Type", "text/javascript"),)
        )
        return script, self.page("/owa/auth/logon.aspx", expect=(self.policy,)), self.page("/ecp/", expect=())

    def test_the_rule_is_accepted(self) -> None:
        """With the pages it was widened to."""
        assert (
            through_the_gate(drafted(self.rule(), must_block=self.must_block, must_pass=self.must_pass)) == []
        )

    def test_an_address_as_sent_leaves_links_unprotected(self) -> None:
        """As released, the rule looked at REQUEST_URI, which may be as the attacker's link has it."""
        released = self.rule(self.pages.replace("($|", r"($|\?|"), "{REQUEST_URI}")

        lines = through_the_gate(drafted(released, must_block=self.must_block, must_pass=self.must_pass))

        assert len(lines) == len(self.must_block)
        assert all("which is the same with path letters percent-encoded" in line for line in lines)

    def test_a_forgotten_page_is_found(self) -> None:
        """As first released, the rule left pop-outs unprotected."""
        narrow = self.rule(r"^/owa/?($|default\.aspx|projection\.aspx)")

        (line,) = through_the_gate(drafted(narrow, must_block=self.must_block, must_pass=self.must_pass))

        assert "must-block sample '/OWA/popout.aspx?x' passes" in line
        assert "its preconditions are not met" in line

    def test_another_value_than_expected_is_found(self) -> None:
        """The header is compared as a whole."""
        other = self.page("/owa/", expect=(("Content-Security-Policy", "script-src-attr 'none'"),))

        (line,) = through_the_gate(
            drafted(self.rule(), must_block=(*self.must_block, other), must_pass=self.must_pass)
        )

        assert "would be \"default-src 'self'; script-src-attr 'none'\"" in line

    def test_a_page_that_must_stay_is_found(self) -> None:
        """A rule on every page changes the sign-in page as well."""
        lines = through_the_gate(
            drafted(self.rule(".*"), must_block=self.must_block, must_pass=self.must_pass)
        )

        assert len(lines) == 1
        assert "'/owa/auth/logon.aspx' is touched by rule A1" in lines[0]

    def test_an_outbound_sample_says_what_it_expects(self) -> None:
        """Otherwise nobody could tell whether it came out."""
        silent = self.page("/owa/", expect=())

        lines = through_the_gate(drafted(self.rule(), must_block=(silent,), must_pass=self.must_pass))

        assert "name the header in Expect" in lines[0]

    def test_only_response_headers_can_be_changed(self) -> None:
        """A variable without its prefix would be another thing altogether."""
        rule = self.rule()
        assert isinstance(rule.rule, OutboundRule)
        bare = replace(rule, rule=replace(rule.rule, variable="Content_Security_Policy"))

        assert "is no response header" in through_the_gate(drafted(bare, must_block=self.must_block))[0]
