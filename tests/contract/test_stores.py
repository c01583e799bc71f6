from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest

from feedsrv.model.build import Build
from feedsrv.model.catalogue import Product, Release, UpdateStage
from feedsrv.model.feed import Entry, EntryState, Feed
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Draft
from feedsrv.publishing.audit import record, verify_chain
from feedsrv.publishing.drafting import begin_revision
from feedsrv.publishing.ports import Store
from feedsrv.publishing.records import (
    Head,
    IntendedFeed,
    IntendedRevision,
    Intent,
    IntentState,
    Published,
    Revision,
    Update,
    VersionState,
)
from tests.pki import sample_mitigation
from tests.publisher import cumulative_update

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)


def revision(mitigation_id: str = "M0001", number: int = 1, **changes: object) -> Revision:
    """A revision, with every field that a store could lose."""
    change = {"change": "Widened."} if number > 1 else {}
    words = sample_mitigation(AT, id=mitigation_id, revision=number, **change)
    begun = begin_revision(Draft(words), source="m.xml", source_digest="sha256-x", by="anna")
    return replace(begun, **changes)  # type: ignore[arg-type]


def published(mitigation_id: str = "M0001", number: int = 1, at: datetime = AT) -> Revision:
    """A revision that was published."""
    return revision(
        mitigation_id,
        number,
        stage=Stage.PUBLISHED,
        approved_by="ben",
        approved_digest="sha256-a",
        shelved=True,
        published=Published(f"sha256-{number}", 1000 + number, at),
    )


def head(version: int, channel: str = "production") -> Head:
    """A feed that lists one mitigation."""
    feed = Feed(
        product="exchange-2019",
        channel=channel,
        version=version,
        issued=AT,
        expires=AT + timedelta(days=7),
        previous=None if version == 1 else "sha256-before",
        entries=(Entry("M0001", version, EntryState.SUPERSEDED, "sha256-m", 5, rollout=10),),
    )
    return Head(feed, f"sha256-feed-{version}", 100 + version)


