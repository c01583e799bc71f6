"""Exceptions: one check that an administrator lets pass, for one issuing CA and one purpose, until a date.

They stand in the settings, in plain form. Each ends by itself, at most 90 days after it was made; there
is no switch that turns a check off. What one may let pass is `feedsrv.trust.waivers.WAIVABLE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Final

from feedsrv.agent.fields import FieldError, Fields
from feedsrv.clock import to_text
from feedsrv.errors import BadInputError, NotFoundError
from feedsrv.trust.profile import Kind
from feedsrv.trust.waivers import Waiver

LONGEST: Final = timedelta(days=90)
_MOST_REASON: Final = 200
_FIELDS: Final = frozenset({"check", "issuer", "for", "since", "until", "reason"})


class ExceptionRefusedError(BadInputError):
    """An exception cannot be made so; the message says what one must name, and for how long it may last."""

    code = "agent.exception"


class NoSuchExceptionError(NotFoundError):
    """No exception of that name stands in the settings."""

    code = "agent.no_exception"


@dataclass(frozen=True, slots=True)
class Granted:
    """One exception, as it stands in the settings."""

    waiver: Waiver
    since: datetime

    def __post_init__(self) -> None:
        # Judged here and not where it is typed, so that nobody writes a longer one into the file.
        last = self.since.astimezone(UTC).date() + LONGEST
        if not self.since < self.until <= _last_moment(last):
            raise ExceptionRefusedError(
                f"the exception for {self.waiver.check} is to last from {to_text(self.since)} until "
                f"{to_text(self.until)}: it must end after it began, and at most {LONGEST.days} days later, "
                f"so on {last} at the latest"
            )
        reason = self.waiver.reason
        if not reason.isprintable() or len(reason) > _MOST_REASON:
            raise ExceptionRefusedError(
                f"the reason of the exception for {self.waiver.check} must be one line of at most "
                f"{_MOST_REASON} characters"
            )

    @property
    def until(self) -> datetime:
        """It counts before this moment only."""
        return self.waiver.until

    @property
    def name(self) -> str:
        """Short, the same as long as nothing about it changes."""
        return name_of_waiver(self.waiver)

    @property
    def title(self) -> str:
        """What it lets pass, for people."""
        one = self.waiver
        return f"{one.check} for {one.kind} documents of the CA {one.issuer}"

    def is_in_force(self, at: datetime) -> bool:
        """True where it counts at that moment."""
        return self.since <= at < self.until

    def days_left(self, at: datetime) -> int:
        """Whole days until it ends; 0 on its last day and after."""
        return max((self.until - at).days, 0)


def name_of_waiver(waiver: Waiver) -> str:
    """Short, the same as long as nothing about it changes."""
    words = (waiver.check, waiver.issuer, waiver.kind, to_text(waiver.until), waiver.reason)
    return sha256("\n".join(words).encode()).hexdigest()[:8]


def grant(check: str, issuer: str, kind: Kind, *, until: date, reason: str, at: datetime) -> Granted:  # noqa: PLR0913 - what one is
    """Make an exception that lasts to the end of a day, UTC.

    Raises:
        ExceptionRefusedError: it has ended, or would last for longer than 90 days.
        WaiverError: that check can never be relaxed, or a word is missing.
    """
    fingerprint = issuer.replace(":", "").replace(" ", "").lower()
    return Granted(Waiver(check, fingerprint, kind, _last_moment(until), reason.strip()), at)


def _last_moment(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)


def read_granted(fields: Fields) -> Granted:
    """Read one from the settings.

    Raises:
        FieldError: a field is missing, unknown or of the wrong kind.
        ExceptionRefusedError, WaiverError: it cannot be.
    """
    unknown = sorted(set(fields.names()) - _FIELDS)
    if unknown:
        raise FieldError(f"{fields.path} has no field {', '.join(unknown)}")
    try:
        kind = Kind(fields.text("for"))
    except ValueError:
        raise FieldError(f"{fields.path}.for must be {' or '.join(Kind)}") from None
    waiver = Waiver(
        fields.text("check"), fields.text("issuer"), kind, fields.moment("until"), fields.text("reason")
    )
    return Granted(waiver, fields.moment("since"))


def write_granted(one: Granted) -> Mapping[str, str]:
    """One as it stands in the settings."""
    return {
        "check": one.waiver.check,
        "issuer": one.waiver.issuer,
        "for": one.waiver.kind.value,
        "since": to_text(one.since),
        "until": to_text(one.until),
        "reason": one.waiver.reason,
    }
