"""Time: always UTC, always aware, and passed in.

Rooms take a `datetime`, or a `Clock` where they need the time more than once. Only the doors
and the wiring hand out `now`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time, UTC and aware, to the second: no document of ours is finer."""
    return datetime.now(UTC).replace(microsecond=0)


def to_text(moment: datetime) -> str:
    """Write a moment the one way all our documents and logs do.

    >>> to_text(datetime(2026, 5, 14, 12, 30, tzinfo=UTC))
    '2026-05-14T12:30:00Z'
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be written")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote.

    >>> from_text("2026-05-14T12:30:00Z").hour
    12

    Raises:
        ValueError: not of the form `YYYY-MM-DDTHH:MM:SSZ`.
    """
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
