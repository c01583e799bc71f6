from __future__ import annotations

from datetime import timedelta

import pytest
from limits import parse
from limits.storage import MemoryStorage

from feedsrv.model.lifecycle import Role
from feedsrv.web.api.entry import MOST_BYTES
from feedsrv.web.signin.limits import Rule, apply_limits
from feedsrv.web.signin.recognising import SIGN_IN, bearer
from tests.programs import Programs, said
from tests.publisher import written

WORDS = "correct horse battery"


class TestWhoComesIn:
    """By a token that holds at this moment, and by nothing else."""

    def test_a_token_says_who_asks_and_in_which_roles(self, programs: Programs) -> None:
        """The owner, with the roles of the token's scope that the owner has."""
        token = programs.token("anna", "author", "publisher", scope=frozenset({Role.AUTHOR}))

        answer = programs.app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})

        assert said(answer) == {"name": "anna", "roles": ["author"], "via": "token 1 (ci)"}

    @pytest.mark.parametrize(
        "authorization",
        ["", "Bearer", "Bearer ", "Bearer x", "Basic YTpi", "Bearer fst_\u00e9", "Bearer " + "a" * 5_000],
    )
    def test_nobody_comes_in_without_one(self, programs: Programs, authorization: str) -> None:
        """The answer is 401, says what to send, and is a problem in JSON even for a browser."""
        headers = {"Authorization": authorization.encode().decode("latin-1"), "Accept": "text/html"}

        answer = programs.app.test_client().get("/api/v1/me", headers=headers)

        assert said(answer, 401)["code"] == "signin.needed"
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="feedsrv"')
        assert answer.content_type == "application/problem+json"

    def test_a_cookie_is_no_way_in(self, programs: Programs) -> None:
        """A browser that is signed in is a stranger to the API, so no page can act in its name."""
        programs.people.add("anna", roles={Role.AUTHOR}, password=WORDS, by=programs.root)
        secret, _ = programs.people.sign_in_local("anna", WORDS, browser="test")
        client = programs.app.test_client()
        with client.session_transaction(base_url="https://localhost") as session:
            session[SIGN_IN] = secret

        console = client.get("/", base_url="https://localhost")
        answer = client.get("/api/v1/me", base_url="https://localhost")

        assert console.status_code == 200
        assert answer.status_code == 401

    def test_the_token_of_a_removed_person_is_dead_at_once(self, programs: Programs) -> None:
        """Its very next request is nobody's, and changes nothing."""
        anna = programs.client("anna", "author")
        said(anna.get("/me"))

        programs.people.remove("anna", by=programs.root)

        assert anna.get("/me").status_code == 401
        assert anna.send("/documents", written()).status_code == 401
        assert programs.surface.house.workflow.list_mitigations() == ()

    def test_a_revoked_token_is_dead_at_once(self, programs: Programs) -> None:
        """Whoever revokes a token by itself gets the answer, and no further one."""
        anna = programs.client("anna", "author")

        revoked = said(anna.post("/tokens/1/revoke"))

        assert revoked["revokedBy"] == "anna"
        assert anna.get("/me").status_code == 401

    def test_a_token_ends(self, programs: Programs) -> None:
        """At its end, to the second."""
        anna = programs.client("anna", "author")

        programs.surface.clock.at += timedelta(days=20)

        assert anna.get("/me").status_code == 401

    def test_a_role_that_is_taken_away_is_gone_at_once(self, programs: Programs) -> None:
        """A token never has more than its owner has now."""
        anna = programs.client("anna", "author")

        programs.people.change_roles("anna", {Role.AUDITOR}, by=programs.root)

        assert said(anna.get("/me"))["roles"] == []
        assert said(anna.send("/documents", written()), 403)["code"] == "access.missing_role"


