"""Break-glass: one person approves alone, all are told, and it ends by itself unless a second signs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from feedsrv.errors import BadInputError
from feedsrv.model.lifecycle import Stage, WrongStageError
from feedsrv.publishing.records import IntendedRevision, Intent, IntentState
from feedsrv.publishing.refusals import (
    AloneAgainError,
    BadChangeError,
    ChangedContentError,
    InWorkError,
    LongReviewError,
    NothingToCountersignError,
    SamePersonError,
)
from tests.desk import AT, SPAN, Desk, urgent
from tests.publisher import cumulative_update, written


class TestBreakingTheGlass:
    """Alone, and in everybody's sight."""

    @pytest.mark.parametrize("submitted", [False, True])
    def test_one_person_approves_what_they_wrote(self, desk: Desk, *, submitted: bool) -> None:
        """From a draft or in review; the approval names the digest, the incident and the reason."""
        digest = desk.bring(urgent()).revision.digest
        if submitted:
            desk.workflow.submit("M0001", by="anna")

        done = desk.break_glass()

        assert (done.stage, done.approved_by, done.approved_digest) == (Stage.APPROVED, "anna", digest)
        assert done.break_glass is not None
        assert (done.break_glass.by, done.break_glass.at) == ("anna", AT)
        assert (done.break_glass.incident, done.break_glass.reason) == ("INC-7", "It is exploited.")
        assert done.break_glass.until == AT + SPAN

    def test_everybody_is_told_until_it_is_settled(self, desk: Desk) -> None:
        """An alarm on every page, and a line of its own in the audit log."""
        desk.bring(urgent())
        desk.break_glass()

        (entry,) = desk.workflow.list_audit(newest=1)
        assert desk.alarms() == ["mitigation.break-glass M0001 revision 1"]
        assert (entry.actor, entry.verb) == ("anna", "break-glass")
        assert entry.detail["incident"] == "INC-7"
        assert entry.detail["reason"] == "It is exploited."
        assert entry.detail["until"] == "2026-11-22T16:30:00Z"

    def test_what_would_run_for_long_is_refused(self, desk: Desk) -> None:
        """With the last day that is allowed, and what to write."""
        desk.bring(written())

        with pytest.raises(LongReviewError, match='until 2026-11-29 at most: write ReviewWithin days="7"'):
            desk.break_glass()

        assert desk.workflow.show_mitigation("M0001").stage is Stage.DRAFT
        assert desk.alarms() == []

    def test_a_withdrawal_may_be_as_long_as_it_likes(self, desk: Desk) -> None:
        """Nothing of it runs: what breaks every server at night is pulled by whoever is awake."""
        desk.publish(written())
        desk.workflow.withdraw("M0001", by="anna", reason="It breaks mail.")

        assert desk.break_glass().stage is Stage.APPROVED

    @pytest.mark.parametrize(
        ("incident", "reason", "said"),
        [
            ("", "Exploited.", "incident: name it"),
            ("  ", "Exploited.", "incident: name it"),
            ("x" * 101, "Exploited.", "incident: name it"),
            ("INC\u202e7", "Exploited.", "incident: name it"),
            ("INC-7", "", "reason: say why"),
            ("INC-7", "x" * 1001, "reason: say why"),
            ("INC-7", "Exploited.\x07", "reason: say why"),
        ],
        ids=ascii,
    )
    def test_incident_and_reason_are_asked_for(
        self, desk: Desk, incident: str, reason: str, said: str
    ) -> None:
        """They are what the others have to judge it by in the morning."""
        digest = desk.bring(urgent()).revision.digest

        with pytest.raises(BadChangeError, match=said):
            desk.workflow.break_glass("M0001", by="anna", digest=digest, incident=incident, reason=reason)

        assert desk.alarms() == []

    def test_it_names_the_words_that_it_approves(self, desk: Desk) -> None:
        """Even one person alone may have been overtaken by an edit."""
        seen = desk.bring(urgent()).revision.digest
        desk.bring(urgent(title="Quickly changed"), by="carl")

        with pytest.raises(ChangedContentError):
            desk.workflow.break_glass("M0001", by="anna", digest=seen, incident="INC-7", reason="Exploited.")

    def test_what_is_approved_or_published_needs_no_breaking(self, desk: Desk) -> None:
        """The table says what is possible instead."""
        desk.bring(urgent())
        desk.approve()
        with pytest.raises(WrongStageError):
            desk.break_glass()
        desk.publish()
        with pytest.raises(WrongStageError):
            desk.break_glass()

    def test_bad_input_is_met_before_anything_is_looked_up(self, desk: Desk) -> None:
        """An incident without a reference, on a mitigation that is not there."""
        with pytest.raises(BadInputError, match="incident"):
            desk.workflow.break_glass("M0999", by="anna", digest="", incident="", reason="Exploited.")

    @pytest.mark.parametrize("verb", ["edit", "return"])
    def test_an_edit_or_a_return_voids_it_and_ends_the_alarm(self, desk: Desk, verb: str) -> None:
        """Nothing went out, so nothing is left to countersign."""
        desk.bring(urgent())
        desk.break_glass()

        if verb == "edit":
            found = desk.bring(urgent(title="Better")).revision
        else:
            found = desk.workflow.return_("M0001", by="ben", reason="Not like this.")

        assert (found.stage, found.break_glass, found.approved_by) == (Stage.DRAFT, None, None)
        assert desk.alarms() == []

    def test_an_update_that_is_laid_over_it_voids_it_too(self, desk: Desk) -> None:
        """The words are others now, and wait for a review."""
        desk.publish(urgent())
        desk.workflow.register_update(cumulative_update(), by="carl")
        desk.break_glass(by="carl")

        desk.workflow.register_update(cumulative_update("15.2.1850.1"), by="carl")

        assert desk.workflow.show_mitigation("M0001").stage is Stage.IN_REVIEW
        assert desk.alarms() == []


