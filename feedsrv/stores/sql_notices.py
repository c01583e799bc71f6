"""Notices and their delivery on the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from feedsrv.clock import to_text
from feedsrv.publishing.notice_records import Delivery, Notice, Webhook, Weight
from feedsrv.stores import tables
from feedsrv.stores.sql_rows import change_row, keep_row, moment, next_number, row_of

_N = tables.notices.c
_D = tables.deliveries.c


class SqlNotices:
    """What people are told of."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, notice: Notice) -> Notice:
        """Keep a new one; returns it with the number it was given."""
        number = next_number(self._connection, tables.notices)
        self._connection.execute(insert(tables.notices).values(**(row_of(notice) | {"number": number})))
        return next(self._select(_N.number == number))

    def newest(self, limit: int, *, before: int | None = None) -> tuple[Notice, ...]:
        """That many of the newest, newest first; of those with a lower number than `before`."""
        earlier = () if before is None else (_N.number < before,)
        wanted = select(tables.notices).where(*earlier).order_by(_N.number.desc()).limit(limit)
        return tuple(map(_notice, self._connection.execute(wanted)))

    def after(self, number: int, limit: int) -> tuple[Notice, ...]:
        """That many with a higher number, oldest first."""
        wanted = select(tables.notices).where(_N.number > number).order_by(_N.number).limit(limit)
        return tuple(map(_notice, self._connection.execute(wanted)))

    def alarms(self) -> tuple[Notice, ...]:
        """Alarms that are not settled, oldest first."""
        return tuple(self._select(_N.weight == Weight.ALARM.value, _N.settled_at.is_(None)))

    def settle(self, *, kind: str, subject: str, at: datetime) -> None:
        """End every alarm of that kind about that subject."""
        open_ones = (
            _N.weight == Weight.ALARM.value,
            _N.settled_at.is_(None),
            _N.kind == kind,
            _N.subject == subject,
        )
        self._connection.execute(update(tables.notices).where(*open_ones).values(settled_at=to_text(at)))

    def _select(self, *conditions: ColumnElement[bool]) -> Iterator[Notice]:
        wanted = select(tables.notices).where(*conditions).order_by(_N.number)
        yield from map(_notice, self._connection.execute(wanted))


class SqlWebhooks:
    """Addresses that notices are sent to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, number: int) -> Webhook | None:
        """That address, or None."""
        return next(self._select(tables.webhooks.c.number == number), None)

    def all(self) -> tuple[Webhook, ...]:
        """Every address in use, in order of number."""
        return tuple(self._select(tables.webhooks.c.removed_at.is_(None)))

    def add(self, webhook: Webhook) -> Webhook:
        """Keep a new one; returns it with the number it was given."""
        number = next_number(self._connection, tables.webhooks)
        self._connection.execute(insert(tables.webhooks).values(**(row_of(webhook) | {"number": number})))
        return next(self._select(tables.webhooks.c.number == number))

    def save(self, webhook: Webhook) -> None:
        """Keep what became of one."""
        change_row(self._connection, tables.webhooks, {"number": webhook.number}, row_of(webhook, "number"))

    def _select(self, *conditions: ColumnElement[bool]) -> Iterator[Webhook]:
        table = tables.webhooks
        for row in self._connection.execute(select(table).where(*conditions).order_by(table.c.number)):
            yield Webhook(
                number=row.number,
                url=row.url,
                kinds=frozenset(json.loads(row.kinds)),
                made_at=datetime.fromisoformat(row.made_at),
                by=row.by,
                told=row.told,
                removed_at=moment(row.removed_at),
            )


class SqlDeliveries:
    """Attempts to send notices."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def save(self, delivery: Delivery) -> None:
        """Keep one; that of the same address and notice is replaced."""
        key = {"webhook": delivery.webhook, "notice": delivery.notice}
        keep_row(self._connection, tables.deliveries, key, row_of(delivery, "webhook", "notice"))

    def get(self, webhook: int, notice: int) -> Delivery | None:
        """That delivery, or None."""
        wanted = select(tables.deliveries).where(_D.webhook == webhook, _D.notice == notice)
        row = self._connection.execute(wanted).one_or_none()
        return None if row is None else _delivery(row)

    def due(self, at: datetime) -> tuple[Delivery, ...]:
        """Those that are to be tried by then, oldest first."""
        wanted = select(tables.deliveries).where(_D.next_at <= to_text(at))
        ordered = wanted.order_by(_D.next_at, _D.notice, _D.webhook)
        return tuple(map(_delivery, self._connection.execute(ordered)))

    def newest(self, webhook: int, limit: int) -> tuple[Delivery, ...]:
        """That many of one address, newest notice first."""
        wanted = select(tables.deliveries).where(_D.webhook == webhook)
        ordered = wanted.order_by(_D.notice.desc()).limit(limit)
        return tuple(map(_delivery, self._connection.execute(ordered)))

    def forget(self, *, before: datetime) -> None:
        """Remove those that were done or given up before then."""
        told = select(_N.number).where(_N.at < to_text(before))
        self._connection.execute(
            delete(tables.deliveries).where(_D.next_at.is_(None), _D.notice.in_(told.scalar_subquery()))
        )


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        number=row.number,
        at=datetime.fromisoformat(row.at),
        kind=row.kind,
        weight=Weight(row.weight),
        subject=row.subject,
        by=row.by,
        sentence=row.sentence,
        settled_at=moment(row.settled_at),
    )


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        webhook=row.webhook,
        notice=row.notice,
        attempts=row.attempts,
        next_at=moment(row.next_at),
        done_at=moment(row.done_at),
        outcome=row.outcome,
    )
