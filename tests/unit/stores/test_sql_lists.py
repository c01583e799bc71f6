"""Lists cost a constant number of queries, and read no document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from feedsrv.model.lifecycle import Role, Stage
from feedsrv.publishing.ports import Work
from feedsrv.publishing.reading import Reading
from feedsrv.publishing.summaries import Asked
from feedsrv.stores.database import open_database, upgrade
from feedsrv.stores.sql import SqlStore
from tests.full_desk import fill

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def ask(*arguments: Any) -> None:  # noqa: ANN401 -- connection, cursor, statement and so on
        if arguments[2].lstrip().startswith("SELECT"):
            asked.append(arguments[2])

    event.listen(engine, "before_cursor_execute", ask)
    yield asked
    event.remove(engine, "before_cursor_execute", ask)


@contextmanager
def filled(folder: Path, mitigations: int, revisions: int) -> Iterator[tuple[SqlStore, Engine]]:
    """A store with that many mitigations, the first of which has a draft and supersedes the second."""
    url = f"sqlite:///{folder}/{mitigations}-{revisions}.db"
    upgrade(url)
    engine = open_database(url)
    store = SqlStore(engine)
    fill(store, mitigations=mitigations, revisions=revisions, at=AT)
    with store.begin() as work:
        first = work.revisions.last("M0001")
        assert first is not None
        words = replace(first.mitigation, revision=revisions + 1, supersedes=("M0002",))
        work.revisions.save(replace(first, mitigation=words))
        draft = replace(words, revision=revisions + 2)
        work.revisions.save(replace(first, mitigation=draft, stage=Stage.DRAFT, published=None))
    yield store, engine
    store.close()


LISTS: dict[str, Callable[[Work], object]] = {
    "a page": lambda work: work.revisions.page(Asked(limit=3)),
    "a page that is asked for": lambda work: work.revisions.page(
        Asked(search="way", stage=Stage.SUPERSEDED, channel="production")
    ),
    "one history": lambda work: work.revisions.summaries("M0001"),
    "what is under way": lambda work: work.revisions.open_summaries(),
    "what is due": lambda work: work.revisions.due_for_review(date(2030, 1, 1), 50),
    "what stands": lambda work: work.revisions.standing_summaries(["M0001", "M0002"]),
    "who takes over": lambda work: work.revisions.successors(),
    "what one person approved": lambda work: work.revisions.emergencies(),
    "a page of the audit log": lambda work: work.audit.page(before=None, limit=5, subject="M0001"),
}
ASKED: dict[str, Callable[[Reading], object]] = {
    "the list": lambda desk: desk.page(limit=2),
    "what needs somebody": lambda desk: desk.needs("ben", frozenset(Role)),
    "one mitigation": lambda desk: desk.show("M0001"),
    "a difference": lambda desk: desk.diff("M0001"),
    "its builds": lambda desk: desk.builds("M0001"),
    "the audit log": lambda desk: desk.audit_page(limit=2),
}
_DOCUMENTS = ("revisions.words", "revisions.unsigned", "revisions.authoring")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_asks_as_often_however_much_is_kept(tmp_path: Path, name: str) -> None:
    """Not once for each line, and never for a document; only what is broken is read whole."""
    counted = []
    for mitigations, revisions in ((2, 1), (12, 8)):
        with filled(tmp_path, mitigations, revisions) as (store, engine), store.look() as work:
            with statements(engine) as asked:
                found = LISTS[name](work)
            assert found or name == "what one person approved"
            counted.append(len(asked))
            if name != "what one person approved":
                assert not [one for one in asked if any(column in one for column in _DOCUMENTS)]

    assert counted[0] == counted[1] <= 4


@pytest.mark.parametrize("name", ASKED)
def test_people_ask_as_often_however_much_is_kept(tmp_path: Path, name: str) -> None:
    """Each question is a constant number of queries, so that pages stay quick for years."""
    counted = []
    for mitigations, revisions in ((2, 1), (12, 8)):
        with filled(tmp_path, mitigations, revisions) as (store, engine):
            desk = Reading(store, now=lambda: AT)
            with statements(engine) as asked:
                ASKED[name](desk)
            counted.append(len(asked))

    assert counted[0] == counted[1] <= 10


def test_the_newest_of_each_is_found_without_reading_rows(tmp_path: Path) -> None:
    """By an index alone: a row is spread over as many pages as its documents are long."""
    newest = "EXPLAIN QUERY PLAN SELECT id, max(number) FROM revisions WHERE "
    alone = (
        "EXPLAIN QUERY PLAN SELECT * FROM revisions WHERE break_glass IS NOT NULL AND stage != 'discarded'"
    )

    with filled(tmp_path, 3, 2) as (_, engine), engine.connect() as connection:
        plans = [
            connection.exec_driver_sql(asked).all()[0].detail
            for asked in (
                newest + "stage != 'discarded' AND id > 'M0001' GROUP BY id",
                newest + "stage = 'published' GROUP BY id",
                alone,
            )
        ]

    assert "COVERING INDEX ix_revisions_newest" in plans[0]
    assert "COVERING INDEX ix_revisions_stage" in plans[1]
    assert "INDEX ix_revisions_break_glass" in plans[2]


def test_a_page_deep_in_the_list_is_asked_for_as_the_first_one_is(tmp_path: Path) -> None:
    """By the id before it, never by counting lines that are skipped."""
    with filled(tmp_path, 12, 2) as (store, engine):
        desk = Reading(store, now=lambda: AT + timedelta(days=1))
        with statements(engine) as asked:
            first, deep = desk.page(limit=3), desk.page(limit=3, after="M0008")

    assert [one.id for one in first.items] == ["M0001", "M0002", "M0003"]
    assert [one.id for one in deep.items] == ["M0009", "M0010", "M0011"]
    assert (first.next, deep.next) == ("M0003", "M0011")
    half = len(asked) // 2
    assert asked[:half] == asked[half:]
