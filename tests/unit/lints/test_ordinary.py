"""Ordinary traffic is asked of every rule, and what a rule blocks of it is stated or refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from feedsrv.lints.ordinary import EXCHANGE, SKYPE, is_same, ordinary_for
from feedsrv.model.action import AbortRequest, Condition, InboundRule, Rewrite, UrlRewrite
from feedsrv.model.mitigation import Affects, Draft, RequestSample, Samples
from tests.unit.lints.examples import (
    BOTH_WORDS,
    FINAL_RULE,
    GOOD,
    SAMPLES,
    drafted,
    request,
    ruled,
    span,
    through_the_gate,
)

EVERYTHING = replace(FINAL_RULE, rule=InboundRule(".*", AbortRequest()))


def for_products(*products: str) -> tuple[str, ...]:
    """Names of the requests that a mitigation for these is asked about."""
    affects = tuple(Affects(product, (span("15.2.221.12"),)) for product in products)
    return tuple(one.name for one in ordinary_for(replace(GOOD, affects=affects, no_fix_yet="None yet.")))


def stating(*, known_issue: str = BOTH_WORDS, rule: UrlRewrite = FINAL_RULE) -> Draft:
    """A draft that states one request, by that known issue."""
    stated = tuple(replace(one, known_issue=known_issue) for one in SAMPLES.may_block)
    samples = Samples(SAMPLES.must_block, SAMPLES.must_pass, stated)
    return replace(drafted(rule), samples=samples)


def test_no_two_requests_are_the_same() -> None:
    """Or one could not be stated without the other; and names are for people to tell them apart."""
    for family in EXCHANGE, SKYPE:
        assert len({(one.method, one.url) for one in family}) == len(family)
        assert len({one.name for one in family}) == len(family)


def test_each_product_is_asked_about_its_own() -> None:
    """What a server is never sent cannot suffer; an unknown product may be sent anything."""
    exchange, skype = tuple(one.name for one in EXCHANGE), tuple(one.name for one in SKYPE)

    assert for_products("exchange-2019", "exchange-se") == exchange
    assert for_products("sfb-2019") == skype
    assert for_products("exchange-2019", "sfb-2015") == exchange + skype
    assert for_products("biztalk-2020") == exchange + skype


@pytest.mark.parametrize("ordinary", [*EXCHANGE, *SKYPE], ids=lambda one: one.name.replace(" ", "-"))
def test_a_rule_for_that_very_address_is_found(ordinary: RequestSample) -> None:
    """Each of them counts; none is there for show."""
    path = ordinary.url.partition("?")[0].strip("/")
    rule = replace(FINAL_RULE, rule=InboundRule(f"^{path}/?$".replace(".", r"\."), AbortRequest()))
    draft = drafted(rule, must_block=(request(f"/{path}"),))
    mixed = replace(
        draft.mitigation, affects=(Affects("any-product", (span("15.2.221.12", "15.2.986.36"),)),)
    )

    lines = through_the_gate(replace(draft, mitigation=mixed))

    assert any("ordinary traffic" in line and "is touched by rule A1" in line for line in lines)


def test_a_rule_that_blocks_everything_is_told_once() -> None:
    """With a few names, not with fifty lines."""
    lines = [line for line in through_the_gate(drafted(EVERYTHING)) if "ordinary traffic" in line]

    (line,) = lines
    assert f"so are {len(EXCHANGE) - 1} others, such as 'OWA: the sign-in page'" in line


def test_sending_people_elsewhere_counts_as_blocking() -> None:
    """A rewrite that catches everybody breaks as much."""
    lines = through_the_gate(drafted(replace(FINAL_RULE, rule=InboundRule("^ecp", Rewrite("/blocked")))))

    assert any("ordinary traffic, 'Exchange admin center: the way in'" in line for line in lines)


class TestStating:
    """A known issue excuses one request, and only by its own words."""

    def test_what_is_stated_is_accepted(self) -> None:
        """The issue is signed and published; the request stays in the house."""
        assert through_the_gate(stating()) == []

    def test_an_issue_that_is_not_there_excuses_nothing(self) -> None:
        """Its words must be those of a KnownIssue of the mitigation."""
        (line,) = through_the_gate(stating(known_issue="Others"))

        assert (
            "may-block sample 'OWA: a link in a message to the help on a cmdlet' names a known issue" in line
        )

    def test_a_statement_that_is_not_true_is_refused(self) -> None:
        """Else the feed would go on warning of what was mended."""
        narrow = ruled(Condition("{URL}", "never"))

        lines = through_the_gate(stating(rule=narrow))

        assert any("may-block sample" in line and "take it out" in line for line in lines)

    def test_the_name_alone_excuses_nothing(self) -> None:
        """Only the very request that was stated: method and address."""
        draft = stating()
        (stated,) = draft.samples.may_block
        other = replace(stated, url="/owa/?a=autodiscover&b=powershell")

        lines = through_the_gate(replace(draft, samples=replace(draft.samples, may_block=(other,))))

        assert not is_same(stated, other)
        assert any("ordinary traffic, 'OWA: a link in a message" in line for line in lines)

    def test_a_request_of_the_author_can_be_stated_as_well(self) -> None:
        """Whoever knows of one more says so."""
        draft = stating()
        own = replace(request("/ecp/?q=powershell+autodiscover"), known_issue=BOTH_WORDS)

        samples = replace(draft.samples, may_block=(*draft.samples.may_block, own))

        assert through_the_gate(replace(draft, samples=samples)) == []
