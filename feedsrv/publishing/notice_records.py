"""What people are told of, and the addresses of programs that are told of it, too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Weight(StrEnum):
    """How loudly something is said."""

    PLAIN = "plain"
    ALARM = "alarm"
    """Everybody sees it on every page until it is settled."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the people here should know; kept in the same unit of work as the act itself."""

    number: int
    """Counts from 1; 0 before it is kept."""
    at: datetime
    kind: str
    """Stable, such as `mitigation.published`; one of the table in `notices.kinds`."""
    weight: Weight
    subject: str
    """Such as `M0001 revision 2`."""
    by: str
    sentence: str
    settled_at: datetime | None = None
    """When an alarm ended; None while it stands, and for a plain one."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that every notice is sent to."""

    number: int
    """Counts from 1, never given twice; 0 before it is kept."""
    url: str
    kinds: frozenset[str]
    """Which notices; empty for all of them."""
    made_at: datetime
    by: str
    told: int = 0
    """Number of the newest notice that needs no more sending there."""
    removed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt, or several, to send one notice to one address."""

    webhook: int
    notice: int
    attempts: int
    next_at: datetime | None
    """When it is tried again; None once it is done or given up."""
    done_at: datetime | None
    outcome: str
    """What the last attempt came to, for people."""
