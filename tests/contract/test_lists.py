"""Lists of revisions: what every store promises of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Draft, Severity, Status
from feedsrv.publishing.drafting import begin_revision
from feedsrv.publishing.ports import Store
from feedsrv.publishing.records import (
    BreakGlass,
    Published,
    Returned,
    Revision,
)
from feedsrv.publishing.summaries import Asked, Summary
from tests.pki import sample_mitigation

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
ALONE = BreakGlass("paula", AT, "INC-7", "Under attack.", AT + timedelta(days=1))


def revision(mitigation_id: str, number: int = 1, stage: Stage = Stage.DRAFT, **words: object) -> Revision:
    """A revision at a stage."""
    change = {"change": "Widened."} if number > 1 else {}
    mitigation = sample_mitigation(AT, id=mitigation_id, revision=number, **change, **words)
    begun = begin_revision(Draft(mitigation), source="m.xml", source_digest="x", by="anna")
    out = Published(f"sha256-{number}", 1000 + number, AT + timedelta(days=number))
    return replace(begun, stage=stage, published=out if stage is Stage.PUBLISHED else None)


def out(mitigation_id: str, number: int = 1, **words: object) -> Revision:
    """A revision that was published."""
    return revision(mitigation_id, number, Stage.PUBLISHED, **words)


def keep(store: Store, *revisions: Revision) -> None:
    """Save them all."""
    with store.begin() as work:
        for one in revisions:
            work.revisions.save(one)


def page(store: Store, **asked: object) -> list[str]:
    """Which revisions a list shows."""
    with store.look() as work:
        return [str(one) for one in work.revisions.page(Asked(**asked))]  # type: ignore[arg-type]


class TestLines:
    """One revision as a line of a list."""

    def test_a_line_says_what_the_revision_says(self, store: Store) -> None:
        """Every column, of a published one and of the draft after it."""
        draft = replace(
            revision(
                "M0001",
                2,
                title="Better & <b>bolder</b>",
                severity=Severity.LOW,
                channel="preview",
                review_by=AT.date() + timedelta(days=3),
            ),
            approved_by="ben",
            hands=frozenset({"anna", "carl"}),
            returned=Returned("ben", AT, "Too broad."),
            break_glass=ALONE,
        )
        keep(store, out("M0001"), draft)

        with store.look() as work:
            first, second = work.revisions.summaries("M0001")

        assert second == Summary(
            id="M0001",
            number=2,
            stage=Stage.DRAFT,
            title="Better & <b>bolder</b>",
            severity=Severity.LOW,
            status=Status.ACTIVE,
            channel="preview",
            review_by=AT.date() + timedelta(days=3),
            author="anna",
            approved_by="ben",
            published_number=1,
            published_at=AT + timedelta(days=1),
            has_break_glass=True,
            hands=frozenset({"anna", "carl"}),
            returned_by="ben",
        )
        assert (first.stage, first.published_number, first.has_break_glass) == (Stage.PUBLISHED, 1, False)

    def test_stages_are_those_that_people_see(self, store: Store) -> None:
        """Superseded by a newer revision or another mitigation, and withdrawn."""
        keep(
            store,
            out("M0001", 1),
            out("M0001", 2),
            out("M0002", 1, supersedes=("M0001",)),
            out("M0003", 1),
            out("M0003", 2, status=Status.WITHDRAWN),
            revision("M0004", 1, Stage.APPROVED),
            revision("M0004", 2, Stage.DISCARDED),
        )

        with store.look() as work:
            stages = {
                str(line): line.stage
                for number in range(1, 5)
                for line in work.revisions.summaries(f"M000{number}")
            }
            assert work.revisions.summaries("M0009") == ()

        assert stages == {
            "M0001 revision 1": Stage.SUPERSEDED,
            "M0001 revision 2": Stage.SUPERSEDED,
            "M0002 revision 1": Stage.PUBLISHED,
            "M0003 revision 1": Stage.SUPERSEDED,
            "M0003 revision 2": Stage.WITHDRAWN,
            "M0004 revision 1": Stage.APPROVED,
            "M0004 revision 2": Stage.DISCARDED,
        }

    def test_only_what_is_active_and_read_there_takes_over(self, store: Store) -> None:
        """Not a withdrawn one, not an older revision, not a draft, not one of another channel."""
        keep(
            store,
            out("M0001"),
            out("M0002", 1, supersedes=("M0001",)),
            out("M0002", 2, supersedes=("M0001",), status=Status.WITHDRAWN),
            out("M0003", 1, supersedes=("M0001",)),
            out("M0003", 2),
            revision("M0004", 1, supersedes=("M0001",)),
            out("M0005", 1, supersedes=("M0001",), channel="preview"),
            out("M0006", 1, channel="preview"),
            out("M0007", 1, supersedes=("M0006", "M0042")),
            out("M0008", 1, supersedes=("M0006",), channel="preview"),
        )

        with store.look() as work:
            assert work.revisions.successors() == {"M0006": ("M0007", "M0008"), "M0042": ("M0007",)}


class TestPages:
    """The list of mitigations."""

    @pytest.fixture
    def full(self, store: Store) -> Store:
        """A store with one of each."""
        keep(
            store,
            out("M0001", 1, severity=Severity.LOW),
            out("M0001", 2, severity=Severity.CRITICAL),
            out("M0002", 1, title="No way in"),
            revision("M0002", 2, title="NO WAY out_of 100%"),
            out("M0003", 1, status=Status.WITHDRAWN, channel="preview"),
            out("M0004", 1, supersedes=("M0001",)),
            revision("M0005", 1, Stage.DISCARDED),
            revision("M0006", 1, Stage.IN_REVIEW),
            revision("M0006", 2, Stage.DISCARDED),
        )
        return store

    def test_each_mitigation_stands_once_with_its_newest_revision(self, full: Store) -> None:
        """Discarded drafts do not count."""
        assert page(full) == [
            "M0001 revision 2",
            "M0002 revision 2",
            "M0003 revision 1",
            "M0004 revision 1",
            "M0006 revision 1",
        ]

    @pytest.mark.parametrize("asked", [{}, {"search": "m0"}])
    def test_pages_follow_on_each_other(self, full: Store, asked: dict[str, str]) -> None:
        """Nothing twice, nothing left out, whether something is asked or not."""
        found, after = [], None
        while lines := page(full, after=after, limit=2, **asked):
            assert len(lines) <= 2
            found += lines
            after = lines[-1].split()[0]

        assert found == page(full)

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({"stage": Stage.DRAFT}, ["M0002 revision 2"]),
            ({"stage": Stage.IN_REVIEW}, ["M0006 revision 1"]),
            ({"stage": Stage.APPROVED}, []),
            ({"stage": Stage.PUBLISHED}, ["M0004 revision 1"]),
            ({"stage": Stage.SUPERSEDED}, ["M0001 revision 2"]),
            ({"stage": Stage.WITHDRAWN}, ["M0003 revision 1"]),
            ({"stage": Stage.DISCARDED}, []),
            ({"channel": "preview"}, ["M0003 revision 1"]),
            ({"severity": Severity.HIGH, "search": "m0002"}, ["M0002 revision 2"]),
            ({"severity": Severity.LOW}, []),
            ({"severity": Severity.CRITICAL}, ["M0001 revision 2"]),
            ({"search": "no WAY"}, ["M0002 revision 2"]),
            ({"search": "100%"}, ["M0002 revision 2"]),
            ({"search": "t_o"}, ["M0002 revision 2"]),
            ({"search": "%"}, ["M0002 revision 2"]),
            ({"search": "' OR 1=1 --"}, []),
            ({"search": "\\"}, []),
            ({"stage": Stage.DRAFT, "channel": "preview"}, []),
        ],
    )
    def test_what_is_asked_for_is_found(
        self, full: Store, asked: dict[str, object], found: list[str]
    ) -> None:
        """By what the newest revision says, letter for letter but for the case of A to Z."""
        assert page(full, **asked) == found


class TestWaiting:
    """What is under way, and what must be looked at."""

    def test_what_is_under_way_is_listed(self, store: Store) -> None:
        """Drafts, what is in review, and what is approved, beside what is published of them."""
        keep(
            store,
            out("M0001"),
            revision("M0001", 2),
            revision("M0002", 1, Stage.IN_REVIEW),
            revision("M0003", 1, Stage.APPROVED),
            revision("M0004", 1, Stage.DISCARDED),
            out("M0005"),
        )

        with store.look() as work:
            lines = work.revisions.open_summaries()

        assert [(str(one), one.stage, one.published_number) for one in lines] == [
            ("M0001 revision 2", Stage.DRAFT, 1),
            ("M0002 revision 1", Stage.IN_REVIEW, None),
            ("M0003 revision 1", Stage.APPROVED, None),
        ]

    def test_what_is_in_force_comes_up_for_review(self, store: Store) -> None:
        """The most pressing first; not what is withdrawn, superseded or not published."""
        days = [AT.date() + timedelta(days=count) for count in range(10)]
        keep(
            store,
            out("M0001", 1, review_by=days[0]),
            out("M0001", 2, review_by=days[5]),
            out("M0002", 1, review_by=days[3]),
            out("M0003", 1, review_by=days[1], status=Status.WITHDRAWN),
            out("M0004", 1, review_by=days[1]),
            out("M0005", 1, review_by=days[9], supersedes=("M0004",)),
            revision("M0006", 1, review_by=days[1]),
        )

        with store.look() as work:
            due = work.revisions.due_for_review(days[5], 9)
            assert [str(one) for one in due] == ["M0002 revision 1", "M0001 revision 2"]
            assert work.revisions.due_for_review(days[5], 1) == due[:1]
            assert work.revisions.due_for_review(days[2], 9) == ()

    def test_what_one_person_approved_alone_is_found_until_it_is_countersigned(self, store: Store) -> None:
        """At whatever stage, but for what was given up."""
        signed = replace(ALONE, countersigned_by="ben", countersigned_at=AT)
        alone = [
            replace(revision("M0001", 1, Stage.APPROVED), break_glass=ALONE),
            replace(out("M0002"), break_glass=ALONE),
        ]
        keep(
            store,
            *reversed(alone),
            replace(revision("M0003", 1, Stage.DISCARDED), break_glass=ALONE),
            replace(out("M0004"), break_glass=signed),
            out("M0005"),
        )

        with store.look() as work:
            assert work.revisions.emergencies() == tuple(alone)
            assert [one.has_break_glass for one in work.revisions.summaries("M0004")] == [False]

    def test_every_id_that_was_given_is_known(self, store: Store) -> None:
        """So that none is given twice, not even that of a draft that came to nothing."""
        keep(
            store, out("M0007", 1), out("M0007", 2), revision("M0001"), revision("M0009", 1, Stage.DISCARDED)
        )

        with store.look() as work:
            assert work.revisions.ids() == ("M0001", "M0007", "M0009")

    def test_what_stands_is_found_by_id(self, store: Store) -> None:
        """The newest published revision, and nothing of those that have none."""
        keep(store, out("M0001", 1), out("M0001", 2), revision("M0001", 3), revision("M0002"), out("M0003"))

        with store.look() as work:
            found = work.revisions.standing_summaries(["M0001", "M0002", "M0009"])
            assert [str(one) for one in found] == ["M0001 revision 2"]

    def test_the_last_and_the_one_published_before_are_found(self, store: Store) -> None:
        """Whatever was discarded in between."""
        keep(
            store,
            out("M0001", 1),
            out("M0001", 3),
            revision("M0001", 4),
            revision("M0002", 1, Stage.DISCARDED),
        )
        keep(store, revision("M0001", 5, Stage.DISCARDED))

        with store.look() as work:
            last, before = work.revisions.last("M0001"), work.revisions.published("M0001", below=3)
            assert last is not None
            assert before is not None
            assert (last.number, before.number) == (4, 1)
            assert work.revisions.last("M0002") is None
            assert work.revisions.published("M0001", below=1) is None

    def test_what_happened_to_a_revision_is_kept_word_for_word(self, store: Store) -> None:
        """Why it was returned, and who approved it alone."""
        kept = replace(
            revision("M0001"),
            returned=Returned("bén", AT, "Zu weit — 'so' nicht."),
            break_glass=replace(ALONE, countersigned_by="carl", countersigned_at=AT),
        )
        keep(store, kept)

        with store.look() as work:
            assert work.revisions.get("M0001", 1) == kept
