"""`feedsrv user`: who works here, in which roles, and with which password."""

from __future__ import annotations

from pathlib import Path

import click

from feedsrv.cli.common import as_json, as_person, by_way, print_json, print_table
from feedsrv.clock import now, to_text
from feedsrv.errors import BadInputError
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.access.desk import PeopleDesk
from feedsrv.publishing.access.passwords import LONGEST
from feedsrv.publishing.access.tries import is_locked
from feedsrv.publishing.people_records import Person, Principal
from feedsrv.settings import read_settings
from feedsrv.wiring.people import open_people

_MAX_BYTES = 4 * LONGEST + 2

_name = click.argument("name")
_roles = click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([one.value for one in Role]),
    help="A role; may be given again.",
)
_password_file = click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    help="Read the password from a file's first line (- for standard input); else it is asked for.",
)


class PasswordFileError(BadInputError):
    """The file with a password cannot be used."""

    code = "user.password_file"


@click.group()
def user() -> None:
    """Say who works here, and in which roles.

    Nobody is registered at first; then whoever is at the command line may do everything. From the first
    person on, people need the role that each act asks for, by whatever door they come.
    """


@user.command("add")
@_name
@_roles
@click.option("--shown", default="", help="What people call them; else the name.")
@click.option("--email", help="Their address, by which one person with two accounts is known.")
@_password_file
@click.option("--no-password", is_flag=True, help="For whoever acts at the command line alone, or is linked.")
@as_person
def add(  # noqa: PLR0913 -- one argument for each option
    *,
    name: str,
    roles: tuple[str, ...],
    shown: str,
    email: str | None,
    password_file: Path | None,
    no_password: bool,
    person: str,
) -> None:
    """Add somebody; their name stays theirs for ever, in the audit log and in four eyes."""
    if no_password and password_file:
        raise click.UsageError("either --password-file or --no-password")
    desk, by = _desk(person)
    needs_none = no_password or (password_file is None and not desk.has_local_accounts)
    password = None if needs_none else _password(password_file)
    added = desk.add(name, roles=map(Role, roles), password=password, by=by, shown=shown, email=email)
    click.echo(f"{added.name} was added with the roles: {_listed(added)}")
    if not added.roles:
        click.echo(f"  without a role nobody may even read: feedsrv user roles {added.name} --role author")


@user.command("list")
@as_json
def list_(*, wants_json: bool) -> None:
    """List everybody, whoever was removed too."""
    titles = ("name", "shown", "roles", "email", "signs in by", "signed in", "state")
    rows = [
        (
            one.name,
            one.shown,
            _listed(one),
            one.email or "",
            _way(one),
            to_text(one.signed_in_at) if one.signed_in_at else "never",
            _state(one),
        )
        for one in open_people(read_settings()).everybody()
    ]
    if wants_json:
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_table(titles, rows, empty="nobody is registered: feedsrv user add NAME --role administrator")


@user.command("roles")
@_name
@_roles
@click.option("--none", "no_role", is_flag=True, help="Take every role away.")
@as_person
def roles_(*, name: str, roles: tuple[str, ...], no_role: bool, person: str) -> None:
    """Give somebody these roles and no others; they hold at once."""
    if bool(roles) == no_role:
        raise click.UsageError("name the roles they are to have with --role, or none of them with --none")
    desk, by = _desk(person)
    changed = desk.change_roles(name, map(Role, roles), by=by)
    click.echo(f"{changed.name} has the roles: {_listed(changed)}")


@user.command("email")
@_name
@click.argument("address", required=False)
@as_person
def email_(*, name: str, address: str | None, person: str) -> None:
    """Write down somebody's address, or forget it where none is given."""
    desk, by = _desk(person)
    changed = desk.change_email(name, address, by=by)
    click.echo(f"{changed.name} has {'the address ' + changed.email if changed.email else 'no address'}")


@user.command("password")
@_name
@_password_file
@as_person
def password_(*, name: str, password_file: Path | None, person: str) -> None:
    """Give somebody a new password; their sign-ins end, and so does a lock."""
    desk, by = _desk(person)
    known = desk.person(name)
    changed = desk.set_password(known.name, _password(password_file), by=by)
    click.echo(f"{changed.name} has a new password; their sign-ins are ended, their tokens are not")


@user.command("link")
@_name
@click.argument("subject")
@as_person
def link(*, name: str, subject: str, person: str) -> None:
    """Make an account of the identity provider the same person as one who is known here.

    SUBJECT is issuer and subject with a space between, as the refused sign-in was told and the audit log
    has it.
    """
    desk, by = _desk(person)
    linked = desk.link(name, subject, by=by)
    click.echo(f"{linked.name} signs in by {linked.subject}, and their groups say their roles")


@user.command("remove")
@_name
@as_person
def remove(*, name: str, person: str) -> None:
    """Let somebody in no more: sign-ins end and tokens are revoked at once."""
    desk, by = _desk(person)
    removed = desk.remove(name, by=by)
    click.echo(f"{removed.name} is removed; their sign-ins are ended, their tokens revoked")


@user.command("restore")
@_name
@as_person
def restore(*, name: str, person: str) -> None:
    """Let somebody in again, with the roles they had; tokens stay revoked."""
    desk, by = _desk(person)
    restored = desk.restore(name, by=by)
    click.echo(f"{restored.name} is back with the roles: {_listed(restored)}")


@user.command("unlock")
@_name
@as_person
def unlock(*, name: str, person: str) -> None:
    """Accept somebody's password again, after too many wrong ones."""
    desk, by = _desk(person)
    click.echo(f"{desk.unlock(name, by=by).name} is not locked")


@user.command("sessions")
@_name
@click.option("--end", "wants_end", is_flag=True, help="End them all.")
@as_json
@as_person
def sessions(*, name: str, wants_end: bool, wants_json: bool, person: str) -> None:
    """List where somebody is signed in, or end that."""
    desk, by = _desk(person)
    if wants_end:
        click.echo(f"{desk.end_all(name, by=by)} sign-ins of {desk.person(name).name} are ended")
        return
    titles = ("since", "used", "ends", "browser")
    rows = [
        (to_text(one.begins), to_text(one.seen_at), to_text(one.ends), one.browser)
        for one in desk.sign_ins_of(name)
    ]
    if wants_json:
        print_json([dict(zip(titles, row, strict=True)) for row in rows])
    else:
        print_table(titles, rows, empty=f"{desk.person(name).name} is signed in nowhere")


def _desk(person: str) -> tuple[PeopleDesk, Principal]:
    desk = open_people(read_settings())
    return desk, desk.at_command_line(person, via=by_way())


def _password(file: Path | None) -> str:
    if file is None:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    with click.open_file(str(file), "rb") as stream:
        data: bytes = stream.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise PasswordFileError(f"{file}: larger than {_MAX_BYTES} bytes; it holds one password and no more")
    try:
        text = data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise PasswordFileError(f"{file}: is not UTF-8; write the password in UTF-8") from None
    if "\n" in text:
        raise PasswordFileError(f"{file}: holds several lines; write the password, and nothing else")
    return text


def _listed(person: Person) -> str:
    return ", ".join(sorted(person.roles)) or "none"


def _way(person: Person) -> str:
    ways = ["provider"] if person.subject else []
    ways += ["password"] if person.password else []
    return ", ".join(ways) or "command line"


def _state(person: Person) -> str:
    if person.removed_at is not None:
        return f"removed {to_text(person.removed_at)}"
    if is_locked(person, now()):
        assert person.locked_until is not None
        return f"locked until {to_text(person.locked_until)}"
    return "active"
