"""Tokens: what lets programs act as their owner. The secret of a new one is shown once, here."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from http import HTTPStatus
from typing import Final

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from feedsrv.errors import FeedsrvError
from feedsrv.model.lifecycle import ACTS, Role
from feedsrv.publishing.access.tokens import LONGEST_LIFE
from feedsrv.publishing.people_records import Principal, Token
from feedsrv.web import guard
from feedsrv.web.console.typed import BadFieldError, typed, typed_day, typed_number, typed_roles
from feedsrv.web.desk import Desk
from feedsrv.web.pages import render, to
from feedsrv.web.problems import told

_FIRST_LIFE: Final = timedelta(days=30)
"""How long a token lives unless its owner says otherwise; every scope may live as long."""


def tokens_blueprint(desk: Desk) -> Blueprint:
    """`/tokens`."""
    door = Blueprint("tokens", __name__)

    @door.get("/tokens")
    def listed() -> ResponseReturnValue:
        return _tokens(desk, guard.require(), done=request.args.get("done") == "revoked")

    @door.post("/tokens")
    def act() -> ResponseReturnValue:
        asked = typed("do")
        if asked not in {"make", "revoke"}:
            raise BadFieldError("do", f"{asked[:40]!a} is nothing that can be done here")
        who = guard.require_fresh() if asked == "make" else guard.require()
        try:
            if asked == "make":
                # To the end of that day, as people mean it.
                ends = datetime.combine(typed_day("ends"), time(23, 59, 59), UTC)
                secret, made = desk.people.make_token(
                    name=typed("name"), scope=typed_roles("scope"), ends=ends, by=who
                )
                return _tokens(desk, who, made=made, secret=secret)
            desk.people.revoke_token(typed_number("number"), by=who)
        except FeedsrvError as refused:
            return _tokens(desk, who, refused=refused)
        return redirect(to("/tokens", done="revoked"), HTTPStatus.SEE_OTHER)

    return door


def _tokens(  # noqa: PLR0913 -- what has just happened stands on the same page
    desk: Desk,
    who: Principal,
    *,
    made: Token | None = None,
    secret: str = "",
    refused: FeedsrvError | None = None,
    done: bool = False,
) -> ResponseReturnValue:
    status, sentence = (HTTPStatus.OK, "") if refused is None else told(refused)
    at = desk.clock()
    every = desk.people.tokens(who)
    alive = tuple(one for one in every if one.revoked_at is None and at < one.ends)
    return render(
        "desk/tokens.html",
        status=status,
        alive=alive,
        ended=tuple(one for one in reversed(every) if one not in alive),
        made=made,
        secret=secret,
        refusal=sentence,
        done=done,
        own_roles=tuple(one for one in Role if one in who.roles),
        sees_all=who.has(ACTS["people.change"]),
        lives={one: LONGEST_LIFE[one].days for one in Role},
        reading_days=LONGEST_LIFE[None].days,
        first_end=(at + _FIRST_LIFE - timedelta(days=1)).date(),
        typed_name=request.form.get("name", "") if refused else "",
        typed_ends=request.form.get("ends", "") if refused else "",
        typed_scope=request.form.getlist("scope") if refused else (),
    )
