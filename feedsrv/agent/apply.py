"""Carrying out a plan on one server.

Each mitigation is finished and saved before the next begins. A change that fails leaves the
others alone; nothing that protects is taken away before what replaces it was seen in place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from feedsrv.agent.changing import Changer, Finding, Wanted
from feedsrv.agent.decide import Decision, Plan, Reason, Verdict
from feedsrv.agent.journal import Note
from feedsrv.agent.ports import Presence, Target
from feedsrv.agent.state import AgentState, Applied, Change, Problem, slot_of
from feedsrv.model.action import Action, UrlRewrite, title
from feedsrv.model.mitigation import Mitigation, rule_name


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one decision went."""

    decision: Decision
    findings: tuple[Finding, ...] = ()
    waits_for: tuple[str, ...] = ()
    """Successors that are not in place yet, so that nothing was rolled back."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What went wrong."""
        return tuple(one.problem for one in self.findings if one.problem is not None)

    @property
    def is_whole(self) -> bool:
        """True where every action was seen in force."""
        return bool(self.findings) and all(one.presence is Presence.PRESENT for one in self.findings)


@dataclass
class Hands:
    """Changes one server; used for one plan."""

    state: AgentState
    changer: Changer
    save: Callable[[AgentState], None]
    publisher: str
    at: datetime
    unrecovered: tuple[Note, ...] = ()
    """Notes of an earlier crash that could not be brought back; their first captures still count."""
    _outcomes: dict[str, Outcome] = field(default_factory=dict)

    def carry_out(self, plan: Plan) -> tuple[Outcome, ...]:
        """Keep and repair, then apply, then roll back; then see to what is left without protection.

        Raises:
            JournalError: the way back cannot be written, so nothing more was changed.
            AgentStateError: what was done cannot be saved; the journal knows it.
        """
        for decision in plan.decisions:
            self._outcomes[decision.id] = self._carry_out(decision)
        for decision in plan.decisions:
            if decision.stands_in and (missing := self._missing(decision)):
                begun = replace(decision, verdict=Verdict.APPLY)
                self._outcomes[decision.id] = replace(self._carry_out(begun), waits_for=missing)
        if plan.of(Verdict.ROLL_BACK):
            # Two mitigations may want the same thing: what the end of one took away, the other puts back.
            for id_, outcome in list(self._outcomes.items()):
                if id_ in self.state.applied and outcome.is_whole and _stays(outcome):
                    again = self.keep(outcome.decision, repairs=True)
                    self._outcomes[id_] = replace(again, waits_for=outcome.waits_for)
        return tuple(self._outcomes[decision.id] for decision in plan.decisions)

    def _carry_out(self, decision: Decision) -> Outcome:
        if decision.verdict is Verdict.ROLL_BACK:
            return self.roll_back(decision)
        if decision.verdict is Verdict.APPLY and decision.mitigation is not None:
            return self._apply(decision, decision.mitigation)
        return self.keep(decision, repairs=decision.repairs)

    def keep(self, decision: Decision, *, repairs: bool) -> Outcome:
        """Look at what is in place, and put right what somebody removed or changed.

        Raises:
            JournalError, AgentStateError: as `carry_out`.
        """
        applied = self.state.applied.get(decision.id)
        if applied is None:
            return Outcome(decision, self._foretell(decision))
        findings: list[Finding] = []
        changes: list[Change] = []
        for change in applied.changes:
            target = applied.target(change)
            if repairs:
                wanted = Wanted(target, change.slot, change.order)
                finding, kept = self.changer.put_in_place(wanted, change, self.state)
            else:
                finding, kept = self.changer.look(target), change
            findings.append(finding)
            changes.append(kept or change)
        if decision.reason is Reason.BLOCKED and all(one.presence is Presence.ABSENT for one in findings):
            self._save(self.state.without_applied(applied.id))  # an administrator took it away by hand
        elif tuple(changes) != applied.changes:
            self._save(self.state.with_applied(replace(applied, changes=tuple(changes))))
        self._settle()
        return Outcome(decision, tuple(findings))

    def _foretell(self, decision: Decision) -> tuple[Finding, ...]:
        """What would be changed, were changing switched on."""
        mitigation = decision.mitigation
        if mitigation is None or decision.pending is not Verdict.APPLY:
            return ()
        wanted = [self._wanted(mitigation, action, 0) for action in mitigation.actions]
        return tuple(self.changer.foretell(one.target) for one in wanted)

    def _apply(self, decision: Decision, mitigation: Mitigation) -> Outcome:
        before = self.state.applied.get(mitigation.id)
        old = {} if before is None else {change.slot: change for change in before.changes}
        changes = dict(old)
        findings: list[Finding] = []
        wanted_slots: set[str] = set()
        order = self.state.next_order
        for action in mitigation.actions:
            wanted = self._wanted(mitigation, action, order)
            wanted_slots.add(wanted.slot)
            mine = changes.get(wanted.slot) or self._noted(mitigation.id, wanted.slot)
            finding, made = self.changer.put_in_place(wanted, mine, self.state)
            if finding.presence is Presence.CONFLICT:
                finding, made = self._move(wanted, finding, changes)
            findings.append(finding)
            if made is not None:
                changes[wanted.slot] = made
                order = max(order, made.order + 1)
        is_whole = Outcome(decision, tuple(findings)).is_whole
        if is_whole:
            leftovers = [change for slot, change in changes.items() if slot not in wanted_slots]
            for finding, change in self._take_back_all(mitigation.id, mitigation.revision, leftovers):
                if finding.problem is None:
                    del changes[change.slot]
                else:
                    findings.append(finding)
        if is_whole or changes != old:
            kept = tuple(sorted(changes.values(), key=_by_order))
            is_same = before is not None and before.revision == mitigation.revision
            since = before.since if before is not None and is_same else self.at
            complete = is_whole and set(changes) == wanted_slots
            self._save(
                self.state.with_applied(Applied(mitigation.id, mitigation.revision, since, kept, complete))
            )
        self._settle()
        return Outcome(decision, tuple(findings))

    def _move(
        self, wanted: Wanted, conflict: Finding, changes: dict[str, Change]
    ) -> tuple[Finding, Change | None]:
        """Try again where our own rule of the same name stands in the way, at another place.

        IIS takes no two rules of one name where one place lies below the other, so here the old one has to
        go a moment earlier. Where the new one cannot be made, the old one is put back.
        """
        name = wanted.target.rule_name
        old = next(
            (one for one in changes.values() if one.rule_name == name and one.slot != wanted.slot), None
        )
        if old is None:
            return conflict, None
        id_, revision = wanted.target.mitigation_id, wanted.target.revision
        if self.changer.take_back(id_, revision, old).problem is not None:
            return conflict, None
        finding, made = self.changer.put_in_place(wanted, None, self.state)
        if made is not None:
            del changes[old.slot]
            return finding, made
        before = Wanted(replace(wanted.target, action=old.action), old.slot, old.order)
        self.changer.put_in_place(before, old, self.state)
        return finding, None

    def roll_back(self, decision: Decision) -> Outcome:
        """Take back everything of a mitigation, last change first, once its successors are in place.

        Raises:
            JournalError, AgentStateError: as `carry_out`.
        """
        applied = self.state.applied[decision.id]
        if missing := self._missing(decision):
            return replace(self.keep(decision, repairs=True), waits_for=missing)
        results = self._take_back_all(applied.id, applied.revision, applied.changes)
        left = tuple(change for finding, change in results if finding.problem is not None)
        if left:
            remaining = tuple(sorted(left, key=_by_order))
            self._save(self.state.with_applied(replace(applied, changes=remaining, complete=False)))
        else:
            self._save(self.state.without_applied(applied.id))
        self._settle()
        return Outcome(decision, tuple(finding for finding, _ in results))

    def _take_back_all(
        self, mitigation_id: str, revision: int, changes: tuple[Change, ...] | list[Change]
    ) -> list[tuple[Finding, Change]]:
        results: list[tuple[Finding, Change]] = []
        for change in sorted(changes, key=_by_order, reverse=True):
            shared = self.state.holder(change.slot, other_than=mitigation_id)
            if shared is None:
                finding = self.changer.take_back(mitigation_id, revision, change)
            else:  # a pool or service, whose first captured state the other one holds, too
                stays = f"stays: {shared[0].id} needs it, too"
                finding = Finding(change.rule_name, Presence.PRESENT, stays)
            results.append((finding, change))
        return results

    def _wanted(self, mitigation: Mitigation, action: Action, order: int) -> Wanted:
        label = action.name if isinstance(action, UrlRewrite) else title(action)
        name = rule_name(self.publisher, mitigation.id, action.id, label)
        target = Target(mitigation.id, mitigation.revision, action, name)
        return Wanted(target, slot_of(action, name), order)

    def _noted(self, mitigation_id: str, slot: str) -> Change | None:
        mine = [one for one in self.unrecovered if one.mitigation_id == mitigation_id]
        return next((one.change for one in mine if one.change.slot == slot), None)

    def _missing(self, decision: Decision) -> tuple[str, ...]:
        """The successors that are not in place."""
        return tuple(id_ for id_ in decision.after if not self._is_in_place(id_))

    def _is_in_place(self, mitigation_id: str) -> bool:
        outcome, applied = self._outcomes.get(mitigation_id), self.state.applied.get(mitigation_id)
        return outcome is not None and outcome.is_whole and applied is not None and applied.complete

    def _save(self, state: AgentState) -> None:
        self.state = state
        self.save(state)

    def _settle(self) -> None:
        """Forget the notes that the saved state knows of by now."""
        self.unrecovered = tuple(
            note
            for note in self.unrecovered
            if not _is_recorded(note, self.state.applied.get(note.mitigation_id))
        )
        self.changer.journal.settle(open_notes=self.unrecovered)


def _stays(outcome: Outcome) -> bool:
    """True where what is in place belongs there after this plan."""
    if outcome.decision.verdict is Verdict.APPLY or outcome.waits_for:
        return True
    return outcome.decision.repairs


def _is_recorded(note: Note, applied: Applied | None) -> bool:
    return applied is not None and any(one.slot == note.change.slot for one in applied.changes)


def _by_order(change: Change) -> int:
    return change.order
