"""One's own account: where one is signed in, and one's password."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from feedsrv.publishing.access.desk import PeopleDesk
from feedsrv.publishing.access.refusals import WeakPasswordError, WrongPasswordError
from feedsrv.web import guard
from feedsrv.web.pages import render, to
from feedsrv.web.problems import told

_LONGEST_PASSWORD: Final = 1000
"""Characters; what is longer is refused without work."""


def add_account(door: Blueprint, people: PeopleDesk) -> None:
    """Add the page of one's own account, and what can be done there."""

    def page(status: HTTPStatus = HTTPStatus.OK, *, error: str = "") -> ResponseReturnValue:
        who = guard.principal()
        return render(
            "signin/account.html",
            status,
            person=people.person(who.name),
            sign_ins=people.sign_ins_of(who.name),
            current=who.sign_in,
            has_password=people.has_local_accounts and people.person(who.name).password is not None,
            done=request.args.get("done"),
            error=error,
        )

    @door.get("/account")
    def account() -> ResponseReturnValue:
        return page()

    @door.post("/account/sign-ins/end")
    def end() -> ResponseReturnValue:
        people.end_sign_in(request.form.get("digest", ""), by=guard.principal())
        return _done("ended")

    @door.post("/account/sign-ins/end-others")
    def end_others() -> ResponseReturnValue:
        who = guard.principal()
        others = (one.digest for one in people.sign_ins_of(who.name) if one.digest != who.sign_in)
        for digest in others:
            people.end_sign_in(digest, by=who)
        return _done("ended")

    @door.post("/account/password")
    def password() -> ResponseReturnValue:
        who = guard.principal()
        old, new, once_more = (
            request.form.get(name, "")[:_LONGEST_PASSWORD] for name in ("old", "new", "again")
        )
        if new != once_more:
            return page(HTTPStatus.BAD_REQUEST, error="The two new passwords are not the same.")
        try:
            people.change_own_password(old, new, by=who)
        except (WeakPasswordError, WrongPasswordError) as refusal:
            status, sentence = told(refusal)
            return page(status, error=sentence)
        return _done("password")


def _done(what: str) -> ResponseReturnValue:
    return redirect(to("/account", done=what), HTTPStatus.SEE_OTHER)
