from __future__ import annotations

from hashlib import sha256

import pytest

from tests.programs import Programs, said
from tests.publisher import written

VERBS = {
    "submit": None,
    "approve": {"digest": "sha256-" + "a" * 43},
    "return": {"reason": "Too broad."},
    "discard": None,
    "withdraw": {"reason": "Breaks mail."},
    "revise": {"change": "Narrower."},
    "break-glass": {"digest": "sha256-" + "a" * 43, "incident": "INC-1", "reason": "Now."},
    "countersign": {"digest": "sha256-" + "a" * 43},
}


class TestTags:
    """The tag of a revision changes with whatever an act may depend on."""

    def test_what_a_client_holds_already_is_not_sent_again(self, programs: Programs) -> None:
        """304, until something happens to it."""
        anna = programs.client("anna", "author")
        said(anna.send("/documents", written()), 201)
        tag = anna.get("/mitigations/M0001").headers["ETag"]

        same = anna.get("/mitigations/M0001", If_None_Match=tag)
        said(anna.act("M0001/submit"))
        after = anna.get("/mitigations/M0001", If_None_Match=tag)

        assert (same.status_code, same.data) == (304, b"")
        assert said(after)["stage"] == "in review"

    @pytest.mark.parametrize("verb", VERBS)
    def test_an_act_that_names_no_tag_is_refused(self, programs: Programs, verb: str) -> None:
        """428: it could undo what somebody else did meanwhile."""
        anna = programs.client("anna", "author", "reviewer", "publisher")
        said(anna.send("/documents", written()), 201)

        answer = anna.post(f"/mitigations/M0001/{verb}", VERBS[verb])

        assert said(answer, 428)["code"] == "api.missing_tag"

    @pytest.mark.parametrize("verb", ["submit", "discard", "break-glass"])
    def test_a_stale_tag_changes_nothing(self, programs: Programs, verb: str) -> None:
        """412, and neither the revision nor the audit log says anything new."""
        anna = programs.client("anna", "author", "publisher")
        said(anna.send("/documents", written()), 201)
        tag = anna.get("/mitigations/M0001").headers["ETag"]
        said(anna.send("/documents", written(title="Narrower"), If_Match=tag))
        before = everything(programs)

        answer = anna.post(f"/mitigations/M0001/{verb}", VERBS[verb], If_Match=tag)

        assert said(answer, 412)["code"] == "publishing.changed_since"
        assert everything(programs) == before

    def test_an_approval_of_what_has_changed_changes_nothing(self, programs: Programs) -> None:
        """Neither by a stale tag, nor by the digest of other words under the tag that holds."""
        anna, ben = programs.client("anna", "author"), programs.client("ben", "reviewer")
        said(anna.send("/documents", written()), 201)
        seen = ben.get("/mitigations/M0001")
        said(anna.act("M0001/submit"))
        said(anna.send("/documents", written(title="Other words"), If_Match="*"))
        said(anna.act("M0001/submit"))
        before, digest = everything(programs), {"digest": said(seen)["digest"]}

        stale = ben.post("/mitigations/M0001/approve", digest, If_Match=seen.headers["ETag"])
        other = ben.act("M0001/approve", digest)

        assert said(stale, 412)["code"] == "publishing.changed_since"
        assert said(other, 409)["code"] == "publishing.changed_content"
        assert everything(programs) == before

    @pytest.mark.parametrize(
        "tag", ["0", '"a", "b"', '"', 'W/"', '"\u00e9"', '"a" or 1=1', '"' + "a" * 500 + '"']
    )
    def test_what_is_no_tag_is_refused(self, programs: Programs, tag: str) -> None:
        """400, whatever it is."""
        anna = programs.client("anna", "author")
        said(anna.send("/documents", written()), 201)

        answer = anna.post("/mitigations/M0001/submit", If_Match=tag.encode().decode("latin-1"))

        assert said(answer, 400)["code"] == "api.bad_tag"

    def test_a_tag_that_a_proxy_weakened_is_the_same(self, programs: Programs) -> None:
        """A server like nginx does so to every answer that it compresses."""
        anna = programs.client("anna", "author")
        tag = anna.send("/documents", written()).headers["ETag"]

        assert said(anna.post("/mitigations/M0001/submit", If_Match=f"W/{tag}"))["stage"] == "in review"


class TestHandingIn:
    """Nobody's open revision is overwritten unseen."""

    def test_an_edit_of_an_open_revision_needs_a_tag(self, programs: Programs) -> None:
        """428 without, 412 with a stale one, and done with the right one."""
        anna, dora = programs.client("anna", "author"), programs.client("dora", "author")
        first = anna.send("/documents", written())
        before = everything(programs)

        unseen = dora.send("/documents", written(title="Mine"))
        stale = dora.send("/documents", written(title="Mine"), If_Match='"0123456789abcdef"')
        after = everything(programs)
        edited = dora.send("/documents", written(title="Mine"), If_Match=first.headers["ETag"])

        assert (unseen.status_code, stale.status_code) == (428, 412)
        assert after == before
        assert said(edited)["outcome"] == "edited"
        assert said(edited)["revision"]["hands"] == ["anna", "dora"]

    def test_the_same_words_again_change_nothing_and_need_no_tag(self, programs: Programs) -> None:
        """A pipeline may hand in every file on every run."""
        anna, ben = programs.client("anna", "author"), programs.client("ben", "reviewer")
        said(anna.send("/documents", written()), 201)
        said(anna.act("M0001/submit"))
        said(ben.act("M0001/approve", {"digest": said(ben.get("/mitigations/M0001"))["digest"]}))
        before = everything(programs)

        again = anna.send("/documents", written())

        assert said(again)["outcome"] == "unchanged"
        assert everything(programs) == before

    def test_a_published_file_that_lies_beside_a_newer_draft_changes_nothing(
        self, programs: Programs
    ) -> None:
        """The pipeline hands in what is published while somebody revises it at the console."""
        anna, ben = programs.client("anna", "author"), programs.client("ben", "reviewer")
        carl = programs.client("carl", "publisher")
        said(anna.send("/documents", written()), 201)
        said(anna.act("M0001/submit"))
        said(ben.act("M0001/approve", {"digest": said(ben.get("/mitigations/M0001"))["digest"]}))
        said(carl.post("/publish"))
        said(anna.act("M0001/revise", {"change": "Runs for longer."}))

        again = anna.send("/documents", written())

        assert said(again)["outcome"] == "unchanged"
        assert said(again)["revision"]["number"] == 1

    def test_an_id_that_was_taken_meanwhile_is_somebody_elses(self, programs: Programs) -> None:
        """Two who choose the same free id: the second is told, and overwrites nothing."""
        anna, dora = programs.client("anna", "author"), programs.client("dora", "author")
        said(anna.send("/documents", written()), 201)
        draft = said(anna.get("/mitigations/M0001/draft"))

        answer = dora.post("/mitigations", draft | {"title": "Another thing"})

        assert said(answer, 428)["code"] == "api.missing_tag"
        assert said(anna.get("/mitigations/M0001"))["hands"] == ["anna"]


def everything(programs: Programs) -> tuple[object, ...]:
    """All that a refused act must leave as it is."""
    workflow = programs.surface.house.workflow
    revisions = [
        (one.id, one.number, one.stage, one.digest, one.approved_by, one.hands)
        for listed in workflow.list_mitigations()
        for one in workflow.history(listed.id)
    ]
    log = [entry.hash for entry in workflow.list_audit()]
    return (revisions, sha256("".join(log).encode()).hexdigest())
