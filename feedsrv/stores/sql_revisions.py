"""Revisions of mitigations on the database."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, func, select

from feedsrv.clock import to_text
from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Mitigation
from feedsrv.publishing.records import BreakGlass, Published, Returned, Revision, Standing
from feedsrv.publishing.summaries import Asked, Summary
from feedsrv.stores import tables
from feedsrv.stores.sql_lists import SqlLists, newest_of
from feedsrv.stores.sql_rows import MOST, keep_row
from feedsrv.stores.words import from_json, to_json

_R: Final = tables.revisions.c
_IS_PUBLISHED: Final = _R.stage == Stage.PUBLISHED.value


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
        if abs(number) > MOST:
            return None
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

    def ids(self) -> tuple[str, ...]:
        """Every id that was ever given, in order."""
        return tuple(self._connection.scalars(select(_R.id).group_by(_R.id).order_by(_R.id)))

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
