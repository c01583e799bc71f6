"""What is only ever added to on the database: intentions of publications, and the audit log."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from feedsrv.clock import from_text, to_text
from feedsrv.publishing.records import AuditEntry, Intent, IntentState
from feedsrv.publishing.refusals import BrokenChainError
from feedsrv.stores import tables
from feedsrv.stores.sql_rows import MOST
from feedsrv.stores.words import from_json, to_json


class SqlIntents:
    """Publications that were begun."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, intent: Intent) -> Intent:
        """Keep a new intention; returns it with the number it was given."""
        last = self._connection.scalar(select(func.max(tables.intents.c.number))) or 0
        numbered = replace(intent, number=last + 1)
        self._connection.execute(
            insert(tables.intents).values(
                number=numbered.number,
                begun=to_text(numbered.begun),
                by=numbered.by,
                state=numbered.state.value,
                words=to_json(numbered),
            )
        )
        return numbered

    def open(self) -> Intent | None:
        """The intention that was neither carried out nor abandoned, or None."""
        table = tables.intents
        wanted = select(table).where(table.c.state == IntentState.OPEN.value).order_by(table.c.number)
        row = self._connection.execute(wanted).first()
        return None if row is None else _intent(row)

    def save(self, intent: Intent) -> None:
        """Keep what became of an intention."""
        table = tables.intents
        change = update(table).where(table.c.number == intent.number)
        self._connection.execute(change.values(state=intent.state.value))


class SqlAuditLog:
    """Entries in order; none is ever changed or removed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, entry: AuditEntry) -> None:
        """Keep one more entry."""
        self._connection.execute(
            insert(tables.audit).values(
                seq=entry.seq,
                at=to_text(entry.at),
                actor=entry.actor,
                verb=entry.verb,
                subject=entry.subject,
                detail=json.dumps(dict(entry.detail), sort_keys=True),
                previous=entry.previous,
                hash=entry.hash,
            )
        )

    def last(self) -> AuditEntry | None:
        """The newest entry, or None."""
        return next(iter(self.entries(newest=1)), None)

    def entries(self, *, newest: int | None = None) -> tuple[AuditEntry, ...]:
        """Every entry in order, or only that many of the newest."""
        wanted = select(tables.audit).order_by(tables.audit.c.seq.desc()).limit(newest)
        return tuple(map(_entry, self._connection.execute(wanted)))[::-1]

    def page(
        self,
        *,
        before: int | None,
        limit: int,
        actor: str | None = None,
        verb: str | None = None,
        subject: str | None = None,
    ) -> tuple[AuditEntry, ...]:
        """That many entries, newest first."""
        columns = tables.audit.c
        wanted = select(tables.audit)
        if before is not None:
            wanted = wanted.where(columns.seq < max(-MOST, min(before, MOST)))
        if actor is not None:
            wanted = wanted.where(columns.actor == actor)
        if verb is not None:
            wanted = wanted.where(columns.verb == verb)
        if subject is not None:
            # Everything that begins with the subject and a space, in a form that an index answers.
            longer = and_(columns.subject >= f"{subject} ", columns.subject < f"{subject}!")
            wanted = wanted.where(or_(columns.subject == subject, longer))
        return tuple(map(_entry, self._connection.execute(wanted.order_by(columns.seq.desc()).limit(limit))))

    def at(self, moments: Collection[datetime]) -> tuple[AuditEntry, ...]:
        """Everything that was done at these very moments, in order."""
        wanted = select(tables.audit).where(tables.audit.c.at.in_([to_text(one) for one in moments]))
        return tuple(map(_entry, self._connection.execute(wanted.order_by(tables.audit.c.seq))))


def _intent(row: Row[Any]) -> Intent:
    return replace(from_json(Intent, row.words), state=IntentState(row.state))


def _entry(row: Row[Any]) -> AuditEntry:
    try:
        return AuditEntry(
            seq=row.seq,
            at=from_text(row.at),
            actor=row.actor,
            verb=row.verb,
            subject=row.subject,
            detail=json.loads(row.detail),
            previous=row.previous,
            hash=row.hash,
        )
    except (ValueError, TypeError):
        raise BrokenChainError(
            f"entry {row.seq} of the audit log ({row.verb} {row.subject}, by {row.actor}) cannot be read, so "
            "it is not what was written. Restore the database from a backup and look for who changed it"
        ) from None
