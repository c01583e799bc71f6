"""The five patterns of CVE-2022-41040: four fell in eight days, and good samples would have refused each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from feedsrv.lints.finding import Finding
from feedsrv.model.action import Condition, InboundRule, UrlRewrite
from feedsrv.model.mitigation import Draft

Review = Callable[[Iterable[Draft]], tuple[Finding, ...]]

AS_SENT = "{REQUEST_URI}"
DECODED = "{UrlDecode:{REQUEST_URI}}"
STRAY_BLANK = "{UrlDecode: {REQUEST_URI}}"
WITH_AT_SIGN = r".*autodiscover\.json.*\@.*Powershell.*"
IN_ONE_ORDER = r".*autodiscover\.json.*Powershell.*"
FREE_OF_ORDER = "(?=.*autodiscover)(?=.*powershell)"


def with_condition(draft: Draft, given: str, pattern: str) -> Draft:
    """The draft with its rule's one condition replaced; samples, ranges and all else stay."""
    (action,) = draft.mitigation.actions
    assert isinstance(action, UrlRewrite)
    assert isinstance(action.rule, InboundRule)
    rule = replace(action.rule, conditions=(Condition(given, pattern),))
    return replace(draft, mitigation=replace(draft.mitigation, actions=(replace(action, rule=rule),)))


@pytest.mark.parametrize(
    ("given", "pattern", "passed_through"),
    [
        (AS_SENT, WITH_AT_SIGN, "without an at sign"),
        (AS_SENT, IN_ONE_ORDER, "a letter of PowerShell encoded"),
        (STRAY_BLANK, IN_ONE_ORDER, None),
        (DECODED, IN_ONE_ORDER, "PowerShell before Autodiscover"),
    ],
    ids=["30 September", "3 October", "5 October", "6 October"],
)
def test_a_pattern_that_fell_is_refused_before_it_is_published(
    drafts: dict[str, Draft], review: Review, given: str, pattern: str, passed_through: str | None
) -> None:
    """S10 refuses it, and names the sample that gets through, or the slip."""
    findings = review([with_condition(drafts["M0001"], given, pattern)])

    said = " | ".join(str(finding) for finding in findings)
    assert {finding.code for finding in findings} == {"S10"}
    assert (passed_through or STRAY_BLANK) in said


def test_the_pattern_that_stood_passes(drafts: dict[str, Draft], review: Review) -> None:
    """7 October 2022: the same samples, and nothing to say."""
    findings = review([with_condition(drafts["M0001"], DECODED, FREE_OF_ORDER)])

    assert [str(finding) for finding in findings] == []


def test_what_blocks_too_much_is_refused_as_well(drafts: dict[str, Draft], review: Review) -> None:
    """Blocking all of Autodiscover stops the attack, and every Outlook."""
    findings = review([with_condition(drafts["M0001"], DECODED, "autodiscover")])

    said = " | ".join(str(finding) for finding in findings)
    assert {finding.code for finding in findings} == {"S10"}
    assert "Outlook finds its settings" in said
