from __future__ import annotations

from datetime import timedelta

import pytest

from feedsrv.codec.mitigation import write_mitigation
from feedsrv.errors import BadInputError
from feedsrv.model.feed import digest_of
from feedsrv.model.lifecycle import Stage, WrongStageError
from feedsrv.publishing.records import IntendedRevision, Intent, IntentState, Returned
from feedsrv.publishing.refusals import (
    BadChangeError,
    BadNameError,
    ChangedContentError,
    InWorkError,
    LintRefusedError,
    NoCatalogueError,
    SamePersonError,
    UnknownMitigationError,
)
from feedsrv.publishing.workflow import Imported, ImportOutcome
from tests.desk import AT, Desk
from tests.publisher import written


class TestImporting:
    """From a file to a draft."""

    def test_a_new_mitigation_becomes_a_draft_of_its_first_revision(self, desk: Desk) -> None:
        """Its bytes are fixed from here on, the moment of issue included."""
        imported = desk.bring(written())

        revision = imported.revision
        assert imported.outcome is ImportOutcome.CREATED
        assert (str(revision), revision.stage, revision.author) == ("M0001 revision 1", Stage.DRAFT, "anna")
        assert revision.mitigation.issued == AT
        assert revision.unsigned == write_mitigation(revision.mitigation)
        assert revision.digest == digest_of(revision.unsigned)
        assert desk.acts()[-1] == "anna import M0001 revision 1"

    def test_the_same_file_again_is_unchanged(self, desk: Desk) -> None:
        """Days later, too, though its review date is counted from the day of import."""
        first = desk.bring(written()).revision
        desk.at += timedelta(days=3)
        acts = desk.acts()

        again = desk.bring(written(), by="carl")

        assert again == Imported(first, ImportOutcome.UNCHANGED)
        assert desk.acts() == acts

    def test_white_space_and_comments_are_no_change(self, desk: Desk) -> None:
        """Words are compared, not letters."""
        first = desk.bring(written()).revision

        again = desk.bring(written().replace(b"  <Title>", b"<!-- as agreed -->\n\t<Title>"))

        assert again == Imported(first, ImportOutcome.UNCHANGED)

    def test_other_words_edit_the_draft(self, desk: Desk) -> None:
        """The number stays, the editor becomes the author, and both have had a hand in it."""
        desk.bring(written())

        imported = desk.bring(written(title="No way in at all"), by="carl")

        assert imported.outcome is ImportOutcome.EDITED
        assert imported.revision.number == 1
        assert imported.revision.author == "carl"
        assert imported.revision.hands == {"anna", "carl"}

    @pytest.mark.parametrize("approved", [False, True])
    def test_an_edit_voids_review_and_approval(self, desk: Desk, *, approved: bool) -> None:
        """Whatever was said of the old words does not hold for the new ones."""
        desk.bring(written())
        desk.workflow.submit("M0001", by="anna")
        if approved:
            desk.approve()

        edited = desk.bring(written(title="No way in at all")).revision

        assert edited.stage is Stage.DRAFT
        assert (edited.approved_by, edited.approved_digest) == (None, None)

    def test_after_publication_other_words_are_the_next_revision(self, desk: Desk) -> None:
        """It must say what it changed."""
        desk.publish(written())

        with pytest.raises(BadInputError, match="Change must say"):
            desk.bring(written(title="Better"))
        imported = desk.bring(written(title="Better", change="Covers more."))

        assert imported.outcome is ImportOutcome.CREATED
        assert imported.revision.number == 2

    def test_going_back_to_an_earlier_draft_is_an_edit(self, desk: Desk) -> None:
        """What was replaced is not known any more."""
        desk.bring(written())
        desk.bring(written(title="Second thoughts"))

        assert desk.bring(written()).outcome is ImportOutcome.EDITED

    @pytest.mark.parametrize(
        "document",
        [
            written(product="exchange-2003", ranges='<Range introduced="6.5.6944.0"/>'),
            written(ranges='<Range introduced="15.2.222.0"/>'),
        ],
    )
    def test_unknown_products_and_builds_are_refused_at_once(self, desk: Desk, document: bytes) -> None:
        """With the file, the rule and a remedy; nothing is kept."""
        with pytest.raises(LintRefusedError, match=r"m\.xml: nothing was imported.*\n  S1 M0001 revision 1"):
            desk.bring(document)

        assert desk.workflow.list_mitigations() == ()

    def test_nothing_is_imported_before_there_is_a_catalogue(self) -> None:
        """The refusal names the command."""
        with pytest.raises(NoCatalogueError, match="feedsrv catalogue import"):
            Desk().bring(written())

    def test_a_mitigation_does_not_leave_production(self, desk: Desk) -> None:
        """Agents of production would never hear of it again."""
        desk.publish(written())

        with pytest.raises(BadChangeError, match="can only move to production"):
            desk.bring(written(channel="preview", change="Tried out again."))

    def test_half_an_import_leaves_nothing(self, desk: Desk) -> None:
        """A file that cannot be read changes nothing."""
        acts = desk.acts()

        with pytest.raises(BadInputError, match=r"m\.xml"):
            desk.bring(written()[:-20])

        assert desk.acts() == acts


