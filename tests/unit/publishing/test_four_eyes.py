"""Nobody reviews what they wrote, by whatever way its words came here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from feedsrv.model.action import AppPool
from feedsrv.model.lifecycle import Role, Stage
from feedsrv.publishing.hands import effect_of
from feedsrv.publishing.refusals import ChangedContentError, SamePersonError
from tests.desk import Desk, person, urgent
from tests.publisher import PRODUCT, cumulative_update, heartbeat, written

WALLED = '<AppPool id="A1" name="MSExchangeECPAppPool"/>'


def refuse(desk: Desk, by: str, mitigation_id: str = "M0001") -> str:
    """Submit where needed; `by` may not approve it. Says why."""
    found = desk.workflow.show_mitigation(mitigation_id)
    if found.stage is Stage.DRAFT:
        found = desk.workflow.submit(mitigation_id, by=found.author)
    with pytest.raises(SamePersonError) as refused:
        desk.workflow.approve(mitigation_id, by=by, digest=found.digest)
    assert desk.workflow.show_mitigation(mitigation_id).stage is Stage.IN_REVIEW
    return str(refused.value)


class TestHands:
    """Whoever touched an open revision."""

    def test_whoever_wrote_an_earlier_draft_of_it(self, desk: Desk) -> None:
        """All of its words may be others by now."""
        desk.bring(written())
        desk.bring(written(title="All new", action=WALLED), by="carl")

        refuse(desk, "anna")
        refuse(desk, "carl")

    def test_whoever_edits_after_approval(self, desk: Desk) -> None:
        """The approval is void, and the editor, once its reviewer, is an author now."""
        desk.bring(written())
        approved = desk.approve(by="ben")
        desk.bring(written(title="As Ben would have it"), by="ben")

        refuse(desk, "ben")

        with pytest.raises(ChangedContentError):
            desk.workflow.approve("M0001", by="dora", digest=approved.digest)

    def test_whoever_wrote_what_was_returned(self, desk: Desk) -> None:
        """Round after round."""
        desk.bring(written())
        desk.workflow.submit("M0001", by="anna")
        desk.workflow.return_("M0001", by="ben", reason="Too broad.")
        desk.bring(written(title="Narrower"), by="carl")

        refuse(desk, "anna")
        assert desk.approve(by="ben").approved_by == "ben"

    def test_whoever_asked_for_a_withdrawal(self, desk: Desk) -> None:
        """To take a protection away is a change, too."""
        desk.publish(written())
        desk.workflow.withdraw("M0001", by="carl", reason="It breaks mail.")

        refuse(desk, "carl")
        assert desk.approve(by="anna").approved_by == "anna"

    def test_whoever_revised(self, desk: Desk) -> None:
        """Though the words are those that stood."""
        desk.publish(written())
        desk.workflow.revise("M0001", by="carl", change="Signed anew.")

        refuse(desk, "carl")
        assert desk.approve(by="ben").approved_by == "ben"

    def test_whoever_registered_the_update_that_obliges_it(self, desk: Desk) -> None:
        """What an update fixes is the registrar's word."""
        desk.publish(written())
        desk.workflow.register_update(cumulative_update(), by="carl")

        refuse(desk, "carl")
        assert desk.approve(by="ben").approved_by == "ben"

    def test_whoever_registered_either_of_two_updates(self, desk: Desk) -> None:
        """The second is laid over what waits for the first."""
        desk.publish(written())
        desk.workflow.register_update(cumulative_update(), by="carl")
        desk.workflow.register_update(cumulative_update("15.2.1118.60"), by="dora")

        refuse(desk, "carl")
        refuse(desk, "dora")


