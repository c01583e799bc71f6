"""Lists of revisions on the database, from columns alone: no words, no documents.

Each question is a constant number of queries, however many revisions there are.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, Subquery, and_, func, or_, select

from feedsrv.model.lifecycle import Stage, stage_now
from feedsrv.model.mitigation import Severity, Status
from feedsrv.publishing.records import BreakGlass, Returned
from feedsrv.publishing.summaries import Asked, Summary, takes_over
from feedsrv.stores import tables
from feedsrv.stores.words import from_json

_R: Final = tables.revisions.c
_SHOWN: Final = (
    _R.id,
    _R.number,
    _R.stage,
    _R.title,
    _R.severity,
    _R.status,
    _R.channel,
    _R.review_by,
    _R.author,
    _R.hands,
    _R.approved_by,
    _R.returned,
    _R.break_glass,
)
_OPEN: Final = (Stage.DRAFT.value, Stage.IN_REVIEW.value, Stage.APPROVED.value)
_IS_PUBLISHED: Final = _R.stage == Stage.PUBLISHED.value


class SqlLists:
    """What lists show of revisions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(self, asked: Asked) -> tuple[Summary, ...]:
        """The newest revision of each mitigation that is not discarded, as far as is asked."""
        successors = self.successors()
        newest = select(_R.id, func.max(_R.number).label("number"))
        newest = newest.where(_R.stage != Stage.DISCARDED.value, _R.id > (asked.after or "")).group_by(_R.id)
        if asked.is_plain:
            # So that no more of the list is read than is shown.
            newest = newest.order_by(_R.id).limit(asked.limit)
        wanted = _of(select(*_SHOWN), newest.subquery("newest")).where(*_conditions(asked, successors))
        return self._lines(wanted.order_by(_R.id).limit(asked.limit), successors)

    def summaries(self, mitigation_id: str) -> tuple[Summary, ...]:
        """Every revision of one mitigation, oldest first."""
        wanted = select(*_SHOWN).where(_R.id == mitigation_id).order_by(_R.number)
        return self._lines(wanted, self.successors())

    def open_summaries(self) -> tuple[Summary, ...]:
        """Every revision that is under way."""
        wanted = select(*_SHOWN).where(_R.stage.in_(_OPEN)).order_by(_R.id, _R.number)
        return self._lines(wanted, {})

    def due_for_review(self, by: date, limit: int) -> tuple[Summary, ...]:
        """What is in force and must be looked at again by that day."""
        successors = self.successors()
        due = (
            _R.review_by <= by.isoformat(),
            _R.status == Status.ACTIVE.value,
            _R.id.not_in(list(successors)),
        )
        wanted = newest_of(select(*_SHOWN), _IS_PUBLISHED).where(*due).order_by(_R.review_by, _R.id)
        return self._lines(wanted.limit(limit), successors)

    def standing_summaries(self, ids: Collection[str]) -> tuple[Summary, ...]:
        """The newest published revision of each of these."""
        wanted = _published(_SHOWN, ids).order_by(_R.id)
        return self._lines(wanted, self.successors())

    def successors(self) -> Mapping[str, tuple[str, ...]]:
        """For each superseded id, the active published mitigations that take over from it."""
        naming = select(_R.id).where(_R.supersedes != "")
        wanted = newest_of(select(_R.id, _R.channel, _R.supersedes), _IS_PUBLISHED, _R.id.in_(naming))
        rows = self._connection.execute(
            wanted.where(_R.status == Status.ACTIVE.value, _R.supersedes != "").order_by(_R.id)
        ).all()
        named = {old for row in rows for old in row.supersedes.split()}
        channels = self._channels(named)
        found: dict[str, list[str]] = {}
        for row in rows:
            for old in row.supersedes.split():
                if takes_over(row.channel, channels.get(old, row.channel)):
                    found.setdefault(old, []).append(row.id)
        return {old: tuple(new) for old, new in found.items()}

    def _channels(self, ids: Collection[str]) -> Mapping[str, str]:
        if not ids:
            return {}
        wanted = _published((_R.id, _R.channel), ids)
        return {row.id: row.channel for row in self._connection.execute(wanted)}

    def _lines(self, wanted: Select[Any], successors: Mapping[str, object]) -> tuple[Summary, ...]:
        rows = self._connection.execute(wanted).all()
        published = self._published({row.id for row in rows})
        return tuple(_summaries(rows, published, successors))

    def _published(self, ids: Collection[str]) -> Mapping[str, tuple[int, datetime | None]]:
        """Number and moment of the newest published revision of each."""
        if not ids:
            return {}
        wanted = _published((_R.id, _R.number, _R.published_at), ids)
        return {
            row.id: (row.number, datetime.fromisoformat(row.published_at) if row.published_at else None)
            for row in self._connection.execute(wanted)
        }


