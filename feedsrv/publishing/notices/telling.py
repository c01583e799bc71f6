"""Telling people: a notice is kept in the same unit of work as the act that it is about."""

from __future__ import annotations

from datetime import datetime

from feedsrv.publishing.notice_records import Notice
from feedsrv.publishing.notices.kinds import KINDS
from feedsrv.publishing.ports import Work


def tell(work: Work, at: datetime, *, kind: str, subject: str, by: str, sentence: str) -> Notice:  # noqa: PLR0913 -- what a notice says
    """Keep a notice of a kind of the table; programs are sent it once the unit of work is kept.

    Whoever tells of an alarm says elsewhere, by `settle`, when it is over.
    """
    weight = KINDS[kind].weight
    return work.notices.add(Notice(0, at, kind, weight, subject, by, sentence))


def settle(work: Work, at: datetime, *, kind: str, subject: str) -> None:
    """End the alarms of that kind about that subject; nothing happens where there is none."""
    work.notices.settle(kind=kind, subject=subject, at=at)
