"""The undo journal: how to take a change back, on the disk before the change is made.

Notes are only ever added. Once the state that knows of them is saved, they are settled and the
file begins anew. A last line that was cut off by a crash is no note: its change never began.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

from feedsrv.agent.durable import append_line, replace_file
from feedsrv.agent.fields import FieldError, Fields
from feedsrv.agent.ports import Target
from feedsrv.agent.state import Change
from feedsrv.agent.state_json import read_change, write_change
from feedsrv.errors import FeedsrvError, OperatorError

_NAME: Final = "journal.jsonl"


class JournalError(OperatorError):
    """The undo journal is damaged or cannot be written; nothing is changed until that is resolved."""

    code = "agent.journal"


@dataclass(frozen=True, slots=True)
class Note:
    """A change that is about to be made to, or taken back from, one spot of the server."""

    mitigation_id: str
    revision: int
    change: Change

    @property
    def target(self) -> Target:
        """The change as adapters need it."""
        return Target(self.mitigation_id, self.revision, self.change.action, self.change.rule_name, ours=True)


class Journal:
    """The undo journal in an agent's home folder."""

    def __init__(self, home: Path) -> None:
        self.path = home / _NAME

    def write(self, note: Note) -> None:
        """Return once the note is on the disk; only then may the change begin.

        Raises:
            JournalError: it cannot be written: the change must not begin.
        """
        try:
            append_line(self.path, _line(note))
        except OSError as error:
            raise JournalError(
                f"{self.path} cannot be written ({error.strerror}), so nothing was changed: "
                "free space or give the agent the right to write there"
            ) from None

    def notes(self) -> tuple[Note, ...]:
        """The notes that are not settled, oldest first.

        Raises:
            JournalError: a line was damaged after it was written.
        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise JournalError(f"{self.path} cannot be read ({error.strerror})") from None
        *lines, cut_off = content.split(b"\n")
        if cut_off and _is_whole(cut_off):
            lines.append(cut_off)
        return tuple(self._read(line, number) for number, line in enumerate(lines, 1))

    def settle(self, *, open_notes: tuple[Note, ...] = ()) -> None:
        """Forget every note but these: the saved state knows of the others.

        Raises:
            JournalError: it cannot be written; the notes that were there still stand.
        """
        try:
            if open_notes or (self.path.exists() and self.path.stat().st_size > 0):
                replace_file(self.path, b"".join(_line(note) + b"\n" for note in open_notes))
        except OSError as error:
            raise JournalError(
                f"{self.path} cannot be written ({error.strerror}): free space or give the agent the right "
                "to write there; the next sync looks again at the changes named in it"
            ) from None

    def _read(self, line: bytes, number: int) -> Note:
        try:
            fields = _open(line)
            return Note(fields.text("id"), fields.number("revision"), read_change(fields.child("change")))
        except (ValueError, FeedsrvError) as error:
            raise JournalError(
                f"{self.path}, line {number} is damaged ({error}): look at the change it names, take it back "
                "by hand if it is half made, remove the line, and sync again"
            ) from None


class SealedJournal(Journal):
    """The journal during a rehearsal: what a crash left in it waits for a sync that changes something."""

    def write(self, note: Note) -> None:
        """Write nothing: no change follows."""

    def settle(self, *, open_notes: tuple[Note, ...] = ()) -> None:
        """Forget nothing."""


def _line(note: Note) -> bytes:
    words = json.dumps(
        {"id": note.mitigation_id, "revision": note.revision, "change": write_change(note.change)},
        separators=(",", ":"),
    ).encode()
    return b"%08x %s" % (crc32(words), words)


def _is_whole(line: bytes) -> bool:
    checksum, _, words = line.partition(b" ")
    return checksum == b"%08x" % crc32(words)


def _open(line: bytes) -> Fields:
    if not _is_whole(line):
        raise FieldError("its content does not fit its checksum")
    return Fields.parse(line.partition(b" ")[2])