def newest_of(wanted: Select[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
    """Only the newest revision of each mitigation, of those for which the conditions hold."""
    newest = select(_R.id, func.max(_R.number).label("number")).where(*conditions).group_by(_R.id)
    return _of(wanted, newest.subquery("newest"))


def _of(wanted: Select[Any], newest: Subquery) -> Select[Any]:
    """Only the rows that a subquery names."""
    return wanted.join(newest, and_(_R.id == newest.c.id, _R.number == newest.c.number))


def _published(columns: tuple[ColumnElement[Any], ...], ids: Collection[str]) -> Select[Any]:
    return newest_of(select(*columns), _IS_PUBLISHED, _R.id.in_(list(ids)))


def _conditions(asked: Asked, successors: Mapping[str, object]) -> Iterator[ColumnElement[bool]]:
    if asked.stage is not None:
        yield from _at(asked.stage, list(successors))
    if asked.channel is not None:
        yield _R.channel == asked.channel
    if asked.severity is not None:
        yield _R.severity == asked.severity.value
    if asked.search:
        yield or_(
            _R.id.icontains(asked.search, autoescape=True), _R.title.icontains(asked.search, autoescape=True)
        )


def _at(stage: Stage, superseded: Sequence[str]) -> Iterator[ColumnElement[bool]]:
    """The conditions on the newest revision of a mitigation to be at that stage, as people see it."""
    if stage not in {Stage.PUBLISHED, Stage.SUPERSEDED, Stage.WITHDRAWN}:
        yield _R.stage == stage.value
        return
    yield _IS_PUBLISHED
    is_withdrawn = stage is Stage.WITHDRAWN
    yield _R.status == (Status.WITHDRAWN if is_withdrawn else Status.ACTIVE).value
    if not is_withdrawn:
        yield _R.id.in_(superseded) if stage is Stage.SUPERSEDED else _R.id.not_in(superseded)


def _summaries(
    rows: Iterable[Row[Any]],
    published: Mapping[str, tuple[int, datetime | None]],
    successors: Mapping[str, object],
) -> Iterator[Summary]:
    for row in rows:
        number, at = published.get(row.id, (None, None))
        status = Status(row.status)
        yield Summary(
            id=row.id,
            number=row.number,
            stage=stage_now(
                Stage(row.stage),
                is_newest_published=row.number == number,
                is_withdrawn=status is Status.WITHDRAWN,
                is_superseded=row.id in successors,
            ),
            title=row.title,
            severity=Severity(row.severity),
            status=status,
            channel=row.channel,
            review_by=date.fromisoformat(row.review_by),
            author=row.author,
            approved_by=row.approved_by,
            published_number=number,
            published_at=at,
            has_break_glass=_is_alone(row.break_glass),
            hands=frozenset(json.loads(row.hands)),
            returned_by=from_json(Returned, row.returned).by if row.returned else None,
        )


def _is_alone(break_glass: str | None) -> bool:
    return break_glass is not None and from_json(BreakGlass, break_glass).countersigned_at is None
