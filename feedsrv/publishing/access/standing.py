"""Whether a sign-in still holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from feedsrv.publishing.people_records import Person, SignIn

_SKEW: Final = timedelta(minutes=5)
"""How far the clocks of our own machines may be apart."""


def holds(sign_in: SignIn, person: Person, at: datetime, *, idle: timedelta) -> bool:
    """True while a sign-in is neither ended nor over, nor unused for too long, and its person works here."""
    unused = at - sign_in.seen_at
    return (
        sign_in.ended_at is None
        and person.removed_at is None
        and at < sign_in.ends
        # A clock that was set back far must not let an old sign-in live again.
        and -_SKEW < unused < idle
    )
