"""Recovering after a crash: bring the server back to what the saved state says of it.

The state is saved after every mitigation, so at most one was under way. What its notes name and
the state does not know is taken back; what the state knows is put back in place. Decisions
are then made anew, from a server that is in one piece.
"""

from __future__ import annotations

import logging

from feedsrv.agent.events import tell_act
from feedsrv.agent.journal import Journal, Note
from feedsrv.agent.ports import Adapter, AdapterError, Presence
from feedsrv.agent.state import SERVER, AgentState, Problem

log = logging.getLogger(__name__)


def recover(
    state: AgentState, journal: Journal, host: Adapter
) -> tuple[tuple[Note, ...], tuple[Problem, ...]]:
    """Take back or put back what a crash left half done.

    Returns the notes that could not be brought back, which stay in the journal, and why.

    Raises:
        JournalError: the journal is damaged, or cannot be read.
    """
    notes = journal.notes()
    still_open: list[Note] = []
    problems: list[Problem] = []
    for note in reversed(notes):  # the way back is the way there, backwards
        try:
            _bring_back(note, state, host)
        except AdapterError as trouble:
            still_open.insert(0, note)
            problems.append(Problem.of(trouble, SERVER))
    if notes:
        tell_act(log, "journal.recovered", notes=len(notes), left=len(still_open))
    journal.settle(open_notes=tuple(still_open))
    return tuple(still_open), tuple(problems)


def _bring_back(note: Note, state: AgentState, host: Adapter) -> None:
    slot = note.change.slot
    applied = state.applied.get(note.mitigation_id)
    mine = None if applied is None else next((one for one in applied.changes if one.slot == slot), None)
    if applied is not None and mine is not None:
        target = applied.target(mine)
        if host.look(target).presence is not Presence.PRESENT:
            host.apply(target)
    elif state.holder(slot, other_than=note.mitigation_id) is None:
        host.undo(note.target, note.change.undo)
