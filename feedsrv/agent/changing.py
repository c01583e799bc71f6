"""One change at a time: look, write down the way back, change, look again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol, runtime_checkable

from feedsrv.agent.journal import Journal, Note
from feedsrv.agent.ports import Adapter, AdapterError, Presence, Target, Undo
from feedsrv.agent.state import AgentState, Change, Problem
from feedsrv.errors import OperatorError

_ELSEWHERE: Final = {"before": "present"}
"""In an undo note: somebody else's rule did it already, so there was nothing of ours to take back."""


class NotInForceError(OperatorError):
    """A change was made, but something else on this server keeps it from having effect."""

    code = "agent.not_in_force"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one action, and what went wrong with it."""

    rule_name: str
    presence: Presence | None
    """None where it could not be seen."""
    detail: str
    problem: Problem | None = None
    has_changed: bool = False
    """True where this very step changed the server."""

    @classmethod
    def trouble(cls, rule_name: str, error: AdapterError, presence: Presence | None = None) -> Finding:
        """A finding that something went wrong."""
        return cls(rule_name, presence, str(error), Problem.of(error))


@dataclass(frozen=True, slots=True)
class Wanted:
    """One action of one revision that is to be in place."""

    target: Target
    slot: str
    order: int
    """For the change, where it is a new one."""


@runtime_checkable
class Foreteller(Protocol):
    """A host that can say beforehand what it would do."""

    def foretell(self, target: Target) -> str:
        """Say what `apply` would change, and where. Changes nothing.

        Raises:
            AdapterError: as `apply` would.
        """


@dataclass(frozen=True, slots=True)
class Changer:
    """Makes and takes back single changes, never without a note of the way back."""

    host: Adapter
    journal: Journal
    midway: Callable[[str], None]
    """Called after a note and after its change, before it is saved: where a crash hurts most."""

    def look(self, target: Target) -> Finding:
        """Say what is there. Changes nothing."""
        try:
            sight = self.host.look(target)
        except AdapterError as error:
            return Finding.trouble(target.rule_name, error)
        return Finding(target.rule_name, sight.presence, sight.detail)

    def foretell(self, target: Target) -> Finding:
        """Say what would be changed. Changes nothing."""
        try:
            if isinstance(self.host, Foreteller):
                return Finding(target.rule_name, None, f"would change: {self.host.foretell(target)}")
            sight = self.host.look(target)
        except AdapterError as error:
            return Finding.trouble(target.rule_name, error)
        return Finding(target.rule_name, sight.presence, sight.detail)

    def put_in_place(
        self, wanted: Wanted, mine: Change | None, state: AgentState
    ) -> tuple[Finding, Change | None]:
        """See to it that an action is in force, and return what to remember of it.

        `mine` is the change that is recorded for its spot; what it captured first is kept. None is
        returned where there is nothing to remember, since nothing was changed.

        Raises:
            JournalError: the way back cannot be written, so nothing was changed.
        """
        target = replace(wanted.target, ours=mine is not None)
        name = target.rule_name
        try:
            sight = self.host.look(target)
            if sight.presence is Presence.PRESENT and mine is not None:
                return Finding(name, sight.presence, sight.detail), replace(mine, action=target.action)
            if sight.presence is Presence.CONFLICT and mine is None:
                problem = Problem("agent.conflict", sight.detail)
                return Finding(name, sight.presence, sight.detail, problem), None
            change = Change(
                target.action, name, self._way_back(wanted, mine, sight.presence, state), wanted.order
            )
            if mine is not None:
                change = replace(change, order=mine.order)
            if sight.presence is Presence.PRESENT:
                return Finding(name, sight.presence, sight.detail), change
            self.journal.write(Note(target.mitigation_id, target.revision, change))
            self.midway(f"noted {name}")
            self.host.apply(target)
            self.midway(f"changed {name}")
        except AdapterError as error:
            return Finding.trouble(name, error), mine
        finding = replace(self.look(replace(target, ours=True)), has_changed=True)
        if finding.presence is not Presence.PRESENT and finding.problem is None:
            sentence = finding.detail if name in finding.detail else f"{name}: {finding.detail}"
            finding = replace(finding, problem=Problem.of(NotInForceError(sentence)))
        return finding, change

    def take_back(self, mitigation_id: str, revision: int, change: Change) -> Finding:
        """Bring a spot back to what was captured first.

        Raises:
            JournalError: the note cannot be written, so nothing was changed.
        """
        target = Target(mitigation_id, revision, change.action, change.rule_name, ours=True)
        try:
            self.journal.write(Note(mitigation_id, revision, change))
            self.midway(f"noted the end of {change.rule_name}")
            self.host.undo(target, change.undo)
            self.midway(f"took back {change.rule_name}")
        except AdapterError as error:
            return Finding.trouble(change.rule_name, error)
        left = self.look(replace(target, ours=False))
        # Somebody renamed our rule, or a pool was stopped before us: it is theirs, and they are told.
        told = (
            f"taken back; still there: {left.detail}" if left.presence is Presence.PRESENT else "taken back"
        )
        return Finding(change.rule_name, Presence.ABSENT, told, has_changed=True)

    def _way_back(self, wanted: Wanted, mine: Change | None, seen: Presence, state: AgentState) -> Undo:
        """What was there before anything of ours."""
        target = replace(wanted.target, ours=False)
        if mine is not None:
            was_elsewhere = _ELSEWHERE.items() <= dict(mine.undo).items()
            # Somebody else's rule did this and has gone: from now on it is ours to take back.
            return self.host.capture(target) if was_elsewhere and seen is Presence.ABSENT else mine.undo
        shared = state.holder(wanted.slot, other_than=target.mitigation_id)
        return self.host.capture(target) if shared is None else shared[1].undo
