"""`feedsrv-agent block`, `unblock`, `repair` and `remove`: what a person decides about one mitigation."""

from __future__ import annotations

import click

from feedsrv.agent import by_hand
from feedsrv.agent.cli.common import Home, log_to, pass_home, say, tell
from feedsrv.agent.state import AgentState


def _ids(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    named = by_hand.read_ids(texts)
    if texts and not named:
        raise click.BadParameter("name at least one mitigation, such as M0001")
    return named


_IDS = click.argument("ids", nargs=-1, required=True, metavar="ID[,ID...]", callback=_ids)


@click.command()
@_IDS
@pass_home
def block(home: Home, ids: tuple[str, ...]) -> None:
    """Do not apply these any more; what is in place stays (`remove` takes it back, too)."""
    with home.held():
        state = by_hand.block(home.state_file, ids)
    for id_ in ids:
        if id_ in state.applied:
            left = f"; it is still in place: `feedsrv-agent remove {id_}` takes it back"
        else:
            left = "" if id_ in state.known else "; no mitigation of that id is known here yet"
        click.echo(f"{id_} is blocked{left}")


@click.command()
@_IDS
@pass_home
def unblock(home: Home, ids: tuple[str, ...]) -> None:
    """Let these be applied again: by the next sync, or at once with `sync`."""
    with home.held():
        by_hand.unblock(home.state_file, ids)
    for id_ in ids:
        click.echo(f"{id_} is not blocked")


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID[,ID...]]", callback=_ids)
@pass_home
@click.pass_context
def repair(context: click.Context, home: Home, ids: tuple[str, ...]) -> None:
    """Put right what somebody removed or changed, and try again what failed; everything without ID.

    Does not poll, and asks no switch: you are asking.
    """
    settings = home.settings_file.load()
    with home.held():
        log_to(home.folder)
        done = by_hand.repair(home.sync(settings), ids)
    _tell(context, done)


@click.command()
@_IDS
@pass_home
@click.pass_context
def remove(context: click.Context, home: Home, ids: tuple[str, ...]) -> None:
    """Block these and take them back now: this server is then open to what they protect from."""
    settings = home.settings_file.load()
    with home.held():
        log_to(home.folder)
        done = by_hand.remove(home.sync(settings), ids)
    _tell(context, done, ids)


def _tell(context: click.Context, done: by_hand.Done, named: tuple[str, ...] = ()) -> None:
    ids = dict.fromkeys((*named, *(one.decision.id for one in done.outcomes)))
    for id_ in ids:
        say(f"{id_}: {_how(done.state, id_)}")
    if not ids and not done.problems:
        click.echo("nothing to repair")
    if tell(done.problems):
        context.exit(1)


def _how(state: AgentState, mitigation_id: str) -> str:
    standing = next((one for one in state.standings if one.id == mitigation_id), None)
    if standing is None:
        return "blocked; it was not in place" if mitigation_id in state.blocked else "not known here yet"
    return f"{standing.status}{', in place' if standing.in_place else ', not in place'} ({standing.detail})"
