"""`feedsrv token`: what programs act by."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from feedsrv.cli.common import as_json, as_person, by_way, print_json, print_table
from feedsrv.clock import now, to_text
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.desk import PeopleDesk
from feedsrv.publishing.people_records import Principal, Token
from feedsrv.settings import read_settings
from feedsrv.wiring.people import open_people

_MOST_DAYS = 366


@click.group()
def token() -> None:
    """Make and revoke tokens, by which programs act as their owner."""


@token.command("make")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([one.value for one in Role]),
    help="A role that it may use, where its owner has it; may be given again. Without any it reads.",
)
@click.option(
    "--days", type=click.IntRange(1, _MOST_DAYS), default=30, show_default=True, help="How long it lives."
)
@as_person
def make(*, name: str, roles: tuple[str, ...], days: int, person: str) -> None:
    """Make a token of one's own; NAME says what it is for.

    Standard output is the secret alone, which is shown this once.
    """
    desk, by = _desk(person)
    secret, made = desk.make_token(
        name=name, scope=map(Role, roles), ends=now() + timedelta(days=days), by=by
    )
    click.echo(
        f"token {made.number} ({made.name}) acts as {made.owner}, scope: {_scope(made)}, until "
        f"{to_text(made.ends)}; its secret is shown this once:",
        err=True,
    )
    click.echo(secret)


@token.command("list")
@as_json
@as_person
def list_(*, wants_json: bool, person: str) -> None:
    """List one's own tokens; an administrator sees everybody's."""
    desk, by = _desk(person)
    titles = ("number", "name", "owner", "scope", "made", "ends", "used", "state")
    at = now()
    rows = [
        (
            one.number,
            one.name,
            one.owner,
            _scope(one),
            to_text(one.made_at),
            to_text(one.ends),
            to_text(one.used_at) if one.used_at else "never",
            _state(one, at),
        )
        for one in desk.tokens(by)
    ]
    if wants_json:
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_table(titles, rows, empty="no token was made: feedsrv token make NAME")


@token.command("revoke")
@click.argument("number", type=int)
@as_person
def revoke(*, number: int, person: str) -> None:
    """End a token at once."""
    desk, by = _desk(person)
    revoked = desk.revoke_token(number, by=by)
    click.echo(f"token {revoked.number} ({revoked.name}) of {revoked.owner} is revoked")


def _desk(person: str) -> tuple[PeopleDesk, Principal]:
    desk = open_people(read_settings())
    return desk, desk.at_command_line(person, via=by_way())


def _scope(one: Token) -> str:
    return ", ".join(sorted(one.scope)) or "reading"


def _state(one: Token, at: datetime) -> str:
    if one.revoked_at is not None:
        return f"revoked by {one.revoked_by}"
    return "ended" if at >= one.ends else "in use"
