"""Break-glass: one person approves alone, all are told, and it ends by itself unless a second signs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from feedsrv.errors import BadInputError
from feedsrv.model.catalogue import UpdateStage
from feedsrv.model.lifecycle import Stage, WrongStageError
from feedsrv.model.mitigation import Status
from feedsrv.publishing.emergency import due, in_force
from feedsrv.publishing.records import IntendedRevision, Intent, IntentState, Revision, Update
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

LATER = timedelta(minutes=1)


def alone(desk: Desk, document: bytes | None = None, by: str = "anna") -> Revision:
    """Published by one person alone."""
    imported = desk.bring(document or urgent(), by=by).revision
    approved = desk.break_glass(imported.id, by=by)
    desk.publish()
    return approved


def standing(desk: Desk, mitigation_id: str = "M0001") -> Revision:
    """The newest published revision."""
    with desk.store.look() as work:
        found = work.revisions.published(mitigation_id)
    assert found is not None
    return found


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


class TestOnceIsEnough:
    """No chain of emergencies keeps words alive that nobody else has looked at."""

    def test_a_second_revision_alone_wins_no_more_time(self, desk: Desk) -> None:
        """It ends when the first would have ended."""
        alone(desk)
        desk.at += timedelta(hours=3)
        desk.bring(urgent(title="Better", change="Covers more."))

        again = desk.break_glass()

        assert again.break_glass is not None
        assert again.break_glass.until == AT + SPAN

    def test_after_the_time_is_up_a_second_person_must_come(self, desk: Desk) -> None:
        """Before the keeper has come by, too."""
        alone(desk)
        desk.at += SPAN
        desk.bring(urgent(title="Better", change="Covers more."))

        with pytest.raises(AloneAgainError, match="nobody countersigned M0001 revision 1 in time"):
            desk.break_glass()

    def test_what_was_withdrawn_unsigned_needs_a_second_person(self, desk: Desk) -> None:
        """The same mitigation does not come back by the same way."""
        alone(desk)
        desk.at += SPAN
        desk.workflow.withdraw_due()
        desk.publish()
        desk.bring(urgent(change="Once more."))

        with pytest.raises(AloneAgainError, match="M0001 revision 2 withdrew"):
            desk.break_glass()

        assert desk.approve().stage is Stage.APPROVED

    def test_the_same_work_under_another_id_is_the_same_work(self, desk: Desk) -> None:
        """Another title makes no other work of it."""
        alone(desk)
        desk.bring(urgent("M0002", title="Something else entirely"))

        with pytest.raises(AloneAgainError, match="M0001 revision 1 does the same"):
            desk.break_glass("M0002")

    def test_another_emergency_is_another_one(self, desk: Desk) -> None:
        """With a time of its own."""
        alone(desk)
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
        assert not published or standing(desk).number == 1

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
        alone(desk)

        with pytest.raises(ChangedContentError):
            desk.workflow.countersign("M0001", by="ben", digest="sha256:0")

    def test_nothing_is_countersigned_that_nobody_approved_alone(self, desk: Desk) -> None:
        """Nor twice."""
        desk.publish(written("M0002"))
        digest = alone(desk, urgent(vulnerability="CVE-2026-2000")).digest
        desk.workflow.countersign("M0001", by="ben", digest=digest)

        for mitigation_id in ("M0001", "M0002"):
            found = desk.workflow.show_mitigation(mitigation_id).digest
            with pytest.raises(NothingToCountersignError):
                desk.workflow.countersign(mitigation_id, by="carl", digest=found)

    def test_a_draft_on_top_hides_it_from_nobody(self, desk: Desk) -> None:
        """What servers run is what is countersigned."""
        digest = alone(desk).digest
        desk.workflow.revise("M0001", by="anna", change="For later.")

        assert desk.workflow.countersign("M0001", by="ben", digest=digest).number == 1

    def test_late_is_better_than_never(self, desk: Desk) -> None:
        """The keeper had drawn up the withdrawal, and it is not out yet: it is given up."""
        digest = alone(desk).digest
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
        digest = alone(desk).digest
        desk.at += SPAN
        (begun,) = desk.workflow.withdraw_due()
        with desk.store.begin() as work:
            named = (IntendedRevision(begun.id, begun.number, begun.digest),)
            work.intents.begin(Intent(0, desk.at, "keeper", IntentState.OPEN, named))

        with pytest.raises(InWorkError, match="M0001 revision 2 is on its way"):
            desk.workflow.countersign("M0001", by="ben", digest=digest)


class TestWithdrawingByItself:
    """What nobody countersigned ends, whatever lies in the way."""

    def test_until_the_time_is_up_nothing_happens(self, desk: Desk) -> None:
        """And nothing is written."""
        alone(desk)
        desk.at += SPAN - LATER
        acts = desk.acts()

        assert desk.workflow.withdraw_due() == ()

        assert desk.acts() == acts

    def test_it_is_withdrawn_by_a_revision_that_the_keeper_approved(self, desk: Desk) -> None:
        """Ready to be published, and told."""
        alone(desk)
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        assert (str(drawn_up), drawn_up.stage) == ("M0001 revision 2", Stage.APPROVED)
        assert drawn_up.mitigation.status is Status.WITHDRAWN
        assert drawn_up.mitigation.change == "Withdrawn by itself: nobody countersigned revision 1."
        assert (drawn_up.approved_by, drawn_up.approved_digest) == ("keeper", drawn_up.digest)
        assert desk.acts()[-1] == "keeper withdraw-unsigned M0001 revision 2"
        assert desk.told()[-1] == "mitigation.withdrawn-unsigned M0001 revision 2"

    def test_each_look_gives_it_again_until_it_is_out(self, desk: Desk) -> None:
        """A keeper that is killed in between finds it as it was, and draws up nothing twice."""
        alone(desk)
        desk.at += SPAN
        first = desk.workflow.withdraw_due()
        acts, told = desk.acts(), desk.told()

        again = desk.workflow.withdraw_due()

        assert again == first
        assert (desk.acts(), desk.told()) == (acts, told)

    def test_once_it_is_out_the_alarm_ends_and_nothing_is_due(self, desk: Desk) -> None:
        """By the next look."""
        alone(desk)
        desk.at += SPAN
        desk.workflow.withdraw_due()
        assert "mitigation.break-glass M0001 revision 1" in desk.alarms()
        desk.publish()

        assert desk.workflow.withdraw_due() == ()

        assert desk.alarms() == []
        with desk.store.look() as work:
            assert (due(work, desk.at), in_force(work)) == ((), ())

    def test_what_is_not_out_yet_is_a_draft_again(self, desk: Desk) -> None:
        """Nothing has to be taken back."""
        desk.bring(urgent())
        desk.break_glass()
        desk.at += SPAN

        (found,) = desk.workflow.withdraw_due()

        assert (str(found), found.stage) == ("M0001 revision 1", Stage.DRAFT)
        assert (found.approved_by, found.break_glass) == (None, None)
        assert desk.alarms() == []
        assert desk.workflow.withdraw_due() == ()

    def test_what_two_people_stood_for_before_stands_again(self, desk: Desk) -> None:
        """One hour of one person takes away no protection that two had agreed on."""
        desk.publish(written())
        alone(desk, urgent(title="Better", change="Covers more."))
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        words = drawn_up.mitigation
        assert (drawn_up.number, words.status, words.title) == (3, Status.ACTIVE, "No way in")
        assert words.change == "As in revision 1 again: nobody countersigned revision 2."
        assert words.review_by == desk.at.date() + timedelta(days=30)

    def test_words_that_the_rules_object_to_by_now_do_not_stand_again(self, desk: Desk) -> None:
        """An update came out meanwhile, which they do not name as their fix: withdrawn is safe."""
        desk.publish(urgent())
        update = cumulative_update()
        desk.workflow.register_update(update, by="carl")
        desk.break_glass(by="carl")
        desk.workflow.release_update(update.product, update.build, by="paula")
        desk.publish()
        with desk.store.begin() as work:
            work.updates.save(Update(replace(update, stage=UpdateStage.RELEASED)))
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        assert (drawn_up.number, drawn_up.mitigation.status) == (3, Status.WITHDRAWN)

    def test_words_that_would_have_to_wait_do_not_stand_again(self, desk: Desk) -> None:
        """They name an update as their fix that is not out; held back, they would take nothing's place."""
        desk.publish(urgent(ranges='<Range introduced="15.2.221.12" fixed="15.2.1900.1"/>'))
        desk.workflow.register_update(cumulative_update(), by="carl")
        alone(desk, urgent(title="No fix yet", change="It does not hold."))
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        assert (drawn_up.number, drawn_up.mitigation.status) == (3, Status.WITHDRAWN)

    def test_a_draft_on_top_puts_nothing_off(self, desk: Desk) -> None:
        """It steps aside, and its words are kept for whoever goes on from them."""
        alone(desk)
        document = urgent(title="Mine", change="For later.")
        desk.bring(document, by="carl")
        desk.workflow.submit("M0001", by="carl")
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        aside = desk.workflow.show_mitigation("M0001", 3)
        assert (drawn_up.number, drawn_up.mitigation.status) == (2, Status.WITHDRAWN)
        assert (aside.stage, aside.mitigation.title, aside.author) == (Stage.DISCARDED, "Mine", "carl")
        assert desk.workflow.show_mitigation("M0001").number == 2
        desk.publish()
        assert desk.bring(document, by="carl").revision.number == 3

    def test_another_emergency_on_top_puts_nothing_off(self, desk: Desk) -> None:
        """Both end at the same time; the one that runs is taken back."""
        alone(desk)
        desk.bring(urgent(title="Better", change="Covers more."))
        desk.break_glass()
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        assert (drawn_up.number, drawn_up.stage, drawn_up.approved_by) == (2, Stage.APPROVED, "keeper")
        assert desk.workflow.withdraw_due() == (drawn_up,)

    def test_a_return_puts_nothing_off(self, desk: Desk) -> None:
        """A reviewer who hands the withdrawal back must countersign instead."""
        alone(desk)
        desk.at += SPAN
        desk.workflow.withdraw_due()
        desk.workflow.return_("M0001", by="ben", reason="I like it.")

        (again,) = desk.workflow.withdraw_due()

        assert (again.number, again.approved_by) == (2, "keeper")

    def test_what_two_people_approved_in_its_place_goes_before(self, desk: Desk) -> None:
        """Publishing it takes the place of what one person decided."""
        alone(desk)
        desk.bring(urgent(title="Reviewed", change="As it should be."), by="carl")
        found = desk.workflow.submit("M0001", by="carl")
        desk.workflow.approve("M0001", by="ben", digest=found.digest)
        desk.at += SPAN

        assert desk.workflow.withdraw_due() == ()
        desk.publish()

        assert desk.workflow.withdraw_due() == ()
        assert desk.alarms() == []
        assert standing(desk).number == 2

    def test_what_is_on_its_way_waits_for_the_next_look(self, desk: Desk) -> None:
        """A publication that was cut short is finished first, by whoever publishes next."""
        alone(desk)
        desk.bring(urgent(title="Better", change="Covers more."))
        above = desk.break_glass()
        with desk.store.begin() as work:
            named = (IntendedRevision(above.id, above.number, above.digest),)
            work.intents.begin(Intent(0, desk.at, "paula", IntentState.OPEN, named))
        desk.at += SPAN
        acts = desk.acts()

        assert desk.workflow.withdraw_due() == ()

        assert desk.acts() == acts

    def test_a_withdrawal_alone_stays_and_so_does_its_alarm(self, desk: Desk) -> None:
        """Nothing of it runs; to start again what somebody pulled at night would be no way back."""
        desk.publish(written())
        desk.workflow.withdraw("M0001", by="anna", reason="It breaks mail.")
        digest = desk.break_glass().digest
        desk.publish()
        desk.at += 2 * SPAN

        assert desk.workflow.withdraw_due() == ()

        assert desk.alarms() == ["mitigation.break-glass M0001 revision 2"]
        desk.workflow.countersign("M0001", by="ben", digest=digest)
        assert desk.alarms() == []

    def test_every_mitigation_ends_for_itself(self, desk: Desk) -> None:
        """Several at once, in order of id."""
        alone(desk, urgent("M0002", vulnerability="CVE-2026-2000"))
        alone(desk)
        desk.at += SPAN

        assert [str(one) for one in desk.workflow.withdraw_due()] == ["M0001 revision 2", "M0002 revision 2"]

    def test_bad_input_is_met_before_anything_is_looked_up(self, desk: Desk) -> None:
        """An incident without a reference, on a mitigation that is not there."""
        with pytest.raises(BadInputError, match="incident"):
            desk.workflow.break_glass("M0999", by="anna", digest="", incident="", reason="Exploited.")
