"""A host that changes nothing and tells all.

It looks at the real server and refuses what the real server would refuse, so a rehearsal that
goes through is a change that would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from feedsrv.agent.ports import Adapter, NameTakenError, Presence, Sight, Target, Undo
from feedsrv.model.action import undo_title


class Foretelling(Adapter, Protocol):
    """An adapter that can say beforehand what it would do."""

    def foretell(self, target: Target) -> str:
        """Say what `apply` would change, and where. Changes nothing.

        Raises:
            AdapterError: as `apply` would.
        """


class RehearsalHost:
    """Goes through the motions on `inner`; `told` keeps what was told, in order."""

    def __init__(self, inner: Foretelling, *, tell: Callable[[str], None] | None = None) -> None:
        self._inner = inner
        self._tell = tell
        self.told: list[str] = []

    def look(self, target: Target) -> Sight:
        """Say what is there now.

        Raises:
            AdapterError: as the inner host.
        """
        return self._inner.look(target)

    def capture(self, target: Target) -> Undo:
        """Return how to get back to what is there now.

        Raises:
            AdapterError: as the inner host.
        """
        return self._inner.capture(target)

    def apply(self, target: Target) -> None:
        """Tell what would be changed, and where. Changes nothing.

        Raises:
            AdapterError: where the inner host would refuse.
        """
        sight = self._inner.look(target)
        match sight.presence:
            case Presence.CONFLICT:
                raise NameTakenError(sight.detail)
            case Presence.PRESENT:
                self._say(f"{target.rule_name}: would change nothing: {sight.detail}")
            case _:
                self._say(f"{target.rule_name}: would change: {self._inner.foretell(target)}")

    def undo(self, target: Target, undo: Undo) -> None:  # noqa: ARG002 - the port's words; nothing is undone
        """Tell that the change would be taken back. Changes nothing."""
        self._say(f"{target.rule_name}: would {undo_title(target.action)}")

    def foretell(self, target: Target) -> str:
        """Say what `apply` would change, and where.

        Raises:
            AdapterError: as the inner host.
        """
        return self._inner.foretell(target)

    def _say(self, sentence: str) -> None:
        self.told.append(sentence)
        if self._tell is not None:
            self._tell(sentence)
