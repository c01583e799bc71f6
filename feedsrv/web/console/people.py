"""People: who may sign in, in which roles, and where they are signed in now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from feedsrv.errors import FeedsrvError
from feedsrv.model.lifecycle import ACTS, Role
from feedsrv.publishing.people_records import Principal
from feedsrv.web import guard
from feedsrv.web.console.typed import BadFieldError, typed, typed_roles
from feedsrv.web.desk import Desk
from feedsrv.web.pages import render, to
from feedsrv.web.problems import told

_ADMINISTRATOR: Final = ACTS["people.change"]
_LONGEST_PASSWORD: Final = 1_024

DONE: Final = {
    "added": "Added. Tell them their name and password by a way that others do not read.",
    "roles": "The roles are changed, and hold from the next click on.",
    "email": "The address is changed.",
    "password": "The password is changed.",
    "remove": "Removed: every sign-in is ended, every token revoked. Nobody else ever gets the name.",
    "restore": "Restored.",
    "unlock": "Unlocked: a password is accepted again.",
    "end": "That sign-in is ended.",
    "end-all": "Every sign-in is ended.",
    "link": "Linked. From the next sign-in on, the provider's groups say the roles.",
}


def people_blueprint(desk: Desk) -> Blueprint:
    """`/people` and everything below it."""
    door = Blueprint("people", __name__)
    acts = _acts(desk)

    @door.get("/people")
    def everybody() -> ResponseReturnValue:
        guard.require(_ADMINISTRATOR)
        return render("desk/people.html", people=desk.people.everybody(), at=desk.clock())

    @door.get("/people/new")
    def new() -> ResponseReturnValue:
        guard.require(_ADMINISTRATOR)
        return _new(desk, {}, frozenset())

    @door.post("/people/new")
    def add() -> ResponseReturnValue:
        who = guard.require_fresh(_ADMINISTRATOR)
        try:
            roles = typed_roles()
            password = typed_password("password")
            person = desk.people.add(
                typed("name"),
                roles=roles,
                password=password,
                shown=typed("shown"),
                email=typed("email") or None,
                by=who,
            )
        except FeedsrvError as refused:
            ticked = frozenset(one for one in Role if one in request.form.getlist("roles"))
            return _new(desk, request.form, ticked, refused)
        return redirect(address_of(person.name, done="added"), HTTPStatus.SEE_OTHER)

    @door.get("/people/<path:name>")
    def one(name: str) -> ResponseReturnValue:
        guard.require(_ADMINISTRATOR)
        return _person(desk, name)

    @door.post("/people/<path:name>")
    def act(name: str) -> ResponseReturnValue:
        who = guard.require_fresh(_ADMINISTRATOR)
        asked = request.form.get("do", "")
        if asked not in acts:
            raise BadFieldError("do", f"{asked[:40]!a} is nothing that can be done here")
        try:
            acts[asked](name, who)
        except FeedsrvError as refused:
            return _person(desk, name, refused)
        return redirect(address_of(name, done=asked), HTTPStatus.SEE_OTHER)

    return door


def address_of(name: str, **query: str) -> str:
    """The page of one person."""
    return to(f"/people/{quote(name)}", **query)


def typed_password(name: str) -> str | None:
    """A password as it was typed, blanks included; None where there is none."""
    said = request.form.getlist(name)
    if len(said) > 1:
        raise BadFieldError(name, "it came more than once; send it once")
    if said and len(said[0]) > _LONGEST_PASSWORD:
        raise BadFieldError(name, f"at most {_LONGEST_PASSWORD} characters fit")
    return said[0] or None if said else None


def _acts(desk: Desk) -> Mapping[str, Callable[[str, Principal], object]]:
    people = desk.people

    def password(name: str, who: Principal) -> object:
        said = typed_password("password")
        if said is None:
            raise BadFieldError("password", "fill this in")
        return people.set_password(name, said, by=who)

    return {
        "roles": lambda name, who: people.change_roles(name, typed_roles(), by=who),
        "email": lambda name, who: people.change_email(name, typed("email") or None, by=who),
        "password": password,
        "remove": lambda name, who: people.remove(name, by=who),
        "restore": lambda name, who: people.restore(name, by=who),
        "unlock": lambda name, who: people.unlock(name, by=who),
        "end": lambda _, who: people.end_sign_in(typed("sign_in"), by=who),
        "end-all": lambda name, who: people.end_all(name, by=who),
        "link": lambda name, who: people.link(name, typed("subject"), by=who),
    }


def _new(
    desk: Desk,
    known: Mapping[str, str],
    ticked: frozenset[Role],
    refused: FeedsrvError | None = None,
) -> ResponseReturnValue:
    status, sentence = (HTTPStatus.OK, "") if refused is None else told(refused)
    return render(
        "desk/people_new.html",
        status=status,
        known=known,
        ticked=ticked,
        roles=tuple(Role),
        has_passwords=desk.people.has_local_accounts,
        refusal=sentence,
    )


def _person(desk: Desk, name: str, refused: FeedsrvError | None = None) -> ResponseReturnValue:
    status, sentence = (HTTPStatus.OK, "") if refused is None else told(refused)
    person = desk.people.person(name)
    return render(
        "desk/people_one.html",
        status=status,
        person=person,
        address=address_of(person.name),
        sign_ins=desk.people.sign_ins_of(person.name),
        roles=tuple(Role),
        has_passwords=desk.people.has_local_accounts,
        at=desk.clock(),
        refusal=sentence,
        done=DONE.get(request.args.get("done", "")) if refused is None else None,
    )
