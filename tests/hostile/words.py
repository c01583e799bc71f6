"""Words signed by the publisher's own key that nobody may act on: outside the grammar, or contradictory."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from tests.hostile.flaws import FEED, MITIGATION, Flaw
from tests.hostile.genuine import Genuine

_INVALID: Final = "trust.content_invalid"
_SCHEMA: Final = "xml.schema"


def _said(old: bytes, new: bytes) -> Callable[[Genuine], bytes]:
    return lambda one: one.saying(old, new)


def _swapped(pattern: bytes) -> Callable[[Genuine], bytes]:
    """Two parts in each other's place."""
    return lambda one: one.resigned(re.sub(pattern, rb"\2\1", one.unsigned, count=1, flags=re.DOTALL))


def _again(pattern: bytes) -> Callable[[Genuine], bytes]:
    """A part twice."""
    return lambda one: one.resigned(re.sub(pattern, rb"\1\1", one.unsigned, count=1, flags=re.DOTALL))


def _without(pattern: bytes) -> Callable[[Genuine], bytes]:
    return lambda one: one.resigned(re.sub(pattern, b"", one.unsigned, count=0, flags=re.DOTALL))


def _in_root(attributes: bytes) -> Callable[[Genuine], bytes]:
    return lambda one: one.saying(
        b"<" + one.root_name + b" ", b"<" + one.root_name + b" " + attributes + b" "
    )


_XSI: Final = b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
_XINCLUDE: Final = (
    b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
)


def _schema(
    name: str, wrong: str, make: Callable[[Genuine], bytes], kinds: tuple[object, ...] | None = None
) -> Flaw:
    flaw = Flaw(name, wrong, _INVALID, make, reader=_SCHEMA)
    if kinds is None:
        return flaw
    return Flaw(name, wrong, _INVALID, make, FEED if kinds == FEED else MITIGATION, reader=_SCHEMA)


def _meaning(
    name: str, wrong: str, make: Callable[[Genuine], bytes], kinds: tuple[object, ...], code: str
) -> Flaw:
    return Flaw(name, wrong, _INVALID, make, FEED if kinds == FEED else MITIGATION, reader=code)


