"""Webhooks: addresses that notices are sent to, what became of each, and a test."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from feedsrv.errors import FeedsrvError
from feedsrv.model.lifecycle import ACTS
from feedsrv.publishing.notices.kinds import KINDS, TEST
from feedsrv.publishing.people_records import Principal
from feedsrv.web import guard
from feedsrv.web.console.asking import number
from feedsrv.web.console.typed import BadFieldError, typed, typed_number
from feedsrv.web.desk import Desk
from feedsrv.web.pages import render, to
from feedsrv.web.problems import told

_ROLE: Final = ACTS["webhooks.change"]
_ACTS: Final = frozenset({"add", "remove", "test", "redeliver", "secret"})
DONE: Final = {
    "add": "Added. Give its receiver the key below, by which it knows that notices are ours.",
    "remove": "Removed; nothing more is sent there.",
    "test": "A test is on its way. Look here again in a moment for what became of it.",
    "redeliver": "It is sent once more, soon.",
}


def webhooks_blueprint(desk: Desk) -> Blueprint:
    """`/webhooks`."""
    door = Blueprint("webhooks", __name__)

    @door.get("/webhooks")
    def listed() -> ResponseReturnValue:
        who = guard.require(_ROLE)
        return _webhooks(desk, who, shown=number("number"), done=DONE.get(request.args.get("done", ""), ""))

    @door.post("/webhooks")
    def act() -> ResponseReturnValue:
        asked = typed("do")
        if asked not in _ACTS:
            raise BadFieldError("do", f"{asked[:40]!a} is nothing that can be done here")
        who = guard.require_fresh(_ROLE)
        chosen = None
        try:
            if asked == "add":
                added = desk.notices.add_webhook(typed("url"), request.form.getlist("kinds"), by=who)
                return _webhooks(desk, who, shown=added.number, secret_of=added.number, done=DONE["add"])
            chosen = typed_number("number")
            if asked == "secret":
                return _webhooks(desk, who, shown=chosen, secret_of=chosen)
            _carry_out(desk, asked, chosen, who)
        except FeedsrvError as refused:
            return _webhooks(desk, who, refused=refused)
        kept = None if asked == "remove" else chosen
        return redirect(to("/webhooks", done=asked, number=kept), HTTPStatus.SEE_OTHER)

    return door


def _carry_out(desk: Desk, asked: str, chosen: int, who: Principal) -> None:
    match asked:
        case "remove":
            desk.notices.remove_webhook(chosen, by=who)
        case "test":
            desk.notices.try_webhook(chosen, by=who)
        case _:
            desk.notices.redeliver(chosen, typed_number("notice"), by=who)


def _webhooks(  # noqa: PLR0913 -- what has just happened stands on the same page
    desk: Desk,
    who: Principal,
    *,
    shown: int | None = None,
    secret_of: int | None = None,
    done: str = "",
    refused: FeedsrvError | None = None,
) -> ResponseReturnValue:
    status, sentence = (HTTPStatus.OK, "") if refused is None else told(refused)
    return render(
        "desk/webhooks.html",
        status=status,
        webhooks=desk.notices.webhooks(who),
        shown=shown,
        deliveries=() if shown is None else desk.notices.deliveries(shown, by=who),
        secret="" if secret_of is None else desk.notices.secret_of(secret_of, by=who),
        kinds={name: kind.summary for name, kind in KINDS.items() if name != TEST},
        done=done,
        refusal=sentence,
        typed_url=request.form.get("url", "") if refused else "",
        typed_kinds=request.form.getlist("kinds") if refused else (),
    )
