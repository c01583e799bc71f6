"""What the agent needs from whatever it changes.

`Adapter` is one kind of change (a rewrite rule, an application pool, a service). Each back end
is one file in `adapters/`; one contract test class is asked of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from feedsrv.errors import FeedsrvError
from feedsrv.model.action import Action

Undo = Mapping[str, object]
"""What is needed to take a change back; JSON, written to the journal before the change."""


class Presence(StrEnum):
    """What is found on the server where an action would act."""

    ABSENT = "absent"
    """Not there: applying will put it there."""
    PRESENT = "present"
    """There, and it does what the action wants, whatever it is called."""
    CHANGED = "changed"
    """Ours by name, but somebody changed what it does: repairing puts it right."""
    CONFLICT = "conflict"
    """The name is taken by something that is not ours: it is never overwritten."""
    DISABLED = "disabled"
    """There, but switched off elsewhere, such as by a `<clear/>` in a child web.config."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What an adapter found, and a sentence for people that names file and line where it can."""

    presence: Presence
    detail: str


@dataclass(frozen=True, slots=True)
class Target:
    """One action of one mitigation revision, as adapters need it."""

    mitigation_id: str
    revision: int
    action: Action
    rule_name: str
    """The full name of our rule on this server; also names the action for pools and services."""
    ours: bool = False
    """True where the agent's record says that it made this change: what differs is then `CHANGED`, and
    put right by `apply`; without a record, a taken name is a `CONFLICT`, and left alone."""


class AdapterError(FeedsrvError):
    """A change could not be made; nothing was changed, or the journal says how to take it back."""

    code = "agent.adapter"


class NotThereError(AdapterError):
    """The site, application, pool or service that the action names does not exist on this server."""

    code = "agent.not_there"


class NameTakenError(AdapterError):
    """Our name is taken by something that is not ours; it is never overwritten."""

    code = "agent.conflict"


class Adapter(Protocol):
    """One kind of change to a server. Every method may be repeated; repeating changes nothing more."""

    def look(self, target: Target) -> Sight:
        """Say what is there now. Changes nothing.

        Raises:
            NotThereError: this server has no such site, application, pool or service.
            AdapterError: it cannot be read.
        """

    def capture(self, target: Target) -> Undo:
        """Return how to get back to what is there now. Changes nothing.

        Where the change is already made in full under our own name, it counts as made by us.

        Raises:
            NotThereError: this server has no such site, application, pool or service.
            AdapterError: it cannot be read.
        """

    def apply(self, target: Target) -> None:
        """Make the change, or put it right. What already does the same is left as it is.

        Raises:
            NameTakenError: `CONFLICT`.
            NotThereError: this server has no such site, application, pool or service.
            AdapterError: it cannot be made (read-only, damaged); nothing was changed.
        """

    def undo(self, target: Target, undo: Undo) -> None:
        """Take the change back. Undoing what was never done is harmless.

        Raises:
            AdapterError: it cannot be taken back; what is wrong and where.
        """
