from __future__ import annotations

import re
from datetime import timedelta

import pytest

from feedsrv.model.lifecycle import MOVES, Role
from tests.programs import Program, Programs, said
from tests.publisher import written
from tests.unit.web.test_api_conditions import VERBS, everything

HANDED_IN = {"edit", "publish"}
"""Verbs with paths of their own: words are handed in, and everything approved is published at once."""


class TestTheTable:
    """Console and API offer the verbs of the lifecycle, no more and no less."""

    def test_both_doors_offer_the_same_verbs(self, programs: Programs) -> None:
        """Those of the table."""
        of_the_table = {verb for _, verb in MOVES} - HANDED_IN
        rules = [rule.rule for rule in programs.app.url_map.iter_rules() if "POST" in (rule.methods or ())]

        api = {
            found[1] for rule in rules if (found := re.fullmatch(r"/api/v1/mitigations/<id>/([a-z-]+)", rule))
        }
        choices = [
            found[1] for rule in rules if (found := re.match(r"/mitigations/<\w+>/<any\((.*?)\)", rule))
        ]
        console = {name for choice in choices for name in re.findall(r"[a-z][a-z-]*", choice)}

        assert api == of_the_table
        assert of_the_table <= console
        assert {"/publish", "/api/v1/publish"} <= set(rules)

    @pytest.mark.parametrize("verb", VERBS)
    def test_each_verb_wants_its_role(self, programs: Programs, verb: str) -> None:
        """Whoever has every other role is refused, and nothing changes."""
        anna = programs.client("anna", "author")
        said(anna.send("/documents", written()), 201)
        role = next(move.role for (_, known), move in MOVES.items() if known == verb)
        others = programs.client("otto", *(set(Role) - {role}))
        before = everything(programs)

        answer = others.act(f"M0001/{verb}", VERBS[verb])

        assert said(answer, 403)["code"] == "access.missing_role"
        assert everything(programs) == before


class TestFourEyes:
    """Nobody approves what they had a hand in, by whatever token."""

    def test_nobody_approves_their_own_words(self, programs: Programs) -> None:
        """Neither by the token that wrote them, nor by another of the same person."""
        both = programs.client("anna", "author", "reviewer")
        said(both.send("/documents", written()), 201)
        said(both.act("M0001/submit"))
        digest = {"digest": said(both.get("/mitigations/M0001"))["digest"]}

        same = both.act("M0001/approve", digest)
        reviewing = programs.token("anna", "author", "reviewer", scope=frozenset({Role.REVIEWER}))
        other = Program(both.client, reviewing).act("M0001/approve", digest)

        assert said(same, 403)["code"] == "publishing.same_person"
        assert said(other, 403)["code"] == "publishing.same_person"

    def test_an_edit_after_the_approval_voids_it(self, programs: Programs) -> None:
        """What goes out is what was approved."""
        anna, ben = programs.client("anna", "author"), programs.client("ben", "reviewer")
        carl = programs.client("carl", "publisher")
        self.approve(anna, ben)

        edited = anna.send("/documents", written(title="Other words"), If_Match="*")

        assert said(edited)["revision"]["stage"] == "draft"
        assert said(edited)["revision"]["approvedBy"] is None
        assert said(carl.post("/publish"))["nothing"] is True

    def test_the_audit_log_says_by_which_token(self, programs: Programs) -> None:
        """A token acts in its owner's name, and leaves its own beside it."""
        anna, ben = programs.client("anna", "author"), programs.client("ben", "reviewer")
        self.approve(anna, ben)
        auditor = programs.client("olga", "auditor")

        found = said(auditor.get("/audit?verb=approve"))["items"]

        assert [(one["actor"], one["detail"]["via"]) for one in found] == [("ben", "token 2 (ci)")]

    def test_a_token_publishes_and_takes_back(self, programs: Programs) -> None:
        """The whole way: approved, published, withdrawn by one and approved by another, published."""
        anna, ben = programs.client("anna", "author"), programs.client("ben", "reviewer")
        carl = programs.client("carl", "publisher")
        self.approve(anna, ben)
        waiting = said(carl.get("/publishing"))
        out = said(carl.post("/publish"))

        own = said(anna.act("M0001/withdraw", {"reason": "It breaks mail."}))
        said(ben.act("M0001/approve", {"digest": own["digest"]}))
        said(carl.post("/publish"))

        assert [one["id"] for one in waiting["revisions"]] == ["M0001"]
        assert out["revisions"] == [{"id": "M0001", "number": 1}]
        assert own["stage"] == "in review"
        assert said(anna.get("/mitigations/M0001"))["stage"] == "withdrawn"
        assert programs.surface.house.states() == {"M0001": "2 withdrawn"}

    def approve(self, anna: Program, ben: Program) -> None:
        """Bring M0001, submit and approve it."""
        said(anna.send("/documents", written()), 201)
        said(anna.act("M0001/submit"))
        said(ben.act("M0001/approve", {"digest": said(ben.get("/mitigations/M0001"))["digest"]}))


class TestTheEmergency:
    """One person publishes alone, and another stands for it afterwards."""

    def test_one_breaks_the_glass_and_another_countersigns(self, programs: Programs) -> None:
        """Even their own words go out; whoever broke it cannot countersign; then the alarm ends."""
        carl = programs.client("carl", "author", "publisher", "reviewer")
        ben = programs.client("ben", "reviewer")
        document = written().replace(b'<ReviewWithin days="30"/>', b'<ReviewWithin days="2"/>')
        digest = {"digest": said(carl.send("/documents", document), 201)["revision"]["digest"]}

        told = {"incident": "INC-7", "reason": "They are inside."}
        broke = said(carl.act("M0001/break-glass", digest | told))
        said(carl.post("/publish"))
        alarms = said(ben.get("/alarms"))["items"]
        own = carl.act("M0001/countersign", digest)
        signed = said(ben.act("M0001/countersign", digest))

        assert broke["breakGlass"]["incident"] == "INC-7"
        assert [one["kind"] for one in alarms] == ["mitigation.break-glass"]
        assert said(own, 403)["code"] == "publishing.same_person"
        assert signed["breakGlass"]["countersignedBy"] == "ben"
        assert said(ben.get("/alarms"))["items"] == []

    def test_what_runs_for_long_is_not_published_alone(self, programs: Programs) -> None:
        """Only what a person must look at again soon."""
        carl = programs.client("carl", "author", "publisher")
        digest = said(carl.send("/documents", written()), 201)["revision"]["digest"]

        answer = carl.act("M0001/break-glass", {"digest": digest, "incident": "INC-7", "reason": "Now."})

        assert said(answer, 403)["code"] == "publishing.long_review"


def test_what_needs_me_follows_the_roles_of_the_token(programs: Programs) -> None:
    """A reviewer sees what waits for a review, unless it is of their own hands."""
    anna, ben = programs.client("anna", "author", "reviewer"), programs.client("ben", "reviewer")
    said(anna.send("/documents", written()), 201)
    said(anna.act("M0001/submit"))
    programs.surface.clock.at += timedelta(hours=1)

    of_ben, of_anna = said(ben.get("/needs")), said(anna.get("/needs"))

    assert [one["id"] for one in of_ben["toReview"]] == ["M0001"]
    assert of_anna["toReview"] == []
