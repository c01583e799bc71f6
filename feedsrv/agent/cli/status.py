"""`feedsrv-agent status`: how the agent is, for whoever is called at night."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import click

from feedsrv.agent.adopting import Judged
from feedsrv.agent.cli.anchoring import (
    anchor_in_words,
    anchor_rows,
    announced_here,
    announced_in_words,
    announced_row,
)
from feedsrv.agent.cli.common import Home, pass_home, say, tell
from feedsrv.agent.cli.excepting import exception_row, needed_exceptions, standing
from feedsrv.agent.events import TABLE
from feedsrv.agent.journal import Journal
from feedsrv.agent.library import Library
from feedsrv.agent.notices import Notices
from feedsrv.agent.noticing import exception_in_words
from feedsrv.agent.settings import AgentSettings, PoolFileError, read_pool_switch
from feedsrv.agent.state import AgentState, LastSync, Problem, feed_key
from feedsrv.agent.state_file import AgentStateError
from feedsrv.agent.sync import EXPIRED, stale
from feedsrv.agent.trusting import Trust
from feedsrv.clock import from_text, now, to_text
from feedsrv.codec.feed import read_feed
from feedsrv.errors import FeedsrvError, OperatorError
from feedsrv.model.feed import Feed
from feedsrv.observability.events import Condition, Open

# No feed asks for less than a poll a day; a few hours are left for tries that fail.
_IDLE: Final = timedelta(hours=30)
_CONDITIONS: Final = {one.name: one for one in TABLE}
# No sync calls these a problem, and yet nothing new gets in force while they are so.
_HINDERING: Final = frozenset({"build.unknown", "clock.implausible"})


class IdleError(OperatorError):
    """This agent has not synced for more than a day, so nobody looks after this server."""

    code = "agent.idle"

    def __init__(self, last: LastSync) -> None:
        super().__init__(
            f"the last sync was at {to_text(last.at)}: see that `feedsrv-agent run`, or whatever calls "
            "`feedsrv-agent sync`, is at work"
        )


@dataclass
class _Report:
    """All that `status` says."""

    facts: dict[str, object] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    conditions: tuple[Open, ...] = ()
    trust: Trust | None = None
    announced: tuple[Judged, ...] = ()
    settings: AgentSettings = field(default_factory=AgentSettings)
    needed: frozenset[str] = frozenset()
    at: datetime = field(default_factory=now)

    @property
    def is_hindered(self) -> bool:
        """True where this server gets nothing new, though no sync met a problem."""
        return any(one.name in _HINDERING for one in self.conditions)

    @property
    def verdict(self) -> str:
        """The one line to read first."""
        told = len(dict.fromkeys(self.problems))
        if told:
            return f"SOMETHING IS WRONG: {_many(told, 'problem')}, told at the end."
        if self.is_hindered:
            return f"SOMETHING IS WRONG: {_many(len(self.conditions), 'thing')} to see to, told below."
        if self.facts.get("last sync") is None:
            return "NOT AT WORK YET: no sync so far. Run `feedsrv-agent test`, then `feedsrv-agent sync`."
        if self.conditions:
            return f"WELL, with {_many(len(self.conditions), 'thing')} to know, told below."
        return "ALL IS WELL."


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


@click.command()
@click.option("--json", "json_", is_flag=True, help="For programs.")
@pass_home
@click.pass_context
def status(context: click.Context, home: Home, *, json_: bool) -> None:
    """Say how the agent is: what is wrong and since when, what is in place, and whom it trusts.

    Works with a damaged state, too, and then says what to do. Ends with 1 while something is wrong.
    """
    report = _look(home)
    if json_:
        click.echo(json.dumps(_as_json(report), indent=1, ensure_ascii=False))
    else:
        _say(report)
    if tell(report.problems) or report.is_hindered:
        context.exit(1)


def _look(home: Home) -> _Report:
    report = _Report(conditions=Notices(home.folder).open())
    state: AgentState | None = None
    try:
        report.settings = home.settings_file.load()
    except FeedsrvError as trouble:
        report.problems.append(Problem.of(trouble))
    try:
        state = home.state_file.load()
    except AgentStateError as trouble:
        report.problems.append(Problem.of(trouble))
    report.facts = _settings_facts(home, report)
    if state is None:
        return report
    report.needed = needed_exceptions(state)
    report.facts |= _state_facts(home, state, report)
    feed = _feed(home, state, report)
    if report.settings.anchors:
        _look_at_trust(home, feed, report)
    return report


def _settings_facts(home: Home, report: _Report) -> dict[str, object]:
    settings = report.settings
    return {
        "home": str(home.folder),
        "server": settings.server,
        "feed": f"{settings.product or 'no product'}/{settings.channel}",
        "applies automatically": settings.auto_apply,
        "pool applies automatically": _pool(home, report),
        "adopts announced roots": settings.adopt_anchors,
        "build": settings.build,
        "build source": settings.build_source,
    }


def _pool(home: Home, report: _Report) -> bool | None:
    if report.settings.pool_file is None:
        return None
    try:
        return read_pool_switch(home.folder / report.settings.pool_file)
    except PoolFileError as trouble:
        report.problems.append(Problem.of(trouble))
        return None


def _state_facts(home: Home, state: AgentState, report: _Report) -> dict[str, object]:
    facts: dict[str, object] = {
        "device": state.device_id if home.state_file.path.exists() else None,
        "build at last sync": None if state.build is None else str(state.build),
        "blocked": sorted(state.blocked),
        "in place": sorted(state.applied),
    }
    try:
        facts["unfinished changes"] = len(Journal(home.folder).notes())
    except FeedsrvError as trouble:
        report.problems.append(Problem.of(trouble))
    last = state.last_sync
    if last is None:
        return {**facts, "last sync": None}
    report.problems.extend(last.problems)
    if report.at - last.at > _IDLE:
        report.problems.append(Problem.of(IdleError(last)))
    facts["last sync"] = to_text(last.at)
    facts["last sync without a problem"] = None if last.succeeded is None else to_text(last.succeeded)
    return facts


def _feed(home: Home, state: AgentState, report: _Report) -> Feed | None:
    """The trusted feed as it is at this moment: it may have expired since the last sync."""
    memory = state.feeds.get(feed_key(report.settings.product or "", report.settings.channel))
    report.facts["feed version"] = None if memory is None else memory.version
    data = None if memory is None else Library(home.folder).get(memory.digest)
    if data is None:
        return None
    feed = read_feed(data, source="the trusted feed")
    is_stale = report.at >= feed.expires
    if is_stale and not any(one.code == EXPIRED for one in report.problems):
        report.problems.append(stale(feed))
    report.facts |= {"feed expires": to_text(feed.expires), "feed is stale": is_stale}
    return feed


def _look_at_trust(home: Home, feed: Feed | None, report: _Report) -> None:
    try:
        report.trust = Trust.of(report.settings, home.folder, report.at)
        if feed is not None:
            report.announced = announced_here(home, report.settings, report.trust, feed)
    except FeedsrvError as trouble:
        problem = Problem.of(trouble)
        if problem.code not in {one.code for one in report.problems}:
            report.problems.append(problem)


def _as_json(report: _Report) -> dict[str, object]:
    shown: dict[str, object] = {name.replace(" ", "_"): value for name, value in report.facts.items()}
    shown["verdict"] = report.verdict
    shown["conditions"] = [
        {
            "event": condition.begins,
            "name": one.name,
            "subject": one.subject,
            "since": to_text(one.since),
            "detail": one.detail,
            "cause": condition.cause,
            "resolution": condition.resolution,
        }
        for one, condition in _known(report.conditions)
    ]
    shown["exceptions"] = [exception_row(one, report.needed, report.at) for one in report.settings.exceptions]
    shown["anchors"] = [] if report.trust is None else anchor_rows(report.trust)
    shown["announced"] = [announced_row(one) for one in report.announced]
    shown["problems"] = [{"code": one.code, "message": one.message} for one in report.problems]
    return shown


def _known(conditions: tuple[Open, ...]) -> list[tuple[Open, Condition]]:
    """Those that this version can explain; another one may have kept more."""
    return [(one, _CONDITIONS[one.name]) for one in conditions if one.name in _CONDITIONS]


def _say(report: _Report) -> None:
    say(report.verdict)
    in_place = report.facts.get("in place")
    if isinstance(in_place, list):
        named = f": {', '.join(in_place)}" if in_place else ""
        say(f"{_many(len(in_place), 'mitigation')} in place{named}.")
    told = {one.message for one in report.problems}
    # What is a problem now comes before what somebody decided or only has to know.
    for one, condition in sorted(
        _known(report.conditions),
        key=lambda pair: (-pair[1].level, not _is_told(pair[0], told), pair[0].since),
    ):
        subject = f" ({one.subject})" if one.subject else ""
        say(f"\n{condition.summary[0].upper()}{condition.summary[1:]}{subject}")
        since = f"{to_text(one.since)}{_distance(one.since, report.at)}"
        say(f"  since:  {since}; event {condition.begins}, {one.name}")
        # What stands among the problems at the end is not said twice.
        found = one.detail.partition("]")[0] + "], told at the end" if _is_told(one, told) else one.detail
        say(f"  found:  {found}")
        say(f"  causes: {condition.cause}")
        say(f"  to do:  {condition.resolution}")
    click.echo()
    shown = {name: value for name, value in report.facts.items() if value is not None or name in _ALWAYS}
    width = max(len(name) for name in shown)
    for name, value in shown.items():
        say(f"{name:<{width}}  {_shown(name, value, report.at)}")
    _section(
        "exceptions",
        [
            f"{standing(one, report.needed, report.at)}: {exception_in_words(one, report.at)}"
            for one in report.settings.exceptions
        ],
    )
    rows = [] if report.trust is None else anchor_rows(report.trust)
    _section("anchors", [anchor_in_words(row) for row in rows])
    _section("announced by the publisher", [announced_in_words(one) for one in report.announced])


def _section(title: str, lines: list[str]) -> None:
    if lines:
        say(f"\n{title}")
    for line in lines:
        say(f"  {line}")


def _is_told(one: Open, told: set[str]) -> bool:
    return any(message in one.detail for message in told)


_ALWAYS: Final = frozenset({"server", "last sync", "feed version"})
_MOMENTS: Final = frozenset({"last sync", "last sync without a problem", "feed expires"})


def _shown(name: str, value: object, at: datetime) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if value is None:
        return "-"
    return f"{value}{_distance(from_text(str(value)), at)}" if name in _MOMENTS else str(value)


def _distance(moment: datetime, at: datetime) -> str:
    """How far away a moment is, in the largest unit that fits: nobody subtracts times at night."""
    seconds = int((moment - at).total_seconds())
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = abs(seconds) // length
        if count:
            return f" (in {_many(count, unit)})" if seconds > 0 else f" ({_many(count, unit)} ago)"
    return " (just now)"
