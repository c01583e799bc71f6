"""Published feeds by version: who made them, what they say, what agents say of them, and what changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from feedsrv import clock
from feedsrv.model.feed import Entry, EntryState, digest_of
from feedsrv.model.lifecycle import Stage
from feedsrv.publishing.audit import record
from feedsrv.publishing.records import VersionState
from feedsrv.publishing.refusals import UnknownFeedError
from feedsrv.publishing.versions import EntryChange, FeedVersions, Verified, changes
from feedsrv.signing.development import ensure_development_pki
from feedsrv.stores.memory import MemoryLock, MemoryShelf, MemoryStore
from feedsrv.trust.policy import TrustPolicy
from feedsrv.trust.refusals import ExpiredFeedError, SignatureInvalidError
from tests.pki import Pki
from tests.publisher import CATALOGUE, PRODUCT, House, heartbeat, shared_pki, written

FEED = (PRODUCT, "production")
CURRENT = f"v1/feeds/{PRODUCT}/production"


@dataclass
class Watch:
    """A time that the test moves."""

    at: datetime = field(default_factory=clock.now)

    def __call__(self) -> datetime:
        """The time."""
        return self.at


@pytest.fixture
def watch() -> Watch:
    """A time that the test moves."""
    return Watch()


@pytest.fixture
def house(watch: Watch) -> House:
    """A publisher that published twice, an hour apart: the heartbeat and M0001, then M0002 in its place."""
    pki = ensure_development_pki(shared_pki(), now=watch.at)
    made = House(MemoryStore(), MemoryShelf(), MemoryLock(), pki, watch)
    made.workflow.import_catalogue(CATALOGUE, source="products.xml", by="anna")
    made.bring(heartbeat(), written())
    watch.at += timedelta(hours=1)
    made.bring(written("M0002", supersedes="M0001"))
    return made


@pytest.fixture
def versions(house: House, watch: Watch) -> FeedVersions:
    """What people look at."""
    return FeedVersions(house.shelf, house.store, lambda: house.policy, watch)


def files(house: House) -> dict[str, bytes]:
    """What lies on the shelf."""
    assert isinstance(house.shelf, MemoryShelf)
    return house.shelf.files


class TestHistory:
    """Which versions there are, and who made them."""

    def test_each_version_names_who_published_it(self, versions: FeedVersions, watch: Watch) -> None:
        """By the audit log, newest first."""
        page = versions.page(*FEED)

        assert [(one.version.number, one.by, one.act) for one in page.items] == [
            (2, "paula", "publication 2"),
            (1, "paula", "publication 1"),
        ]
        assert [one.version.at for one in page.items] == [watch.at, watch.at - timedelta(hours=1)]
        assert page.next is None

    def test_long_histories_come_page_by_page(self, versions: FeedVersions) -> None:
        """Each says where the next begins."""
        first = versions.page(*FEED, limit=1)
        second = versions.page(*FEED, limit=1, before=first.next)

        assert [one.version.number for one in (*first.items, *second.items)] == [2, 1]
        assert (first.next, second.next) == (2, None)

    def test_a_version_that_came_to_nothing_names_who_cleared_it(
        self, house: House, versions: FeedVersions, watch: Watch
    ) -> None:
        """Its number is never used again."""
        with house.store.begin() as work:
            work.feeds.burn(*FEED, 3, at=watch.at)
            record(
                work.audit,
                watch.at,
                actor="carl",
                verb="abandon",
                subject="publication 3",
                detail={"burnt": f"sfb-2019/production 3, {PRODUCT}/production 3"},
            )

        burnt = versions.page(*FEED).items[0]
        found = versions.read(*FEED, 3)

        assert (burnt.version.state, burnt.by, burnt.act) == (VersionState.BURNT, "carl", "publication 3")
        assert (found.feed, found.size) == (None, None)
        assert found.trouble == "it was never published, and its number is never used again"

    def test_a_version_that_a_backup_had_forgotten_names_who_took_it_over(
        self, house: House, versions: FeedVersions, watch: Watch
    ) -> None:
        """It was found on the shelf, and nobody here knows any more who published it."""
        assert isinstance(house.store, MemoryStore)
        backup = house.store._kept.copied()
        watch.at += timedelta(hours=1)
        house.bring(written("M0003"))
        house.store._kept = backup
        watch.at += timedelta(hours=1)

        house.cycle().run(by="olga", at=watch.at)

        assert [(one.version.number, one.by, one.act) for one in versions.page(*FEED).items] == [
            (3, "olga", "catch up"),
            (2, "paula", "publication 2"),
            (1, "paula", "publication 1"),
        ]

    def test_a_version_of_which_nothing_is_told_has_no_name(
        self, house: House, versions: FeedVersions, watch: Watch
    ) -> None:
        """Rather than a wrong one."""
        with house.store.begin() as work:
            work.feeds.burn(*FEED, 3, at=watch.at)

        assert versions.page(*FEED).items[0].by is None

    @pytest.mark.parametrize("feed", [("exchange-1", "production"), (PRODUCT, "preview"), ("<b>", "../x")])
    def test_an_unknown_feed_is_named(self, versions: FeedVersions, feed: tuple[str, str]) -> None:
        """Whatever is asked of it."""
        for ask in (versions.read, versions.verify):
            with pytest.raises(UnknownFeedError, match="no feed"):
                ask(*feed, 1)
        with pytest.raises(UnknownFeedError, match="no feed"):
            versions.page(*feed)
        with pytest.raises(UnknownFeedError, match="has no version 9"):
            versions.read(*FEED, 9)


class TestReading:
    """What one version says."""

    def test_a_version_is_read_from_the_very_bytes(self, house: House, versions: FeedVersions) -> None:
        """With its digest and size, and whether it is current."""
        data = files(house)[f"{CURRENT}/1.xml"]

        first, second = versions.read(*FEED, 1), versions.read(*FEED, 2)

        assert first.feed is not None
        assert [one.id for one in first.feed.entries] == ["M0001", "PING1"]
        assert (first.size, first.digest, first.trouble) == (len(data), digest_of(data), None)
        assert (first.by, first.act, first.path) == ("paula", "publication 1", f"{CURRENT}/1.xml")
        assert (first.is_current, second.is_current) == (False, True)

    def test_bytes_that_somebody_changed_are_told(self, house: House, versions: FeedVersions) -> None:
        """Though they can be read."""
        files(house)[f"{CURRENT}/1.xml"] += b"\n"

        found = versions.read(*FEED, 1)

        assert found.feed is not None
        assert found.trouble is not None
        assert "other bytes than those that were published" in found.trouble

    def test_bytes_that_are_lost_or_cannot_be_read_are_told(
        self, house: House, versions: FeedVersions
    ) -> None:
        """With what to do."""
        files(house)[f"{CURRENT}/1.xml"] = b"<Feed"
        del files(house)[f"{CURRENT}/2.xml"]

        damaged, lost = versions.read(*FEED, 1), versions.read(*FEED, 2)

        assert (damaged.feed, lost.feed) == (None, None)
        assert f"{CURRENT}/1.xml" in str(damaged.trouble)
        assert "is missing on the shelf: restore it from a backup" in str(lost.trouble)
        with pytest.raises(UnknownFeedError, match="not well-formed"):
            versions.compare(*FEED, 1, 2)


class TestVerifying:
    """What an agent would say."""

    def verified(self, versions: FeedVersions, number: int = 2) -> Verified:
        """Of one version."""
        return versions.verify(*FEED, number)

    def test_the_current_version_is_accepted(self, versions: FeedVersions, watch: Watch) -> None:
        """With the proof of who signed it."""
        verified = self.verified(versions)

        assert verified.is_accepted
        assert verified.proof is not None
        assert (verified.at, verified.proof.at) == (watch.at, watch.at)
        assert not verified.is_only_old

    def test_an_old_version_is_genuine_and_out_of_date(self, versions: FeedVersions, watch: Watch) -> None:
        """Which is no alarm; nothing else is wrong with it."""
        watch.at += timedelta(days=8)

        verified = self.verified(versions, 1)

        assert isinstance(verified.refusal, ExpiredFeedError)
        assert verified.proof is not None
        assert verified.is_only_old
        assert not verified.is_accepted

    def test_a_changed_letter_is_refused(self, house: House, versions: FeedVersions) -> None:
        """As by every agent."""
        path = f"{CURRENT}/2.xml"
        files(house)[path] = files(house)[path].replace(b'state="superseded"', b'state="active"    ')

        verified = self.verified(versions)

        assert isinstance(verified.refusal, SignatureInvalidError)
        assert verified.proof is None
        assert not verified.is_accepted
        assert not verified.is_only_old

    def test_another_publisher_is_refused(self, house: House, watch: Watch) -> None:
        """Trust is in the roots that agents pin."""
        other = FeedVersions(house.shelf, house.store, lambda: TrustPolicy((Pki().anchor(),)), watch)

        assert other.verify(*FEED, 2).refusal is not None

    def test_what_the_feed_names_is_asked_for_too(self, house: House, versions: FeedVersions) -> None:
        """A feed whose mitigations are lost helps nobody."""
        del files(house)["v1/mitigations/M0001/1.xml"]
        files(house)["v1/mitigations/M0002/1.xml"] += b" "

        verified = self.verified(versions)

        assert verified.not_as_named == (
            "M0001 revision 1 is missing on the shelf",
            "M0002 revision 1 has other bytes than the feed names",
        )
        assert verified.refusal is None
        assert not verified.is_accepted

    def test_lost_bytes_prove_nothing(self, house: House, versions: FeedVersions) -> None:
        """And are no refusal of anything."""
        del files(house)[f"{CURRENT}/2.xml"]

        verified = self.verified(versions)

        assert (verified.proof, verified.refusal) == (None, None)
        assert not verified.is_accepted
        assert not verified.is_only_old
        assert "missing" in str(verified.trouble)


class TestComparing:
    """What changed from one version to another."""

    def test_each_change_is_told_in_words(self, versions: FeedVersions) -> None:
        """What came, and what became of the old one."""
        came, superseded = versions.compare(*FEED, 1, 2)[::-1]

        assert (came.id, came.kind, came.sentences) == (
            "M0002",
            "added",
            ("revision 1 is listed as active",),
        )
        assert (superseded.id, superseded.kind, superseded.sentences) == (
            "M0001",
            "changed",
            ("active -> superseded",),
        )
        assert versions.compare(*FEED, 2, 2) == ()

    def test_backwards_it_is_what_would_go(self, versions: FeedVersions) -> None:
        """For whoever wonders what was there before."""
        assert [(one.id, one.kind) for one in versions.compare(*FEED, 2, 1)] == [
            ("M0001", "changed"),
            ("M0002", "removed"),
        ]

    def test_revisions_rollouts_and_bytes_are_told(self, house: House) -> None:
        """Each in a sentence of its own."""
        feed = house.read_feed()
        old = feed.entry("M0001")
        assert old is not None
        for after, sentences in (
            (
                Entry("M0001", 2, EntryState.WITHDRAWN, "d", 1, rollout=10),
                ("revision 1 -> 2", "superseded -> withdrawn", "reaches 10 % of servers, was 100 %"),
            ),
            (
                Entry("M0001", 1, EntryState.SUPERSEDED, "d", 1),
                (f"revision 1 has other bytes: {old.digest} -> d",),
            ),
        ):
            later = type(feed)(
                feed.product, feed.channel, 3, feed.issued, feed.expires, None, (after, *feed.entries[1:])
            )
            assert changes(feed, later) == (EntryChange("M0001", "changed", old, after, sentences),)


def test_looking_changes_nothing(house: House, versions: FeedVersions) -> None:
    """Neither on the shelf nor in the store."""
    before = dict(files(house)), house.workflow.list_audit()

    for number in (1, 2):
        versions.read(*FEED, number)
        versions.verify(*FEED, number)

    assert (dict(files(house)), house.workflow.list_audit()) == before
    assert house.workflow.show_mitigation("M0001").stage is Stage.PUBLISHED
