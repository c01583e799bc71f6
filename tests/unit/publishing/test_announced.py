"""What feeds carry of what is announced, and what a feed on the shelf teaches an older database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding

from feedsrv.model.feed import Announcement, Feed
from feedsrv.publishing.announced import announced_at, take_over
from feedsrv.publishing.assembling import intended
from feedsrv.publishing.trust_records import AnnouncedCertificate
from feedsrv.stores.memory import MemoryStore
from feedsrv.trust.profile import Kind, Role
from tests.desk import AT
from tests.pki import Pki

PKI: Final = Pki(at=AT)
ROOT: Final = PKI.anchor().public_bytes(Encoding.DER)
CA: Final = PKI.signer(Kind.FEED).chain[1].public_bytes(Encoding.DER)
SOON: Final = AT + timedelta(days=30)
FEED: Final = Feed("exchange-2019", "production", 4, AT, AT + timedelta(days=7), None, ())


def kept(
    certificate: bytes = ROOT, role: Role = Role.ROOT, *, at: timedelta = timedelta(days=-3)
) -> AnnouncedCertificate:
    """An announcement as it is kept, made three days before the feed."""
    sha256 = Announcement(role.slug, certificate, SOON).sha256
    return AnnouncedCertificate(sha256, role, certificate, SOON, (), "anna", AT + at)


def announcing(*announced: AnnouncedCertificate) -> MemoryStore:
    """A store in which that is announced."""
    store = MemoryStore()
    with store.begin() as work:
        for one in announced:
            work.announcements.save(one)
    return store


def test_feeds_carry_what_is_announced_until_its_certificate_ends() -> None:
    """In the order in which a feed must say it."""
    store = announcing(kept(), kept(CA, Role.FEED_CA))
    ca_ends = PKI.signer(Kind.FEED).chain[1].not_valid_after_utc

    with store.look() as work:
        now = announced_at(work, AT)
        later = announced_at(work, ca_ends)

    assert {one.role for one in now} == {"root", "feed-ca"}
    assert replace(FEED, announced=now).announced == now
    assert [one.role for one in later] == ["root"]


def test_an_older_database_learns_what_a_feed_on_the_shelf_announces() -> None:
    """It goes on being announced, by somebody unknown."""
    store = announcing()
    feed = replace(FEED, announced=(Announcement("root", ROOT, SOON),))

    with store.begin() as work:
        told = take_over(work, feed)
        [found] = work.announcements.all()

    assert found == replace(kept(), by="unknown", at=AT)
    assert told == {f"announced root {found.fingerprint}": "taken over"}


def test_what_the_feed_announces_no_longer_is_dropped() -> None:
    """Unless it was announced since, or only left out because it has ended."""
    old, new = kept(), kept(CA, Role.FEED_CA, at=timedelta(hours=1))
    store = announcing(old, new)

    with store.begin() as work:
        told = take_over(work, FEED)
        left = work.announcements.all()

    assert left == (new,)
    assert told == {f"announced root {old.fingerprint}": "announced no longer"}


def test_what_both_say_alike_stays_as_it_is() -> None:
    """Who announced it, and when, is not forgotten."""
    store = announcing(kept())
    feed = replace(FEED, announced=(Announcement("root", ROOT, SOON),))

    with store.begin() as work:
        told = take_over(work, feed)

        assert work.announcements.all() == (kept(),)
    assert told == {}


def test_an_intention_tells_announcements_apart() -> None:
    """And is what it was before there were any, where there are none."""
    one = replace(FEED, announced=(Announcement("root", ROOT, SOON),))
    later = replace(FEED, announced=(Announcement("root", ROOT, SOON + timedelta(days=1)),))
    vouched = replace(FEED, announced=(Announcement("root", ROOT, SOON, (CA,)),))

    listings = {intended(feed).listing for feed in (FEED, one, later, vouched)}

    assert len(listings) == 4
    assert intended(FEED).listing == "sha256-T1PNoYwrqgwDVLtfmj7L5e0Sq02OEbqHPC8RFhICuUU"
