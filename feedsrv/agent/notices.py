"""Which conditions this agent is in: kept beside its state, told when they begin and when they end.

They lie in a file of their own, so that a damaged state can be told, too. Losing it costs nothing but that
what is still the case is told once more.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from feedsrv.agent.durable import BusyError, replace_file
from feedsrv.agent.events import TABLE
from feedsrv.agent.fields import Fields
from feedsrv.agent.settings import AgentSettingsError
from feedsrv.agent.source import StoppedError
from feedsrv.agent.state import Problem
from feedsrv.agent.steps import step_of
from feedsrv.clock import to_text
from feedsrv.errors import FeedsrvError
from feedsrv.observability.events import Conditions, Found, Open

log = logging.getLogger(__name__)

_NAME: Final = "conditions.json"
_MOST_BYTES: Final = 4 * 1024 * 1024
_MOST_DETAIL: Final = 2000
# What a sync that did not come to its end can be told to suffer from.
FAILURES: Final = frozenset({"state.damaged", "settings.unusable", "sync.failing"})


class Notices:
    """The open conditions of one agent."""

    def __init__(self, home: Path) -> None:
        self._path = home / _NAME

    def open(self) -> tuple[Open, ...]:
        """What is the case, as far as it was told; nothing where the file is missing or damaged."""
        try:
            with self._path.open("rb") as file:
                fields = Fields.parse(file.read(_MOST_BYTES))
            return tuple(
                Open(one.text("name"), one.text("subject"), one.moment("since"), one.text("detail"))
                for one in fields.children("open")
            )
        except (OSError, ValueError):
            return ()

    def tell(self, found: Found, *, judged: Collection[str], at: datetime) -> None:
        """Log what begins and what ends; a condition that was not judged stays as it was."""
        before = self.open()
        conditions = Conditions(TABLE, log, before)
        conditions.tell({key: detail[:_MOST_DETAIL] for key, detail in found.items()}, judged=judged, at=at)
        if conditions.open != before:
            self._save(conditions.open)

    def failed(self, trouble: Exception, at: datetime) -> None:
        """Tell that a sync could not come to its end, by what it ended."""
        if isinstance(trouble, AgentSettingsError):
            name = "settings.unusable"
        elif isinstance(trouble, FeedsrvError) and step_of(trouble):
            name = "publisher.unreachable"  # a bundle that is none
        elif isinstance(trouble, FeedsrvError):
            name = "state.damaged"
        else:
            name = "sync.failing"
        detail = in_words(Problem.of(trouble)) if isinstance(trouble, FeedsrvError) else repr(trouble)
        self.tell({(name, ""): detail}, judged=FAILURES, at=at)

    @contextmanager
    def watching(self, at: datetime) -> Iterator[None]:
        """Tell of a sync that ends in the middle, and pass on why."""
        try:
            yield
        except (BusyError, StoppedError):
            raise  # another process is at work, or this one is to end: nobody's trouble
        except Exception as trouble:
            self.failed(trouble, at)
            raise

    def _save(self, opened: tuple[Open, ...]) -> None:
        rows = [
            {"name": one.name, "subject": one.subject, "since": to_text(one.since), "detail": one.detail}
            for one in opened
        ]
        with suppress(OSError):  # a full disk is told by what must be kept
            replace_file(
                self._path, json.dumps({"open": rows}, indent=1, ensure_ascii=False).encode() + b"\n"
            )


def in_words(problem: Problem) -> str:
    """A problem in one line, the step first that it ended at."""
    step = f"step {problem.step}: " if problem.step else ""
    return f"{step}[{problem.code}] {problem.message}"
