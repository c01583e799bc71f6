"""Genuine documents of another time or place, and versions and dates that no calendar knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from feedsrv.model.feed import Entry, digest_of
from tests.hostile.flaws import FEED, MITIGATION, Context, Flaw
from tests.hostile.genuine import AT, REVISION, VERSION, Genuine, entry_of

_SECOND: Final = timedelta(seconds=1)
_INVALID: Final = "trust.content_invalid"
_SCHEMA: Final = "xml.schema"


def _entry(**changes: Any) -> Callable[[Genuine], Entry]:  # noqa: ANN401 - fields of an entry
    return lambda one: replace(entry_of(one), **changes)


TIMES: Final = (
    Flaw(
        "replayed",
        "version 8 is trusted already",
        "feed.stale",
        kinds=FEED,
        context=Context(held=VERSION + 1),
    ),
    Flaw(
        "replayed-from-long-ago",
        "version 999999999 is trusted already",
        "feed.stale",
        kinds=FEED,
        context=Context(held=999_999_999),
    ),
    Flaw(
        "replayed-revision",
        "a higher revision is held already",
        "mitigation.older_revision",
        kinds=MITIGATION,
        context=Context(held=REVISION + 1),
    ),
    Flaw(
        "frozen",
        "the feed ended this second",
        "feed.expired",
        kinds=FEED,
        context=Context(after=timedelta(days=2)),
    ),
    Flaw(
        "frozen-for-weeks",
        "the feed ended weeks ago",
        "feed.expired",
        kinds=FEED,
        context=Context(after=timedelta(days=60)),
    ),
    Flaw(
        "replayed-and-frozen",
        "the feed ended weeks ago, and a newer one is trusted",
        "feed.stale",
        kinds=FEED,
        context=Context(after=timedelta(days=60), held=VERSION + 1),
    ),
    Flaw(
        "outlives-its-signer",
        "the feed expires a second after its signer's certificate",
        "feed.outlives_certificate",
        lambda g: _feed_until(g, b"2027-05-14T12:30:01Z"),
        kinds=FEED,
    ),
    Flaw(
        "outlives-everybody",
        "the feed expires in the year 9999",
        "feed.outlives_certificate",
        lambda g: _feed_until(g, b"9999-12-31T23:59:59Z"),
        kinds=FEED,
    ),
    Flaw(
        "of-the-future",
        "the feed and its signer's certificate are tomorrow's",
        "trust.certificate_not_yet_valid",
        lambda g: g.under(leaf={"begins": timedelta(days=1)}),
        kinds=FEED,
    ),
    Flaw(
        "expired-before-it-was-issued",
        "the feed expires before it was issued",
        _INVALID,
        lambda g: _feed_until(g, b"2026-05-14T11:00:00Z"),
        kinds=FEED,
        reader="feed.contradiction",
    ),
    Flaw(
        "another-history",
        "another document is trusted already as this very version",
        "feed.forked",
        kinds=FEED,
        context=Context(held=VERSION, held_digest=digest_of(b"another version 7")),
    ),
)


def _feed_until(one: Genuine, moment: bytes) -> bytes:
    usual = f'expires="{AT + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"'.encode()
    return one.saying(usual, b'expires="' + moment + b'"')


MISDIRECTED: Final = (
    Flaw(
        "other-product",
        "the feed is another product's",
        "feed.other",
        kinds=FEED,
        context=Context(product="exchange-2016"),
    ),
    Flaw(
        "other-channel",
        "the feed is another channel's",
        "feed.other",
        kinds=FEED,
        context=Context(channel="preview"),
    ),
    Flaw(
        "product-not-named",
        "the mitigation does not name this product",
        "mitigation.other_product",
        kinds=MITIGATION,
        context=Context(product="exchange-2013"),
    ),
    Flaw(
        "written-for-a-preview",
        "the mitigation was written for the preview channel",
        "mitigation.other_channel",
        lambda g: g.saying(b' channel="production"', b' channel="preview"'),
        kinds=MITIGATION,
    ),
    Flaw(
        "other-size",
        "the feed names another size",
        "mitigation.size_mismatch",
        kinds=MITIGATION,
        context=Context(entry=_entry(size=1)),
    ),
    Flaw(
        "one-byte-more",
        "there is a line end more than the feed says",
        "mitigation.size_mismatch",
        lambda g: g.signed + b"\n",
        kinds=MITIGATION,
        context=Context(entry=_entry()),
    ),
    Flaw(
        "other-digest",
        "the feed names another digest",
        "mitigation.digest_mismatch",
        kinds=MITIGATION,
        context=Context(entry=_entry(digest=digest_of(b"another"))),
    ),
    Flaw(
        "other-bytes-of-one-size",
        "a blank outside what is signed has become a line end",
        "mitigation.digest_mismatch",
        lambda g: g.altered(b'encoding="UTF-8"?>\n', b'encoding="UTF-8"?> '),
        kinds=MITIGATION,
        context=Context(entry=_entry()),
    ),
    Flaw(
        "other-id",
        "the feed names another mitigation",
        "mitigation.other",
        kinds=MITIGATION,
        context=Context(entry=_entry(id="M0002")),
    ),
    Flaw(
        "other-revision",
        "the feed names another revision",
        "mitigation.other",
        kinds=MITIGATION,
        context=Context(entry=_entry(revision=2)),
    ),
)

# What stands where a number should, signed by the publisher's own key.
_NUMBERS: Final[dict[str, str]] = {
    "negative": "-1",
    "zero": "0",
    "leading-zero": "07",
    "with-a-sign": "+7",
    "with-a-point": "7.0",
    "with-an-exponent": "7e0",
    "hexadecimal": "0x7",
    "of-ten-digits": "9999999999",
    "of-a-thousand-digits": "9" * 1000,
    "with-a-blank": " 7",
    "with-an-underscore": "1_0",
    "in-arabic-digits": "\u0667",
    "in-wide-digits": "\uff17",
    "empty": "",
    "no-number": "NaN",
    "infinite": "INF",
}

_MOMENTS: Final[dict[str, tuple[str, str]]] = {
    "of-the-year-0": ("0000-01-01T00:00:00Z", _SCHEMA),
    "of-february-30": ("2026-02-30T00:00:00Z", _SCHEMA),
    "of-a-thirteenth-month": ("2026-13-01T00:00:00Z", _SCHEMA),
    "at-24-hours": ("2026-05-14T24:00:00Z", _SCHEMA),
    "of-a-leap-second": ("2026-06-30T23:59:60Z", _SCHEMA),
    "without-zone": ("2026-05-14T11:30:00", _SCHEMA),
    "with-an-offset": ("2026-05-14T11:30:00+02:00", _SCHEMA),
    "with-fractions": ("2026-05-14T11:30:00.5Z", _SCHEMA),
    "before-christ": ("-0044-03-15T12:00:00Z", _SCHEMA),
    "of-the-year-99999": ("99999-01-01T00:00:00Z", _SCHEMA),
    "in-small-letters": ("2026-05-14t11:30:00z", _SCHEMA),
    "of-a-week": ("2026-W20-4T11:30:00Z", _SCHEMA),
    "in-arabic-digits": ("٢٠٢٦-05-14T11:30:00Z", _SCHEMA),
    "empty": ("", _SCHEMA),
    "in-words": ("tomorrow", _SCHEMA),
}


def _attribute(name: bytes, value: str) -> Callable[[Genuine], bytes]:
    """The root says something else, and the publisher signed it."""

    def make(one: Genuine) -> bytes:
        root = one.unsigned.index(b"<" + one.root_name)
        start = one.unsigned.index(b" " + name + b'="', root) + len(name) + 3
        end = one.unsigned.index(b'"', start)
        return one.resigned(one.unsigned[:start] + value.encode() + one.unsigned[end:])

    return make


NUMBERS: Final = (
    *(
        Flaw(
            f"version-{name}",
            f"the version is {name.replace('-', ' ')}",
            _INVALID,
            _attribute(b"version", value),
            FEED,
            reader=_SCHEMA,
        )
        for name, value in _NUMBERS.items()
    ),
    *(
        Flaw(
            f"revision-{name}",
            f"the revision is {name.replace('-', ' ')}",
            _INVALID,
            _attribute(b"revision", value),
            MITIGATION,
            reader=_SCHEMA,
        )
        for name, value in _NUMBERS.items()
    ),
    *(
        Flaw(
            f"{attribute}-{name}",
            f"the moment {attribute} is {name.replace('-', ' ')}",
            _INVALID,
            _attribute(attribute.encode(), value),
            kinds,
            reader=reader,
        )
        for attribute, kinds in {"issued": FEED + MITIGATION, "expires": FEED}.items()
        for name, (value, reader) in _MOMENTS.items()
    ),
)
