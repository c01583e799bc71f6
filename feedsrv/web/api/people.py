"""People, their sign-ins and their tokens.

A token cannot make another token: whoever steals one must not be able to outlive it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from flask import Response
from pydantic import Field

from feedsrv.model.lifecycle import Role
from feedsrv.publishing.people_records import Person, Token
from feedsrv.web.api.routes import Routes, said
from feedsrv.web.api.rules import ShortText
from feedsrv.web.api.words import Body, Moment, Number, PersonName, Words
from feedsrv.web.desk import Desk
from feedsrv.web.guard import principal, require

TAG = "people"
Roles = Annotated[tuple[Role, ...], Field(max_length=4 * len(Role))]
"""One that is named twice is held once."""
Password = Annotated[str, Field(min_length=1, max_length=1_000)]


class PersonWords(Words):
    """Somebody who may sign in, or might once."""

    name: str
    """As it stands in the audit log; never changes, and is never given to somebody else."""
    shown: str
    email: str | None
    roles: list[Role]
    is_local: bool
    """True where the account has a password here."""
    subject: str | None
    """Issuer and subject of the identity provider."""
    since: Moment
    by: str
    removed_at: Moment | None
    locked_until: Moment | None
    signed_in_at: Moment | None

    @classmethod
    def about(cls, person: Person) -> PersonWords:
        """Of one person, without the hash of the password."""
        return cls(
            name=person.name,
            shown=person.shown,
            email=person.email,
            roles=sorted(person.roles),
            is_local=person.password is not None,
            subject=person.subject,
            since=person.since,
            by=person.by,
            removed_at=person.removed_at,
            locked_until=person.locked_until,
            signed_in_at=person.signed_in_at,
        )


class PeopleWords(Words):
    """Everybody, in order of name."""

    items: list[PersonWords]


class SignInWords(Words):
    """One browser that is signed in."""

    digest: str
    """Its name for ending it; of its secret, a digest."""
    begins: Moment
    seen_at: Moment
    ends: Moment
    browser: str


class SignInsWords(Words):
    """Where somebody is signed in, newest first."""

    items: list[SignInWords]


class TokenWords(Words):
    """What lets a program act as its owner."""

    number: int
    name: str
    """What it is for."""
    owner: str
    scope: list[Role]
    """Roles that it may use, where the owner has them; none for reading alone."""
    made_at: Moment
    ends: Moment
    revoked_at: Moment | None
    revoked_by: str | None
    used_at: Moment | None
    """To the hour."""

    @classmethod
    def about(cls, token: Token) -> TokenWords:
        """Of one token; its secret is kept nowhere."""
        return cls(
            number=token.number,
            name=token.name,
            owner=token.owner,
            scope=sorted(token.scope),
            made_at=token.made_at,
            ends=token.ends,
            revoked_at=token.revoked_at,
            revoked_by=token.revoked_by,
            used_at=token.used_at,
        )


class TokensWords(Words):
    """Your tokens; every token for an administrator."""

    items: list[TokenWords]


class PersonBody(Body):
    """Somebody new."""

    name: PersonName
    roles: Roles
    password: Password | None = None
    """For a local account; left out for whoever acts at the command line alone, or is linked later."""
    shown: Annotated[str, Field(max_length=200)] = ""
    email: ShortText | None = None


class RolesBody(Body):
    """These roles and no others."""

    roles: Roles


class PasswordBody(Body):
    """A new password."""

    password: Password


class EmailBody(Body):
    """A new address."""

    email: ShortText | None


class SubjectBody(Body):
    """An account of the identity provider."""

    subject: Annotated[str, Field(min_length=3, max_length=500)]
    """Issuer and subject, with a space between them."""


class EndedWords(Words):
    """How many sign-ins were ended."""

    ended: int


class PersonPath(Words):
    """Which person."""

    name: PersonName


class SignInPath(Words):
    """Which sign-in."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", max_length=64)]


class TokenPath(Words):
    """Which token."""

    number: Number


def add(routes: Routes, desk: Desk) -> None:
    """People, sign-ins and tokens."""
    _add_people(routes, desk)
    _add_changes(routes, desk)
    _add_sign_ins(routes, desk)
    _add_tokens(routes, desk)


