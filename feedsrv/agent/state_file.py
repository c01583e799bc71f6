"""Keeping the agent's state: one checked JSON file, replaced whole, with a second copy beside it.

A damaged file is an error that a person resolves: starting from nothing would forget which
feeds are too old to trust, and how to take changes back.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from feedsrv.agent.durable import replace_file
from feedsrv.agent.fields import FieldError, Fields
from feedsrv.agent.state import AgentState
from feedsrv.agent.state_json import read_state, write_state
from feedsrv.errors import FeedsrvError, OperatorError

SCHEMA: Final = 1
_NAME: Final = "agent-state.json"
_COPY: Final = "agent-state.copy.json"


class AgentStateError(OperatorError):
    """The agent's memory is damaged or missing; it does not start from nothing, and says what to do."""

    code = "agent.state"

    def __init__(self, path: Path, trouble: str, remedy: str) -> None:
        super().__init__(f"{path}: {trouble}. {remedy}")
        self.path = path
        self.trouble = trouble


class StateFile:
    """The state of one agent, in its home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / _NAME
        self.copy = home / _COPY

    def load(self) -> AgentState:
        """Return what was saved last; on a new machine, a state with a device id and nothing else.

        Raises:
            AgentStateError: the file is damaged, or missing where there was one.
        """
        if not self.path.exists() and not self.copy.exists() and not (self.home / "journal.jsonl").exists():
            return AgentState(device_id=str(uuid.uuid4()))
        return self._read(self.path)

    def save(self, state: AgentState) -> None:
        """Replace the file, then its copy; after a crash each holds the old state or the new one.

        Raises:
            AgentStateError: one cannot be written.
        """
        content = _seal(write_state(state))
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, content)
            replace_file(self.copy, content)
        except OSError as error:
            trouble = f"cannot be written ({error.strerror})"
            raise AgentStateError(self.path, trouble, "Free space or give the agent the right to") from None

    def restore(self) -> AgentState:
        """Put the second copy in place of a damaged file, which is kept under another name.

        Raises:
            AgentStateError: the copy is damaged, too.
        """
        state = self._read(self.copy)
        if self.path.exists():
            self.path.replace(self.path.with_name("agent-state.damaged.json"))
        self.save(state)
        return state

    def _read(self, path: Path) -> AgentState:
        try:
            content = path.read_bytes()
        except OSError as error:
            is_there = not isinstance(error, FileNotFoundError)
            remedy = "Give the agent the right to read it" if is_there else self._remedy(path)
            raise AgentStateError(path, f"cannot be read ({error.strerror})", remedy) from None
        try:
            return read_state(_unseal(content))
        except (ValueError, FeedsrvError) as error:  # a wrong value of the model's own words, too
            raise AgentStateError(path, f"damaged: {error}", self._remedy(path)) from None

    def _remedy(self, path: Path) -> str:
        if path == self.path and self.copy.exists():
            return "Run `feedsrv-agent restore` to go back to the copy beside it"
        return (
            f"Bring {path.name} back from a backup. Without one: take back what the agent changed here by "
            f"hand (journal.jsonl and agent.log tell), then move {self.home} away and set the agent up anew"
        )


def _seal(state: Mapping[str, object]) -> bytes:
    """State and checksum: enough against a damaged disk or a careless editor; it is no signature."""
    document = {"schema": SCHEMA, "checksum": _checksum(state), "state": state}
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def _unseal(content: bytes) -> Fields:
    document = Fields.parse(content)
    schema = document.number("schema")
    if schema != SCHEMA:
        raise FieldError(
            f"schema {schema} was written by another version of the agent; this one reads {SCHEMA}"
        )
    if document.text("checksum") != _checksum(document.mapping("state")):
        raise FieldError("its content does not fit its checksum")
    return document.child("state")


def _checksum(state: Mapping[str, object]) -> str:
    canonical = json.dumps(state, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256-" + sha256(canonical.encode()).hexdigest()