class TestAnyStore:
    """What every store promises, asked of every store."""

    def test_what_was_kept_is_found_again_word_for_word(self, store: Store) -> None:
        """Nothing of a revision is lost or changed."""
        kept = published()

        with store.begin() as work:
            work.revisions.save(kept)

        with store.look() as work:
            assert work.revisions.get("M0001", 1) == kept
            assert work.revisions.get("M0001", 2) is None
            assert work.revisions.get("M0002", 1) is None

    def test_half_a_unit_of_work_is_never_kept(self, store: Store) -> None:
        """An error in the block undoes everything in it."""
        with pytest.raises(ZeroDivisionError):
            _fail_halfway(store)

        with store.look() as work:
            assert work.revisions.newest() == ()
            assert work.audit.last() is None

    def test_looking_keeps_nothing(self, store: Store) -> None:
        """What is saved in a look is gone after it."""
        with store.look() as work:
            work.revisions.save(revision())

        with store.look() as work:
            assert work.revisions.newest() == ()

    def test_a_look_sees_one_moment(self, store: Store) -> None:
        """What others keep meanwhile does not change what is seen."""
        with store.begin() as work:
            work.revisions.save(revision("M0001"))

        with store.look() as looking:
            before = looking.revisions.newest()
            with store.begin() as work:
                work.revisions.save(revision("M0002"))
            after = looking.revisions.newest()

        assert before == after
        with store.look() as work:
            assert [one.id for one in work.revisions.newest()] == ["M0001", "M0002"]

    def test_writers_wait_for_each_other(self, store: Store) -> None:
        """Two units of work do not both build on the same state."""
        begun, may_end = Event(), Event()

        def slowly() -> None:
            with store.begin() as work:
                record(work.audit, AT, actor="anna", verb="first", subject="x")
                begun.set()
                may_end.wait(5)

        writer = Thread(target=slowly)
        writer.start()
        assert begun.wait(5)
        second = Thread(target=lambda: _append(store))
        second.start()
        may_end.set()
        writer.join(10)
        second.join(10)

        with store.look() as work:
            assert [entry.verb for entry in work.audit.entries()] == ["first", "second"]
            assert verify_chain(work.audit.entries()).entries == 2

    def test_a_revision_saved_again_takes_the_place_of_the_old(self, store: Store) -> None:
        """There is one record for each id and number."""
        with store.begin() as work:
            work.revisions.save(revision())
            work.revisions.save(revision(stage=Stage.IN_REVIEW, hands=frozenset({"anna", "carl"})))

        with store.look() as work:
            assert [one.stage for one in work.revisions.history("M0001")] == [Stage.IN_REVIEW]
            assert work.revisions.history("M0001")[0].hands == {"anna", "carl"}

    def test_the_newest_revision_is_the_last_that_is_not_discarded(self, store: Store) -> None:
        """A discarded draft is history only."""
        with store.begin() as work:
            work.revisions.save(published("M0001", 1))
            work.revisions.save(revision("M0001", 2, stage=Stage.DISCARDED))
            work.revisions.save(revision("M0002", 1))

        with store.look() as work:
            assert [str(one) for one in work.revisions.newest()] == ["M0001 revision 1", "M0002 revision 1"]
            assert [one.number for one in work.revisions.history("M0001")] == [1, 2]

    def test_what_stands_is_the_newest_published_revision_of_each(self, store: Store) -> None:
        """Drafts do not stand, and older revisions no longer do."""
        with store.begin() as work:
            for kept in (
                published("M0002", 1),
                published("M0001", 1),
                published("M0001", 2, AT + timedelta(days=1)),
                revision("M0001", 3),
                revision("M0003", 1),
            ):
                work.revisions.save(kept)

        with store.look() as work:
            standing = work.revisions.standing()
            assert [str(one.mitigation) for one in standing] == ["M0001 revision 2", "M0002 revision 1"]
            assert standing[0].published == Published("sha256-2", 1002, AT + timedelta(days=1))
            newest = work.revisions.published("M0001")
            assert newest is not None
            assert newest.number == 2
            assert work.revisions.published("M0003") is None
            assert work.revisions.published_numbers() == {"M0001": (1, 2), "M0002": (1,)}
            assert work.revisions.first_published() == {"M0001": AT, "M0002": AT}
            assert [str(one) for one in work.revisions.at_stage(Stage.DRAFT)] == [
                "M0001 revision 3",
                "M0003 revision 1",
            ]

    def test_products_are_replaced_as_a_whole(self, store: Store) -> None:
        """Those that are not named any more are gone."""
        first, second = (
            Product(name, name, (Release(Build(1, 0, 0, 0), "RTM", AT.date()),), AT.date())
            for name in ("product-a", "product-b")
        )
        with store.begin() as work:
            work.products.replace([second, first])
        with store.look() as work:
            assert work.products.all() == (first, second)

        with store.begin() as work:
            work.products.replace([second])

        with store.look() as work:
            assert work.products.all() == (second,)

    def test_updates_are_in_order_of_their_builds(self, store: Store) -> None:
        """15.2.986.5 comes before 15.2.1118.7, as builds do and texts do not."""
        later = Update(cumulative_update("15.2.1118.7", needless=("M0001",)), releasing_by="carl")
        earlier = Update(replace(cumulative_update("15.2.986.5"), stage=UpdateStage.RELEASED, kb=None))
        with store.begin() as work:
            work.updates.save(later)
            work.updates.save(earlier)
            work.updates.save(replace(later, releasing_by=None))

        with store.look() as work:
            assert work.updates.all() == (earlier, replace(later, releasing_by=None))
            assert work.updates.get("exchange-2019", Build.parse("15.2.986.5")) == earlier
            assert work.updates.get("exchange-2019", Build.parse("15.2.986.6")) is None

    def test_a_moved_feed_is_current_and_remembered(self, store: Store) -> None:
        """The current version and the history agree."""
        with store.begin() as work:
            work.feeds.move(head(1), at=AT)
            work.feeds.move(head(2), at=AT + timedelta(days=1))
            work.feeds.move(head(1, "preview"), at=AT)

        with store.look() as work:
            assert work.feeds.head("exchange-2019", "production") == head(2)
            assert work.feeds.head("exchange-2019", "other") is None
            assert work.feeds.heads() == (head(1, "preview"), head(2))
            versions = work.feeds.versions("exchange-2019", "production")
            assert [(one.number, one.state, one.digest) for one in versions] == [
                (1, VersionState.PUBLISHED, "sha256-feed-1"),
                (2, VersionState.PUBLISHED, "sha256-feed-2"),
            ]

    def test_a_burnt_version_number_counts_and_is_not_current(self, store: Store) -> None:
        """The next number lies above it."""
        with store.begin() as work:
            work.feeds.move(head(1), at=AT)
            work.feeds.burn("exchange-2019", "production", 2, at=AT)

        with store.look() as work:
            assert work.feeds.last_number("exchange-2019", "production") == 2
            assert work.feeds.last_number("exchange-2019", "preview") == 0
            assert work.feeds.head("exchange-2019", "production") == head(1)

    def test_an_intention_is_open_until_something_became_of_it(self, store: Store) -> None:
        """Numbers count up, and nothing in it is lost."""
        intended = Intent(
            number=0,
            begun=AT,
            by="paula",
            state=IntentState.OPEN,
            revisions=(IntendedRevision("M0001", 2, "sha256-u"),),
            feeds=(
                IntendedFeed(
                    "exchange-2019", "production", 7, AT, AT + timedelta(days=7), "sha256-p", "sha256-l"
                ),
            ),
            updates=(("exchange-2019", Build.parse("15.2.1900.1")),),
        )
        with store.begin() as work:
            first = work.intents.begin(intended)
        with store.look() as work:
            assert work.intents.open() == first == replace(intended, number=1)

        with store.begin() as work:
            work.intents.save(replace(first, state=IntentState.ABANDONED))

        with store.look() as work:
            assert work.intents.open() is None
        with store.begin() as work:
            assert work.intents.begin(intended).number == 2

    def test_the_audit_log_keeps_its_order_and_every_word(self, store: Store) -> None:
        """The chain that was written is the chain that is read."""
        with store.begin() as work:
            for verb in ("import", "submit", "approve"):
                record(work.audit, AT, actor="änna", verb=verb, subject="M0001", detail={"why": "a & b"})

        with store.look() as work:
            entries = work.audit.entries()
            assert [entry.verb for entry in entries] == ["import", "submit", "approve"]
            assert verify_chain(entries).hash == entries[-1].hash
            assert work.audit.last() == entries[-1]
            assert work.audit.entries(newest=2) == entries[1:]
            assert work.audit.entries(newest=9) == entries


def _append(store: Store) -> None:
    with store.begin() as work:
        record(work.audit, AT, actor="ben", verb="second", subject="x")


def _fail_halfway(store: Store) -> None:
    with store.begin() as work:
        work.revisions.save(revision())
        record(work.audit, AT, actor="anna", verb="import", subject="M0001 revision 1")
        raise ZeroDivisionError
