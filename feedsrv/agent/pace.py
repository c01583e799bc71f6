"""When to poll: every agent at its own moment, later after errors, and never sooner than asked.

Nothing here reads a clock or sleeps; `run` does.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from feedsrv.model.feed import Poll
from feedsrv.model.rollout import share

SHORTEST: Final = timedelta(minutes=1)
"""No feed makes an agent poll more often."""
LONGEST: Final = timedelta(days=1)
"""No feed, no error and no `Retry-After` silences an agent for longer."""
_FIRST_RETRY: Final = timedelta(minutes=2)
_LAST_RETRY: Final = timedelta(hours=1)
"""Trying as often as a poll is due anyway burdens nobody more than usual."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def next_poll(poll: Poll, device_id: str, now: datetime) -> datetime:
    """The next moment of this device: the same in every interval, spread over the fleet.

    A device that is restarted keeps its moment, so that a power cut does not align a fleet.
    """
    interval = min(max(poll.interval, SHORTEST), LONGEST)
    phase = min(poll.jitter, interval) * share("poll", device_id)
    passed = (now - _EPOCH - phase) // interval
    return _EPOCH + phase + interval * (passed + 1)


def next_retry(errors: int, device_id: str, now: datetime, *, retry_after: timedelta | None) -> datetime:
    """When to try again after this many errors in a row: twice as long each time, up to an hour.

    What the server asked for is honoured, up to a day, and spread: a fleet that was sent away
    together does not come back together.
    """
    spread = 1 + share("retry", device_id, str(errors)) / 4
    wait = min(_FIRST_RETRY * (1 << min(max(errors, 1) - 1, 16)), _LAST_RETRY)
    if retry_after is not None:
        wait = max(wait, min(retry_after, LONGEST))
    return now + wait * spread
