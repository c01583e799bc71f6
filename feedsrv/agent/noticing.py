"""From how a sync went to the conditions that the agent is in by now.

Each problem belongs to one condition: the tables below say to which. What a look did not judge stays as
it was. A connection that fails and one that works again is one condition, which ends only when the whole
path was gone, down to a feed that is trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from feedsrv.agent.adopting import Judged, Standing
from feedsrv.agent.apply import Outcome
from feedsrv.agent.decide import Verdict
from feedsrv.agent.events import TABLE
from feedsrv.agent.exceptions import Granted
from feedsrv.agent.notices import in_words
from feedsrv.agent.state import (
    BUILD,
    FEED,
    FILES,
    LISTS,
    POOL,
    SERVER,
    SETTINGS,
    AgentState,
    Problem,
    Status,
)
from feedsrv.agent.state import Standing as Stands
from feedsrv.agent.trusting import Trust
from feedsrv.clock import to_text
from feedsrv.model.feed import Feed
from feedsrv.trust.refusals import ForkedFeedError, StaleFeedError
from feedsrv.trust.waivers import WAIVABLE

_SLOW: Final = timedelta(minutes=15)
"""So much a clock may be behind the publisher's without a word."""

_PATH: Final = frozenset({"publisher.unreachable", "feed.refused"})
_MITIGATIONS: Final = frozenset(one.name for one in TABLE if one.name.startswith("mitigation."))
_IN_PLACE: Final = _MITIGATIONS - {"mitigation.refused"}
_EVERYTHING: Final = frozenset(one.name for one in TABLE)

