"""The store on a database: one transaction for each unit of work. No SQLAlchemy object leaves this file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, select
from sqlalchemy.exc import DatabaseError

from feedsrv.model.build import Build
from feedsrv.model.catalogue import CumulativeUpdate, Product
from feedsrv.publishing.records import Update
from feedsrv.stores import tables
from feedsrv.stores.database import translated
from feedsrv.stores.sql_feeds import SqlFeeds
from feedsrv.stores.sql_journal import SqlAuditLog, SqlIntents
from feedsrv.stores.sql_keys import SqlKeyRegister, SqlRevocations
from feedsrv.stores.sql_notices import SqlDeliveries, SqlNotices, SqlWebhooks
from feedsrv.stores.sql_people import SqlAnswers, SqlPeople, SqlSignIns, SqlTokens
from feedsrv.stores.sql_revisions import SqlRevisions
from feedsrv.stores.sql_rows import keep_row
from feedsrv.stores.sql_trust import SqlAnnouncements, SqlKnownPolicies, SqlOpenConditions, SqlStamps
from feedsrv.stores.words import from_json, to_json


class SqlStore:
    """A `Store` on an engine; its tables must be up to date."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Let go of the database; it may be used again."""
        self._engine.dispose()

    @contextmanager
    def begin(self) -> Iterator[SqlWork]:
        """A transaction that may write; writers queue before they read.

        Raises:
            StoreBusyError, StoreNotReadyError: the database cannot be used; nothing was changed.
        """
        with _telling(), self._engine.connect() as connection:
            writing = connection.execution_options(feedsrv_writes=True)
            with writing.begin():
                yield SqlWork(writing)

    @contextmanager
    def look(self) -> Iterator[SqlWork]:
        """A transaction that sees one moment, and is rolled back."""
        with _telling(), self._engine.connect() as connection:
            transaction = connection.begin()
            try:
                yield SqlWork(connection)
            finally:
                transaction.rollback()


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise translated(error) from error


class SqlWork:
    """One transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def revisions(self) -> SqlRevisions:
        """Revisions of mitigations."""
        return SqlRevisions(self._connection)

    @cached_property
    def products(self) -> SqlProducts:
        """Products of the catalogue."""
        return SqlProducts(self._connection)

    @cached_property
    def updates(self) -> SqlUpdates:
        """Cumulative updates."""
        return SqlUpdates(self._connection)

    @cached_property
    def feeds(self) -> SqlFeeds:
        """Current feeds and their history."""
        return SqlFeeds(self._connection)

    @cached_property
    def intents(self) -> SqlIntents:
        """Publications that were begun."""
        return SqlIntents(self._connection)

    @cached_property
    def audit(self) -> SqlAuditLog:
        """The audit log."""
        return SqlAuditLog(self._connection)

    @cached_property
    def keys(self) -> SqlKeyRegister:
        """Keys and certificates."""
        return SqlKeyRegister(self._connection)

    @cached_property
    def revocations(self) -> SqlRevocations:
        """Revoked certificates, and the lists of them."""
        return SqlRevocations(self._connection)

    @cached_property
    def announcements(self) -> SqlAnnouncements:
        """Certificates that feeds announce."""
        return SqlAnnouncements(self._connection)

    @cached_property
    def policies(self) -> SqlKnownPolicies:
        """What agents are known to trust."""
        return SqlKnownPolicies(self._connection)

    @cached_property
    def stamps(self) -> SqlStamps:
        """Proofs of time."""
        return SqlStamps(self._connection)

    @cached_property
    def conditions(self) -> SqlOpenConditions:
        """Trouble that has not ended."""
        return SqlOpenConditions(self._connection)

    @cached_property
    def people(self) -> SqlPeople:
        """Everybody who may sign in."""
        return SqlPeople(self._connection)

    @cached_property
    def sign_ins(self) -> SqlSignIns:
        """Browsers that are signed in."""
        return SqlSignIns(self._connection)

    @cached_property
    def tokens(self) -> SqlTokens:
        """What programs act by."""
        return SqlTokens(self._connection)

    @cached_property
    def answers(self) -> SqlAnswers:
        """Answers to requests that may be sent twice."""
        return SqlAnswers(self._connection)

    @cached_property
    def notices(self) -> SqlNotices:
        """What people are told of."""
        return SqlNotices(self._connection)

    @cached_property
    def webhooks(self) -> SqlWebhooks:
        """Addresses that notices are sent to."""
        return SqlWebhooks(self._connection)

    @cached_property
    def deliveries(self) -> SqlDeliveries:
        """Attempts to send them."""
        return SqlDeliveries(self._connection)


class SqlProducts:
    """The products of the catalogue."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[Product, ...]:
        """Every product, in order of id."""
        wanted = select(tables.products.c.words).order_by(tables.products.c.id)
        return tuple(from_json(Product, words) for words in self._connection.scalars(wanted))

    def replace(self, products: Iterable[Product]) -> None:
        """Keep these products and no others."""
        rows = [{"id": one.id, "words": to_json(one)} for one in products]
        self._connection.execute(delete(tables.products))
        if rows:
            self._connection.execute(insert(tables.products), rows)


class SqlUpdates:
    """Cumulative updates, by product and build."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, product: str, build: Build) -> Update | None:
        """That update, or None."""
        table = tables.updates
        wanted = select(table).where(table.c.product == product, table.c.build == str(build))
        row = self._connection.execute(wanted).one_or_none()
        return None if row is None else _update(row)

    def all(self) -> tuple[Update, ...]:
        """Every update, in order of product and build."""
        rows = self._connection.execute(select(tables.updates))
        return tuple(sorted(map(_update, rows), key=lambda one: one.key))

    def save(self, update: Update) -> None:
        """Keep an update; one of the same product and build is replaced."""
        key = {"product": update.update.product, "build": str(update.update.build)}
        values = {"words": to_json(update.update), "releasing_by": update.releasing_by}
        keep_row(self._connection, tables.updates, key, values)

    def remove(self, product: str, build: Build) -> None:
        """Forget an update that was never released."""
        table = tables.updates
        self._connection.execute(delete(table).where(table.c.product == product, table.c.build == str(build)))


def _update(row: Row[Any]) -> Update:
    return Update(from_json(CumulativeUpdate, row.words), row.releasing_by)
