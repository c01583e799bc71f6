"""Signing in with a password that is kept here, and everything that a stranger may try with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from feedsrv.model.lifecycle import Role
from feedsrv.web.signin.protection import COOKIE
from tests.oidc.desk import PASSWORD, SignInDesk, by_password, csrf_token, desk_fixture, whoami

FIXTURES = (desk_fixture,)  # where pytest finds it


class TestComingIn:
    """Name and password."""

    def test_the_right_password_opens_the_desk(self, desk: SignInDesk) -> None:
        """And leads on to where somebody wanted to go."""
        client = desk.client()

        answer = by_password(client, onward="/mitigations/M0001?tab=diff")

        assert (answer.status_code, answer.location) == (303, "/mitigations/M0001?tab=diff")
        assert whoami(client) == {"name": "anna", "roles": ["author"], "via": "console", "fresh": True}

    def test_a_wrong_one_opens_nothing_and_says_the_same_for_everybody(self, desk: SignInDesk) -> None:
        """Nobody learns which names there are; the name stays in the form, the password does not."""
        pages = []
        for name in ("anna", "nobody", "' OR 1=1 --"):
            answer = by_password(client := desk.client(), name, "not the password")
            assert answer.status_code == 403
            assert whoami(client) is None
            assert "not the password" not in answer.text
            pages.append(answer.text.count("Wrong name or password"))

        assert pages == [1, 1, 1]

    def test_a_name_is_shown_as_text(self, desk: SignInDesk) -> None:
        """What somebody types comes back escaped."""
        answer = by_password(desk.client(), '"><script>alert(1)</script>{{ 7*7 }}', "x")

        assert "<script>alert" not in answer.text
        assert "{{ 7*7 }}" in answer.text

    def test_without_local_accounts_no_password_counts(self) -> None:
        """Where a provider is chosen, the form is not there, and posting to it is a 404."""
        desk = SignInDesk(local=True)
        desk.add("anna", Role.AUTHOR)
        closed = SignInDesk(local=False, store=desk.store)
        client = closed.client()
        page = client.get("/signin")
        token = csrf_token(desk.client(), "/signin")

        answer = client.post("/signin", data={"name": "anna", "password": PASSWORD, "csrf_token": token})

        assert "Nobody can sign in" in page.text
        assert answer.status_code in (403, 404)
        assert whoami(client) is None

    def test_a_sign_in_of_before_ends_with_a_new_one(self, desk: SignInDesk) -> None:
        """Fixation: whatever cookie a browser brought, it gets another, and the old one is worth nothing."""
        client = desk.client()
        by_password(client)
        before = client.get_cookie(COOKIE)
        assert before is not None
        stale = desk.client()
        stale.set_cookie(COOKIE, before.value, domain="localhost")

        client.post(
            "/signin",
            data={"csrf_token": csrf_token(client, "/account"), "name": "ben", "password": PASSWORD},
        )

        found = whoami(client)
        assert found is not None
        assert found["name"] == "ben"
        assert whoami(stale) is None

    def test_a_planted_cookie_does_not_become_a_sign_in(self, desk: SignInDesk) -> None:
        """Who puts a cookie of theirs into a victim's browser is not signed in by the victim's password."""
        attacker, victim = desk.client(), desk.client()
        attacker.get("/signin")
        planted = attacker.get_cookie(COOKIE)
        assert planted is not None
        victim.set_cookie(COOKIE, planted.value, domain="localhost")

        by_password(victim)

        assert whoami(victim) is not None
        assert whoami(attacker) is None


ELSEWHERE: Final = (
    "//evil.example",
    "///evil.example",
    "////evil.example/",
    "\\\\evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "\\/evil.example",
    "/%2fevil.example",
    "%2f%2fevil.example",
    "/%5cevil.example",
    "/%09/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "https://evil.example",
    "https:evil.example",
    "HTTPS:/evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "@evil.example",
    "evil.example",
    ".evil.example",
    "?next=//evil.example",
    "#//evil.example",
    "/\r\nLocation: https://evil.example",
    "/%0d%0aSet-Cookie:a=b",
    "/\u202egro.live",
    "/\x00evil",
    "/x" * 1000,
    "/signout",
    "/signin?next=/signin",
    "/api/v1/mitigations",
    "//localhost@evil.example",
)


class TestGoingOn:
    """Where a sign-in leads afterwards."""

    @pytest.mark.parametrize("wanted", ELSEWHERE, ids=lambda one: ascii(one)[:40])
    def test_it_never_leads_elsewhere(self, desk: SignInDesk, wanted: str) -> None:
        """Open redirect: whatever `next` says, people stay here, and no header is split."""
        answer = by_password(desk.client(), onward=wanted)

        assert answer.status_code == 303
        assert answer.location == "/"
        assert [name for name, _ in answer.headers if name.lower() == "location"] == ["Location"]

    def test_the_same_holds_for_whoever_is_signed_in_already(self, desk: SignInDesk) -> None:
        """The page of the form sends on at once, and nowhere else either."""
        client = desk.client()
        by_password(client)

        places = [client.get("/signin", query_string={"next": one}).location for one in ELSEWHERE]

        assert set(places) == {"/"}


class TestOnceMore:
    """The password again, before something that matters."""

    def test_it_makes_a_sign_in_fresh(self, desk: SignInDesk) -> None:
        """After a quarter of an hour nothing is fresh; the password makes it so, with a new secret."""
        client = desk.client()
        by_password(client)
        desk.clock.by = timedelta(minutes=15)
        stale, before = whoami(client), client.get_cookie(COOKIE)

        answer = _again(client, PASSWORD, onward="/publish")

        assert stale is not None
        assert stale["fresh"] is False
        assert answer.location == "/publish"
        found = whoami(client)
        assert found is not None
        assert found["fresh"] is True
        assert before is not None
        thief = desk.client()
        thief.set_cookie(COOKIE, before.value, domain="localhost")
        assert whoami(thief) is None

    def test_a_wrong_password_changes_nothing(self, desk: SignInDesk) -> None:
        """One is still signed in, and still not fresh."""
        client = desk.client()
        by_password(client)
        desk.clock.by = timedelta(minutes=15)

        answer = _again(client, "wrong")

        assert answer.status_code == 403
        found = whoami(client)
        assert found is not None
        assert found["fresh"] is False

    def test_guessing_ends_the_sign_in(self, desk: SignInDesk) -> None:
        """Who finds a browser left open cannot try passwords in it for long."""
        client = desk.client()
        by_password(client)

        for _ in range(6):
            _again(client, "wrong")

        assert whoami(client) is None

    def test_who_is_not_signed_in_signs_in_first(self, desk: SignInDesk) -> None:
        """There is nothing to prove again."""
        answer = desk.client().get("/signin/again?next=/publish")

        assert answer.location == "/signin?next=%2Fpublish"

    def test_it_leads_nowhere_else_either(self, desk: SignInDesk) -> None:
        """The same rule as at the first sign-in."""
        client = desk.client()
        by_password(client)

        assert _again(client, PASSWORD, onward="//evil.example").location == "/"


class TestForms:
    """Forms of ours, and nobody else's."""

    def test_another_sites_form_signs_nobody_in(self, desk: SignInDesk) -> None:
        """Login CSRF: without our token a form with the right password opens nothing."""
        client = desk.client()
        client.get("/signin")

        answer = client.post("/signin", data={"name": "anna", "password": PASSWORD})

        assert answer.status_code == 403
        assert "web.foreign_form" in answer.text
        assert whoami(client) is None

    @pytest.mark.parametrize(
        "path", ["/signout", "/account/sign-ins/end-others", "/account/password", "/whoami"]
    )
    def test_another_sites_form_does_nothing_for_whoever_is_signed_in(
        self, desk: SignInDesk, path: str
    ) -> None:
        """The browser sends its cookie; the form lacks the token of this browser."""
        client, attacker = desk.client(), desk.client()
        by_password(client)
        theirs = csrf_token(attacker, "/signin")

        answers = [client.post(path), client.post(path, data={"csrf_token": theirs})]

        assert [one.status_code for one in answers] == [403, 403]
        assert whoami(client) is not None

    def test_a_token_lives_no_longer_than_the_sign_in_it_was_made_in(self, desk: SignInDesk) -> None:
        """What was read from a page before somebody signed in opens nothing afterwards."""
        client = desk.client()
        before = csrf_token(client, "/signin")
        by_password(client)

        assert client.post("/whoami", data={"csrf_token": before}).status_code == 403


def _again(client: FlaskClient, password: str, *, onward: str = "/") -> TestResponse:
    page = client.get("/signin/again")
    if page.status_code != 200:
        return page
    token = csrf_token(client, "/signin/again")
    return client.post("/signin/again", data={"csrf_token": token, "password": password, "next": onward})
