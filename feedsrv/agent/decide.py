"""Deciding what one server should do about the mitigations it trusts.

Nothing here reads a disk, a socket or a clock. Give `decide` the trusted feed and mitigations, the
server's inventory, what is applied and blocked, and the time; it returns a `Plan`. `apply`
carries it out, and looks at the server before every step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from feedsrv.agent.inventory import Inventory
from feedsrv.agent.state import Applied
from feedsrv.model.build import Build
from feedsrv.model.feed import Entry, EntryState, Feed
from feedsrv.model.mitigation import PRODUCTION, Mitigation, Status
from feedsrv.model.rollout import in_rollout
from feedsrv.model.supersession import successors


class Verdict(StrEnum):
    """What to do about one mitigation."""

    APPLY = "apply"
    ROLL_BACK = "roll back"
    KEEP = "keep"
    """Leave the server as it is: what is in place stays, what is not stays away."""


class Reason(StrEnum):
    """Why."""

    AFFECTED = "affected"
    NEW_REVISION = "new revision"
    UNFINISHED = "unfinished"
    IN_PLACE = "in place"
    FIXED = "fixed"
    NOT_AFFECTED = "not affected"
    WITHDRAWN = "withdrawn"
    OTHER_CHANNEL = "other channel"
    SUPERSEDED = "superseded"
    BLOCKED = "blocked"
    ROLLOUT = "rollout"
    SWITCHED_OFF = "switched off"
    STALE_FEED = "stale feed"
    NOT_OFFERED = "not offered"
    LOWER_REVISION = "lower revision"
    NOT_TRUSTED = "not trusted"
    BUILD_UNKNOWN = "build unknown"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about one mitigation, and why."""

    id: str
    verdict: Verdict
    reason: Reason
    mitigation: Mitigation | None
    """The newest revision that is trusted here."""
    after: tuple[str, ...] = ()
    """Mitigations that must be in place before this one may be rolled back."""
    pending: Verdict | None = None
    """What would be done if changing this server were switched on."""
    stands_in: bool = False
    """True where this one is applied after all if those in `after` cannot be: rather it than nothing."""

    @property
    def repairs(self) -> bool:
        """True where what somebody removed or changed is put right."""
        return self.verdict is Verdict.KEEP and self.reason in _REPAIRED