class TestTheSamePerson:
    """By another name, another account or a token."""

    def test_a_token_acts_as_its_owner(self, desk: Desk) -> None:
        """However many tokens somebody makes, four eyes are two people."""
        desk.as_("anna", Role.AUTHOR, via="token 1 (ci)").import_mitigation(written(), source="ci", by="anna")
        found = desk.as_("anna", Role.AUTHOR).submit("M0001", by="anna")

        with pytest.raises(SamePersonError):
            desk.as_("anna", Role.REVIEWER, via="token 2 (review)").approve(
                "M0001", by="anna", digest=found.digest
            )

    def test_a_second_account_of_the_same_address_is_the_same_person(self, desk: Desk) -> None:
        """One human with a local account and one of the provider."""
        desk.register(
            person("anna", email="Anna@example.com"),
            person("anna.l", email="anna@EXAMPLE.com"),
            person("ben", email="ben@example.com"),
        )
        desk.bring(written())

        refuse(desk, "anna.l")
        assert desk.approve(by="ben").approved_by == "ben"

    def test_nor_does_a_second_account_countersign(self, desk: Desk) -> None:
        """Whoever broke the glass is one person by any account."""
        desk.register(person("paula", email="paula@example.com"), person("p2", email="paula@example.com"))
        desk.bring(urgent())
        digest = desk.break_glass(by="paula").digest

        with pytest.raises(SamePersonError, match="p2 approved M0001 revision 1 alone"):
            desk.workflow.countersign("M0001", by="p2", digest=digest)

    def test_people_without_an_address_are_told_apart_by_name(self, desk: Desk) -> None:
        """Two unknown addresses are not the same address."""
        desk.register(person("anna"), person("ben"), person("carl", email=""))
        desk.bring(written())

        assert desk.approve(by="ben").approved_by == "ben"


class TestTheSameWork:
    """Whoever brought it here first."""

    @pytest.mark.parametrize(
        "again",
        [
            written("M0002"),
            written("M0002", title="Something else entirely"),
            written("M0002", ranges='<Range introduced="15.2.1118.7"/>'),
            written("M0002", channel="preview"),
            written("M0002", action='<AppPool id="Z9" name="MSExchangeOWAAppPool"/>'),
            written("M0002", action='<AppPool id="A1" name="msexchangeowaAPPPOOL"/>'),
        ],
        ids=["the same", "another title", "other builds", "another channel", "another name", "another case"],
    )
    def test_under_another_id(self, desk: Desk, again: bytes) -> None:
        """A colleague who takes it over does not make it theirs."""
        desk.bring(written())
        desk.bring(again, by="carl")

        assert "brought these very actions here first" in refuse(desk, "anna", "M0002")
        found = desk.workflow.show_mitigation("M0002")
        assert desk.workflow.approve("M0002", by="ben", digest=found.digest).approved_by == "ben"

    def test_after_a_discarded_draft(self, desk: Desk) -> None:
        """The number is free, and its words are known."""
        desk.bring(written())
        desk.workflow.discard("M0001", by="anna")
        desk.bring(written(title="Carl's own"), by="carl")

        assert "in a draft that was discarded" in refuse(desk, "anna")

    def test_after_a_discarded_draft_that_something_else_was_written_over(self, desk: Desk) -> None:
        """What the store has forgotten, the audit log has not."""
        desk.bring(written())
        desk.workflow.discard("M0001", by="anna")
        desk.bring(written(action=WALLED), by="carl")
        desk.bring(written(), by="carl")

        refuse(desk, "anna")

    def test_after_a_discarded_draft_under_another_id(self, desk: Desk) -> None:
        """Both ways at once."""
        desk.bring(written("M0009"))
        desk.workflow.discard("M0009", by="anna")
        desk.bring(written(), by="carl")

        refuse(desk, "anna")

    def test_however_the_name_was_typed(self, desk: Desk) -> None:
        """As everywhere."""
        desk.bring(written("M0009"), by="Anna  Liddell")
        desk.bring(written(), by="carl")

        refuse(desk, "anna liddell")

    def test_among_very_many_imports(self, desk: Desk) -> None:
        """The log is read page by page, to its beginning."""
        desk.bring(written())
        desk.workflow.discard("M0001", by="anna")
        for number in range(1100):
            desk.bring(urgent("M0009", title=f"Draft {number}", action=WALLED), by="carl")
        desk.bring(written(), by="carl")

        refuse(desk, "anna")

    @pytest.mark.parametrize(
        "bring",
        [
            lambda desk: desk.bring(written("M0009", action=WALLED)),
            lambda desk: desk.bring(written("M0009", vulnerability="CVE-2026-9999")),
        ],
        ids=["other actions", "another vulnerability"],
    )
    def test_other_work_is_other_work(self, desk: Desk, bring: Callable[[Desk], object]) -> None:
        """Authors review each other."""
        bring(desk)
        desk.bring(written(), by="carl")
        desk.workflow.submit("M0001", by="carl")

        assert desk.approve(by="anna").approved_by == "anna"

    def test_whoever_copied_it_later_may_review_it(self, desk: Desk) -> None:
        """It was not theirs."""
        desk.bring(written(), by="carl")
        desk.bring(written("M0009", channel="preview"))
        desk.workflow.submit("M0001", by="carl")

        assert desk.approve(by="anna").approved_by == "anna"

    def test_work_that_two_people_stood_for_before_is_nobodys(self, desk: Desk) -> None:
        """Two people can go on with a mitigation for ever, turn by turn."""
        desk.publish(written())
        desk.bring(written(title="Better said", change="Reads better."), by="ben")
        desk.workflow.submit("M0001", by="ben")

        assert desk.approve(by="anna").approved_by == "anna"

    def test_work_that_only_one_person_stood_for_is_theirs(self, desk: Desk) -> None:
        """Published alone, and not countersigned."""
        desk.bring(urgent())
        desk.break_glass()
        desk.publish()
        desk.workflow.revise("M0001", by="ben", change="Signed anew.")

        refuse(desk, "anna")

    def test_work_that_two_people_withdrew_is_still_one_persons(self, desk: Desk) -> None:
        """They stood for its end."""
        desk.alone()
        desk.workflow.withdraw("M0001", by="ben", reason="It breaks mail.")
        desk.approve(by="carl")
        desk.publish()
        desk.workflow.revise("M0001", by="ben", change="Again.")

        refuse(desk, "anna")

    @pytest.mark.parametrize("begin", ["revise", "register"])
    def test_words_that_one_person_stands_for_stay_theirs_in_the_next_revision(
        self, desk: Desk, begin: str
    ) -> None:
        """Two had agreed on what it does, but not on where; whoever carries that over wrote nothing."""
        desk.publish(written())
        desk.alone(urgent(ranges='<Range introduced="15.2.1118.7"/>', change="Elsewhere."))
        if begin == "revise":
            desk.workflow.revise("M0001", by="carl", change="Signed anew.")
        else:
            desk.workflow.register_update(cumulative_update(), by="carl")

        refuse(desk, "anna")
        refuse(desk, "carl")
        assert desk.approve(by="ben").approved_by == "ben"

    def test_a_heartbeat_is_reviewed_like_everything_else(self, desk: Desk) -> None:
        """It has no vulnerability, and does nothing."""
        desk.bring(heartbeat())

        refuse(desk, "anna", "PING1")
        assert desk.approve("PING1").approved_by == "ben"


