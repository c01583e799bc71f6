"""Telling what begins and what ends, once each: what is open is kept in the database between looks."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from feedsrv.errors import FeedsrvError
from feedsrv.observability.events import Conditions, Found, Open
from feedsrv.publishing.ports import Store
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
            self._keep(store)

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

    def _keep(self, store: Store) -> None:
        opened = self._conditions.open
        try:
            with store.begin() as work:
                work.conditions.replace(
                    OpenCondition(one.name, one.subject, one.since, one.detail) for one in opened
                )
        except FeedsrvError:
            return  # as above; the next look tries again
        self._kept = opened
