"""Running for ever: sync at this device's own moments until somebody says stop."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from feedsrv.agent.events import numbered, tell_act
from feedsrv.agent.pace import next_poll, next_retry
from feedsrv.agent.source import StoppedError
from feedsrv.agent.sync import Synced
from feedsrv.clock import Clock, to_text
from feedsrv.errors import FeedsrvError

log = logging.getLogger(__name__)

Wait = Callable[[float], bool]
"""Waits for so many seconds; True where it was told to stop meanwhile."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Syncs again and again."""

    sync: Callable[[], Synced]
    device_id: Callable[[], str]
    clock: Clock
    wait: Wait

    def run(self, *, first_after: timedelta) -> None:
        """Sync first after that delay, then at this device's moments, until `wait` says stop.

        An error of a sync is told and survived: an agent that ends protects nobody.
        """
        due = self.clock() + first_after
        errors = 0
        while not self._wait_until(due):
            due, errors = self._once(errors)

    def _once(self, errors: int) -> tuple[datetime, int]:
        try:
            done = self.sync()
        except StoppedError:
            return self.clock(), errors  # the next wait says stop
        except FeedsrvError as refusal:
            tell_act(log, "sync.failed", code=refusal.code, why=str(refusal))
            return self._retry(errors + 1, None)
        except Exception as trouble:
            why = numbered("sync.failed", code="agent.unexpected", why=str(trouble))
            log.exception("sync.failed", extra=why)
            return self._retry(errors + 1, None)
        if done.poll_failed:
            return self._retry(errors + 1, done.retry_after)
        return next_poll(done.poll, done.state.device_id, self.clock()), 0

    def _retry(self, errors: int, retry_after: timedelta | None) -> tuple[datetime, int]:
        due = next_retry(errors, self._identity(), self.clock(), retry_after=retry_after)
        tell_act(log, "sync.retry", errors=errors, at=to_text(due))
        return due, errors

    def _identity(self) -> str:
        try:
            return self.device_id()
        except FeedsrvError:
            return ""  # a damaged state is told by every sync; it must not end the agent

    def _wait_until(self, due: datetime) -> bool:
        return self.wait(max((due - self.clock()).total_seconds(), 0.0))
