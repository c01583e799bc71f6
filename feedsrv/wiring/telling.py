"""Telling what begins and what ends, once each: what is open is kept in the database between looks.

The log is told everything; the people at the desk are told what is critical.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from feedsrv.errors import FeedsrvError
from feedsrv.observability.events import Conditions, Found, Open
from feedsrv.publishing.notices.telling import settle, tell
from feedsrv.publishing.people import KEEPER
from feedsrv.publishing.ports import Store, Work
from feedsrv.publishing.trust_records import OpenCondition
from feedsrv.publishing.watching.events import TABLE

log: Final = logging.getLogger("feedsrv.events")


class Teller:
    """Tells of conditions for as long as a process lives, and remembers beyond that where it can."""

    def __init__(self) -> None:
        self._conditions = Conditions(TABLE, log)
        self._kept: tuple[Open, ...] | None = None
        """What the database holds, as far as is known; None before it could be read."""

    def tell(self, store: Store | None, found: Found, *, judged: Iterable[str], at: datetime) -> None:
        """Log what begins and what ends by this look, and keep what is open.

        Where the database is away (or `store` is None), it is remembered in this process alone.
        """
        if self._kept is None and store is not None:
            self._load(store)
        self._conditions.tell(found, judged=judged, at=at)
        if store is not None and self._conditions.open != self._kept:
            self._keep(store, at)

    def _load(self, store: Store) -> None:
        try:
            with store.look() as work:
                kept = tuple(
                    Open(one.name, one.subject, one.since, one.detail) for one in work.conditions.all()
                )
        except FeedsrvError:
            return  # that the database is away is one of the conditions that are told
        ours = {(one.name, one.subject) for one in self._conditions.open}
        older = (one for one in kept if (one.name, one.subject) not in ours)
        self._conditions = Conditions(TABLE, log, (*self._conditions.open, *older))
        self._kept = kept

    def _keep(self, store: Store, at: datetime) -> None:
        opened = self._conditions.open
        try:
            with store.begin() as work:
                # What the database held is read anew: another keeper may have told of it meanwhile.
                before = {(one.name, one.subject): one.detail for one in work.conditions.all()}
                _tell_people(work, before, {(one.name, one.subject): one.detail for one in opened}, at)
                work.conditions.replace(
                    OpenCondition(one.name, one.subject, one.since, one.detail) for one in opened
                )
        except FeedsrvError:
            return  # as above; the next look tries again
        self._kept = opened


def _tell_people(work: Work, before: Found, after: Found, at: datetime) -> None:
    """An alarm for each critical condition that began, settled when it ends."""
    for (name, subject), detail in sorted(after.items()):
        if name in _CRITICAL and (name, subject) not in before:
            sentence = f"{detail.rstrip('.')}. What to do stands on the status page."
            tell(
                work,
                at,
                kind="trouble.begun",
                subject=f"{name} {subject}".strip(),
                by=KEEPER,
                sentence=sentence,
            )
    for name, subject in sorted(before):
        if name in _CRITICAL and (name, subject) not in after:
            about = f"{name} {subject}".strip()
            settle(work, at, kind="trouble.begun", subject=about)
            tell(
                work, at, kind="trouble.ended", subject=about, by=KEEPER, sentence=f"{about}: in order again"
            )


_CRITICAL: Final = {one.name for one in TABLE if one.level >= logging.ERROR}