class TestBodies:
    """What is sent is of the type, the size and the shape that the description says."""

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "no JSON"),
            (b"{", "no JSON"),
            (b"\xff\xfe", "no JSON"),
            (b"[]", "outermost value"),
            (b'"{}"', "outermost value"),
            (b'{"digest": "a", "digest": "b"}', "named twice"),
            (b'{"digest": NaN}', "no number"),
            (b'{"a":' * 100_000, "no JSON"),
            (b'{"a": ' + b"[" * 700 + b"]" * 700 + b"}", "too deep"),
            (b'{"digest": ' + b'{"a":' * 51 + b"0" + b"}" * 51 + b"}", "too deep"),
            (b'{"a": ' + b"9" * 5_000 + b"}", "no JSON"),
        ],
    )
    def test_what_is_no_json_object_is_refused(self, programs: Programs, body: bytes, reason: str) -> None:
        """Two readers must never see two requests in the same bytes."""
        ben = programs.client("ben", "reviewer")
        told = {"Authorization": f"Bearer {ben.token}", "Content-Type": "application/json", "If-Match": "*"}

        answer = ben.client.post("/api/v1/mitigations/M0001/approve", data=body, headers=told)

        assert said(answer, 400)["code"] == "api.not_json"
        assert reason in said(answer, 400)["detail"]

    def test_another_type_is_refused(self, programs: Programs) -> None:
        """A form, which any page could send, is none of ours."""
        anna = programs.client("anna", "author")

        answer = anna.client.post(
            "/api/v1/documents", data={"a": "b"}, headers={"Authorization": f"Bearer {anna.token}"}
        )

        assert said(answer, 415)["code"] == "api.media_type"

    def test_a_body_that_is_too_long_is_refused(self, programs: Programs) -> None:
        """Before anybody reads it."""
        anna = programs.client("anna", "author")

        answer = anna.send("/documents", b" " * (MOST_BYTES + 1))

        assert said(answer, 413)["code"] == "http.request_entity_too_large"

    def test_every_field_that_is_wrong_is_named(self, programs: Programs) -> None:
        """So that a program, or its author, can mend all of them at once."""
        ben = programs.client("ben", "reviewer")

        answer = ben.post("/mitigations/M1/approve", {"digest": 5, "extra": 1}, If_Match="*")

        assert said(answer, 422)["code"] == "api.bad_shape"
        assert {one["field"] for one in said(answer, 422)["errors"]} == {"id"}
        answer = ben.post("/mitigations/M0001/approve", {"digest": 5, "extra": 1}, If_Match="*")
        assert {one["field"] for one in said(answer, 422)["errors"]} == {"digest", "extra"}

    def test_an_answer_that_nobody_wants_is_not_made(self, programs: Programs) -> None:
        """Nothing is done for a client that could not read what came of it."""
        anna = programs.client("anna", "author")

        answer = anna.send("/documents", written(), Accept="image/png")

        assert said(answer, 406)["code"] == "api.not_acceptable"
        assert programs.surface.house.workflow.list_mitigations() == ()


class TestTooMany:
    """A program that asks too often is told when to come back."""

    def test_too_many_requests_of_one_token(self, programs: Programs) -> None:
        """429 as a problem, with Retry-After; nothing is done for them, and other tokens go on."""
        limit = Rule("token", parse("3 per hour"), bearer)
        apply_limits(programs.app, MemoryStorage(), (limit,))
        anna, ben = programs.client("anna", "author"), programs.client("ben", "reviewer")
        for _ in range(3):
            said(anna.get("/me"))

        refused = anna.send("/documents", written())

        assert said(refused, 429)["code"] == "http.too_many_requests"
        assert refused.content_type == "application/problem+json"
        assert 0 < int(refused.headers["Retry-After"]) <= 3600
        assert said(ben.get("/me"))["name"] == "ben"
        assert programs.surface.house.workflow.list_mitigations() == ()


class TestPathsThatAreNot:
    """Below /api/ there are problems in JSON, and never a page."""

    @pytest.mark.parametrize(
        "path", ["/api/v1/nothing", "/api/v2/me", "/api/v1/mitigations/../../etc/passwd"]
    )
    def test_what_is_not_there(self, programs: Programs, path: str) -> None:
        """404."""
        answer = programs.app.test_client().get(path, headers={"Accept": "text/html"})

        assert said(answer, 404)["code"] == "http.not_found"

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
    def test_what_nobody_may_do(self, programs: Programs, method: str) -> None:
        """405, with the methods that there are; no other site is told anything by OPTIONS."""
        answer = programs.app.test_client().open("/api/v1/me", method=method)

        assert answer.status_code == 405
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}
        assert answer.content_type == "application/problem+json"


def test_the_console_needs_no_token_and_the_api_no_browser(programs: Programs) -> None:
    """The console's cookie and the API's token are two doors: a token opens no page."""
    anna = programs.client("anna", "author")

    answer = anna.client.get("/mitigations", headers={"Authorization": f"Bearer {anna.token}"})

    assert answer.status_code in {302, 303, 401}