class TestOnceIsEnough:
    """No chain of emergencies keeps words alive that nobody else has looked at."""

    def test_a_second_revision_alone_wins_no_more_time(self, desk: Desk) -> None:
        """It ends when the first would have ended."""
        desk.alone()
        desk.at += timedelta(hours=3)
        desk.bring(urgent(title="Better", change="Covers more."))

        again = desk.break_glass()

        assert again.break_glass is not None
        assert again.break_glass.until == AT + SPAN

    def test_after_the_time_is_up_a_second_person_must_come(self, desk: Desk) -> None:
        """Before the keeper has come by, too."""
        desk.alone()
        desk.at += SPAN
        desk.bring(urgent(title="Better", change="Covers more."))

        with pytest.raises(AloneAgainError, match="nobody countersigned M0001 revision 1 in time"):
            desk.break_glass()

    def test_what_was_withdrawn_unsigned_needs_a_second_person(self, desk: Desk) -> None:
        """The same mitigation does not come back by the same way."""
        desk.alone()
        desk.at += SPAN
        desk.workflow.withdraw_due()
        desk.publish()
        desk.bring(urgent(change="Once more."))

        with pytest.raises(AloneAgainError, match="M0001 revision 2 took back"):
            desk.break_glass()

        assert desk.approve().stage is Stage.APPROVED

    def test_the_same_work_under_another_id_is_the_same_work(self, desk: Desk) -> None:
        """Another title makes no other work of it."""
        desk.alone()
        desk.bring(urgent("M0002", title="Something else entirely"))

        with pytest.raises(AloneAgainError, match="M0001 revision 1 does the same"):
            desk.break_glass("M0002")

    def test_another_emergency_is_another_one(self, desk: Desk) -> None:
        """With a time of its own."""
        desk.alone()
        desk.at += timedelta(hours=1)
        desk.bring(urgent("M0002", vulnerability="CVE-2026-2000"))

        other = desk.break_glass("M0002")

        assert other.break_glass is not None
        assert other.break_glass.until == desk.at + SPAN


