"""How spans and moments are told to people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

_UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60))


def span(length: timedelta) -> str:
    """A span in its largest whole unit.

    >>> span(timedelta(days=12, hours=5)), span(timedelta(minutes=90)), span(timedelta(seconds=1))
    ('12 days', '90 minutes', '1 second')
    """
    seconds = abs(int(length.total_seconds()))
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}s"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def moment(at: datetime) -> str:
    """A moment to the minute.

    >>> from datetime import UTC
    >>> moment(datetime(2026, 5, 4, 12, 30, tzinfo=UTC))
    '2026-05-04 12:30 UTC'
    """
    return f"{at:%Y-%m-%d %H:%M} UTC"
