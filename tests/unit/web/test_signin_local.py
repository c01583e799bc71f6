"""Signing in with a password that is kept here, and everything that a stranger may try with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people_records import CONSOLE, Principal
from feedsrv.web.signin.protection import COOKIE
from tests.oidc.desk import OPERATOR, PASSWORD, SignInDesk, csrf_token, sign_out, whoami


@pytest.fixture
def desk() -> SignInDesk:
    """A desk without a provider, where anna and ben have accounts."""
    made = SignInDesk(local=True)
    made.add("anna", Role.AUTHOR)
    made.add("ben", Role.REVIEWER)
    return made


def sign_in(
    client: FlaskClient, name: str = "anna", password: str = PASSWORD, *, onward: str = "/"
) -> TestResponse:
    """Fill in the form and press the button."""
    token = csrf_token(client, "/signin")
    return client.post(
        "/signin", data={"csrf_token": token, "name": name, "password": password, "next": onward}
    )


class TestComingIn:
    """Name and password."""

    def test_the_right_password_opens_the_desk(self, desk: SignInDesk) -> None:
        """And leads on to where somebody wanted to go."""
        client = desk.client()

        answer = sign_in(client, onward="/mitigations/M0001?tab=diff")

        assert (answer.status_code, answer.location) == (303, "/mitigations/M0001?tab=diff")
        assert whoami(client) == {"name": "anna", "roles": ["author"], "via": "console", "fresh": True}

    def test_a_wrong_one_opens_nothing_and_says_the_same_for_everybody(self, desk: SignInDesk) -> None:
        """Nobody learns which names there are; the name stays in the form, the password does not."""
        pages = []
        for name in ("anna", "nobody", "' OR 1=1 --"):
            answer = sign_in(client := desk.client(), name, "not the password")
            assert answer.status_code == 403
            assert whoami(client) is None
            assert "not the password" not in answer.text
            pages.append(answer.text.count("Wrong name or password"))

        assert pages == [1, 1, 1]

    def test_a_name_is_shown_as_text(self, desk: SignInDesk) -> None:
        """What somebody types comes back escaped."""
        answer = sign_in(desk.client(), '"><script>alert(1)</script>{{ 7*7 }}', "x")

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
        sign_in(client)
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

        sign_in(victim)

        assert whoami(victim) is not None
        assert whoami(attacker) is None


PROGRAM: Final = {"Accept": "application/json"}
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
        answer = sign_in(desk.client(), onward=wanted)

        assert answer.status_code == 303
        assert answer.location == "/"
        assert [name for name, _ in answer.headers if name.lower() == "location"] == ["Location"]

    def test_the_same_holds_for_whoever_is_signed_in_already(self, desk: SignInDesk) -> None:
        """The page of the form sends on at once, and nowhere else either."""
        client = desk.client()
        sign_in(client)

        places = [client.get("/signin", query_string={"next": one}).location for one in ELSEWHERE]

        assert set(places) == {"/"}


class TestOnceMore:
    """The password again, before something that matters."""

    def test_it_makes_a_sign_in_fresh(self, desk: SignInDesk) -> None:
        """After a quarter of an hour nothing is fresh; the password makes it so, with a new secret."""
        client = desk.client()
        sign_in(client)
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
        sign_in(client)
        desk.clock.by = timedelta(minutes=15)

        answer = _again(client, "wrong")

        assert answer.status_code == 403
        found = whoami(client)
        assert found is not None
        assert found["fresh"] is False

    def test_guessing_ends_the_sign_in(self, desk: SignInDesk) -> None:
        """Who finds a browser left open cannot try passwords in it for long."""
        client = desk.client()
        sign_in(client)

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
        sign_in(client)

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
        sign_in(client)
        theirs = csrf_token(attacker, "/signin")

        answers = [client.post(path), client.post(path, data={"csrf_token": theirs})]

        assert [one.status_code for one in answers] == [403, 403]
        assert whoami(client) is not None

    def test_a_token_lives_no_longer_than_the_sign_in_it_was_made_in(self, desk: SignInDesk) -> None:
        """What was read from a page before somebody signed in opens nothing afterwards."""
        client = desk.client()
        before = csrf_token(client, "/signin")
        sign_in(client)

        assert client.post("/whoami", data={"csrf_token": before}).status_code == 403


class TestAccount:
    """One's own account."""

    def test_it_shows_where_one_is_signed_in(self, desk: SignInDesk) -> None:
        """Each browser, and which of them is this one."""
        here, there = desk.client(), desk.client()
        there.environ_base["HTTP_USER_AGENT"] = "An <i>old</i> telephone"
        sign_in(there)
        sign_in(here)

        page = here.get("/account").text

        assert page.count(">End it<") == 1
        assert "An &lt;i&gt;old&lt;/i&gt; telephone" in page
        assert "this one" in page

    def test_a_sign_in_can_be_ended_from_another_browser(self, desk: SignInDesk) -> None:
        """The lost telephone opens nothing any more."""
        here, lost = desk.client(), desk.client()
        sign_in(lost)
        sign_in(here)
        token = csrf_token(here, "/account")

        here.post("/account/sign-ins/end-others", data={"csrf_token": token})

        assert whoami(lost) is None
        assert whoami(here) is not None

    def test_nobody_ends_the_sign_in_of_somebody_else(self, desk: SignInDesk) -> None:
        """Not even knowing its digest."""
        anna, ben = desk.client(), desk.client()
        sign_in(anna)
        sign_in(ben, "ben")
        digest = desk.people.sign_ins_of("anna")[0].digest

        answer = ben.post(
            "/account/sign-ins/end", data={"csrf_token": csrf_token(ben, "/account"), "digest": digest}
        )

        assert answer.status_code == 403
        assert whoami(anna) is not None

    def test_a_new_password_ends_every_other_sign_in(self, desk: SignInDesk) -> None:
        """Whoever knew the old one is out."""
        here, there = desk.client(), desk.client()
        sign_in(there)
        sign_in(here)

        answer = _change(here, old=PASSWORD, new="an entirely new sentence")

        assert answer.status_code == 303
        assert whoami(here) is not None
        assert whoami(there) is None
        assert sign_in(desk.client(), "anna", "an entirely new sentence").status_code == 303
        assert sign_in(desk.client()).status_code == 403

    @pytest.mark.parametrize(
        ("old", "new", "again", "status"),
        [
            ("wrong", "an entirely new sentence", None, 403),
            (PASSWORD, "short", None, 400),
            (PASSWORD, PASSWORD, None, 400),
            (PASSWORD, "an entirely new sentence", "another sentence altogether", 400),
            (PASSWORD, "", None, 400),
            (PASSWORD, "x" * 999, None, 400),
        ],
    )
    def test_a_password_that_cannot_be_taken_changes_nothing(
        self, desk: SignInDesk, old: str, new: str, again: str | None, status: int
    ) -> None:
        """The page says why, and shows none of what was typed."""
        client = desk.client()
        sign_in(client)

        answer = _change(client, old=old, new=new, again=again)

        assert answer.status_code == status
        assert "Your password is as it was." in answer.text
        assert not new or new not in answer.text
        assert sign_in(desk.client()).status_code == 303

    def test_it_is_for_those_who_are_signed_in(self, desk: SignInDesk) -> None:
        """Everybody else signs in first, and comes back."""
        assert desk.client().get("/account").location == "/signin?next=%2Faccount"