WORDS: Final = (
    _schema("unknown-attribute", "the root has an attribute that nobody knows", _in_root(b'urgent="true"')),
    _schema("other-type", "the root names a type of its own", _in_root(_XSI + b'xsi:type="Anything"')),
    _schema("nil", "the root says that it is nothing", _in_root(_XSI + b'xsi:nil="true"')),
    _schema(
        "xinclude",
        "an XInclude asks for a file",
        lambda g: g.resigned(re.sub(rb"(</" + g.root_name + rb">)", _XINCLUDE + rb"\1", g.unsigned)),
    ),
    _schema(
        "unknown-element",
        "an element that nobody knows stands at the end",
        lambda g: g.resigned(re.sub(rb"(</" + g.root_name + rb">)", rb"<Extra/>\1", g.unsigned)),
    ),
    _schema(
        "words-between-elements",
        "words stand between the elements",
        lambda g: g.resigned(re.sub(rb"(</" + g.root_name + rb">)", rb"words\1", g.unsigned)),
    ),
    _schema("no-product", "the feed names no product", _said(b' product="exchange-2019"', b""), FEED),
    _schema("product-with-a-path", "the product climbs", _said(b"exchange-2019", b"../../etc"), FEED),
    _schema("channel-in-capitals", "the channel is in capitals", _said(b'"production"', b'"PRODUCTION"')),
    _schema("no-poll", "the feed does not say how often to poll", _without(rb"<Poll [^>]*/>"), FEED),
    _schema("poll-backwards", "the poll interval is negative", _said(b'interval="', b'interval="-'), FEED),
    _schema("poll-never", "the poll interval is zero", _said(b'interval="3600"', b'interval="0"'), FEED),
    _schema("state-unknown", "a state that nobody knows", _said(b'state="active"', b'state="perhaps"'), FEED),
    _schema(
        "size-zero",
        "a mitigation of no bytes",
        lambda g: g.resigned(re.sub(rb' size="\d+"', b' size="0"', g.unsigned)),
        FEED,
    ),
    _schema("rollout-of-101", "a rollout of 101 percent", _said(b'percent="100"', b'percent="101"'), FEED),
    _schema("rollout-backwards", "a rollout of -1 percent", _said(b'percent="100"', b'percent="-1"'), FEED),
    _schema("digest-by-md5", "a digest by MD5", _said(b'digest="sha256-', b'digest="md5-'), FEED),
    _schema(
        "href-climbs", "an address climbs", _said(b'href="mitigations/', b'href="../../mitigations/'), FEED
    ),
    _schema(
        "href-elsewhere",
        "an address is elsewhere",
        _said(b'href="mitigations/', b'href="https://evil.example/'),
        FEED,
    ),
    _schema("id-climbs", "a mitigation's id climbs", _said(b' id="M0001"', b' id="../M1"')),
    _schema(
        "role-unknown",
        "a certificate is announced for a role that nobody knows",
        _said(b'role="root"', b'role="god"'),
        FEED,
    ),
    _meaning(
        "href-of-another",
        "an address is that of another mitigation",
        _said(b"mitigations/M0001/1.xml", b"mitigations/M0002/1.xml"),
        FEED,
        "feed.contradiction",
    ),
    _meaning(
        "entry-twice",
        "a mitigation is listed twice",
        _again(rb"(<Entry .*?</Entry>\s*)"),
        FEED,
        "feed.contradiction",
    ),
    _meaning(
        "entries-out-of-order",
        "the entries are out of order",
        _swapped(rb"(<Entry .*?</Entry>\s*)(<Entry .*?</Entry>\s*)"),
        FEED,
        "feed.contradiction",
    ),
    _meaning(
        "announced-under-another-digest",
        "an announced certificate has another SHA-256 than is said",
        lambda g: g.resigned(re.sub(rb'(sha256=")[0-9a-f]{8}', rb"\g<1>00000000", g.unsigned)),
        FEED,
        "feed.contradiction",
    ),
    _meaning(
        "announced-twice",
        "a certificate is announced twice",
        _again(rb"(<Next .*?</Next>\s*)"),
        FEED,
        "feed.contradiction",
    ),
    _schema(
        "severity-unknown",
        "a severity that nobody knows",
        _said(b'severity="', b'severity="very '),
        MITIGATION,
    ),
    _schema(
        "status-unknown",
        "a status that nobody knows",
        _said(b'status="active"', b'status="maybe"'),
        MITIGATION,
    ),
    _schema("no-title", "there is no title", _without(rb"<Title>.*</Title>"), MITIGATION),
    _schema(
        "title-empty",
        "the title is empty",
        lambda g: g.resigned(re.sub(rb"<Title>.*?</Title>", b"<Title> </Title>", g.unsigned)),
        MITIGATION,
    ),
    _schema(
        "title-endless",
        "the title has 4001 characters",
        _said(b"<Title>", b"<Title>" + b"a" * 4001),
        MITIGATION,
    ),
    _schema("no-actions", "there are no actions", _without(rb"<Actions>.*</Actions>"), MITIGATION),
    _schema(
        "nothing-to-do",
        "the actions are empty",
        lambda g: g.resigned(re.sub(rb"<Actions>.*</Actions>", b"<Actions/>", g.unsigned, flags=re.DOTALL)),
        MITIGATION,
    ),
    _schema(
        "action-unknown",
        "an action that nobody knows",
        lambda g: g.resigned(
            g.unsigned.replace(b"<UrlRewrite ", b"<RunScript ").replace(b"</UrlRewrite>", b"</RunScript>")
        ),
        MITIGATION,
    ),
    _schema(
        "script-beside-the-action",
        "an action runs a script",
        _said(b"<Actions>", b'<Actions><PowerShell id="A2">Remove-Item</PowerShell>'),
        MITIGATION,
    ),
    _schema(
        "syntax-unknown",
        "a pattern in a dialect that nobody knows",
        _said(b'syntax="ECMAScript"', b'syntax="Perl"'),
        MITIGATION,
    ),
    _schema(
        "flag-of-another-spelling",
        "a flag says yes in its own way",
        _said(b'ignoreCase="true"', b'ignoreCase="TRUE"'),
        MITIGATION,
    ),
    _schema(
        "reference-by-script",
        "a reference is a script",
        _said(b'href="https://', b'href="javascript:'),
        MITIGATION,
    ),
    _schema(
        "build-of-three",
        "a build has three numbers",
        _said(b'introduced="15.1.225.42"', b'introduced="15.1.225"'),
        MITIGATION,
    ),
    _schema(
        "review-never", "there is no day to review by", _without(rb"<ReviewBy>.*</ReviewBy>"), MITIGATION
    ),
    _schema(
        "review-on-no-day",
        "the day to review by does not exist",
        lambda g: g.resigned(re.sub(rb"(<ReviewBy>).*?<", rb"\g<1>2026-02-30<", g.unsigned)),
        MITIGATION,
    ),
    _meaning(
        "range-backwards",
        "a range ends before it begins",
        _said(b'introduced="15.1.225.42"', b'introduced="15.1.9999.0"'),
        MITIGATION,
        "build.empty_range",
    ),
    _meaning(
        "product-twice",
        "a product is named twice",
        _again(rb"(<Affects .*?</Affects>\s*)"),
        MITIGATION,
        _SCHEMA,
    ),
    _meaning(
        "action-id-twice",
        "two actions have the same id",
        _again(rb"(<UrlRewrite .*?</UrlRewrite>\s*)"),
        MITIGATION,
        _SCHEMA,
    ),
    _meaning(
        "supersedes-itself",
        "the mitigation supersedes itself",
        _said(b"<Affects ", b'<Supersedes id="M0001"/><Affects '),
        MITIGATION,
        "mitigation.contradiction",
    ),
)