# What is in place for these reasons belongs there: if somebody removed it, it comes back.
_REPAIRED: Final = frozenset(
    {
        Reason.IN_PLACE,
        Reason.STALE_FEED,
        Reason.NOT_OFFERED,
        Reason.LOWER_REVISION,
        Reason.NOT_TRUSTED,
        Reason.ROLLOUT,
        Reason.BUILD_UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A decision for every mitigation, in the order in which they are carried out."""

    decisions: tuple[Decision, ...]

    def of(self, verdict: Verdict) -> tuple[Decision, ...]:
        """The decisions with that verdict, in order."""
        return tuple(one for one in self.decisions if one.verdict is verdict)

    def about(self, mitigation_id: str) -> Decision | None:
        """The decision about that mitigation, or None."""
        return next((one for one in self.decisions if one.id == mitigation_id), None)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a decision depends on."""

    feed: Feed | None
    """The newest trusted feed; None before the first."""
    mitigations: Mapping[str, Mitigation]
    """The newest trusted revision of each."""
    inventory: Inventory
    applied: Mapping[str, Applied]
    blocked: frozenset[str]
    may_change: bool
    """False where only checking is switched on, on this server or for its pool."""
    at: datetime
    channel: str = PRODUCTION
    """Which feed this server follows."""

    @property
    def is_stale(self) -> bool:
        """True where the newest trusted feed has expired: nothing new is applied from it."""
        return self.feed is not None and self.at >= self.feed.expires

    def entry(self, mitigation_id: str) -> Entry | None:
        """What the feed says of a mitigation."""
        return None if self.feed is None else self.feed.entry(mitigation_id)


def decide(facts: Facts) -> Plan:
    """Decide about every mitigation that is offered or in place.

    First come those to keep, then those to apply, and last those to roll back, in the reverse
    order of applying: what replaces a protection is in place before that protection goes.
    """
    ids = {entry.id for entry in facts.feed.entries} if facts.feed is not None else set()
    decisions = [_decide_one(facts, id_) for id_ in sorted(ids | set(facts.applied))]
    keep = [one for one in decisions if one.verdict is Verdict.KEEP]
    begin = [one for one in decisions if one.verdict is Verdict.APPLY]
    end = [one for one in decisions if one.verdict is Verdict.ROLL_BACK]
    end.sort(key=lambda one: facts.applied[one.id].order, reverse=True)
    return Plan((*keep, *begin, *end))


@dataclass(frozen=True, slots=True)
class _Case:
    """One trusted mitigation on this server."""

    facts: Facts
    mitigation: Mitigation

    @property
    def build(self) -> Build | None:
        return self.facts.inventory.build

    @property
    def entry(self) -> Entry | None:
        return self.facts.entry(self.mitigation.id)

    @property
    def applied(self) -> Applied | None:
        return self.facts.applied.get(self.mitigation.id)

    @property
    def is_affected(self) -> bool:
        return self.build is not None and self.mitigation.affects_build(
            self.facts.inventory.product, self.build
        )

    @property
    def is_followed(self) -> bool:
        """True where it is for everybody, or for the channel that this server follows."""
        return self.mitigation.channel in {PRODUCTION, self.facts.channel}

    @property
    def is_fixed(self) -> bool:
        """True where this build has the fix, or is later than one that has it."""
        product = self.facts.inventory.product
        fixes = [one.fixed for named, one in self.mitigation.ranges() if named == product]
        return self.build is not None and any(fix is not None and fix <= self.build for fix in fixes)

    @property
    def is_outdated(self) -> bool:
        """True where the feed names a newer revision, which could not be had or was refused."""
        return self.entry is not None and self.entry.revision > self.mitigation.revision

    @property
    def is_in_place(self) -> bool:
        """True where this very revision is applied whole: no rollout or expiry holds it back any more."""
        one = self.applied
        return one is not None and one.revision == self.mitigation.revision and one.complete

    @property
    def is_reached(self) -> bool:
        percent = 0 if self.entry is None else self.entry.rollout
        return in_rollout(self.mitigation.id, self.facts.inventory.device_id, percent)


# Why a trusted revision does not belong on a server, first match; whatever the feed says of it by
# now. None ends the search: nothing can be said.
_ENDS: Final[tuple[tuple[Callable[[_Case], bool], Reason | None], ...]] = (
    (lambda case: case.mitigation.status is Status.WITHDRAWN, Reason.WITHDRAWN),
    (lambda case: case.build is None or case.is_outdated, None),
    (lambda case: not case.is_followed, Reason.OTHER_CHANNEL),
    (lambda case: not case.is_affected and case.is_fixed, Reason.FIXED),
    (lambda case: not case.is_affected, Reason.NOT_AFFECTED),
    (lambda case: bool(_live_successors(case.facts, case.mitigation.id)), Reason.SUPERSEDED),
)

# Why an affected server is left as it is, although the mitigation belongs there, first match.
_HINDRANCES: Final[tuple[tuple[Callable[[_Case], bool], Reason | None], ...]] = (
    (lambda case: case.build is None, Reason.BUILD_UNKNOWN),
    (lambda case: case.mitigation.id in case.facts.blocked, Reason.BLOCKED),
    (lambda case: case.entry is None, Reason.NOT_OFFERED),
    (lambda case: case.is_outdated, Reason.NOT_TRUSTED),
    (
        lambda case: case.entry is not None and case.entry.revision < case.mitigation.revision,
        Reason.LOWER_REVISION,
    ),
    (lambda case: case.is_in_place, None),
    (lambda case: case.facts.is_stale, Reason.STALE_FEED),
    (lambda case: not case.is_reached, Reason.ROLLOUT),
)

# What to do where the mitigation belongs and nothing hinders, first match.
_BEGINNINGS: Final[tuple[tuple[Callable[[_Case], bool], Verdict, Reason], ...]] = (
    (lambda case: case.applied is None, Verdict.APPLY, Reason.AFFECTED),
    (lambda case: case.is_in_place, Verdict.KEEP, Reason.IN_PLACE),
    (lambda case: case.applied is not None and case.applied.complete, Verdict.APPLY, Reason.NEW_REVISION),
    (lambda case: case.applied is not None, Verdict.APPLY, Reason.UNFINISHED),
)


def _decide_one(facts: Facts, mitigation_id: str) -> Decision:
    mitigation = facts.mitigations.get(mitigation_id)
    if mitigation is None:
        entry = facts.entry(mitigation_id)
        is_over = entry is not None and entry.state is EntryState.WITHDRAWN
        was_here = mitigation_id in facts.applied
        reason = Reason.WITHDRAWN if is_over and not was_here else Reason.NOT_TRUSTED
        wanted = Decision(mitigation_id, Verdict.KEEP, reason, None)
    else:
        wanted = _wanted(_Case(facts, mitigation))
    if facts.may_change:
        return wanted
    if wanted.verdict is not Verdict.KEEP:
        return Decision(mitigation_id, Verdict.KEEP, Reason.SWITCHED_OFF, mitigation, pending=wanted.verdict)
    if wanted.repairs and mitigation_id in facts.applied:  # repairing is changing, too
        return Decision(mitigation_id, Verdict.KEEP, Reason.SWITCHED_OFF, mitigation)
    return replace(wanted, stands_in=False)


def _wanted(case: _Case) -> Decision:
    """The decision, were changing this server switched on."""
    mitigation = case.mitigation
    ending = _first(_ENDS, case)
    if ending is not None:
        after = _live_successors(case.facts, mitigation.id) if ending is Reason.SUPERSEDED else ()
        if case.applied is not None:
            return Decision(mitigation.id, Verdict.ROLL_BACK, ending, mitigation, after)
        stands_in = bool(after) and _first(_HINDRANCES, case) is None
        return Decision(mitigation.id, Verdict.KEEP, ending, mitigation, after, stands_in=stands_in)
    hindrance = _first(_HINDRANCES, case)
    if hindrance is not None:
        return Decision(mitigation.id, Verdict.KEEP, hindrance, mitigation)
    verdict, reason = next((verdict, reason) for holds, verdict, reason in _BEGINNINGS if holds(case))
    return Decision(mitigation.id, verdict, reason, mitigation)


def _first(table: tuple[tuple[Callable[[_Case], bool], Reason | None], ...], case: _Case) -> Reason | None:
    return next((reason for holds, reason in table if holds(case)), None)


def _live_successors(facts: Facts, mitigation_id: str) -> tuple[str, ...]:
    """The mitigations that take over from this one on this very server, at the end of every chain.

    One that is blocked, not reached by its rollout or refused takes over from nothing: the older
    one keeps protecting. Nobody takes over in a circle either: rather both than neither.
    """
    direct = successors(one for one in facts.mitigations.values() if _can_stand(facts, one))
    ends: set[str] = set()
    seen: set[str] = set()
    pending = list(direct.get(mitigation_id, ()))
    while pending:
        one = pending.pop()
        if one in seen:
            continue
        seen.add(one)
        further = direct.get(one, ())
        pending.extend(further)
        if not further:
            ends.add(one)
    return tuple(sorted(ends))


def _can_stand(facts: Facts, mitigation: Mitigation) -> bool:
    """True where this server has the mitigation or would apply it, were it alone."""
    case = _Case(facts, mitigation)
    if mitigation.id in facts.blocked or mitigation.status is Status.WITHDRAWN:
        return False
    if not case.is_affected or not case.is_followed:
        return False
    return case.applied is not None or _first(_HINDRANCES, case) is None
