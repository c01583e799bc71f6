"""`feedsrv-agent block`, `unblock`, `repair` and `remove`: what a person decides about one mitigation."""

from __future__ import annotations

import click

from feedsrv.agent import by_hand
from feedsrv.agent.cli.common import Home, log_to, pass_home, tell
from feedsrv.agent.state import AgentState

_IDS = click.argument("ids", nargs=-1, required=True, metavar="ID[,ID...]")


@click.command()
@_IDS
@pass_home
def block(home: Home, ids: tuple[str, ...]) -> None:
    """Do not apply these any more; what is in place stays (`remove` takes it back, too)."""
    named = by_hand.read_ids(ids)
    with home.held():
        state = by_hand.block(home.state_file, named)
    for id_ in named:
        left = (
            f"; it is still in place: `feedsrv-agent remove {id_}` takes it back"
            if id_ in state.applied
            else ""
        )
        click.echo(f"{id_} is blocked{left}")


@click.command()
@_IDS
@pass_home
def unblock(home: Home, ids: tuple[str, ...]) -> None:
    """Let these be applied again: by the next sync, or at once with `sync`."""
    named = by_hand.read_ids(ids)
    with home.held():
        by_hand.unblock(home.state_file, named)
    for id_ in named:
        click.echo(f"{id_} is not blocked")


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID[,ID...]]")
@pass_home
@click.pass_context
def repair(context: click.Context, home: Home, ids: tuple[str, ...]) -> None:
    """Put right what somebody removed or changed, and try again what failed; everything without ID.

    Does not poll, and asks no switch: you are asking.
    """
    named = by_hand.read_ids(ids)
    settings = home.settings_file.load()
    with home.held():
        log_to(home.folder)
        done = by_hand.repair(home.sync(settings), named)
    _tell(context, done)


@click.command()
@_IDS
@pass_home
@click.pass_context
def remove(context: click.Context, home: Home, ids: tuple[str, ...]) -> None:
    """Block these and take them back now: this server is then open to what they protect from."""
    named = by_hand.read_ids(ids)
    settings = home.settings_file.load()
    with home.held():
        log_to(home.folder)
        done = by_hand.remove(home.sync(settings), named)
    _tell(context, done, named)


def _tell(context: click.Context, done: by_hand.Done, named: tuple[str, ...] = ()) -> None:
    ids = dict.fromkeys((*named, *(one.decision.id for one in done.outcomes)))
    for id_ in ids:
        click.echo(f"{id_}: {_how(done.state, id_)}")
    if not ids and not done.problems:
        click.echo("nothing to repair")
    if tell(done.problems):
        context.exit(1)


def _how(state: AgentState, mitigation_id: str) -> str:
    standing = next((one for one in state.standings if one.id == mitigation_id), None)
    if standing is None:
        return "blocked; it was not in place" if mitigation_id in state.blocked else "not known here yet"
    return f"{standing.status}{', in place' if standing.in_place else ', not in place'} ({standing.detail})"
