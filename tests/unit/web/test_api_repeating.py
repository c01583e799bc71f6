from __future__ import annotations

import hmac
from datetime import timedelta
from hashlib import sha256
from threading import Barrier, Thread

import pytest
from werkzeug.test import TestResponse

from feedsrv.publishing.people_records import Answer
from feedsrv.web.api.repeating import KEPT, TAKEN_OVER
from tests.programs import Programs, said
from tests.publisher import written

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


class TestRepeatedRequests:
    """The same request under the same key is carried out once."""

    def test_a_replayed_approval_is_answered_alike_and_done_once(self, programs: Programs) -> None:
        """Byte for byte, with its tag; the audit log holds one approval."""
        anna, ben = programs.client("anna", "author"), programs.client("ben", "reviewer")
        said(anna.send("/documents", written()), 201)
        said(anna.act("M0001/submit"))
        seen = ben.get("/mitigations/M0001")
        told = {"If_Match": seen.headers["ETag"], "Idempotency_Key": KEY}
        body = {"digest": said(seen)["digest"]}

        first = ben.post("/mitigations/M0001/approve", body, **told)
        again = ben.post("/mitigations/M0001/approve", body, **told)

        assert said(first)["stage"] == "approved"
        assert (again.status_code, again.data) == (first.status_code, first.data)
        assert again.headers["ETag"] == first.headers["ETag"]
        assert "Idempotency-Replayed" not in first.headers
        assert again.headers["Idempotency-Replayed"] == "true"
        assert [one.verb for one in programs.surface.house.workflow.list_audit()].count("approve") == 1

    def test_without_a_key_a_replayed_approval_changes_nothing(self, programs: Programs) -> None:
        """The tag is stale by then, and the stage another."""
        anna, ben = programs.client("anna", "author"), programs.client("ben", "reviewer")
        said(anna.send("/documents", written()), 201)
        said(anna.act("M0001/submit"))
        seen = ben.get("/mitigations/M0001")
        body = {"digest": said(seen)["digest"]}
        said(ben.post("/mitigations/M0001/approve", body, If_Match=seen.headers["ETag"]))

        again = ben.post("/mitigations/M0001/approve", body, If_Match=seen.headers["ETag"])
        blind = ben.post("/mitigations/M0001/approve", body, If_Match="*")

        assert said(again, 412)["code"] == "publishing.changed_since"
        assert said(blind, 403)["code"] == "lifecycle.wrong_stage"

    def test_another_request_under_the_same_key_is_refused(self, programs: Programs) -> None:
        """Another body, path, tag or token is another request."""
        anna = programs.client("anna", "author")
        said(anna.send("/documents", written(), Idempotency_Key=KEY), 201)

        other = anna.send("/documents", written("M0002"), Idempotency_Key=KEY)
        anna.token = programs.token("anna", "author")
        token = anna.send("/documents", written(), Idempotency_Key=KEY)

        assert said(other, 422)["code"] == "api.reused_key"
        assert said(token, 422)["code"] == "api.reused_key"

    def test_no_password_can_be_guessed_from_what_is_kept(self, programs: Programs) -> None:
        """Neither the body is kept nor a digest that anybody but the token's holder could make again."""
        alma = programs.client("alma", "administrator")
        body = {"name": "anna", "roles": ["author"], "password": "correct horse battery"}
        said(alma.post("/people", body, Idempotency_Key=KEY), 201)

        with programs.surface.house.store.look() as work:
            kept = work.answers.get(f"alma {KEY}")

        assert kept is not None
        assert b"horse" not in kept.body
        # As Flask's test client writes it.
        sent = programs.app.json.dumps(body)
        asked = f"POST\n/api/v1/people?\napplication/json\n\n{sent}".encode()
        assert kept.request == hmac.new(alma.token.encode(), asked, sha256).hexdigest()
        assert kept.request != sha256(asked).hexdigest()

    def test_keys_of_two_people_are_two_keys(self, programs: Programs) -> None:
        """Nobody learns, or blocks, what somebody else did under a key."""
        anna, dora = programs.client("anna", "author"), programs.client("dora", "author")
        said(anna.send("/documents", written(), Idempotency_Key=KEY), 201)

        answer = dora.send("/documents", written("M0002"), Idempotency_Key=KEY)

        assert said(answer, 201)["revision"]["author"] == "dora"

    def test_what_was_refused_may_be_sent_again(self, programs: Programs) -> None:
        """Nothing was done, so nothing is remembered."""
        anna = programs.client("anna", "author")
        refused = anna.post("/mitigations/M0009/submit", If_Match="*", Idempotency_Key=KEY)
        said(anna.send("/documents", written("M0009")), 201)

        again = anna.post("/mitigations/M0009/submit", If_Match="*", Idempotency_Key=KEY)

        assert refused.status_code == 404
        assert said(again)["stage"] == "in review"

    def test_the_first_one_is_waited_for(self, programs: Programs) -> None:
        """While it is at work, 409; a claim that a dead process left may be taken over after a while."""
        anna = programs.client("anna", "author")
        said(anna.send("/documents", written(), Idempotency_Key=KEY), 201)
        self.forget_the_answer(programs)

        early = anna.send("/documents", written(), Idempotency_Key=KEY)
        programs.surface.clock.at += TAKEN_OVER
        late = anna.send("/documents", written(), Idempotency_Key=KEY)

        assert said(early, 409)["code"] == "api.at_work"
        assert said(late)["outcome"] == "unchanged"

    def test_an_answer_is_kept_for_a_day(self, programs: Programs) -> None:
        """After that it is forgotten, and the key is free."""
        anna = programs.client("anna", "author")
        said(anna.send("/documents", written(), Idempotency_Key=KEY), 201)

        programs.surface.clock.at += KEPT + timedelta(seconds=1)
        again = anna.send("/documents", written(), Idempotency_Key=KEY)

        assert "Idempotency-Replayed" not in again.headers
        assert said(again)["outcome"] == "unchanged"

    @pytest.mark.parametrize(
        "key", ["short", "with spaces in it", "a" * 151, "tab\tinside", "caf\u00e9-caf\u00e9"]
    )
    def test_what_is_no_key_is_refused(self, programs: Programs, key: str) -> None:
        """422, and nothing is done."""
        anna = programs.client("anna", "author")

        answer = anna.send("/documents", written(), Idempotency_Key=key.encode().decode("latin-1"))

        assert said(answer, 422)["code"] == "api.bad_key"
        assert programs.surface.house.workflow.list_mitigations() == ()

    def test_two_at_the_same_moment_are_carried_out_once(self, programs: Programs) -> None:
        """One of them does it; the other waits, or gets the same answer."""
        anna = programs.client("anna", "author")
        anna.get("/me")
        barrier, answers = Barrier(2), list[TestResponse]()

        def send() -> None:
            client = programs.app.test_client()
            barrier.wait()
            headers = {
                "Authorization": f"Bearer {anna.token}",
                "Content-Type": "application/xml",
                "Idempotency-Key": KEY,
            }
            answers.append(client.post("/api/v1/documents", data=written(), headers=headers))

        threads = [Thread(target=send) for _ in range(2)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()

        assert 201 in {one.status_code for one in answers}
        assert {one.status_code for one in answers} <= {201, 409}
        assert [one.verb for one in programs.surface.house.workflow.list_audit()].count("import") == 2

    def forget_the_answer(self, programs: Programs) -> None:
        """As if the process had died between the act and its answer."""
        with programs.surface.house.store.begin() as work:
            found = work.answers.get(f"anna {KEY}")
            assert found is not None
            work.answers.save(Answer(found.key, found.request, found.at))