class TestReviewing:
    """Two people, and the very bytes."""

    def test_somebody_else_approves_what_was_submitted(self, desk: Desk) -> None:
        """The approval names the digest of the bytes."""
        desk.bring(written())

        approved = desk.approve()

        assert (approved.stage, approved.approved_by) == (Stage.APPROVED, "ben")
        assert approved.approved_digest == approved.digest
        assert desk.acts()[-2:] == ["anna submit M0001 revision 1", "ben approve M0001 revision 1"]

    @pytest.mark.parametrize("approver", ["anna m", "Anna M", " anna m ", "\uff41nna m", "anna  m"])
    def test_nobody_approves_what_they_wrote(self, desk: Desk, approver: str) -> None:
        """However they spell their name."""
        desk.bring(written(), by="anna m")

        with pytest.raises(SamePersonError, match="somebody else must approve"):
            desk.approve(by=approver)

        assert desk.workflow.show_mitigation("M0001").stage is Stage.IN_REVIEW

    def test_nobody_approves_what_they_edited_or_submitted(self, desk: Desk) -> None:
        """Even when somebody else wrote on after them."""
        desk.bring(written())
        desk.bring(written(title="By Carl"), by="carl")
        found = desk.workflow.submit("M0001", by="dora")

        for person in ("anna", "carl", "dora"):
            with pytest.raises(SamePersonError):
                desk.workflow.approve("M0001", by=person, digest=found.digest)

        assert desk.workflow.approve("M0001", by="ben", digest=found.digest).stage is Stage.APPROVED

    def test_an_approval_of_other_bytes_is_refused(self, desk: Desk) -> None:
        """The reviewer saw something else than what is there now."""
        seen = desk.bring(written()).revision.digest
        desk.bring(written(title="Quickly changed"), by="carl")
        desk.workflow.submit("M0001", by="carl")

        with pytest.raises(ChangedContentError, match="look at it again"):
            desk.workflow.approve("M0001", by="ben", digest=seen)

    def test_only_what_is_in_review_is_approved(self, desk: Desk) -> None:
        """Not a draft, and not twice."""
        digest = desk.bring(written()).revision.digest

        with pytest.raises(WrongStageError):
            desk.workflow.approve("M0001", by="ben", digest=digest)
        desk.approve()
        with pytest.raises(WrongStageError):
            desk.workflow.approve("M0001", by="ben", digest=digest)

    def test_an_approved_revision_can_be_handed_back(self, desk: Desk) -> None:
        """With a reason, which the log keeps; the approval is void."""
        desk.bring(written())
        desk.approve()

        returned = desk.workflow.return_("M0001", by="ben", reason=" Too\n broad. ")

        assert (returned.stage, returned.approved_by) == (Stage.DRAFT, None)
        assert returned.returned == Returned("ben", AT, "Too broad.")
        assert desk.workflow.list_audit(newest=1)[0].detail == {"reason": "Too broad."}
        desk.workflow.submit("M0001", by="anna")
        for reason in (" ", "Too broad.\x07", "Too broad.\udcff", "Too \u202ebroad.", "x" * 1001):
            with pytest.raises(BadChangeError, match="say why"):
                desk.workflow.return_("M0001", by="ben", reason=reason)

    def test_why_it_was_returned_is_there_until_it_is_submitted_again(self, desk: Desk) -> None:
        """Its author reads it while writing."""
        desk.bring(written())
        desk.workflow.submit("M0001", by="anna")
        desk.workflow.return_("M0001", by="ben", reason="Too broad.")

        edited = desk.bring(written(title="Narrower")).revision
        submitted = desk.workflow.submit("M0001", by="anna")

        assert edited.returned is not None
        assert edited.returned.reason == "Too broad."
        assert submitted.returned is None

    def test_a_discarded_draft_frees_its_number(self, desk: Desk) -> None:
        """And the next draft has an author of its own."""
        desk.bring(written())
        desk.workflow.discard("M0001", by="anna")
        with pytest.raises(UnknownMitigationError):
            desk.workflow.show_mitigation("M0001")

        imported = desk.bring(written(), by="ben")

        assert imported.outcome is ImportOutcome.CREATED
        assert imported.revision.number == 1
        assert imported.revision.hands == {"ben"}

    @pytest.mark.parametrize(
        "name",
        ["", "  ", "x" * 65, "anna\nben", "anna\x07", "anna\u200b", "anna\ufe0f", "anna\u3164", "ann\u0430"],
        ids=ascii,
    )
    def test_everybody_has_a_name_that_can_be_written_down_and_told_apart(
        self, desk: Desk, name: str
    ) -> None:
        """The log would be worth little otherwise, and so would four eyes."""
        with pytest.raises(BadNameError):
            desk.bring(written(), by=name)

    @pytest.mark.parametrize("name", ["Zoë Müller-O'Neill", "Анна", "Άννα", "山田 花子", "anna@example.com"])
    def test_people_have_names_of_all_scripts(self, desk: Desk, name: str) -> None:
        """One at a time."""
        assert desk.bring(written(), by=name).revision.author == name

    def test_what_a_begun_publication_names_is_not_touched(self, desk: Desk) -> None:
        """Its bytes may be on their way to agents."""
        desk.bring(written())
        digest = desk.approve().digest
        with desk.store.begin() as work:
            named = (IntendedRevision("M0001", 1, digest),)
            work.intents.begin(Intent(0, AT, "paula", IntentState.OPEN, named))

        with pytest.raises(InWorkError, match="feedsrv feed publish"):
            desk.bring(written(title="Too late"))
        with pytest.raises(InWorkError):
            desk.workflow.return_("M0001", by="ben", reason="Too late.")


