"""What a person does by hand: block, unblock, repair and remove, each at once and without polling."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from feedsrv.agent.apply import Outcome
from feedsrv.agent.decide import Decision, Plan, Reason, Verdict, decide
from feedsrv.agent.notices import Notices
from feedsrv.agent.noticing import standing_conditions
from feedsrv.agent.state import AgentState, Problem, Standing, Status
from feedsrv.agent.state_file import StateFile
from feedsrv.agent.sync import Sync
from feedsrv.agent.tell import standing_of
from feedsrv.errors import BadInputError, NotAllowedError, NotFoundError
from feedsrv.model.mitigation import MITIGATION_ID


class BadMitigationIdError(BadInputError):
    """What was named is no mitigation id."""

    code = "agent.mitigation_id"


class UnknownMitigationError(NotFoundError):
    """No such mitigation is known on this server."""

    code = "agent.unknown_mitigation"


class RehearsingError(NotAllowedError):
    """This agent only rehearses, so it takes nothing back."""

    code = "agent.rehearsing"


class BlockedMitigationError(NotAllowedError):
    """The mitigation is blocked here, so it is not repaired."""

    code = "agent.blocked"


@dataclass(frozen=True, slots=True)
class Done:
    """What was done by hand, and what went wrong."""

    state: AgentState
    outcomes: tuple[Outcome, ...]
    problems: tuple[Problem, ...]


def read_ids(texts: Iterable[str]) -> tuple[str, ...]:
    """Read mitigation ids, each argument one or several joined by commas.

    Raises:
        BadMitigationIdError: one is none.
    """
    ids = [id_.strip().upper() for text in texts for id_ in text.split(",") if id_.strip()]
    for id_ in ids:
        if not MITIGATION_ID.fullmatch(id_):
            raise BadMitigationIdError(
                f"{id_[:40]!r} is no mitigation id: write M and four digits, such as M0001, or PING1"
            )
    return tuple(dict.fromkeys(ids))


def block(file: StateFile, ids: Iterable[str]) -> AgentState:
    """See to it that these are not applied any more; what is in place stays until it is removed.

    Raises:
        AgentStateError: the state cannot be read or saved.
    """
    state = file.load()
    state = replace(state, blocked=state.blocked | set(ids))
    file.save(state)
    return state


def unblock(file: StateFile, ids: Iterable[str]) -> AgentState:
    """Let these be applied again, at the next sync.

    Raises:
        AgentStateError: the state cannot be read or saved.
    """
    state = file.load()
    state = replace(state, blocked=state.blocked - set(ids))
    file.save(state)
    return state


def remove(sync: Sync, ids: tuple[str, ...]) -> Done:
    """Block these and take them back now, whatever the switches say.

    Raises:
        RehearsingError: the settings say that nothing is ever changed.
        AgentStateError, AgentSettingsError, JournalError: as `Sync.run`.
    """
    if not sync.may_change:
        raise RehearsingError(
            "setting adapter is rehearsal, so nothing is taken back: run `feedsrv-agent config --adapter iis`"
        )
    state, hands = sync.begin()
    file = StateFile(sync.home)
    state = replace(state, blocked=state.blocked | set(ids))
    file.save(state)
    if hands is None:
        return Done(state, (), sync.problems)
    hands.state = state
    mitigations = sync.receive(state, None).mitigations
    held = [one for one in state.applied.values() if one.id in ids]
    held.sort(key=lambda one: one.order, reverse=True)
    plan = Plan(
        tuple(Decision(one.id, Verdict.ROLL_BACK, Reason.BLOCKED, mitigations.get(one.id)) for one in held)
    )
    outcomes = sync.carry_out(hands, plan)
    if outcomes:
        # Another mitigation may have relied on the same rule: it is put back at once.
        left = decide(sync.facts(sync.receive(hands.state, None))).decisions
        sync.carry_out(hands, Plan(tuple(one for one in left if one.id not in ids and one.repairs)))
    return _conclude(sync, hands.state, outcomes)


def repair(sync: Sync, ids: tuple[str, ...]) -> Done:
    """Put right what somebody removed or changed, and try again what failed; all of it without ids.

    A person asked for it, so the switches are not asked; nothing is rolled back.

    Raises:
        UnknownMitigationError, BlockedMitigationError: there is nothing to repair.
        AgentStateError, AgentSettingsError, JournalError: as `Sync.run`.
    """
    state, hands = sync.begin()
    received = sync.receive(state, None)
    plan = decide(sync.facts(received, by_hand=True))
    for id_ in ids:
        if plan.about(id_) is None:
            raise UnknownMitigationError(f"{id_} is not known here: `feedsrv-agent list` shows what is")
        if id_ in state.blocked:
            raise BlockedMitigationError(f"{id_} is blocked: run `feedsrv-agent unblock {id_}` first")
    if hands is None:
        return Done(state, (), sync.problems)
    hands.state = received.state
    wanted = tuple(
        one
        for one in plan.decisions
        if (not ids or one.id in ids) and (one.verdict is Verdict.APPLY or one.repairs)
    )
    outcomes = sync.carry_out(hands, Plan(wanted))
    return _conclude(sync, hands.state, outcomes)


def _conclude(sync: Sync, state: AgentState, outcomes: tuple[Outcome, ...]) -> Done:
    """Remember how those stand by now."""
    changed = {one.decision.id: standing_of(one, state.applied.get(one.decision.id)) for one in outcomes}
    for id_ in state.blocked & set(changed):
        if changed[id_].status is not Status.FAILED:
            changed[id_] = replace(changed[id_], status=Status.BLOCKED, detail="blocked on this server")
    kept: dict[str, Standing] = {one.id: one for one in state.standings}
    state = replace(state, standings=tuple({**kept, **changed}.values()))
    StateFile(sync.home).save(state)
    found, judged = standing_conditions(state, outcomes)
    Notices(sync.home).tell(found, judged=judged, at=sync.at)
    return Done(state, outcomes, sync.problems)
