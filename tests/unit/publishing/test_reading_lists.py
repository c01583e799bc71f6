"""What people look at first: lists, what waits for them, and one mitigation with its history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from feedsrv.codec.parsing import MalformedError
from feedsrv.model.lifecycle import Role, Stage
from feedsrv.publishing.reading import tag_of
from feedsrv.publishing.records import AuditEntry, BreakGlass, Returned, Revision
from feedsrv.publishing.refusals import UnknownMitigationError
from feedsrv.publishing.summaries import MOST_LISTED, Needs, Summary
from tests.desk import AT, Desk, urgent
from tests.publisher import cumulative_update, written

EVERYTHING = frozenset(Role)


def ids(lines: tuple[Summary, ...]) -> list[str]:
    """Which revisions these are."""
    return [str(one) for one in lines]


class TestPages:
    """The list of mitigations."""

    def test_each_page_says_where_the_next_begins(self, desk: Desk) -> None:
        """And the last that there is none."""
        for number in range(1, 6):
            desk.bring(written(f"M000{number}"))

        first = desk.workflow.page(limit=2)
        second = desk.workflow.page(limit=2, after=first.next)
        third = desk.workflow.page(limit=2, after=second.next)

        assert [ids(one.items) for one in (first, second, third)] == [
            ["M0001 revision 1", "M0002 revision 1"],
            ["M0003 revision 1", "M0004 revision 1"],
            ["M0005 revision 1"],
        ]
        assert (first.next, second.next, third.next) == ("M0002", "M0004", None)

    @pytest.mark.parametrize("limit", [-1, 0, 10**9])
    def test_a_page_is_neither_empty_nor_endless(self, desk: Desk, limit: int) -> None:
        """Whatever was asked for."""
        desk.bring(written())

        assert ids(desk.workflow.page(limit=limit).items) == ["M0001 revision 1"]
        assert MOST_LISTED < 10**9

    def test_what_is_not_there_leaves_the_page_empty(self, desk: Desk) -> None:
        """No refusal, and no next page."""
        desk.bring(written())

        page = desk.workflow.page(search="<script>", after="M0000", stage=Stage.DRAFT)

        assert (page.items, page.next) == ((), None)


class TestNeeds:
    """What waits for one person."""

    def needs(self, desk: Desk, name: str, *roles: Role) -> Needs:
        """What that person sees first."""
        return desk.workflow.needs(name, frozenset(roles) or EVERYTHING)

    def test_nobody_is_asked_to_review_their_own(self, desk: Desk) -> None:
        """However their name is typed."""
        desk.bring(written())
        desk.workflow.submit("M0001", by="carl")

        assert ids(self.needs(desk, "ben").to_review) == ["M0001 revision 1"]
        for name in ("anna", "CARL "):
            assert self.needs(desk, name).to_review == ()

    def test_what_was_handed_back_is_told_apart(self, desk: Desk) -> None:
        """To its authors, and to nobody else."""
        for number in (1, 2):
            desk.bring(written(f"M000{number}"))
        desk.workflow.submit("M0001", by="anna")
        desk.workflow.return_("M0001", by="ben", reason="Too broad.")

        needs = self.needs(desk, "anna")

        assert ids(needs.returned_to_me) == ["M0001 revision 1"]
        assert needs.returned_to_me[0].returned_by == "ben"
        assert ids(needs.my_drafts) == ["M0002 revision 1"]
        other = self.needs(desk, "carl")
        assert (other.returned_to_me, other.my_drafts) == ((), ())

    def test_what_is_approved_waits_for_publishers(self, desk: Desk) -> None:
        """And updates that are registered for authors and publishers."""
        desk.bring(written())
        desk.approve()
        desk.workflow.register_update(cumulative_update(fixes=("CVE-2026-1111",)), by="carl")

        assert ids(self.needs(desk, "paula", Role.PUBLISHER).to_publish) == ["M0001 revision 1"]
        waiting = self.needs(desk, "paula", Role.PUBLISHER).updates_waiting
        assert [str(one.update.build) for one in waiting] == ["15.2.1900.1"]
        assert self.needs(desk, "ben", Role.REVIEWER).to_publish == ()
        assert self.needs(desk, "ben", Role.REVIEWER).updates_waiting == ()

    def test_an_emergency_waits_for_a_second_person(self, desk: Desk) -> None:
        """Not for the one who broke the glass, nor for who wrote it."""
        desk.bring(urgent(), by="carl")
        desk.break_glass(by="anna")

        assert ids(self.needs(desk, "ben").to_countersign) == ["M0001 revision 1"]
        for name in ("anna", "carl"):
            assert self.needs(desk, name).to_countersign == ()
        desk.workflow.countersign("M0001", by="ben", digest=desk.workflow.show_mitigation("M0001").digest)
        assert self.needs(desk, "dora").to_countersign == ()

    def test_an_emergency_that_was_replaced_waits_for_nobody(self, desk: Desk) -> None:
        """The revision after it was seen by two, and is what servers apply."""
        desk.publish(written())
        with desk.store.begin() as work:
            first = work.revisions.get("M0001", 1)
            assert first is not None
            alone = replace(first, break_glass=BreakGlass("paula", AT, "INC-7", "Now.", AT))
            work.revisions.save(alone)
        assert self.needs(desk, "anna").to_countersign == ()
        assert ids(self.needs(desk, "dora").to_countersign) == ["M0001 revision 1"]

        desk.publish(written(title="Better", change="Covers more."))

        assert self.needs(desk, "dora").to_countersign == ()
        assert desk.workflow.show("M0001", 1).verbs == ()

    def test_what_runs_out_is_shown_in_time(self, desk: Desk) -> None:
        """Two weeks before somebody must have looked again; to authors and reviewers."""
        desk.publish(written())
        assert self.needs(desk, "ben").review_soon == ()

        desk.at = AT + timedelta(days=20)

        assert ids(self.needs(desk, "ben", Role.REVIEWER).review_soon) == ["M0001 revision 1"]
        assert self.needs(desk, "paula", Role.PUBLISHER).review_soon == ()

    def test_an_auditor_is_left_in_peace(self, desk: Desk) -> None:
        """There is nothing that they must do."""
        desk.bring(written(), by="olga")
        desk.workflow.submit("M0001", by="olga")

        assert self.needs(desk, "olga", Role.AUDITOR).is_empty
        assert self.needs(desk, "ben", Role.REVIEWER).is_empty is False


class TestOne:
    """One mitigation, with all that people look at beside it."""

    def test_the_newest_is_shown_with_its_history(self, desk: Desk) -> None:
        """And what can be done with it."""
        desk.publish(written())
        desk.bring(written(title="Better", change="Covers more."))

        shown = desk.workflow.show("M0001")

        assert (str(shown.revision), shown.stage, shown.published, shown.is_newest) == (
            "M0001 revision 2",
            Stage.DRAFT,
            1,
            True,
        )
        assert [(one.number, one.stage) for one in shown.history] == [(1, Stage.PUBLISHED), (2, Stage.DRAFT)]
        assert {"edit", "submit", "discard"} <= set(shown.verbs)
        assert "countersign" not in shown.verbs

    def test_nothing_can_be_done_with_one_that_is_not_the_newest(self, desk: Desk) -> None:
        """It is history, though it is the one in force."""
        desk.publish(written())
        desk.bring(written(title="Better", change="Covers more."))

        shown = desk.workflow.show("M0001", 1)

        assert (shown.stage, shown.verbs, shown.is_newest) == (Stage.PUBLISHED, (), False)

    def test_who_takes_over_from_whom_is_shown_on_both(self, desk: Desk) -> None:
        """The older one says superseded, and still can be withdrawn or revised."""
        desk.publish(written("M0001"), written("M0002", supersedes="M0001"))

        old, new = desk.workflow.show("M0001"), desk.workflow.show("M0002")

        assert (old.stage, old.superseded_by, old.supersedes) == (Stage.SUPERSEDED, ("M0002",), ())
        assert (new.stage, new.superseded_by, new.supersedes) == (Stage.PUBLISHED, (), ("M0001",))
        assert set(old.verbs) == {"revise", "withdraw"}

    def test_an_emergency_can_be_countersigned_whatever_came_after_it(self, desk: Desk) -> None:
        """A draft that somebody began meanwhile does not stand in the way."""
        desk.bring(urgent())
        desk.break_glass()
        with desk.store.begin() as work:
            (alone,) = work.revisions.emergencies()
            work.revisions.save(replace(alone, stage=Stage.PUBLISHED))
            words = replace(alone.mitigation, revision=2, change="Better.")
            work.revisions.save(replace(alone, mitigation=words, stage=Stage.DRAFT, break_glass=None))

        assert desk.workflow.show("M0001", 1).verbs == ("countersign",)
        assert "countersign" not in desk.workflow.show("M0001").verbs

    def test_what_is_not_there_is_named(self, desk: Desk) -> None:
        """By id, and by number."""
        desk.bring(written())

        for ask in (desk.workflow.show, desk.workflow.builds, desk.workflow.draft):
            with pytest.raises(UnknownMitigationError, match="M0042"):
                ask("M0042")
        with pytest.raises(UnknownMitigationError, match="M0001 revision 7"):
            desk.workflow.show("M0001", 7)
        with pytest.raises(UnknownMitigationError, match="M0001 revision 9"):
            desk.workflow.diff("M0001", 1, 9)


class TestTags:
    """By which lost updates are noticed."""

    @pytest.fixture
    def revision(self, desk: Desk) -> Revision:
        """A draft."""
        return desk.bring(written()).revision

    @pytest.mark.parametrize(
        "change",
        [
            {"stage": Stage.IN_REVIEW},
            {"digest": "sha256-other"},
            {"approved_by": "ben"},
            {"approved_digest": "sha256-x"},
            {"hands": frozenset({"anna", "carl"})},
            {"returned": Returned("ben", AT, "Too broad.")},
            {"break_glass": BreakGlass("ben", AT, "INC-7", "Now.", AT)},
            {"shelved": True},
        ],
    )
    def test_a_tag_changes_with_whatever_counts(self, revision: Revision, change: dict[str, object]) -> None:
        """So that nobody decides on what they did not see."""
        assert tag_of(replace(revision, **change)) != tag_of(revision)  # type: ignore[arg-type]

    def test_a_tag_stays_while_nothing_does(self, desk: Desk, revision: Revision) -> None:
        """In every process, whatever order its sets have."""
        both = replace(revision, hands=frozenset({"anna", "carl", "dora"}))

        assert tag_of(both) == tag_of(replace(both, hands=frozenset({"dora", "carl", "anna"})))
        assert desk.workflow.show("M0001").tag == tag_of(revision)
        assert len(tag_of(revision)) == 32

    def test_revisions_of_the_same_words_have_tags_of_their_own(self, revision: Revision) -> None:
        """A tag of one never passes for another."""
        other = replace(revision, mitigation=replace(revision.mitigation, id="M0002"))

        assert tag_of(other) != tag_of(revision)


class TestDifferences:
    """What a reviewer is told."""

    def test_any_two_revisions_can_be_laid_beside_each_other(self, desk: Desk) -> None:
        """The older one, the newer one, and both ways."""
        desk.publish(written())
        desk.publish(written(title="Better", change="Covers more."))
        desk.bring(written(title="Best", change="Covers all."))

        difference = desk.workflow.diff("M0001", 3, 1)
        back = desk.workflow.diff("M0001", 1, 3)

        assert (difference.before, difference.after) == (1, 3)
        (title,) = (one for one in difference.changes if one.field == "title")
        assert (title.before, title.after) == ("No way in", "Best")
        assert (back.before, back.after) == (3, 1)
        assert desk.workflow.diff("M0001", 2).before == 1
        assert desk.workflow.diff("M0001", 1).before is None

    def test_both_texts_stand_side_by_side(self, desk: Desk) -> None:
        """The very bytes that are signed."""
        desk.publish(written())
        desk.bring(written(title="Better", change="Covers more."))

        sides = desk.workflow.diff("M0001").sides

        (pair,) = (one for one in sides if "<Title>" in one.left)
        assert (pair.left.strip(), pair.right.strip(), pair.kind) == (
            "<Title>No way in</Title>",
            "<Title>Better</Title>",
            "changed",
        )

    def test_withdrawing_a_successor_tells_that_the_old_one_comes_back(self, desk: Desk) -> None:
        """The reviewer of the withdrawal must know."""
        desk.publish(written("M0001"), written("M0002", supersedes="M0001"))
        desk.workflow.withdraw("M0002", by="anna", reason="It breaks sign-in.")

        assert desk.workflow.diff("M0002").effects == (
            "M0001 is active again: agents apply it on the builds that it affects",
            "M0002 is taken back on every server that has it",
        )

    def test_effects_are_those_on_what_is_published_now(self, desk: Desk) -> None:
        """Whichever older revision it is laid beside."""
        desk.publish(written("M0001"), written("M0002"))
        desk.publish(written("M0002", supersedes="M0001", change="Takes over."))
        desk.bring(written("M0002", change="Takes over no longer."))

        assert desk.workflow.diff("M0002", against=1).effects == desk.workflow.diff("M0002").effects
        assert desk.workflow.diff("M0002").effects == (
            "M0001 is active again: agents apply it on the builds that it affects",
        )
        assert desk.workflow.diff("M0002", 2).effects == (
            "M0001 is superseded: agents take it back where M0002 is applied in its place",
        )


class TestJudging:
    """Words that are kept nowhere."""

    def test_words_are_judged_and_nothing_is_kept(self, desk: Desk) -> None:
        """While an author still writes."""
        judged = desk.workflow.judge(written(supersedes="M0099"), source="form")

        assert [one.code for one in judged.findings] == ["S8"]
        assert str(judged.draft.mitigation) == "M0001 revision 1"
        assert desk.workflow.page().items == ()

    def test_words_are_judged_as_the_next_revision(self, desk: Desk) -> None:
        """Beside what is published of the same mitigation, whatever is in work."""
        desk.publish(written())
        desk.bring(written(title="Better", change="Covers more."))

        judged = desk.workflow.judge(written(title="Best", change="Covers all."), source="form")

        assert str(judged.draft.mitigation) == "M0001 revision 2"
        assert judged.findings == ()

    def test_what_is_no_mitigation_is_refused(self, desk: Desk) -> None:
        """With the line that is wrong."""
        with pytest.raises(MalformedError, match="form"):
            desk.workflow.judge(b"<Mitigation", source="form")

    def test_a_draft_is_shown_with_samples(self, desk: Desk) -> None:
        """As its author wrote it."""
        samples = b'<Samples><MustPass name="work" url="/owa/"/></Samples></Mitigation>'
        desk.bring(written().replace(b"</Mitigation>", samples))

        assert [one.url for one in desk.workflow.draft("M0001").samples.must_pass] == ["/owa/"]

    def test_builds_are_those_of_the_catalogue(self, desk: Desk) -> None:
        """By the names that people know."""
        desk.bring(written())

        lines = desk.workflow.builds("M0001")

        assert {one.state for one in lines} == {"affected"}
        assert [one.name for one in lines] == ["RTM", "CU12", "CU12 Nov22SU", "CU14", "CU15"]


class TestAudit:
    """The audit log, page by page."""

    def test_pages_follow_on_each_other(self, desk: Desk) -> None:
        """From the newest act to the first."""
        desk.publish(written())
        whole = desk.workflow.list_audit()

        found: list[AuditEntry] = []
        before = None
        while True:
            page = desk.workflow.audit_page(before=before, limit=1)
            found += page.entries
            if page.next is None:
                break
            before = page.next

        assert tuple(found) == whole[::-1]

    def test_acts_about_one_mitigation_are_found(self, desk: Desk) -> None:
        """Whoever did them."""
        desk.publish(written("M0001"), written("M0002"))

        acts = [one.verb for one in desk.workflow.audit_page(subject="M0001").entries]

        assert acts == ["approve", "submit", "import"]
        assert {one.actor for one in desk.workflow.audit_page(actor="ben").entries} == {"ben"}
        assert {one.verb for one in desk.workflow.audit_page(verb="submit").entries} == {"submit"}
