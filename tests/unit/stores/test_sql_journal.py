"""What somebody with the database in their hands cannot do to the audit log unnoticed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feedsrv.publishing.audit import record, verify_chain
from feedsrv.publishing.refusals import BrokenChainError
from feedsrv.stores.database import open_database, upgrade
from feedsrv.stores.sql import SqlStore

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
ACTS = {
    "an actor": "UPDATE audit SET actor = 'eve' WHERE seq = 3",
    "a moment": "UPDATE audit SET at = '2026-05-14T12:30:01Z' WHERE seq = 3",
    "no moment at all": "UPDATE audit SET at = 'yesterday' WHERE seq = 3",
    "a detail": 'UPDATE audit SET detail = \'{"why": "because"}\' WHERE seq = 3',
    "no JSON": "UPDATE audit SET detail = 'nonsense' WHERE seq = 4",
    "a list of details": "UPDATE audit SET detail = '[1]' WHERE seq = 1",
    "the first removed": "DELETE FROM audit WHERE seq = 1",
    "all but the last removed": "DELETE FROM audit WHERE seq < 4",
    "one in the middle removed": "DELETE FROM audit WHERE seq = 2",
    "the first removed, numbered anew": "DELETE FROM audit WHERE seq = 1; UPDATE audit SET seq = seq - 1",
    "two exchanged": """
        UPDATE audit SET seq = 9 WHERE seq = 2;
        UPDATE audit SET seq = 2 WHERE seq = 3;
        UPDATE audit SET seq = 3 WHERE seq = 9""",
    "one added": """
        INSERT INTO audit SELECT 5, at, 'eve', verb, subject, detail, hash, hash FROM audit WHERE seq = 4""",
    "one slipped in": """
        UPDATE audit SET seq = seq + 100 WHERE seq > 2;
        UPDATE audit SET seq = seq - 99 WHERE seq > 100;
        INSERT INTO audit SELECT 3, at, 'eve', verb, subject, detail, hash, hash FROM audit WHERE seq = 2""",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database whose log has four entries."""
    url = f"sqlite:///{tmp_path}/feedsrv.db"
    upgrade(url)
    store = SqlStore(open_database(url))
    with store.begin() as work:
        for verb in ("import", "submit", "approve", "publish"):
            record(work.audit, AT, actor="anna", verb=verb, subject="M0001 revision 1", detail={"why": verb})
    store.close()
    return tmp_path / "feedsrv.db"


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_whatever_is_done_to_the_log_is_noticed(file: Path, act: str) -> None:
    """Changed, made unreadable, removed at the front or in the middle, moved, added or slipped in."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(act)
    store = SqlStore(open_database(f"sqlite:///{file}"))

    with pytest.raises(BrokenChainError, match="Restore the database"), store.look() as work:
        verify_chain(work.audit.entries())

    store.close()
