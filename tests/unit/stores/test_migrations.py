"""Databases of earlier versions: what they kept is all there afterwards, and lists show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect

from feedsrv.model.lifecycle import Stage
from feedsrv.model.mitigation import Draft, Severity, Status
from feedsrv.publishing.audit import record
from feedsrv.publishing.drafting import begin_revision
from feedsrv.publishing.records import BreakGlass, Published, Returned, Revision
from feedsrv.publishing.summaries import Asked
from feedsrv.stores import database
from feedsrv.stores.database import open_database, upgrade
from feedsrv.stores.sql import SqlStore
from tests.pki import sample_mitigation

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that is not there yet."""
    return f"sqlite:///{tmp_path}/feedsrv.db"


@contextmanager
def opened(url: str) -> Iterator[SqlStore]:
    """A store, closed again."""
    store = SqlStore(open_database(url))
    yield store
    store.close()


def migrate(url: str, step: Callable[[Config, str], None], to: str) -> None:
    """Bring a database to another version, as `upgrade` does."""
    engine = open_database(url)
    with engine.execution_options(feedsrv_writes=True).begin() as connection:
        config = database._config()
        config.attributes["connection"] = connection
        step(config, to)
    engine.dispose()


def revisions() -> tuple[Revision, ...]:
    """One of each sort of row."""
    words = sample_mitigation(AT, title="Zu weit — 'so' nicht", severity=Severity.LOW, channel="preview")
    withdrawn = sample_mitigation(AT, id="M0002", status=Status.WITHDRAWN, supersedes=("M0001", "M0003"))
    first, second = (
        begin_revision(Draft(one), source="m.xml", source_digest="x", by="anna") for one in (words, withdrawn)
    )
    out = Published("sha256-x", 1, AT)
    return first, replace(second, stage=Stage.PUBLISHED, published=out, approved_by="ben")


def test_revisions_of_an_earlier_version_are_listed_by_their_words(url: str) -> None:
    """Title, severity, status, channel, date and what they supersede are read out of what was kept."""
    upgrade(url)
    kept = revisions()
    with opened(url) as store, store.begin() as work:
        for one in kept:
            work.revisions.save(one)
    with opened(url) as store, store.look() as work:
        lines = work.revisions.page(Asked())

    migrate(url, command.downgrade, "0002")
    engine = open_database(url)
    columns = {one["name"] for one in inspect(engine).get_columns("revisions")}
    engine.dispose()
    upgrade(url)

    assert columns.isdisjoint(
        {"title", "severity", "status", "channel", "review_by", "supersedes", "returned"}
    )
    with opened(url) as store, store.look() as work:
        assert work.revisions.page(Asked()) == lines
        assert tuple(work.revisions.newest()) == kept
        assert work.revisions.successors() == {}
    assert [(one.title, one.severity, one.channel, one.review_by) for one in lines[:1]] == [
        ("Zu weit — 'so' nicht", Severity.LOW, "preview", (AT + timedelta(days=60)).date())
    ]


def test_what_a_revision_supersedes_is_found_after_the_upgrade(url: str) -> None:
    """By the migration that added the column."""
    upgrade(url)
    _, other = revisions()
    active = replace(other, mitigation=replace(other.mitigation, status=Status.ACTIVE))
    with opened(url) as store, store.begin() as work:
        work.revisions.save(active)

    migrate(url, command.downgrade, "0003")
    upgrade(url)

    with opened(url) as store, store.look() as work:
        assert work.revisions.successors() == {"M0001": ("M0002",), "M0003": ("M0002",)}


def test_going_back_by_one_version_keeps_what_that_version_knew(url: str) -> None:
    """Reasons and approvals by one person stay, and the audit log holds together."""
    upgrade(url)
    first, _ = revisions()
    alone = BreakGlass("paula", AT, "INC-7", "Under attack.", AT)
    kept = replace(first, returned=Returned("ben", AT, "Too broad."), break_glass=alone)
    with opened(url) as store, store.begin() as work:
        work.revisions.save(kept)
        record(work.audit, AT, actor="anna", verb="import", subject="M0001 revision 2")

    migrate(url, command.downgrade, "0003")
    upgrade(url)

    with opened(url) as store, store.look() as work:
        assert work.revisions.get("M0001", 2) == kept
        assert work.revisions.emergencies() == (kept,)
        assert [one.seq for one in work.audit.page(before=None, limit=9, subject="M0001")] == [1]
