"""One's own account, when a sign-in ends, and the tokens of programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people_records import CONSOLE, Principal
from feedsrv.web.signin.protection import COOKIE
from tests.oidc.desk import (
    OPERATOR,
    PASSWORD,
    SignInDesk,
    by_password,
    csrf_token,
    desk_fixture,
    sign_out,
    whoami,
)

FIXTURES = (desk_fixture,)  # where pytest finds it

PROGRAM: Final = {"Accept": "application/json"}


class TestAccount:
    """One's own account."""

    def test_it_shows_where_one_is_signed_in(self, desk: SignInDesk) -> None:
        """Each browser, and which of them is this one."""
        here, there = desk.client(), desk.client()
        there.environ_base["HTTP_USER_AGENT"] = "An <i>old</i> telephone"
        by_password(there)
        by_password(here)

        page = here.get("/account").text

        assert page.count(">End it<") == 1
        assert "An &lt;i&gt;old&lt;/i&gt; telephone" in page
        assert "this one" in page

    def test_a_sign_in_can_be_ended_from_another_browser(self, desk: SignInDesk) -> None:
        """The lost telephone opens nothing any more."""
        here, lost = desk.client(), desk.client()
        by_password(lost)
        by_password(here)
        token = csrf_token(here, "/account")

        here.post("/account/sign-ins/end-others", data={"csrf_token": token})

        assert whoami(lost) is None
        assert whoami(here) is not None

    def test_nobody_ends_the_sign_in_of_somebody_else(self, desk: SignInDesk) -> None:
        """Not even knowing its digest."""
        anna, ben = desk.client(), desk.client()
        by_password(anna)
        by_password(ben, "ben")
        digest = desk.people.sign_ins_of("anna")[0].digest

        answer = ben.post(
            "/account/sign-ins/end", data={"csrf_token": csrf_token(ben, "/account"), "digest": digest}
        )

        assert answer.status_code == 403
        assert whoami(anna) is not None

    def test_a_new_password_ends_every_other_sign_in(self, desk: SignInDesk) -> None:
        """Whoever knew the old one is out."""
        here, there = desk.client(), desk.client()
        by_password(there)
        by_password(here)

        answer = _change(here, old=PASSWORD, new="an entirely new sentence")

        assert answer.status_code == 303
        assert whoami(here) is not None
        assert whoami(there) is None
        assert by_password(desk.client(), "anna", "an entirely new sentence").status_code == 303
        assert by_password(desk.client()).status_code == 403

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
        by_password(client)

        answer = _change(client, old=old, new=new, again=again)

        assert answer.status_code == status
        assert "Your password is as it was." in answer.text
        assert not new or new not in answer.text
        assert by_password(desk.client()).status_code == 303

    def test_it_is_for_those_who_are_signed_in(self, desk: SignInDesk) -> None:
        """Everybody else signs in first, and comes back."""
        assert desk.client().get("/account").location == "/signin?next=%2Faccount"


class TestEnds:
    """When a sign-in is over."""

    def test_signing_out_is_for_good(self, desk: SignInDesk) -> None:
        """The cookie that the browser had opens nothing any more."""
        client = desk.client()
        by_password(client)
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
        by_password(client)

        seen = []
        for minutes in steps:
            desk.clock.by += timedelta(minutes=minutes)
            seen.append(whoami(client))

        assert (seen[-1] is not None) is is_in

    def test_a_removed_person_is_out_at_once(self, desk: SignInDesk) -> None:
        """No cookie outlives its owner."""
        client = desk.client()
        by_password(client)

        desk.people.remove("anna", by=OPERATOR)

        assert whoami(client) is None

    def test_new_roles_hold_at_once(self, desk: SignInDesk) -> None:
        """A sign-in has the roles of this moment, not those of its beginning."""
        client = desk.client()
        by_password(client)

        desk.people.change_roles("anna", [Role.AUDITOR], by=OPERATOR)

        found = whoami(client)
        assert found is not None
        assert found["roles"] == ["auditor"]

    def test_whoever_lost_their_last_role_may_sign_in_as_somebody_else(self, desk: SignInDesk) -> None:
        """They read why they see nothing, and are not shut in."""
        client = desk.client()
        by_password(client)
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
        by_password(client)
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


def _change(client: FlaskClient, *, old: str, new: str, again: str | None = None) -> TestResponse:
    token = csrf_token(client, "/account")
    typed = {"csrf_token": token, "old": old, "new": new, "again": new if again is None else again}
    return client.post("/account/password", data=typed)
