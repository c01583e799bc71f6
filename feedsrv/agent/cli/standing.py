"""`feedsrv-agent list`, `status` and `restore`: how this server stands."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from feedsrv.agent.cli.common import Home, pass_home, say, tell
from feedsrv.agent.journal import Journal
from feedsrv.agent.library import Library
from feedsrv.agent.listing import as_csv, as_json, as_table, as_xml, standings_now
from feedsrv.agent.settings import AgentSettings, PoolFileError, read_pool_switch
from feedsrv.agent.state import AgentState, LastSync, Problem, feed_key
from feedsrv.agent.state_file import AgentStateError
from feedsrv.agent.sync import EXPIRED, stale
from feedsrv.clock import now, to_text
from feedsrv.codec.feed import read_feed
from feedsrv.errors import FeedsrvError, OperatorError

# No feed asks for less than a poll a day; a few hours are left for tries that fail.
_IDLE: Final = timedelta(hours=30)
_FILE = click.Path(path_type=Path, dir_okay=False, writable=True, allow_dash=True)


class IdleError(OperatorError):
    """This agent has not synced for more than a day, so nobody looks after this server."""

    code = "agent.idle"

    def __init__(self, last: LastSync) -> None:
        super().__init__(
            f"the last sync was at {to_text(last.at)}: see that `feedsrv-agent run`, or whatever calls "
            "`feedsrv-agent sync`, is at work"
        )


@click.command("list")
@click.option("--xml", type=_FILE, help="Write it as XML to this file (- for standard output).")
@click.option("--csv", type=_FILE, help="Write it as CSV to this file (- for standard output).")
@click.option("--json", "json_", is_flag=True, help="Print it as JSON.")
@pass_home
def list_(home: Home, xml: Path | None, csv: Path | None, *, json_: bool) -> None:
    """List every mitigation: applied, blocked, failed, conflict, disabled, superseded, not needed ...

    What is in place is looked at now, in the server's configuration, not remembered.
    """
    settings, state = home.settings_file.load(), home.state_file.load()
    changer = None
    if state.applied:
        try:
            changer = home.changer(settings)
        except FeedsrvError as trouble:
            say(f"warning [{trouble.code}]: {trouble}; shown as remembered", err=True)
    standings = standings_now(state, changer)
    if xml is not None:
        _write(xml, as_xml(standings))
    if csv is not None:
        _write(csv, as_csv(standings).encode("utf-8-sig"))
    if json_:
        click.echo(as_json(standings), nl=False)
    if xml is None and csv is None and not json_:
        say(as_table(standings))


def _write(path: Path, content: bytes) -> None:
    try:
        with click.open_file(str(path), "wb") as file:
            file.write(content)
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from None


@click.command()
@click.option("--json", "json_", is_flag=True, help="For programs.")
@pass_home
@click.pass_context
def status(context: click.Context, home: Home, *, json_: bool) -> None:
    """Say how the agent is: what it is told, what it trusts, and how the last sync went.

    Works with a damaged state, too, and then says what to do.
    """
    problems: list[Problem] = []
    settings, state = AgentSettings(), None
    try:
        settings = home.settings_file.load()
    except FeedsrvError as trouble:
        problems.append(Problem.of(trouble))
    try:
        state = home.state_file.load()
    except AgentStateError as trouble:
        problems.append(Problem.of(trouble))
    facts = _facts(home, settings, state, problems)
    if json_:
        shown = {name.replace(" ", "_"): value for name, value in facts.items()}
        shown["problems"] = [{"code": one.code, "message": one.message} for one in problems]
        click.echo(json.dumps(shown, indent=1, ensure_ascii=False))
    else:
        width = max(len(name) for name in facts)
        for name, value in facts.items():
            say(f"{name:<{width}}  {_shown(value)}")
    if tell(problems):
        context.exit(1)


def _facts(
    home: Home, settings: AgentSettings, state: AgentState | None, problems: list[Problem]
) -> dict[str, object]:
    facts: dict[str, object] = {
        "home": str(home.folder),
        "server": settings.server,
        "feed": f"{settings.product or 'no product'}/{settings.channel}",
        "applies automatically": settings.auto_apply,
        "pool applies automatically": _pool(home, settings, problems),
        "build": settings.build,
        "build source": settings.build_source,
    }
    if state is None:
        return facts
    facts["device"] = state.device_id if home.state_file.path.exists() else None
    facts["build at last sync"] = None if state.build is None else str(state.build)
    facts["blocked"] = sorted(state.blocked)
    facts["in place"] = sorted(state.applied)
    try:
        facts["unfinished changes"] = len(Journal(home.folder).notes())
    except FeedsrvError as trouble:
        problems.append(Problem.of(trouble))
    facts.update(_last(state.last_sync, problems))
    facts.update(_feed(home, settings, state, problems))
    return facts


def _pool(home: Home, settings: AgentSettings, problems: list[Problem]) -> bool | None:
    if settings.pool_file is None:
        return None
    try:
        return read_pool_switch(home.folder / settings.pool_file)
    except PoolFileError as trouble:
        problems.append(Problem.of(trouble))
        return None


def _last(last: LastSync | None, problems: list[Problem]) -> dict[str, object]:
    if last is None:
        return {"last sync": None}
    problems.extend(last.problems)
    if now() - last.at > _IDLE:
        problems.append(Problem.of(IdleError(last)))
    return {
        "last sync": to_text(last.at),
        "last sync without a problem": None if last.succeeded is None else to_text(last.succeeded),
    }


def _feed(
    home: Home, settings: AgentSettings, state: AgentState, problems: list[Problem]
) -> dict[str, object]:
    """The trusted feed as it is at this moment: it may have expired since the last sync."""
    memory = state.feeds.get(feed_key(settings.product or "", settings.channel))
    facts: dict[str, object] = {"feed version": None if memory is None else memory.version}
    data = None if memory is None else Library(home.folder).get(memory.digest)
    if data is None:
        return facts
    feed = read_feed(data, source="the trusted feed")
    is_stale = now() >= feed.expires
    if is_stale and not any(one.code == EXPIRED for one in problems):
        problems.append(stale(feed))
    return {**facts, "feed expires": to_text(feed.expires), "feed is stale": is_stale}


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "-" if value is None else str(value)


@click.command()
@pass_home
def restore(home: Home) -> None:
    """Go back to the copy of the state beside a damaged one, which is kept under another name."""
    with home.held():
        state = home.state_file.restore()
    applied = ", ".join(sorted(state.applied)) or "nothing"
    click.echo(f"restored; in place according to it: {applied}. Run `feedsrv-agent sync` to see it verified.")