def _add_people(routes: Routes, desk: Desk) -> None:
    people = desk.people

    @routes.get("/v1/people", PeopleWords, tag=TAG)
    def list_people() -> Response:
        """List everybody who may sign in, or might once."""
        require(Role.ADMINISTRATOR, Role.AUDITOR)
        return said(PeopleWords(items=[PersonWords.about(one) for one in people.everybody()]))

    @routes.get("/v1/people/<name>", PersonWords, tag=TAG)
    def show_person(path: PersonPath) -> Response:
        """Show one person."""
        require(Role.ADMINISTRATOR, Role.AUDITOR)
        return said(PersonWords.about(people.person(path.name)))

    @routes.post("/v1/people", PersonWords, tag=TAG, success=HTTPStatus.CREATED)
    def add_person(body: PersonBody) -> Response:
        """Add somebody."""
        added = people.add(
            body.name,
            roles=body.roles,
            password=body.password,
            by=principal(),
            shown=body.shown,
            email=body.email,
        )
        return said(PersonWords.about(added), HTTPStatus.CREATED)


def _add_changes(routes: Routes, desk: Desk) -> None:
    people = desk.people

    @routes.post("/v1/people/<name>/roles", PersonWords, tag=TAG)
    def change_roles(path: PersonPath, body: RolesBody) -> Response:
        """Give somebody these roles and no others."""
        return said(PersonWords.about(people.change_roles(path.name, body.roles, by=principal())))

    @routes.post("/v1/people/<name>/email", PersonWords, tag=TAG)
    def change_email(path: PersonPath, body: EmailBody) -> Response:
        """Give somebody another address."""
        return said(PersonWords.about(people.change_email(path.name, body.email, by=principal())))

    @routes.post("/v1/people/<name>/password", PersonWords, tag=TAG)
    def set_password(path: PersonPath, body: PasswordBody) -> Response:
        """Give somebody with a local account a new password; their sign-ins end."""
        return said(PersonWords.about(people.set_password(path.name, body.password, by=principal())))

    @routes.post("/v1/people/<name>/link", PersonWords, tag=TAG)
    def link_person(path: PersonPath, body: SubjectBody) -> Response:
        """Make an account of the identity provider the same person."""
        return said(PersonWords.about(people.link(path.name, body.subject, by=principal())))

    @routes.post("/v1/people/<name>/remove", PersonWords, tag=TAG, takes=None)
    def remove_person(path: PersonPath) -> Response:
        """Let somebody in no longer: sign-ins end, tokens are revoked, the name stays theirs for ever."""
        return said(PersonWords.about(people.remove(path.name, by=principal())))

    @routes.post("/v1/people/<name>/restore", PersonWords, tag=TAG, takes=None)
    def restore_person(path: PersonPath) -> Response:
        """Let somebody in again."""
        return said(PersonWords.about(people.restore(path.name, by=principal())))

    @routes.post("/v1/people/<name>/unlock", PersonWords, tag=TAG, takes=None)
    def unlock_person(path: PersonPath) -> Response:
        """End a lock after wrong passwords."""
        return said(PersonWords.about(people.unlock(path.name, by=principal())))


def _add_sign_ins(routes: Routes, desk: Desk) -> None:
    people = desk.people

    @routes.get("/v1/people/<name>/sign-ins", SignInsWords, tag=TAG)
    def list_sign_ins(path: PersonPath) -> Response:
        """List where somebody is signed in: yourself, or anybody for administrators."""
        who = principal()
        if people.person(path.name).name != who.name:
            require(Role.ADMINISTRATOR)
        return said(SignInsWords(items=[SignInWords.of(one) for one in people.sign_ins_of(path.name)]))

    @routes.post("/v1/people/<name>/end-sign-ins", EndedWords, tag=TAG, takes=None)
    def end_sign_ins(path: PersonPath) -> Response:
        """End every sign-in of somebody, as an administrator; your own you end at the console."""
        return said(EndedWords(ended=people.end_all(path.name, by=principal())))

    @routes.post("/v1/sign-ins/<digest>/end", EndedWords, tag=TAG, takes=None)
    def end_sign_in(path: SignInPath) -> Response:
        """End one sign-in, as an administrator."""
        people.end_sign_in(path.digest, by=principal())
        return said(EndedWords(ended=1))


def _add_tokens(routes: Routes, desk: Desk) -> None:
    people = desk.people

    @routes.get("/v1/tokens", TokensWords, tag=TAG)
    def list_tokens() -> Response:
        """List your tokens; every token for an administrator."""
        return said(TokensWords(items=[TokenWords.about(one) for one in people.tokens(principal())]))

    @routes.post("/v1/tokens/<number>/revoke", TokenWords, tag=TAG, takes=None)
    def revoke_token(path: TokenPath) -> Response:
        """End a token at once: the one that you send, or anybody's for administrators."""
        return said(TokenWords.about(people.revoke_token(path.number, by=principal())))