class TestTelling:
    """Nobody has to ask whether something waits for them."""

    def test_what_concerns_others_is_told(self, desk: Desk) -> None:
        """In the order in which it happened; an import alone concerns nobody yet."""
        desk.bring(written())
        desk.workflow.submit("M0001", by="anna")
        desk.workflow.return_("M0001", by="ben", reason="Too broad.")
        desk.approve()
        desk.workflow.return_("M0001", by="ben", reason="Second thoughts.")
        desk.workflow.discard("M0001", by="anna")

        assert desk.told() == [
            f"mitigation.{what} M0001 revision 1"
            for what in ("submitted", "returned", "submitted", "approved", "returned", "discarded")
        ]
        assert desk.alarms() == []

    def test_a_notice_is_a_sentence_for_people(self, desk: Desk) -> None:
        """Who, what and why; and it is kept with the moment of the act."""
        desk.bring(written())
        desk.workflow.submit("M0001", by="anna")
        desk.at += timedelta(hours=1)
        desk.workflow.return_("M0001", by="ben", reason="Too broad.")

        with desk.store.look() as work:
            newest, first = work.notices.newest(2)
        assert first.sentence == "anna asks for a review of M0001 revision 1: No way in"
        assert newest.sentence == "ben returned M0001 revision 1: Too broad."
        assert (newest.by, newest.at) == ("ben", desk.at)

    def test_what_is_refused_is_not_told(self, desk: Desk) -> None:
        """Kept together with the act, or not at all."""
        desk.bring(written())
        desk.workflow.submit("M0001", by="anna")
        told = desk.told()

        with pytest.raises(SamePersonError):
            desk.approve(by="anna")

        assert desk.told() == told