class TestEnds:
    """When a sign-in is over."""

    def test_signing_out_is_for_good(self, desk: SignInDesk) -> None:
        """The cookie that the browser had opens nothing any more."""
        client = desk.client()
        sign_in(client)
        stolen = client.get_cookie(COOKIE)
        assert stolen is not None

        sign_out(client)

        thief = desk.client()
        thief.set_cookie(COOKIE, stolen.value, domain="localhost")
        assert whoami(thief) is None

    @pytest.mark.parametrize(
        ("steps", "is_in"),
        [((50, 50), True), ((61,), False), ((59,) * 13, False)],
        ids=["used", "idle", "long"],
    )
    def test_it_ends_unused_or_after_half_a_day(
        self, desk: SignInDesk, steps: tuple[int, ...], *, is_in: bool
    ) -> None:
        """Use keeps it alive, and nothing keeps it for ever."""
        client = desk.client()
        sign_in(client)

        seen = []
        for minutes in steps:
            desk.clock.by += timedelta(minutes=minutes)
            seen.append(whoami(client))

        assert (seen[-1] is not None) is is_in

    def test_a_removed_person_is_out_at_once(self, desk: SignInDesk) -> None:
        """No cookie outlives its owner."""
        client = desk.client()
        sign_in(client)

        desk.people.remove("anna", by=OPERATOR)

        assert whoami(client) is None

    def test_new_roles_hold_at_once(self, desk: SignInDesk) -> None:
        """A sign-in has the roles of this moment, not those of its beginning."""
        client = desk.client()
        sign_in(client)

        desk.people.change_roles("anna", [Role.AUDITOR], by=OPERATOR)

        found = whoami(client)
        assert found is not None
        assert found["roles"] == ["auditor"]

    def test_whoever_lost_their_last_role_may_sign_in_as_somebody_else(self, desk: SignInDesk) -> None:
        """They read why they see nothing, and are not shut in."""
        client = desk.client()
        sign_in(client)
        desk.people.change_roles("anna", [], by=OPERATOR)

        seen, page = client.get("/whoami"), client.get("/signin")

        assert (seen.status_code, page.status_code) == (403, 403)
        assert "anna has no role here" in seen.text
        assert "Anna has no role here" in page.text
        token = csrf_token(client, "/signin")
        client.post("/signin", data={"csrf_token": token, "name": "ben", "password": PASSWORD})
        found = whoami(client)
        assert found is not None
        assert found["name"] == "ben"

    @pytest.mark.parametrize("value", ["", "x", "x" * 3000, "eyJzaWduZWQtaW4iOiJ4In0.aaaa.bbbb"])
    def test_a_made_up_cookie_is_nobody(self, desk: SignInDesk, value: str) -> None:
        """Without our signature it is not even looked at."""
        client = desk.client()
        client.set_cookie(COOKIE, value, domain="localhost")

        assert whoami(client) is None


