"""What the commands share: who acts, what they work with, and how they print lists."""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import click
from cryptography import x509

from feedsrv.clock import now
from feedsrv.model.build import BadBuildError, Build
from feedsrv.model.lifecycle import Role
from feedsrv.publishing.cycle import PublishCycle
from feedsrv.publishing.people import refuse_keeper
from feedsrv.publishing.people_records import COMMAND_LINE
from feedsrv.publishing.workflow import Workflow
from feedsrv.settings import BadSettingsError, read_settings
from feedsrv.signing.signer import SigningError, chain_ends
from feedsrv.trust.profile import Kind
from feedsrv.wiring.desk import open_cycle, open_keys, open_workflow, permits, require_current
from feedsrv.wiring.keys import NoKeysError, read_trust
from feedsrv.wsgi.site import site

Command = TypeVar("Command", bound=Callable[..., object])


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        raise click.UsageError("this account has no name: say who acts with --as, or FEEDSRV_AS") from None


def as_person(command: Command) -> Command:
    """Give a command `--as`: who acts, for four eyes and for the audit log."""
    return _acting(None)(command)


def as_administrator(command: Command) -> Command:
    """Give a command `--as`, and refuse who is registered and no administrator."""
    return _acting(Role.ADMINISTRATOR)(command)


def _acting(role: Role | None) -> Callable[[Command], Command]:
    def judged(_context: click.Context, _parameter: click.Parameter, person: str) -> str:
        # Publishing itself must let the keeper act; nobody who types its name is the keeper.
        refuse_keeper(person)
        if role is not None:
            require_role(person, role)
        return person

    return click.option(
        "--as",
        "person",
        envvar="FEEDSRV_AS",
        default=_account,
        callback=judged,
        help="Who acts; else the account's name.",
    )


def as_json(command: Command) -> Command:
    """Give a command `--json`."""
    return click.option("--json", "wants_json", is_flag=True, help="Print JSON.")(command)


class BuildType(click.ParamType[Build]):
    """A product build on a command line."""

    name = "build"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Build:
        """Read it, or end with the option's name and what a build looks like."""
        if isinstance(value, Build):
            return value
        try:
            return Build.parse(str(value))
        except BadBuildError as error:
            self.fail(str(error), param, ctx)


class WordType(click.ParamType[str]):
    """A word of a certain form on a command line: `name` says what it is, `such_as` shows one."""

    def __init__(self, name: str, form: re.Pattern[str], such_as: str) -> None:
        self.name = name
        self._form = form
        self._such_as = such_as

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read it, or end with the option's name and what such a word looks like."""
        word = str(value).strip()
        if not self._form.fullmatch(word):
            self.fail(f"{word[:60]!r} is no {self.name}; write one such as {self._such_as}", param, ctx)
        return word


def warn(sentence: str) -> None:
    """Say something on standard error that nobody should miss."""
    click.secho(sentence, err=True, fg="yellow", bold=True)


def workflow(*, judging: bool = False) -> Workflow:
    """The workflow in force; `judging` where the rules of review are asked for.

    They want to know when the mitigation key ends, which its certificate says: nobody who writes or
    reviews needs the key itself. Where even that cannot be read, publishing asks again.
    """
    settings = read_settings()
    require_current(settings.database)
    chain: tuple[x509.Certificate, ...] = ()
    if judging:
        try:
            chain = read_trust(settings).chains[Kind.MITIGATION]
        except (SigningError, NoKeysError, BadSettingsError) as refusal:
            warn(f"not judged: whether the signing key lasts as long as the mitigation ({refusal})")
    return open_workflow(
        settings, key_ends=chain_ends(chain) if chain else None, may=permits(settings), via=by_way()
    )


def cycle(*, signing: frozenset[Kind] = frozenset(Kind)) -> PublishCycle:
    """The publish cycle in force, with the keys for these kinds of document; no other key is opened."""
    settings = read_settings()
    # First the database: who named another folder than the service's hears of that, not of its keys.
    require_current(settings.database)
    keys = open_keys(settings, now=now(), tell=warn, signing=signing)
    return open_cycle(settings, keys, site(settings.publisher), may=permits(settings), via=by_way())


def by_way() -> str:
    """How somebody at this command came, for the audit log: whoever may write the database is trusted."""
    try:
        return f"{COMMAND_LINE} (account {getpass.getuser()})"
    except (KeyError, OSError):
        return COMMAND_LINE


def require_role(person: str, role: Role) -> None:
    """Refuse whoever is registered and has not that role; nobody is asked before anybody is registered.

    Raises:
        MissingRoleError, UnknownPersonError: they may not.
    """
    settings = read_settings()
    require_current(settings.database)
    permits(settings)(person, role)


def source_of(file: Path) -> str:
    """A file's name as it is written down and shown; bytes that are no UTF-8 are replaced."""
    return os.fsencode(file).decode(errors="replace")


def print_table(
    titles: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    empty: str,
    is_alarm: Callable[[Sequence[str]], bool] = lambda _: False,
) -> None:
    """Print rows in columns, red where one is an alarm; `empty` is the sentence for none."""
    cells = [tuple(str(cell) for cell in row) for row in rows]
    if not cells:
        click.echo(empty)
        return
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    for row in (titles, *cells):
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        line = "  ".join(padded).rstrip()
        click.echo(click.style(line, fg="red", bold=True) if row is not titles and is_alarm(row) else line)


def print_json(value: object) -> None:
    """Print JSON for programs; dates and builds as their text."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))
