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
from tests.unit.lints.examples import FINAL_RULE, SITE, drafted, request, through_the_gate


class TestProxyNotShell:
    """The five revisions that the rule for CVE-2022-41040 went through in eight days of 2022."""

    must_block = (
        request(
            "/autodiscover/autodiscover.json?@evil.example/owa/?&Email=autodiscover/autodiscover.json?@evil.example&FooProtocol=Powershell"
        ),
        request("/autodiscover/autodiscover.json?a=b/PowerShell"),
        request("/autodiscover/autodiscover%2ejson?a=b/PowerShell"),
        request("/autodiscover/autodiscover.json?a=b/P%6fwerShell"),
        request("/PowerShell/?x=autodiscover/autodiscover.json"),
        request("/AUTODISCOVER/AUTODISCOVER.JSON?A@B/POWERSHELL"),
    )
    must_pass = (
        request("/autodiscover/autodiscover.xml"),
        request("/autodiscover/autodiscover.json?Email=anna@contoso.example&Protocol=ActiveSync"),
        request("/powershell?clientApplication=ActiveMonitor"),
        request("/owa/?layout=light"),
    )

    def gate(self, condition: Condition) -> list[str]:
        """What the gate says of the rule with that condition."""
        rule = replace(FINAL_RULE, rule=InboundRule(".*", AbortRequest(), conditions=(condition,)))
        return through_the_gate(drafted(rule, must_block=self.must_block, must_pass=self.must_pass))

    def test_an_at_sign_was_needed(self) -> None:
        """First revision: a request without it passes."""
        lines = self.gate(Condition("{REQUEST_URI}", r".*autodiscover\.json.*\@.*Powershell.*"))

        assert len(lines) == 4
        assert "must-block sample '/autodiscover/autodiscover.json?a=b/PowerShell' passes" in lines[0]
        assert "does not match {REQUEST_URI} '/autodiscover/autodiscover.json?a=b/PowerShell'" in lines[0]

    def test_encoded_characters_passed(self) -> None:
        """Second revision: `%2e` for a dot in the path, `%6f` for a letter in the query."""
        lines = self.gate(Condition("{REQUEST_URI}", r".*autodiscover\.json.*Powershell.*"))

        assert len(lines) == 3
        assert "autodiscover%2ejson" in lines[0]
        assert "P%6fwerShell" in lines[1]

    def test_a_stray_space_stood_in_the_input(self) -> None:
        """Third revision: named as such, beside the order of words."""
        lines = self.gate(Condition("{UrlDecode: {REQUEST_URI}}", r".*autodiscover\.json.*Powershell.*"))

        assert len(lines) == 2
        assert "{UrlDecode:...} has a stray space inside its braces" in lines[0]

    def test_the_order_of_words_mattered(self) -> None:
        """Fourth revision: the words the other way round pass."""
        lines = self.gate(Condition("{UrlDecode:{REQUEST_URI}}", r".*autodiscover\.json.*Powershell.*"))

        assert len(lines) == 1
        assert "must-block sample '/PowerShell/?x=autodiscover/autodiscover.json' passes" in lines[0]

    def test_the_final_revision_is_accepted(self) -> None:
        """Order-free, and decoded."""
        assert self.gate(Condition("{UrlDecode:{REQUEST_URI}}", "(?=.*autodiscover)(?=.*powershell)")) == []

    def test_its_known_false_positive_is_found_by_a_sample(self) -> None:
        """Any URL that names both words is blocked; whoever minds says so."""
        search = request("/ecp/search?q=powershell+for+autodiscover")
        lines = through_the_gate(
            drafted(FINAL_RULE, must_block=self.must_block, must_pass=(*self.must_pass, search))
        )

        assert len(lines) == 1
        assert (
            "must-pass sample '/ecp/search?q=powershell+for+autodiscover' is touched by rule A1" in lines[0]
        )

    @pytest.mark.parametrize(
        "slip",
        [
            replace(FINAL_RULE, rule=replace(FINAL_RULE.rule, negate=True)),
            replace(FINAL_RULE, rule=replace(FINAL_RULE.rule, pattern="^autodiscover")),
            replace(FINAL_RULE, rule=replace(FINAL_RULE.rule, syntax=Syntax.WILDCARD)),
            replace(FINAL_RULE, place=Place(Scope.APPLICATION, "Default Web Site", "/autodiscover")),
        ],
    )
    def test_other_slips_are_found_too(self, slip: UrlRewrite) -> None:
        """Negated, anchored, in the wrong syntax, in too small a place."""
        assert through_the_gate(drafted(slip, must_block=self.must_block, must_pass=self.must_pass))


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
            ".*", AbortRequest(), conditions=(Condition("{HTTP_COOKIE}", r"(.*)X-BEResource=(.+)/(.+)~(.+)"),)
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
    pages = r"^/owa/?($|\?|default\.aspx|projection\.aspx|readingPane\.aspx|popout\.aspx)"
    html = ("Content-Type", "text/html; charset=utf-8")
    policy = ("Content-Security-Policy", "default-src 'self'")
    wanted = (("Content-Security-Policy", "default-src 'self'; script-src-attr 'none'"),)

    def rule(self, pages: str = pages) -> UrlRewrite:
        """The rule, for these pages."""
        tests = Condition("{RESPONSE_CONTENT_TYPE}", "^text/html"), Condition("{REQUEST_URI}", pages)
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

    def test_a_forgotten_page_is_found(self) -> None:
        """As first released, the rule left pop-outs unprotected."""
        narrow = self.rule(r"^/owa/?($|\?|default\.aspx|projection\.aspx)")

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