def test_what_a_mitigation_does_is_the_same_under_any_name(desk: Desk) -> None:
    """And another where it does something else, or against something else."""
    does = effect_of(desk.bring(written()).revision.mitigation)

    same = desk.bring(written("M0002", title="Other", channel="preview", supersedes="M0001")).revision
    others = [
        desk.bring(written("M0003", action=WALLED)).revision,
        desk.bring(written("M0004", vulnerability="CVE-2026-9999")).revision,
        desk.bring(heartbeat()).revision,
    ]

    assert effect_of(same.mitigation) == does
    assert len({does, *(effect_of(one.mitigation) for one in others)}) == 4
    assert PRODUCT in same.mitigation.products


def test_what_two_actions_do_is_the_same_in_either_order(desk: Desk) -> None:
    """Two rules keep two ids apart, and neither order nor names make other work of them."""
    words = desk.bring(written()).revision.mitigation
    rule = words.actions[0]
    pool = AppPool("Z9", "MSExchangePowerShellAppPool")

    one = replace(words, actions=(rule, pool))
    other = replace(words, actions=(replace(pool, id="B1"), replace(rule, id="B2")))

    assert effect_of(one) == effect_of(other)
    assert effect_of(one) != effect_of(words)
    assert effect_of(replace(words, actions=(rule, replace(rule, id="A2")))) != effect_of(words)