class TestCountersigning:
    """Somebody else stands for it, too."""

    @pytest.mark.parametrize("published", [False, True])
    def test_a_second_person_ends_the_alarm(self, desk: Desk, *, published: bool) -> None:
        """Before it is published or after."""
        digest = desk.bring(urgent()).revision.digest
        desk.break_glass()
        if published:
            desk.publish()

        done = desk.workflow.countersign("M0001", by="ben", digest=digest)

        assert done.stage is (Stage.PUBLISHED if published else Stage.APPROVED)
        assert done.break_glass is not None
        assert (done.break_glass.countersigned_by, done.break_glass.countersigned_at) == ("ben", AT)
        assert desk.alarms() == []
        assert desk.told()[-1] == "mitigation.countersigned M0001 revision 1"
        desk.at += 2 * SPAN
        assert desk.workflow.withdraw_due() == ()
        assert not published or desk.standing().number == 1

    @pytest.mark.parametrize(
        ("person", "said"),
        [
            ("anna", "wrote, edited or submitted"),
            ("Anna ", "wrote, edited or submitted"),
            ("carl", "wrote, edited or submitted"),
            ("paula", "approved M0001 revision 1 alone"),
            ("\uff30aula", "approved M0001 revision 1 alone"),
        ],
        ids=ascii,
    )
    def test_nobody_countersigns_their_own(self, desk: Desk, person: str, said: str) -> None:
        """Neither whoever broke the glass nor whoever had a hand in the words."""
        desk.bring(urgent())
        desk.bring(urgent(title="By Carl"), by="carl")
        digest = desk.break_glass(by="paula").digest

        with pytest.raises(SamePersonError, match=f"{said}.*somebody else must countersign it"):
            desk.workflow.countersign("M0001", by=person, digest=digest)

        assert desk.alarms() == ["mitigation.break-glass M0001 revision 1"]

    def test_it_names_the_words_that_it_stands_for(self, desk: Desk) -> None:
        """As an approval does."""
        desk.alone()

        desk.workflow.revise("M0001", by="anna", change="For later.")
        above = desk.workflow.show_mitigation("M0001").digest

        with pytest.raises(
            ChangedContentError, match=r"show M0001 --revision 1`, or its page\), then decide"
        ):
            desk.workflow.countersign("M0001", by="ben", digest=above)

    def test_nothing_is_countersigned_that_nobody_approved_alone(self, desk: Desk) -> None:
        """Nor twice."""
        desk.publish(written("M0002"))
        digest = desk.alone(urgent(vulnerability="CVE-2026-2000")).digest
        desk.workflow.countersign("M0001", by="ben", digest=digest)

        for mitigation_id in ("M0001", "M0002"):
            found = desk.workflow.show_mitigation(mitigation_id).digest
            with pytest.raises(NothingToCountersignError):
                desk.workflow.countersign(mitigation_id, by="carl", digest=found)

    def test_a_draft_on_top_hides_it_from_nobody(self, desk: Desk) -> None:
        """What servers run is what is countersigned."""
        digest = desk.alone().digest
        desk.workflow.revise("M0001", by="anna", change="For later.")

        assert desk.workflow.countersign("M0001", by="ben", digest=digest).number == 1

    def test_late_is_better_than_never(self, desk: Desk) -> None:
        """The keeper had drawn up the withdrawal, and it is not out yet: it is given up."""
        digest = desk.alone().digest
        desk.at += SPAN
        (begun,) = desk.workflow.withdraw_due()

        desk.workflow.countersign("M0001", by="ben", digest=digest)

        with desk.store.look() as work:
            given_up = work.revisions.get(begun.id, begun.number)
        assert given_up is not None
        assert given_up.stage is Stage.DISCARDED
        assert desk.workflow.withdraw_due() == ()

    def test_what_is_on_its_way_out_cannot_be_saved_any_more(self, desk: Desk) -> None:
        """Its bytes may be public already."""
        digest = desk.alone().digest
        desk.at += SPAN
        (begun,) = desk.workflow.withdraw_due()
        with desk.store.begin() as work:
            named = (IntendedRevision(begun.id, begun.number, begun.digest),)
            work.intents.begin(Intent(0, desk.at, "keeper", IntentState.OPEN, named))

        with pytest.raises(InWorkError, match="M0001 revision 2 is on its way"):
            desk.workflow.countersign("M0001", by="ben", digest=digest)
