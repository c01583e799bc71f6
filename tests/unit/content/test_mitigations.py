"""Every mitigation that ships can be imported, passes review, and does what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from feedsrv.lints.finding import Finding
from feedsrv.model.action import AppPool, DoNothing, InboundRule, OutboundRule, Scope, Service, UrlRewrite
from feedsrv.model.build import Build
from feedsrv.model.catalogue import Catalogue
from feedsrv.model.mitigation import HEARTBEAT, PRODUCTION, Draft, Severity

EXERCISES = {"M0004", "M0005", "M0006", "M0007"}


def test_each_file_is_named_after_its_mitigation(drafts: dict[str, Draft]) -> None:
    """A copied file whose id was forgotten would become a revision of another mitigation."""
    assert {name: draft.mitigation.id for name, draft in drafts.items()} == {name: name for name in drafts}


def test_the_heartbeat_and_the_three_real_ones_are_for_production(drafts: dict[str, Draft]) -> None:
    """These four go out to everybody; nothing else does."""
    to_all = {name for name, draft in drafts.items() if draft.mitigation.channel == PRODUCTION}

    assert to_all == {HEARTBEAT, "M0001", "M0002", "M0003"}


def test_exercises_never_reach_production(drafts: dict[str, Draft]) -> None:
    """They are on preview, harmless, and say so in the first word."""
    exercises = {name: draft.mitigation for name, draft in drafts.items() if name in EXERCISES}

    assert set(exercises) == EXERCISES
    for mitigation in exercises.values():
        assert mitigation.title.startswith("Exercise:")
        assert mitigation.channel == "preview"
        assert mitigation.severity is Severity.LOW
        assert mitigation.vulnerabilities == ()


def test_all_together_pass_review(
    drafts: dict[str, Draft], review: Callable[[Iterable[Draft]], tuple[Finding, ...]]
) -> None:
    """The rules of review, S10 with every sample among them, have nothing to say."""
    findings = review(drafts.values())

    assert [str(finding) for finding in findings] == []


@pytest.mark.parametrize("name", ["M0001", "M0002", "M0003", "M0006", "M0007"])
def test_each_rule_is_proved_by_samples_of_both_kinds(drafts: dict[str, Draft], name: str) -> None:
    """Every rule has an attack that it has to stop itself; every file has something to let through."""
    draft = drafts[name]

    rules = {action.id for action in draft.mitigation.actions if isinstance(action, UrlRewrite)}
    proved = {sample.action for sample in draft.samples.must_block}

    assert proved == rules
    assert draft.samples.must_pass


def test_a_dull_rule_would_not_pass(
    read: Callable[[bytes, str], Draft],
    folder: Path,
    review: Callable[[Iterable[Draft]], tuple[Finding, ...]],
) -> None:
    """The samples bite: a rule that blocks nothing, or everything, is refused for each of them."""
    for name, pattern in (
        ("M0001", b"(?=.*autodiscover)(?=.*powershell)"),
        ("M0003", b"(.*)X-AnonResource-Backend(.*)"),
        ("M0007", b"^feedsrv-exercise/"),
    ):
        text = (folder / f"{name}.xml").read_bytes()
        for dull in (b"never-seen-anywhere", b"^"):
            changed = text.replace(b'pattern="' + pattern + b'"', b'pattern="' + dull + b'"')
            assert changed != text

            findings = review([read(changed, name)])

            assert {finding.code for finding in findings} == {"S10"}, (name, dull)


def test_the_heartbeat_is_for_every_product_from_its_first_build(
    drafts: dict[str, Draft], catalogue: Catalogue
) -> None:
    """PING1 does nothing, everywhere, for ever."""
    heartbeat = drafts[HEARTBEAT].mitigation

    assert heartbeat.actions == (DoNothing("A1"),)
    for product in catalogue.products.values():
        assert all(heartbeat.affects_build(product.id, release.build) for release in product.releases)
    assert heartbeat.has_open_range


@pytest.mark.parametrize(
    ("name", "product", "build", "affected"),
    [
        ("M0001", "exchange-2019", "15.2.221.12", True),  # RTM
        ("M0001", "exchange-2019", "15.2.922.27", True),  # CU10 never got the fix
        ("M0001", "exchange-2019", "15.2.986.30", True),
        ("M0001", "exchange-2019", "15.2.986.36", False),
        ("M0001", "exchange-2019", "15.2.986.42", False),
        ("M0001", "exchange-2019", "15.2.1118.7", True),  # CU12 is higher, and still without it
        ("M0001", "exchange-2019", "15.2.1118.15", True),
        ("M0001", "exchange-2019", "15.2.1118.20", False),
        ("M0001", "exchange-2019", "15.2.1258.12", False),  # CU13 came with it
        ("M0001", "exchange-2016", "15.1.2375.32", True),
        ("M0001", "exchange-2016", "15.1.2375.37", False),
        ("M0001", "exchange-2016", "15.1.2507.13", True),
        ("M0001", "exchange-2016", "15.1.2507.16", False),
        ("M0001", "exchange-se", "15.2.2562.17", False),
        ("M0002", "exchange-2016", "15.1.2507.69", True),
        ("M0002", "exchange-2019", "15.2.986.5", True),
        ("M0002", "exchange-se", "15.2.2562.43", True),  # June 2026: keep it
        ("M0003", "exchange-2019", "15.2.721.8", True),
        ("M0003", "exchange-2019", "15.2.721.13", False),
        ("M0003", "exchange-2019", "15.2.792.3", True),  # CU8 without its security update
        ("M0003", "exchange-2019", "15.2.792.10", False),
        ("M0003", "exchange-2019", "15.2.858.5", False),  # CU9 came with the fix
        ("M0003", "exchange-2016", "15.1.544.27", True),  # CU3 never got one
        ("M0003", "exchange-2016", "15.1.2176.4", True),
        ("M0003", "exchange-2016", "15.1.2176.9", False),
        ("M0003", "exchange-2016", "15.1.2242.4", False),  # CU20
    ],
)
def test_ranges_follow_the_branches(
    drafts: dict[str, Draft], name: str, product: str, build: str, affected: bool
) -> None:
    """Each cumulative update got its own security update, so a higher build may be the open one."""
    assert drafts[name].mitigation.affects_build(product, Build.parse(build)) is affected


def test_proxynotshell_is_the_pattern_that_stood(drafts: dict[str, Draft]) -> None:
    """Decoded, free of order, on the site, and the connection is dropped."""
    (action,) = drafts["M0001"].mitigation.actions

    assert isinstance(action, UrlRewrite)
    assert str(action.place) == "Default Web Site"
    assert isinstance(action.rule, InboundRule)
    assert action.rule.stop_processing
    (condition,) = action.rule.conditions
    assert condition.input == "{UrlDecode:{REQUEST_URI}}"
    assert condition.pattern == "(?=.*autodiscover)(?=.*powershell)"
    assert condition.ignore_case


def test_outlook_on_the_web_says_what_breaks_and_when_it_ends(drafts: dict[str, Draft]) -> None:
    """An outbound rule on /owa, its side effects in the feed, and open ranges that say why."""
    mitigation = drafts["M0002"].mitigation
    (action,) = mitigation.actions
    issues = " ".join(mitigation.known_issues)

    assert isinstance(action, UrlRewrite)
    assert isinstance(action.rule, OutboundRule)
    assert (action.place.scope, str(action.place)) == (Scope.APPLICATION, "Default Web Site/owa")
    assert action.rule.outcome.value == "{R:1}; script-src-attr 'none'"
    for words in ("Print Calendar", "inline images", "layout=light", "500", "OWACalendar.Proxy", "Explorer"):
        assert words in issues
    assert mitigation.has_open_range
    assert "July 2026" in (mitigation.no_fix_yet or "")


def test_proxylogon_has_two_rules_for_the_whole_server(drafts: dict[str, Draft]) -> None:
    """Both cookies, wherever they are sent."""
    actions = drafts["M0003"].mitigation.actions

    rules = [action for action in actions if isinstance(action, UrlRewrite)]
    patterns = [
        (condition.input, condition.pattern)
        for action in rules
        if isinstance(action.rule, InboundRule)
        for condition in action.rule.conditions
    ]

    assert all(action.place.scope is Scope.SERVER for action in rules)
    assert patterns == [
        ("{HTTP_COOKIE}", "(.*)X-AnonResource-Backend(.*)"),
        ("{HTTP_COOKIE}", "X-BEResource=[^;/]*/[^;~]*~"),
    ]


def test_there_is_an_exercise_for_each_kind_of_change(drafts: dict[str, Draft]) -> None:
    """A pool, a service and a rule; and something to practise with on Skype for Business Server."""
    kinds = {type(action) for name in EXERCISES for action in drafts[name].mitigation.actions}
    products = {product for name in EXERCISES for product in drafts[name].mitigation.products}

    assert kinds == {AppPool, Service, UrlRewrite}
    assert products == {"exchange-2016", "exchange-2019", "exchange-se", "sfb-2015", "sfb-2019"}
