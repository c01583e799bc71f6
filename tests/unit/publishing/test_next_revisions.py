"""What follows on a published revision: other words for it, or its withdrawal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from feedsrv.model.lifecycle import Stage, WrongStageError
from feedsrv.model.mitigation import Status
from feedsrv.publishing.reading import draft_of
from feedsrv.publishing.refusals import BadChangeError, InWorkError, SamePersonError, UnknownMitigationError
from tests.desk import AT, Desk
from tests.publisher import written


def with_samples() -> bytes:
    """A rule, and a request that it must block."""
    rule = """<UrlRewrite id="A1" name="Secrets - inbound"><Site name="Default Web Site"/>
      <Inbound pattern=".*" syntax="ECMAScript" ignoreCase="true" stopProcessing="true">
        <Conditions grouping="MatchAll"><Condition input="{QUERY_STRING}" pattern="secret"/></Conditions>
        <AbortRequest/>
      </Inbound></UrlRewrite>"""
    samples = b"""<Samples><MustBlock name="attack" url="/owa/?secret=1"/></Samples></Mitigation>"""
    return written(action=rule).replace(b"</Mitigation>", samples)


def withdraw(desk: Desk) -> None:
    """Take it back, through four eyes."""
    desk.workflow.withdraw("M0001", by="carl", reason="It breaks calendars.")
    desk.approve()
    desk.publish()


class TestWithdrawing:
    """Taking a mitigation back everywhere."""

    def test_a_withdrawal_is_the_next_revision_and_needs_its_approval(self, desk: Desk) -> None:
        """Who asks for it does not approve it."""
        desk.publish(written())

        withdrawn = desk.workflow.withdraw("M0001", by="carl", reason="It breaks calendars.")

        assert (withdrawn.number, withdrawn.stage) == (2, Stage.IN_REVIEW)
        assert withdrawn.mitigation.status is Status.WITHDRAWN
        assert withdrawn.mitigation.change == "It breaks calendars."
        assert desk.told()[-1] == "mitigation.withdrawing M0001 revision 2"
        with pytest.raises(SamePersonError):
            desk.approve(by="carl")
        assert desk.approve().stage is Stage.APPROVED

    def test_what_is_not_published_is_not_withdrawn(self, desk: Desk) -> None:
        """A draft is discarded instead."""
        desk.bring(written())

        with pytest.raises(WrongStageError, match="withdraw is not possible while draft"):
            desk.workflow.withdraw("M0001", by="carl", reason="No.")

    def test_unfinished_work_is_not_lost_to_a_withdrawal(self, desk: Desk) -> None:
        """Its author is asked first."""
        desk.publish(written())
        desk.bring(written(title="Better", change="Covers more."))

        with pytest.raises(InWorkError, match=r"publish or discard it, then withdraw M0001"):
            desk.workflow.withdraw("M0001", by="carl", reason="No.")

    def test_unfinished_work_in_review_is_returned_before_it_is_discarded(self, desk: Desk) -> None:
        """The refusal names a way that there is."""
        desk.publish(written())
        desk.bring(written(title="Better", change="Covers more."))
        desk.workflow.submit("M0001", by="anna")

        with pytest.raises(InWorkError, match=r"publish it, or return and discard it, then withdraw M0001"):
            desk.workflow.withdraw("M0001", by="carl", reason="No.")

    def test_nothing_is_withdrawn_twice(self, desk: Desk) -> None:
        """It says so."""
        desk.publish(written())
        withdraw(desk)

        with pytest.raises(
            WrongStageError, match="not possible while withdrawn; possible is countersign, re"
        ):
            desk.workflow.withdraw("M0001", by="carl", reason="No.")

    def test_a_withdrawn_mitigation_can_come_back(self, desk: Desk) -> None:
        """As another revision, which says why."""
        desk.publish(written())
        withdraw(desk)

        again = desk.bring(written(change="Calendars work now.")).revision

        assert (again.number, again.mitigation.status) == (3, Status.ACTIVE)


class TestRevising:
    """Going on from the words that stand."""

    def test_the_words_that_stand_become_a_draft_of_the_next_revision(self, desk: Desk) -> None:
        """With everything that only authors see; issued now, and looked at again as late as before."""
        desk.publish(with_samples())
        before = desk.workflow.show_mitigation("M0001")
        desk.at += timedelta(days=20)

        drafted = desk.workflow.revise("M0001", by="carl", change=" Signed\n anew. ")

        words = drafted.mitigation
        assert (drafted.number, drafted.stage, drafted.author) == (2, Stage.DRAFT, "carl")
        assert drafted.hands == {"carl"}
        assert (words.change, words.issued) == ("Signed anew.", desk.at)
        assert words.review_by == (AT + timedelta(days=50)).date()
        assert words.actions == before.mitigation.actions
        assert draft_of(drafted).samples == draft_of(before).samples
        assert draft_of(drafted).samples.must_block
        assert desk.acts()[-1] == "carl revise M0001 revision 2"

    def test_it_goes_the_way_of_every_revision(self, desk: Desk) -> None:
        """So a mitigation is signed anew without another word."""
        desk.publish(written())
        desk.workflow.revise("M0001", by="carl", change="Signed anew.")
        found = desk.workflow.submit("M0001", by="carl")

        desk.workflow.approve("M0001", by="ben", digest=found.digest)
        desk.publish()

        assert desk.workflow.show_mitigation("M0001").number == 2

    def test_what_was_withdrawn_is_active_again_in_it(self, desk: Desk) -> None:
        """A draft that withdraws what is withdrawn would be of no use."""
        desk.publish(written())
        withdraw(desk)

        drafted = desk.workflow.revise("M0001", by="carl", change="Calendars work now.")

        assert (drafted.number, drafted.mitigation.status) == (3, Status.ACTIVE)

    def test_unfinished_work_is_not_lost_to_a_revision(self, desk: Desk) -> None:
        """There is one draft at a time."""
        desk.publish(written())
        desk.workflow.revise("M0001", by="carl", change="Signed anew.")

        with pytest.raises(InWorkError, match=r"M0001 revision 2 is unfinished \(draft\)"):
            desk.workflow.revise("M0001", by="dora", change="Signed anew.")

    def test_what_was_never_published_is_not_revised(self, desk: Desk) -> None:
        """A draft is edited, and what is not there is not."""
        desk.bring(written())

        with pytest.raises(WrongStageError, match="revise is not possible while draft"):
            desk.workflow.revise("M0001", by="carl", change="Signed anew.")
        with pytest.raises(UnknownMitigationError):
            desk.workflow.revise("M0999", by="carl", change="Signed anew.")

    @pytest.mark.parametrize(
        "change", ["", " \n ", "x" * 1001, "Signed\u200banew", "Signed\u202eanew"], ids=ascii
    )
    def test_it_says_what_changes(self, desk: Desk, change: str) -> None:
        """In words that everybody sees as they are: they are published."""
        desk.publish(written())

        with pytest.raises(BadChangeError, match="change: say why"):
            desk.workflow.revise("M0001", by="carl", change=change)

        assert desk.workflow.show_mitigation("M0001").number == 1
