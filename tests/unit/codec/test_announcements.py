"""What a feed announces: in its place, in order, and each certificate as the bytes that it names."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Final

import pytest

from feedsrv.codec.feed import read_feed, write_feed
from feedsrv.codec.parsing import LIMITS_FEED, XmlError
from feedsrv.model.feed import (
    MOST_ANNOUNCED,
    MOST_CERTIFICATE_BYTES,
    MOST_VOUCHERS,
    Announcement,
    BadFeedError,
    Entry,
    EntryState,
    Feed,
    digest_of,
)
from tests.unit.codec.documents import AT, FEED, SIGNATURE, instead

POLL: Final = '<Poll interval="3600" jitter="3600"/>'
ROOT_DER: Final = b"a root"
VOUCHER: Final = b"a voucher for it"


def base64(der: bytes) -> str:
    """As it stands in a document."""
    return b64encode(der).decode()


def hexadecimal(der: bytes) -> str:
    """The fingerprint of these bytes."""
    return sha256(der).hexdigest()


NEXT: Final = (
    f'<Next role="root" begins="2027-01-01T00:00:00Z" sha256="{hexadecimal(ROOT_DER)}">'
    f"<Certificate>{base64(ROOT_DER)}</Certificate><Voucher>{base64(VOUCHER)}</Voucher></Next>"
)


def announcing(inside: str) -> bytes:
    """A feed with that in its `Trust`."""
    return instead(FEED, POLL, f"{POLL}<Trust>{inside}</Trust>").encode()


def test_what_is_announced_is_read_from_a_signed_feed_too() -> None:
    """The signature stays the last child, and the entries are those of the feed."""
    signed = announcing(NEXT).decode().replace("</Feed>", f"{SIGNATURE}</Feed>")

    feed = read_feed(signed.encode())

    [announced] = feed.announced
    assert (announced.role, announced.certificate, announced.vouchers) == ("root", ROOT_DER, (VOUCHER,))
    assert announced.sha256 == hexadecimal(ROOT_DER)
    assert [entry.id for entry in feed.entries] == ["M0001", "PING1"]


def test_a_feed_that_announces_nothing_has_no_word_of_it() -> None:
    """Its bytes are what they were before there were announcements."""
    feed = read_feed(FEED.encode())

    assert feed.announced == ()
    assert write_feed(feed) == FEED.encode()


AT_NEXT: Final = "/Feed/Trust/Next"
AT_DER: Final = f"{AT_NEXT}/Certificate"
DER: Final = base64(ROOT_DER)
VOUCHING: Final = base64(VOUCHER)
SHA256: Final = hexadecimal(ROOT_DER)
MORE: Final = f"<Voucher>{VOUCHING}</Voucher></Next>"

# What is wrong, what stands inside `Trust` then, the path that is named, and words of the advice.
BAD: Final = (
    ("nothing inside", "", "/Feed/Trust", "expected is Next"),
    ("another role", NEXT.replace('"root"', '"tls-server"'), f"{AT_NEXT}/@role", "root, mitigation-ca"),
    ("no certificate", NEXT.replace("Certificate>", "Voucher>"), f"{AT_NEXT}/Voucher[1]", "Certificate"),
    ("an empty one", NEXT.replace(DER, ""), AT_DER, "must not be empty"),
    ("no base64", NEXT.replace(DER, "YS-y"), AT_DER, "base64 of its DER"),
    ("broken in lines", NEXT.replace(DER, "YSBy\nb290"), AT_NEXT, "on one line"),
    ("another fingerprint", NEXT.replace(SHA256, "0" * 64), AT_NEXT, "has the SHA-256"),
    ("capitals", NEXT.replace(SHA256, SHA256.upper()), f"{AT_NEXT}/@sha256", "64 lower-case"),
    ("twice", NEXT + NEXT, "/Feed", "each certificate once"),
    ("twice, then later", NEXT + NEXT.replace("2027", "2028"), "/Feed", "each certificate once"),
    ("vouching for itself", NEXT.replace(VOUCHING, DER), AT_NEXT, "are other certificates"),
    ("a voucher twice", NEXT.replace("</Next>", MORE), AT_NEXT, "each once"),
    ("too long", NEXT.replace(VOUCHING, base64(bytes(MOST_CERTIFICATE_BYTES + 1))), f"{AT_NEXT}/Voucher", ""),
    ("too many", NEXT * (MOST_ANNOUNCED + 1), f"{AT_NEXT}[{MOST_ANNOUNCED + 1}]", "remove it"),
    ("no such day", NEXT.replace("2027-01-01", "2027-02-30"), f"{AT_NEXT}/@begins", "A moment in UTC"),
)


@pytest.mark.parametrize(
    ("inside", "path", "advice"), [one[1:] for one in BAD], ids=[one[0].replace(" ", "-") for one in BAD]
)
def test_anything_else_is_refused_with_its_place(inside: str, path: str, advice: str) -> None:
    """By the grammar where that can say it, else by the words."""
    with pytest.raises(XmlError) as refused:
        read_feed(announcing(inside))

    assert refused.value.path == path
    assert advice in str(refused.value)


def test_bits_beyond_the_last_byte_are_refused() -> None:
    """Two spellings of one certificate would be two documents that say the same."""
    assert base64(VOUCHER).endswith("dA==")

    with pytest.raises(XmlError):
        read_feed(announcing(NEXT.replace(base64(VOUCHER), base64(VOUCHER).replace("dA==", "dB=="))))


def test_what_stands_in_another_place_is_refused() -> None:
    """One place, after `Poll` and before the entries."""
    moved = instead(FEED, "</Feed>", f"<Trust>{NEXT}</Trust></Feed>")

    with pytest.raises(XmlError) as refused:
        read_feed(moved.encode())

    assert refused.value.path == "/Feed/Trust"


def test_announcements_stand_in_one_order_alone() -> None:
    """By their begin, then by fingerprint: the same words are the same bytes."""
    one = Announcement("root", b"1", AT + timedelta(days=1))
    other = Announcement("feed-ca", b"2", AT)
    Feed("sfb-2019", "production", 1, AT, AT + timedelta(days=1), None, (), announced=(other, one))

    with pytest.raises(BadFeedError, match="in order of their begin"):
        Feed("sfb-2019", "production", 1, AT, AT + timedelta(days=1), None, (), announced=(one, other))


def test_the_fullest_feed_is_read_back() -> None:
    """Every mitigation that can be, and as much announced as can be, within the limits of a reader."""
    entries = tuple(
        Entry(f"M{number:04}", 999_999_999, EntryState.SUPERSEDED, digest_of(b""), 524_288)
        for number in range(10_000)
    )
    announced = tuple(
        Announcement("mitigation-ca", filled(number), AT + timedelta(days=number), vouchers(number))
        for number in range(MOST_ANNOUNCED)
    )
    feed = Feed(
        "exchange-2019", "production", 7, AT, AT + timedelta(days=2), None, entries, announced=announced
    )

    written = write_feed(feed)

    assert read_feed(written) == feed
    assert len(written) < LIMITS_FEED.max_bytes


def filled(number: int) -> bytes:
    """The longest certificate there can be, another for each number."""
    return bytes([number]) * MOST_CERTIFICATE_BYTES


def vouchers(number: int) -> tuple[bytes, ...]:
    """As many as there can be, as long as they can be."""
    ders = [filled(100 + number * MOST_VOUCHERS + one) for one in range(MOST_VOUCHERS)]
    return tuple(sorted(ders, key=lambda der: sha256(der).digest()))
