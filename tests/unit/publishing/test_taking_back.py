"""What one person published alone and nobody countersigned ends, whatever lies in the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from feedsrv.model.catalogue import UpdateStage
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Status
from feedsrv.publishing.emergency import in_force
from feedsrv.publishing.records import IntendedRevision, Intent, IntentState, Update
from feedsrv.publishing.taking_back import due
from feedsrv.publishing.workflow import Workflow
from tests.desk import SPAN, Desk, urgent
from tests.publisher import cumulative_update, written


class TestWithdrawingByItself:
    """What nobody countersigned ends, whatever lies in the way."""

    def test_until_the_time_is_up_nothing_happens(self, desk: Desk) -> None:
        """And nothing is written."""
        desk.alone()
        desk.at += SPAN - timedelta(minutes=1)
        acts = desk.acts()

        assert desk.workflow.withdraw_due() == ()

        assert desk.acts() == acts

    def test_it_is_withdrawn_by_a_revision_that_the_keeper_approved(self, desk: Desk) -> None:
        """Ready to be published, and told."""
        desk.alone()
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        assert (str(drawn_up), drawn_up.stage) == ("M0001 revision 2", Stage.APPROVED)
        assert drawn_up.mitigation.status is Status.WITHDRAWN
        assert drawn_up.mitigation.change == "Withdrawn by itself: nobody countersigned revision 1."
        assert (drawn_up.approved_by, drawn_up.approved_digest) == ("keeper", drawn_up.digest)
        assert desk.acts()[-1] == "keeper withdraw-unsigned M0001 revision 2"
        assert desk.told()[-1] == "mitigation.withdrawn-unsigned M0001 revision 2"

    def test_whoever_has_the_keeper_look_approves_nothing(self, desk: Desk) -> None:
        """The log names them; the revision is the keeper's."""
        desk.alone()
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due(by="paula")

        assert (drawn_up.author, drawn_up.approved_by) == ("keeper", "keeper")
        assert drawn_up.hands == {"keeper"}
        assert desk.acts()[-1] == "paula withdraw-unsigned M0001 revision 2"
        assert desk.workflow.withdraw_due() == (drawn_up,)

    def test_each_look_gives_it_again_until_it_is_out(self, desk: Desk) -> None:
        """A keeper that is killed in between finds it as it was, and draws up nothing twice."""
        desk.alone()
        desk.at += SPAN
        first = desk.workflow.withdraw_due()
        acts, told = desk.acts(), desk.told()

        again = desk.workflow.withdraw_due()

        assert again == first
        assert (desk.acts(), desk.told()) == (acts, told)

    def test_once_it_is_out_the_alarm_ends_and_nothing_is_due(self, desk: Desk) -> None:
        """By the next look."""
        desk.alone()
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
        desk.alone(urgent(title="Better", change="Covers more."))
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        words = drawn_up.mitigation
        assert (drawn_up.number, words.status, words.title) == (3, Status.ACTIVE, "No way in")
        assert words.change == "As in revision 1 again: nobody countersigned revision 2."
        assert words.review_by == desk.at.date() + timedelta(days=30)

    def test_words_that_an_update_has_overtaken_stand_again_up_to_it(self, desk: Desk) -> None:
        """It came out meanwhile: servers that have it need them no more, and the others still do."""
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

        words = drawn_up.mitigation
        assert (drawn_up.number, words.status) == (3, Status.ACTIVE)
        assert [str(found) for _, found in words.ranges()] == ["15.2.221.12 up to 15.2.1900.1"]
        assert words.change is not None
        assert words.change.startswith(
            "As in revision 1 again: nobody countersigned revision 2. CU16 (KB5099999)"
        )

    def test_words_that_end_too_early_in_between_stand_again_as_they_were(self, desk: Desk) -> None:
        """Rule S7 asks for the build where one person alone had ended them."""
        desk.publish(written())
        ended = '<Range introduced="15.2.221.12" fixed="15.2.1118.7"/>'
        desk.alone(urgent(ranges=ended, change="Fixed, it seems."))
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        words = drawn_up.mitigation
        assert words.status is Status.ACTIVE
        assert words.change is not None
        assert words.change.endswith(
            "nobody countersigned revision 2. That one took 15.2.1118.7 for the fix."
        )

    def test_words_that_would_outlive_the_signing_key_stand_again_for_less_long(self, desk: Desk) -> None:
        """Rule S9; to look at them sooner harms nobody."""
        desk.publish(written())
        desk.alone(urgent(title="Better", change="Covers more."))
        desk.at += SPAN
        workflow = Workflow(desk.store, now=lambda: desk.at, key_ends=desk.at + timedelta(days=20))

        (drawn_up,) = workflow.withdraw_due()

        assert drawn_up.mitigation.status is Status.ACTIVE
        assert drawn_up.mitigation.review_by == desk.at.date() + timedelta(days=19)

    def test_words_that_the_rules_object_to_by_now_do_not_stand_again(self, desk: Desk) -> None:
        """One person alone added a product: to leave it out again would leave its servers behind."""
        desk.publish(written())
        added = b'<Affects product="sfb-2019"><Range introduced="7.0.2046.0"/></Affects><Actions>'
        desk.alone(urgent(change="Covers more.").replace(b"<Actions>", added))
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        assert (drawn_up.number, drawn_up.mitigation.status) == (3, Status.WITHDRAWN)

    def test_words_that_would_have_to_wait_do_not_stand_again(self, desk: Desk) -> None:
        """They name an update as their fix that is not out; held back, they would take nothing's place."""
        desk.publish(urgent(ranges='<Range introduced="15.2.221.12" fixed="15.2.1900.1"/>'))
        desk.workflow.register_update(cumulative_update(), by="carl")
        desk.alone(urgent(title="No fix yet", change="It does not hold."))
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        assert (drawn_up.number, drawn_up.mitigation.status) == (3, Status.WITHDRAWN)

    def test_a_draft_on_top_puts_nothing_off(self, desk: Desk) -> None:
        """It steps aside, and its words are kept for whoever goes on from them."""
        desk.alone()
        document = urgent(title="Mine", change="For later.")
        desk.bring(document, by="carl")
        desk.workflow.submit("M0001", by="carl")
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        aside = desk.workflow.show_mitigation("M0001", 3)
        assert (drawn_up.number, drawn_up.mitigation.status) == (2, Status.WITHDRAWN)
        assert (aside.stage, aside.mitigation.title, aside.author) == (Stage.DISCARDED, "Mine", "carl")
        with desk.store.look() as work:
            told = work.notices.after(0, 1000)[-1].sentence
        assert told.endswith("What carl had under way is kept as M0001 revision 3, discarded")
        assert desk.workflow.show_mitigation("M0001").number == 2
        desk.publish()
        assert desk.bring(document, by="carl").revision.number == 3

    def test_another_emergency_on_top_puts_nothing_off(self, desk: Desk) -> None:
        """Both end at the same time; the one that runs is taken back."""
        desk.alone()
        desk.bring(urgent(title="Better", change="Covers more."))
        desk.break_glass()
        desk.at += SPAN

        (drawn_up,) = desk.workflow.withdraw_due()

        assert (drawn_up.number, drawn_up.stage, drawn_up.approved_by) == (2, Stage.APPROVED, "keeper")
        assert desk.workflow.withdraw_due() == (drawn_up,)

    def test_a_return_puts_nothing_off(self, desk: Desk) -> None:
        """A reviewer who hands the withdrawal back must countersign instead."""
        desk.alone()
        desk.at += SPAN
        desk.workflow.withdraw_due()
        desk.workflow.return_("M0001", by="ben", reason="I like it.")

        (again,) = desk.workflow.withdraw_due()

        assert (again.number, again.approved_by) == (2, "keeper")

    def test_what_two_people_approved_in_its_place_goes_before(self, desk: Desk) -> None:
        """Publishing it takes the place of what one person decided."""
        desk.alone()
        desk.bring(urgent(title="Reviewed", change="As it should be."), by="carl")
        found = desk.workflow.submit("M0001", by="carl")
        desk.workflow.approve("M0001", by="ben", digest=found.digest)
        desk.at += SPAN

        assert desk.workflow.withdraw_due() == ()
        desk.publish()

        assert desk.workflow.withdraw_due() == ()
        assert desk.alarms() == []
        assert desk.standing().number == 2

    def test_what_is_on_its_way_waits_for_the_next_look(self, desk: Desk) -> None:
        """A publication that was cut short is finished first, by whoever publishes next."""
        desk.alone()
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

    def test_a_withdrawal_alone_that_is_not_out_yet_is_a_draft_again(self, desk: Desk) -> None:
        """Nobody is to publish it weeks later, when its time has run out long ago."""
        desk.publish(written())
        desk.workflow.withdraw("M0001", by="anna", reason="It breaks mail.")
        desk.break_glass()
        desk.at += SPAN

        (voided,) = desk.workflow.withdraw_due()

        assert (str(voided), voided.stage, voided.approved_by) == ("M0001 revision 2", Stage.DRAFT, None)
        assert desk.alarms() == []

    def test_every_mitigation_ends_for_itself(self, desk: Desk) -> None:
        """Several at once, in order of id."""
        desk.alone(urgent("M0002", vulnerability="CVE-2026-2000"))
        desk.alone()
        desk.at += SPAN

        assert [str(one) for one in desk.workflow.withdraw_due()] == ["M0001 revision 2", "M0002 revision 2"]
