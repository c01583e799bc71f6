"""The store on a database: one transaction for each unit of work. No SQLAlchemy object leaves this file."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, func, insert, select
from sqlalchemy.exc import DatabaseError

from feedsrv.clock import to_text
from feedsrv.model.build import Build
from feedsrv.model.catalogue import CumulativeUpdate, Product
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Mitigation
from feedsrv.publishing.records import BreakGlass, Published, Returned, Revision, Standing, Update
from feedsrv.publishing.summaries import Asked, Summary
from feedsrv.stores import tables
from feedsrv.stores.database import translated
from feedsrv.stores.sql_feeds import SqlFeeds
from feedsrv.stores.sql_journal import SqlAuditLog, SqlIntents
from feedsrv.stores.sql_keys import SqlKeyRegister, SqlRevocations
from feedsrv.stores.sql_lists import SqlLists, newest_of
from feedsrv.stores.sql_notices import SqlDeliveries, SqlNotices, SqlWebhooks
from feedsrv.stores.sql_people import SqlAnswers, SqlPeople, SqlSignIns, SqlTokens
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


# What was published never changes, and every publication and every review looks at all of it.
@lru_cache(maxsize=4096)
def _published_words(text: str) -> Mitigation:
    return from_json(Mitigation, text)


class SqlRevisions:
    """Revisions of mitigations, by id and number."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lists = SqlLists(connection)

    def get(self, mitigation_id: str, number: int) -> Revision | None:
        """That revision, or None."""
        return next(iter(self._select(_R.id == mitigation_id, _R.number == number)), None)

    def history(self, mitigation_id: str) -> tuple[Revision, ...]:
        """Every revision of one mitigation, oldest first."""
        return tuple(self._select(_R.id == mitigation_id))

    def last(self, mitigation_id: str) -> Revision | None:
        """The newest revision that is not discarded, or None."""
        return self._last(_R.id == mitigation_id, _R.stage != Stage.DISCARDED.value)

    def published(self, mitigation_id: str, *, below: int | None = None) -> Revision | None:
        """The newest published revision, or None."""
        bounds = () if below is None else (_R.number < below,)
        return self._last(_R.id == mitigation_id, _IS_PUBLISHED, *bounds)

    def newest(self) -> tuple[Revision, ...]:
        """The newest revision of each mitigation that is not discarded."""
        kept = [stage for stage in Stage if stage is not Stage.DISCARDED]
        wanted = newest_of(select(tables.revisions), _R.stage.in_([stage.value for stage in kept]))
        return tuple(map(_revision, self._connection.execute(wanted.order_by(_R.id))))

    def at_stage(self, stage: Stage) -> tuple[Revision, ...]:
        """Every revision at that stage."""
        return tuple(self._select(_R.stage == stage.value))

    def standing(self) -> tuple[Standing, ...]:
        """The newest published revision of each mitigation; reads nothing else."""
        wanted = select(_R.words, _R.published_digest, _R.published_size, _R.published_at)
        rows = self._connection.execute(newest_of(wanted, _IS_PUBLISHED).order_by(_R.id))
        return tuple(
            Standing(_published_words(words), Published(digest, size, datetime.fromisoformat(at)))
            for words, digest, size, at in rows
        )

    def published_numbers(self, of: Collection[str] | None = None) -> Mapping[str, tuple[int, ...]]:
        """Every published revision number, by mitigation id."""
        wanted = select(_R.id, _R.number).where(_IS_PUBLISHED).order_by(_R.id, _R.number)
        if of is not None:
            wanted = wanted.where(_R.id.in_(list(of)))
        numbers: dict[str, list[int]] = {}
        for mitigation_id, number in self._connection.execute(wanted):
            numbers.setdefault(mitigation_id, []).append(number)
        return {mitigation_id: tuple(found) for mitigation_id, found in numbers.items()}

    def first_published(self) -> Mapping[str, datetime]:
        """When the first revision of each mitigation was published."""
        wanted = select(_R.id, func.min(_R.published_at)).where(_IS_PUBLISHED).group_by(_R.id)
        return {
            mitigation_id: datetime.fromisoformat(at)
            for mitigation_id, at in self._connection.execute(wanted)
        }

    def emergencies(self) -> tuple[Revision, ...]:
        """Every revision that one person approved alone and nobody countersigned."""
        found = self._select(_R.break_glass.is_not(None), _R.stage != Stage.DISCARDED.value)
        return tuple(one for one in found if one.break_glass and one.break_glass.countersigned_at is None)

    def page(self, asked: Asked) -> tuple[Summary, ...]:
        """The newest revision of each mitigation that is not discarded, as far as is asked."""
        return self._lists.page(asked)

    def summaries(self, mitigation_id: str) -> tuple[Summary, ...]:
        """Every revision of one mitigation, oldest first."""
        return self._lists.summaries(mitigation_id)

    def open_summaries(self) -> tuple[Summary, ...]:
        """Every revision that is under way."""
        return self._lists.open_summaries()

    def due_for_review(self, by: date, limit: int) -> tuple[Summary, ...]:
        """What is in force and must be looked at again by that day."""
        return self._lists.due_for_review(by, limit)

    def standing_summaries(self, ids: Collection[str]) -> tuple[Summary, ...]:
        """The newest published revision of each of these."""
        return self._lists.standing_summaries(ids)

    def successors(self) -> Mapping[str, tuple[str, ...]]:
        """For each superseded id, the active published mitigations that take over from it."""
        return self._lists.successors()

    def save(self, revision: Revision) -> None:
        """Keep a revision; one of the same id and number is replaced."""
        published = revision.published
        keep_row(
            self._connection,
            tables.revisions,
            {"id": revision.id, "number": revision.number},
            {
                "stage": revision.stage.value,
                "words": to_json(revision.mitigation),
                "unsigned": revision.unsigned,
                "authoring": revision.authoring,
                "source": revision.source,
                "source_digest": revision.source_digest,
                "digest": revision.digest,
                "author": revision.author,
                "hands": json.dumps(sorted(revision.hands)),
                "approved_by": revision.approved_by,
                "approved_digest": revision.approved_digest,
                "shelved": revision.shelved,
                "published_digest": published.digest if published else None,
                "published_size": published.size if published else None,
                "published_at": to_text(published.at) if published else None,
                "returned": to_json(revision.returned) if revision.returned else None,
                "break_glass": to_json(revision.break_glass) if revision.break_glass else None,
                "title": revision.mitigation.title,
                "severity": revision.mitigation.severity.value,
                "status": revision.mitigation.status.value,
                "channel": revision.mitigation.channel,
                "review_by": revision.mitigation.review_by.isoformat(),
                "supersedes": " ".join(revision.mitigation.supersedes),
            },
        )

    def _last(self, *conditions: ColumnElement[bool]) -> Revision | None:
        wanted = select(tables.revisions).where(*conditions).order_by(_R.number.desc()).limit(1)
        row = self._connection.execute(wanted).one_or_none()
        return None if row is None else _revision(row)

    def _select(self, *conditions: ColumnElement[bool]) -> Iterator[Revision]:
        wanted = select(tables.revisions).where(*conditions).order_by(_R.id, _R.number)
        yield from map(_revision, self._connection.execute(wanted))


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


_R = tables.revisions.c
_IS_PUBLISHED = _R.stage == Stage.PUBLISHED.value


def _revision(row: Row[Any]) -> Revision:
    published = (
        Published(row.published_digest, row.published_size, datetime.fromisoformat(row.published_at))
        if row.published_digest is not None
        else None
    )
    return Revision(
        mitigation=from_json(Mitigation, row.words),
        stage=Stage(row.stage),
        unsigned=row.unsigned,
        authoring=row.authoring,
        source=row.source,
        source_digest=row.source_digest,
        digest=row.digest,
        author=row.author,
        hands=frozenset(json.loads(row.hands)),
        approved_by=row.approved_by,
        approved_digest=row.approved_digest,
        shelved=row.shelved,
        published=published,
        returned=from_json(Returned, row.returned) if row.returned else None,
        break_glass=from_json(BreakGlass, row.break_glass) if row.break_glass else None,
    )


def _update(row: Row[Any]) -> Update:
    return Update(from_json(CumulativeUpdate, row.words), row.releasing_by)