_BY_CODE: Final[Mapping[str, str]] = {
    "agent.library": "state.damaged",
    "agent.adopted": "state.damaged",
    StaleFeedError.code: "feed.history",
    ForkedFeedError.code: "feed.history",
    "mitigation.forked": "feed.history",
    "mitigation.older_revision": "feed.history",
    "feed.expired": "feed.stale",
    "trust.revoked_since": "feed.key_revoked",
    "trust.crl_stale": "crl.stale",
    "agent.crl_ended": "crl.stale",
    "trust.crl_forged": "crl.forged",
    "trust.crl_unreadable": "crl.forged",
    "agent.crl_forged": "crl.forged",
    "agent.crl_unfit": "crl.forged",
}
_BY_SUBJECT: Final[Mapping[str, str]] = {
    SETTINGS: "settings.unusable",
    SERVER: "server.unreadable",
    BUILD: "build.unknown",
    POOL: "agent.switched_off",
    FILES: "state.damaged",
}
_UNREACHABLE: Final = frozenset({"DNS", "connection", "TLS", "HTTP", "bundle"})
_BY_STATUS: Final[Mapping[Status, str]] = {
    Status.FAILED: "mitigation.failed",
    Status.CONFLICT: "mitigation.conflict",
    Status.DISABLED: "mitigation.disabled",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one sync saw."""

    at: datetime
    problems: tuple[Problem, ...]
    polled: bool
    has_answered: bool
    feed: Feed | None
    state: AgentState
    outcomes: tuple[Outcome, ...]
    has_looked: bool
    """True where this server was looked at, so that the outcomes are all there is."""
    is_switched_on: bool
    is_build_known: bool
    trust: Trust | None
    announced: tuple[Judged, ...]
    already: frozenset[str]
    """Names of the conditions that were told before and have not ended."""


def look(seen: Seen) -> tuple[dict[tuple[str, str], str], frozenset[str]]:
    """What is the case by name and subject, and which conditions could be judged at all."""
    found: dict[tuple[str, str], str] = {}
    for problem in seen.problems:
        name = _condition_of(problem)
        if name is not None:
            found.setdefault((name, _subject(problem, name)), in_words(problem))
    found.update(_mitigations(seen.state.standings, seen.outcomes))
    if seen.trust is not None:
        found.update(_trust(seen.trust, seen.announced, seen.at))
    if not seen.is_switched_on:
        found.setdefault(("agent.switched_off", ""), "auto-apply is off on this server or for its pool")
    if not seen.is_build_known:
        found.setdefault(("build.unknown", ""), "nobody has said which build this server runs")
    if seen.feed is not None and seen.at + _SLOW < seen.feed.issued:
        found["clock.implausible", ""] = (
            f"it is {to_text(seen.at)} here, and the trusted feed was issued at {to_text(seen.feed.issued)}"
        )
    reached = "publisher.unreachable"
    if seen.has_answered and reached in seen.already and not _went_the_whole_way(seen):
        found.setdefault((reached, ""), "it answers again, but what it serves as its feed is refused")
    return found, _judged(seen)


def standing_conditions(
    state: AgentState, outcomes: tuple[Outcome, ...]
) -> tuple[dict[tuple[str, str], str], frozenset[str]]:
    """What a person's own repairing or removing has changed: the mitigations alone."""
    return _mitigations(state.standings, outcomes), _IN_PLACE


def _condition_of(problem: Problem) -> str | None:
    if problem.about in _BY_SUBJECT:
        return _BY_SUBJECT[problem.about]
    if problem.code in _BY_CODE:
        return _BY_CODE[problem.code]
    if problem.about in (FEED, LISTS):
        return "publisher.unreachable" if problem.step in _UNREACHABLE else "feed.refused"
    if problem.step or problem.code in WAIVABLE:
        return "mitigation.refused"
    return None  # of one mitigation's change, which its standing tells


def _subject(problem: Problem, name: str) -> str:
    return problem.about if name in ("mitigation.refused", "feed.key_revoked") else ""


def _mitigations(standings: Iterable[Stands], outcomes: Iterable[Outcome]) -> dict[tuple[str, str], str]:
    ending = {one.decision.id for one in outcomes if one.decision.verdict is Verdict.ROLL_BACK}
    found: dict[tuple[str, str], str] = {}
    for one in standings:
        name = _BY_STATUS.get(one.status)
        if one.status is Status.FAILED and one.id in ending:
            name = "mitigation.rollback_failed"
        if one.status is Status.BLOCKED and one.in_place:
            name = "mitigation.blocked"
        if name is not None:
            found[name, one.id] = one.detail
    return found


def _trust(trust: Trust, announced: Iterable[Judged], at: datetime) -> dict[tuple[str, str], str]:
    found = {("exception.in_force", one.name): exception_in_words(one, at) for one in trust.exceptions}
    for fallen in trust.fallen:
        subject = fallen.certificate.subject.rfc4514_string()
        found["anchor.revoked", fallen.fingerprint] = f"{subject}: its voucher by {fallen.by} is revoked"
    for one in announced:
        if one.standing is Standing.NOT_TRUSTED:
            begins = to_text(one.announcement.begins)
            found["announcement.not_adopted", one.announcement.sha256] = (
                f"{one.announcement.role} {one.subject or 'without a name'}, to be used from {begins}: "
                f"{one.why}"
            )
    return found


def exception_in_words(one: Granted, at: datetime) -> str:
    """An exception in one line."""
    days = one.days_left(at)
    left = "its last day" if days == 0 else f"{days} day{'' if days == 1 else 's'} left"
    return f"{one.title}, until {to_text(one.until)} ({left}): {one.waiver.reason}"


def _judged(seen: Seen) -> frozenset[str]:
    unjudged: set[str] = set()
    if not seen.polled:
        unjudged |= _PATH | {"feed.history", "crl.forged", "mitigation.refused"}
    elif not _went_the_whole_way(seen):
        # That a server answers proves little: what could not be reached is reached again only once what
        # it serves was trusted.
        unjudged |= {"publisher.unreachable"}
        if not seen.has_answered:
            unjudged |= {"feed.refused", "feed.history", "crl.forged", "mitigation.refused"}
    if not seen.has_looked:
        unjudged |= _IN_PLACE
    if seen.trust is None:
        unjudged |= {"exception.in_force", "announcement.not_adopted", "anchor.revoked", "feed.key_revoked"}
    if seen.feed is None:
        unjudged |= {"clock.implausible", "announcement.not_adopted"}
    return _EVERYTHING - unjudged


def _went_the_whole_way(seen: Seen) -> bool:
    return seen.has_answered and not any(_condition_of(one) in _PATH for one in seen.problems)
