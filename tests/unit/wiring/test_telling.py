"""What is open is kept in the database, and in memory for as long as that is away."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from feedsrv.publishing.trust_records import OpenCondition
from feedsrv.stores.database import open_database, upgrade
from feedsrv.stores.memory import MemoryStore
from feedsrv.stores.sql import SqlStore
from feedsrv.wiring.telling import Teller

AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
JUDGED = ("feed.overdue", "part.broken")
LATE = {("feed.overdue", "a/b"): "late"}
BROKEN = {("part.broken", "database"): "away"}


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Ends are told as information."""
    caplog.set_level(logging.INFO)


def numbers(caplog: pytest.LogCaptureFixture) -> list[int]:
    """The events told so far, which are then forgotten."""
    found = [vars(record)["event"] for record in caplog.records if "event" in vars(record)]
    caplog.clear()
    return found


def test_a_second_process_knows_what_the_first_has_told(caplog: pytest.LogCaptureFixture) -> None:
    """By the database between them, with the moment it began."""
    store = MemoryStore()
    Teller().tell(store, LATE, judged=JUDGED, at=AT)
    told_first = numbers(caplog)

    second = Teller()
    second.tell(store, LATE, judged=JUDGED, at=AT + timedelta(hours=1))
    told_again = numbers(caplog)
    second.tell(store, {}, judged=JUDGED, at=AT + timedelta(hours=2))

    assert (told_first, told_again, numbers(caplog)) == ([2070], [], [2071])
    with store.look() as work:
        assert work.conditions.all() == ()


def test_what_is_kept_says_since_when(caplog: pytest.LogCaptureFixture) -> None:
    """The newest detail, the first moment."""
    store = MemoryStore()
    teller = Teller()

    teller.tell(store, LATE, judged=JUDGED, at=AT)
    teller.tell(store, {("feed.overdue", "a/b"): "later"}, judged=JUDGED, at=AT + timedelta(hours=1))

    with store.look() as work:
        assert work.conditions.all() == (OpenCondition("feed.overdue", "a/b", AT, "later"),)


def test_while_the_database_is_away_memory_serves(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is told twice in one process, and what the database held comes back with it."""
    store = MemoryStore()
    with store.begin() as work:
        work.conditions.replace([OpenCondition("feed.overdue", "a/b", AT, "late")])
    teller = Teller()

    teller.tell(None, BROKEN, judged=("part.broken",), at=AT)
    teller.tell(None, BROKEN, judged=("part.broken",), at=AT + timedelta(minutes=5))
    away = numbers(caplog)
    teller.tell(store, LATE, judged=JUDGED, at=AT + timedelta(minutes=10))

    assert away == [2000]
    assert numbers(caplog) == [2001]


def test_a_database_that_fails_stops_no_telling(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It lacks its tables here; nobody is kept from hearing."""
    store = SqlStore(open_database(f"sqlite:///{tmp_path}/empty.sqlite"))
    teller = Teller()

    teller.tell(store, LATE, judged=JUDGED, at=AT)
    begun = numbers(caplog)
    upgrade(f"sqlite:///{tmp_path}/empty.sqlite")
    teller.tell(store, LATE, judged=JUDGED, at=AT)

    assert begun == [2070]
    assert numbers(caplog) == []
    with store.look() as work:
        assert [one.name for one in work.conditions.all()] == ["feed.overdue"]
    store.close()