class TestTokens:
    """Programs."""

    def test_a_token_counts_at_the_api_and_a_cookie_does_not(self, desk: SignInDesk) -> None:
        """So no other site can make a browser act there."""
        client = desk.client()
        sign_in(client)
        secret = _token(desk)

        by_cookie = client.post("/api/v1/whoami", headers=PROGRAM)
        by_token = desk.client().post(
            "/api/v1/whoami", headers={**PROGRAM, "Authorization": f"Bearer {secret}"}
        )

        assert by_cookie.status_code == 401
        assert by_token.get_json()["name"] == "anna"

    def test_a_token_does_not_count_at_the_console(self, desk: SignInDesk) -> None:
        """It is for programs."""
        answer = desk.client().get("/whoami", headers={"Authorization": f"Bearer {_token(desk)}"})

        assert answer.status_code == 303

    @pytest.mark.parametrize(
        "header", ["Bearer", "Bearer ", "Basic YTpi", "Bearer x", "Bearer " + "x" * 5000, "bearer é", "x"]
    )
    def test_anything_else_is_nobody(self, desk: SignInDesk, header: str) -> None:
        """However it is written."""
        answer = desk.client().get("/api/v1/whoami", headers={**PROGRAM, "Authorization": header})

        assert answer.status_code == 401


def _token(desk: SignInDesk) -> str:
    anna = Principal("anna", frozenset({Role.AUTHOR}), CONSOLE, desk.clock(), "0" * 64)
    ends = desk.clock() + timedelta(days=3)
    return desk.people.make_token(name="ci", scope={Role.AUTHOR}, ends=ends, by=anna)[0]


def _again(client: FlaskClient, password: str, *, onward: str = "/") -> TestResponse:
    page = client.get("/signin/again")
    if page.status_code != 200:
        return page
    token = csrf_token(client, "/signin/again")
    return client.post("/signin/again", data={"csrf_token": token, "password": password, "next": onward})


def _change(client: FlaskClient, *, old: str, new: str, again: str | None = None) -> TestResponse:
    token = csrf_token(client, "/account")
    typed = {"csrf_token": token, "old": old, "new": new, "again": new if again is None else again}
    return client.post("/account/password", data=typed)
