"""A small world for the rules: two products, the updates of autumn 2022, and a mitigation for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from feedsrv.lints.finding import Finding
from feedsrv.lints.gate import Gate
from feedsrv.lints.iis_patterns import Matcher
from feedsrv.lints.ordinary import EXCHANGE
from feedsrv.lints.publication import FeedStep, Publication
from feedsrv.lints.run import RULES
from feedsrv.model.action import (
    AbortRequest,
    Action,
    Condition,
    DoNothing,
    InboundRule,
    Place,
    Scope,
    UrlRewrite,
)
from feedsrv.model.build import Build, BuildRange
from feedsrv.model.catalogue import Catalogue, CumulativeUpdate, Product, Release, UpdateStage
from feedsrv.model.feed import Entry, EntryState, Feed
from feedsrv.model.mitigation import Affects, Draft, Mitigation, RequestSample, Samples, Severity

AT: Final = datetime(2022, 10, 7, 12, 0, tzinfo=UTC)
REVIEW: Final = date(2022, 12, 31)
CVE: Final = "CVE-2022-41040"
SITE: Final = Place(Scope.SITE, site="Default Web Site")
FIRST_DIGEST: Final = "sha256-" + "A" * 43
OTHER_DIGEST: Final = "sha256-" + "B" * 43


def build(text: str) -> Build:
    """Shorthand for a build."""
    return Build.parse(text)


def span(introduced: str, fixed: str | None = None) -> BuildRange:
    """Shorthand for a range of builds."""
    return BuildRange(build(introduced), None if fixed is None else build(fixed))


def product(product_id: str, *builds: str, supported_until: date | None = None) -> Product:
    """A product that released these builds."""
    releases = tuple(Release(build(one), one, date(2020, 1, 1)) for one in builds)
    return Product(product_id, product_id, releases, supported_until)


def update(
    product_id: str,
    at_build: str,
    *,
    fixes: tuple[str, ...] = (CVE,),
    needless: tuple[str, ...] = (),
    stage: UpdateStage = UpdateStage.RELEASED,
) -> CumulativeUpdate:
    """A cumulative update, released unless said otherwise."""
    return CumulativeUpdate(
        product_id,
        build(at_build),
        f"update {at_build}",
        AT.date(),
        fixes=fixes,
        needless=needless,
        stage=stage,
    )


EXCHANGE_2016: Final = product(
    "exchange-2016", "15.1.225.42", "15.1.2375.7", "15.1.2375.32", "15.1.2507.6", "15.1.2507.13"
)
EXCHANGE_2019: Final = product(
    "exchange-2019", "15.2.221.12", "15.2.986.5", "15.2.986.30", "15.2.1118.7", "15.2.1118.15"
)
UPDATES_2016: Final = (update("exchange-2016", "15.1.2375.37"), update("exchange-2016", "15.1.2507.16"))
UPDATES_2019: Final = (update("exchange-2019", "15.2.986.36"), update("exchange-2019", "15.2.1118.20"))
CATALOGUE: Final = Catalogue.of([EXCHANGE_2016, EXCHANGE_2019], (*UPDATES_2016, *UPDATES_2019))
NO_UPDATES: Final = Catalogue.of([EXCHANGE_2016, EXCHANGE_2019])

FIXED: Final = (
    Affects("exchange-2016", (span("15.1.225.42", "15.1.2375.37"), span("15.1.2507.6", "15.1.2507.16"))),
    Affects("exchange-2019", (span("15.2.221.12", "15.2.986.36"), span("15.2.1118.7", "15.2.1118.20"))),
)
OPEN: Final = (
    Affects("exchange-2016", (span("15.1.225.42"),)),
    Affects("exchange-2019", (span("15.2.221.12"),)),
)
NOT_YET: Final = "No update fixes it yet; one is expected in November."

FINAL_RULE: Final = UrlRewrite(
    "A1",
    "PowerShell - inbound",
    SITE,
    InboundRule(
        ".*",
        AbortRequest(),
        conditions=(Condition("{UrlDecode:{REQUEST_URI}}", "(?=.*autodiscover)(?=.*powershell)"),),
    ),
)
BOTH_WORDS: Final = "Other requests that name both words are dropped, too."
SAMPLES: Final = Samples(
    must_block=(RequestSample("attack", "/autodiscover/autodiscover.json?@evil.example/powershell"),),
    must_pass=(RequestSample("Outlook finds its settings", "/autodiscover/autodiscover.xml", "POST"),),
    may_block=tuple(
        replace(one, known_issue=BOTH_WORDS)
        for one in EXCHANGE
        if one.name == "OWA: a link in a message to the help on a cmdlet"
    ),
)

GOOD: Final = Mitigation(
    id="M0001",
    revision=1,
    issued=AT,
    severity=Severity.CRITICAL,
    title="ProxyNotShell",
    description="Drops requests that reach PowerShell through Autodiscover.",
    review_by=REVIEW,
    affects=FIXED,
    actions=(FINAL_RULE,),
    vulnerabilities=(CVE,),
    known_issues=(BOTH_WORDS,),
)
STILL_OPEN: Final = replace(GOOD, affects=OPEN, no_fix_yet=NOT_YET)
HEARTBEAT: Final = replace(
    STILL_OPEN, id="PING1", title="Heartbeat", actions=(DoNothing("A1"),), vulnerabilities=(), no_fix_yet=None
)


def next_of(
    standing: Mitigation,
    *,
    affects: tuple[Affects, ...] | None = None,
    change: str = "Clearer words for people.",
) -> Mitigation:
    """The next revision; its Change says nothing of builds unless told otherwise."""
    ranges = affects or standing.affects
    is_open = any(one.fixed is None for named in ranges for one in named.ranges)
    return replace(
        standing,
        revision=standing.revision + 1,
        change=change,
        affects=ranges,
        no_fix_yet=NOT_YET if is_open else None,
    )


def publish(
    *mitigations: Mitigation,
    standing: tuple[Mitigation, ...] = (),
    catalogue: Catalogue = CATALOGUE,
    releasing: tuple[CumulativeUpdate, ...] = (),
    feeds: tuple[FeedStep, ...] = (),
    mitigation_key_ends: datetime | None = None,
    feed_key_ends: datetime | None = None,
    max_review: timedelta = timedelta(days=180),
) -> Publication:
    """A publication of these revisions over what stands."""
    return Publication(
        catalogue,
        tuple(Draft(one, SAMPLES if one.actions == (FINAL_RULE,) else Samples()) for one in mitigations),
        standing,
        AT,
        published_revisions={one.id: tuple(range(1, one.revision + 1)) for one in standing},
        feeds=feeds,
        mitigation_key_ends=mitigation_key_ends,
        feed_key_ends=feed_key_ends,
        max_review=max_review,
        releasing=releasing,
    )


def find(code: str, publication: Publication) -> list[Finding]:
    """What one rule objects to; every objection carries its code and says something."""
    findings = list(RULES[code](publication))
    assert all(finding.code == code and finding.sentence and finding.remedy for finding in findings)
    return findings


def told(code: str, publication: Publication) -> str:
    """The one objection of one rule, as a line."""
    (finding,) = find(code, publication)
    return str(finding)


def entry(mitigation_id: str, revision: int = 1, digest: str = FIRST_DIGEST, size: int = 1000) -> Entry:
    """An active entry."""
    return Entry(mitigation_id, revision, EntryState.ACTIVE, digest, size)


def feed(
    version: int,
    *entries: Entry,
    previous: str | None = FIRST_DIGEST,
    issued: datetime = AT,
    expires: datetime = datetime(2022, 10, 14, 12, 0, tzinfo=UTC),
    channel: str = "production",
) -> Feed:
    """A feed of exchange-2019."""
    return Feed("exchange-2019", channel, version, issued, expires, previous, entries)


def step(new: Feed, current: Feed | None, digest: str | None = FIRST_DIGEST) -> Publication:
    """A publication of one feed and no mitigation."""
    feeds: tuple[FeedStep, ...] = ((new, current, digest),)
    return publish(feeds=feeds)


def through_the_gate(draft: Draft) -> list[str]:
    """What the gate says, each as a line."""
    return [str(finding) for finding in Gate(draft, Matcher()).examine()]


def drafted(
    *actions: Action,
    must_block: tuple[RequestSample, ...] = SAMPLES.must_block,
    must_pass: tuple[RequestSample, ...] = SAMPLES.must_pass,
) -> Draft:
    """A draft of these actions and samples; what the final rule blocks beside the attack is stated."""
    may_block = SAMPLES.may_block if FINAL_RULE in actions else ()
    return Draft(replace(GOOD, actions=actions), Samples(must_block, must_pass, may_block))


def request(url: str, **headers: str) -> RequestSample:
    """A request, named after its URL or its first header."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return RequestSample(next(iter(headers.values()), url), url, headers=named)


def ruled(*conditions: Condition) -> UrlRewrite:
    """The final rule, with these conditions in place of its own."""
    return replace(FINAL_RULE, rule=InboundRule(".*", AbortRequest(), conditions=conditions))
