"""The undo journal: on the disk before the change, and readable after any crash."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import pytest

from feedsrv.agent.journal import Journal, JournalError, Note, SealedJournal
from feedsrv.agent.ports import Target
from feedsrv.agent.recover import recover
from feedsrv.agent.state import AgentState, Change
from feedsrv.model.action import Place, Scope, UrlRewrite
from tests.unit.agent.making import applied, mitigation, pool, rule
from tests.unit.agent.memory_host import MemoryHost

FIRST = Note("M0001", 1, Change(rule(), "feedsrv M0001.A1 PowerShell - inbound", {"before": "absent"}, 1))
SECOND = Note("M0002", 1, Change(pool(), "feedsrv M0002.A1 pool", {"before": "running"}, 2))


def test_notes_are_read_in_the_order_of_writing(tmp_path: Path) -> None:
    """What was written is read, by another process, too."""
    journal = Journal(tmp_path)
    journal.write(FIRST)
    journal.write(SECOND)

    assert Journal(tmp_path).notes() == (FIRST, SECOND)


def test_a_line_that_was_cut_off_is_no_note(tmp_path: Path) -> None:
    """A crash while writing means that the change never began, so there is nothing to take back."""
    journal = Journal(tmp_path)
    journal.write(FIRST)
    journal.write(SECOND)
    whole = journal.path.read_bytes()

    for length in range(whole.index(b"\n") + 1, len(whole) - 1):
        journal.path.write_bytes(whole[:length])
        assert journal.notes() == ((FIRST,) if length < len(whole) - 1 else (FIRST, SECOND))


def test_a_rehearsals_journal_neither_learns_nor_forgets(tmp_path: Path) -> None:
    """What a crash left waits for a sync that may change something."""
    Journal(tmp_path).write(FIRST)
    sealed = SealedJournal(tmp_path)

    sealed.write(SECOND)
    sealed.settle()

    assert sealed.notes() == Journal(tmp_path).notes() == (FIRST,)


def test_a_disk_that_is_full_spoils_no_later_note(tmp_path: Path) -> None:
    """Half a note is taken away again, so that the next one stands on a line of its own."""
    journal = Journal(tmp_path)
    journal.write(FIRST)
    before = journal.path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, hard))
    try:
        with pytest.raises(JournalError, match="nothing was changed"):
            journal.write(SECOND)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    between = journal.path.read_bytes()
    journal.write(SECOND)

    assert between == before
    assert journal.notes() == (FIRST, SECOND)


def test_a_journal_that_cannot_be_settled_says_so(tmp_path: Path) -> None:
    """The notes still stand, and the refusal has a name."""
    journal = Journal(tmp_path)
    journal.write(FIRST)
    (tmp_path / ".journal.jsonl.new").mkdir()

    with pytest.raises(JournalError, match="cannot be written"):
        journal.settle()

    assert journal.notes() == (FIRST,)


def test_a_whole_line_without_its_end_counts(tmp_path: Path) -> None:
    """Only the line feed was lost."""
    journal = Journal(tmp_path)
    journal.write(FIRST)
    journal.path.write_bytes(journal.path.read_bytes().rstrip())

    assert journal.notes() == (FIRST,)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    """Whoever must look is told which line, and nothing is changed meanwhile."""
    journal = Journal(tmp_path)
    journal.write(FIRST)
    journal.write(SECOND)
    journal.path.write_bytes(journal.path.read_bytes().replace(b"M0001", b"M0007"))

    with pytest.raises(JournalError, match="line 1"):
        journal.notes()


def test_settled_notes_are_forgotten_and_open_ones_stay(tmp_path: Path) -> None:
    """Settling keeps exactly what is still open."""
    journal = Journal(tmp_path)
    journal.write(FIRST)
    journal.write(SECOND)

    journal.settle(open_notes=(SECOND,))

    assert journal.notes() == (SECOND,)


def test_a_change_that_the_state_does_not_know_is_taken_back(tmp_path: Path) -> None:
    """A crash between the change and its saving: the server is as before."""
    host, journal = MemoryHost(), Journal(tmp_path)
    journal.write(FIRST)
    host.apply(FIRST.target)

    left, problems = recover(AgentState("device"), journal, host)

    assert host.names() == set()
    assert (left, problems, journal.notes()) == ((), (), ())


def test_a_change_that_the_state_knows_is_put_back(tmp_path: Path) -> None:
    """A crash in the middle of rolling back: the protection is whole again, then decided anew."""
    host, journal = MemoryHost(), Journal(tmp_path)
    state = AgentState("device").with_applied(applied(mitigation()))
    journal.write(FIRST)

    recover(state, journal, host)

    assert host.names() == {FIRST.change.rule_name}


def test_what_cannot_be_brought_back_stays_in_the_journal(tmp_path: Path) -> None:
    """It is tried again at the next sync; the others are done."""
    host, journal = MemoryHost(failing={FIRST.change.rule_name}), Journal(tmp_path)
    host.stopped.add("MSExchangeECPAppPool")
    journal.write(FIRST)
    journal.write(SECOND)

    left, problems = recover(AgentState("device"), journal, host)

    assert left == journal.notes() == (FIRST,)
    assert [one.code for one in problems] == ["agent.adapter"]
    assert host.stopped == set()


def test_a_crash_in_the_middle_of_a_move_is_walked_back_step_by_step(tmp_path: Path) -> None:
    """The new place is cleared before the old one is filled: one name cannot stand at both."""
    host, journal = MemoryHost(one_name_once=True), Journal(tmp_path)
    state = AgentState("device").with_applied(applied(mitigation()))
    name = FIRST.change.rule_name
    moved = replace(FIRST.change, action=UrlRewrite("A1", "moved", Place(Scope.SERVER), rule().rule))
    journal.write(FIRST)
    journal.write(Note("M0001", 2, moved))
    host.apply(Target("M0001", 2, moved.action, name))

    left, problems = recover(state, journal, host)

    assert (left, problems) == ((), ())
    assert {place for place, spot in host.rules.items() if spot} == {"inbound Default Web Site"}


def test_what_another_mitigation_needs_is_not_taken_back(tmp_path: Path) -> None:
    """A crash while a second mitigation stopped the same pool must not start it again."""
    host, journal = MemoryHost(stopped={"MSExchangeECPAppPool"}), Journal(tmp_path)
    state = AgentState("device").with_applied(applied(mitigation("M0009", actions=(pool(),))))
    journal.write(SECOND)

    recover(state, journal, host)

    assert host.done == []
    assert host.stopped == {"MSExchangeECPAppPool"}
