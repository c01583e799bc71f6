"""`feedsrv-agent exception`: let one check pass, for one issuing CA and one purpose, until a date."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from typing import Final

import click

from feedsrv.agent.cli.common import Home, pass_home, say
from feedsrv.agent.exceptions import LONGEST, Granted, NoSuchExceptionError, grant, write_granted
from feedsrv.agent.grounds import Ground
from feedsrv.agent.noticing import exception_in_words
from feedsrv.agent.state import AgentState
from feedsrv.clock import now
from feedsrv.errors import FeedsrvError
from feedsrv.trust.profile import Kind
from feedsrv.trust.waivers import WAIVABLE

_WIDTH: Final = max(len(code) for code in WAIVABLE)


@click.group("exception")
def exception() -> None:
    """Relax one check for one issuing CA until a date: add, list, remove.

    For the day on which a publisher's certificate is wrong and its mitigation is needed. There is no
    switch that turns a check off.
    """


def _date(_context: click.Context, _parameter: click.Parameter, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no date such as 2027-01-31") from None


def _checks() -> str:
    return "\b\n" + "\n".join(f"  {code:<{_WIDTH}}  {what}" for code, what in WAIVABLE.items())


@exception.command("add", epilog="What can be relaxed:\n\n" + _checks())
@click.option("--check", required=True, metavar="CODE", help="The code of the refusal, from the list below.")
@click.option(
    "--issuer",
    required=True,
    metavar="FINGERPRINT",
    help="SHA-256 of the issuing CA's certificate, as the refusal says it.",
)
@click.option(
    "--for",
    "purpose",
    required=True,
    type=click.Choice([kind.value for kind in Kind]),
    help="The kind of document.",
)
@click.option(
    "--until",
    required=True,
    callback=_date,
    metavar="DATE",
    help=f"Its last day, UTC, such as 2027-01-31; at most {LONGEST.days} days ahead.",
)
@click.option("--reason", required=True, metavar="TEXT", help="Who decided it, and why.")
@pass_home
def add(  # noqa: PLR0913 - one for each option
    home: Home, *, check: str, issuer: str, purpose: str, until: date, reason: str
) -> None:
    """Let one check pass; the next sync goes by it. Ends by itself after its last day."""
    at = now()
    made = grant(check, issuer, Kind(purpose), until=until, reason=reason, at=at)
    with home.held():
        settings = home.settings_file.load()
        others = tuple(one for one in settings.exceptions if not _is_same(one, made))
        home.settings_file.save(replace(settings, exceptions=(*others, made)))
    say(f"exception {made.name}: {exception_in_words(made, at)}")


def _is_same(one: Granted, other: Granted) -> bool:
    """True where a new exception takes the place of an old one."""
    return (one.waiver.check, one.waiver.issuer, one.waiver.kind) == (
        other.waiver.check,
        other.waiver.issuer,
        other.waiver.kind,
    )


@exception.command("list")
@click.option("--json", "json_", is_flag=True, help="For programs.")
@pass_home
def list_(home: Home, *, json_: bool) -> None:
    """List the exceptions in the settings, those that have ended, too."""
    at, settings = now(), home.settings_file.load()
    try:
        needed = needed_exceptions(home.state_file.load())
    except FeedsrvError:
        needed = frozenset()  # a damaged state is told by `status`
    rows = [exception_row(one, needed, at) for one in settings.exceptions]
    if json_:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    for one in settings.exceptions:
        say(f"{one.name}  {standing(one, needed, at)}: {exception_in_words(one, at)}")
    if not rows:
        click.echo("none")


@exception.command("remove")
@click.argument("name")
@pass_home
def remove(home: Home, name: str) -> None:
    """End an exception now, by its name from `list`: what was accepted only by it is judged again."""
    with home.held():
        settings = home.settings_file.load()
        left = tuple(one for one in settings.exceptions if one.name != name)
        if left == settings.exceptions:
            raise NoSuchExceptionError(
                f"there is no exception {name[:40]!r}: `feedsrv-agent exception list` shows all"
            )
        home.settings_file.save(replace(settings, exceptions=left))
    say(f"exception {name} is removed; the next sync judges again what was accepted only by it")


def needed_exceptions(state: AgentState) -> frozenset[str]:
    """Names of the exceptions that something trusted here stands on."""
    texts = [one.policy for one in state.feeds.values()] + [one.policy for one in state.known.values()]
    grounds = [Ground.parse(text) for text in texts]
    return frozenset(name for ground in grounds if ground is not None for name in ground.exceptions)


def standing(one: Granted, needed: frozenset[str], at: datetime) -> str:
    """How an exception stands."""
    if not one.is_in_force(at):
        return "ended"
    return f"in force, {'needed' if one.name in needed else 'not needed'}"


def exception_row(one: Granted, needed: frozenset[str], at: datetime) -> dict[str, object]:
    """One exception, for programs."""
    in_force = one.is_in_force(at)
    return {
        "name": one.name,
        **write_granted(one),
        "daysLeft": one.days_left(at),
        "inForce": in_force,
        "needed": in_force and one.name in needed,
    }
