"""Conditions begin once and end once, whatever lies in between."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from feedsrv.observability.events import Condition, Conditions, Open

_AT = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
_TABLE = (
    Condition("feed.refused", 1010, logging.ERROR, "the feed is refused", "why", "do this"),
    Condition("feed.stale", 1020, logging.WARNING, "the feed is stale", "why", "do that"),
)
_log = logging.getLogger("tests.events")


def _numbers(caplog: pytest.LogCaptureFixture) -> list[int]:
    return [vars(record)["event"] for record in caplog.records]


def test_a_condition_that_lasts_is_told_once_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    """Three looks at the same trouble and one without it make two events."""
    conditions = Conditions(_TABLE, _log)

    with caplog.at_level(logging.INFO):
        for hour in range(3):
            conditions.tell(
                {("feed.refused", "a"): "at the signature"},
                judged=["feed.refused"],
                at=_AT + timedelta(hours=hour),
            )
        conditions.tell({}, judged=["feed.refused"], at=_AT + timedelta(hours=3))

    assert _numbers(caplog) == [1010, 1011]
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.INFO]
    assert vars(caplog.records[0])["resolution"] == "do this"
    assert vars(caplog.records[1])["since"] == "2026-05-14T12:30:00Z"
    assert conditions.open == ()


def test_what_was_not_looked_at_stays_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    """Who could not look knows nothing, so nothing ends."""
    opened = [Open("feed.stale", "a", _AT, "since yesterday")]
    conditions = Conditions(_TABLE, _log, opened)

    with caplog.at_level(logging.INFO):
        conditions.tell({}, judged=["feed.refused"], at=_AT)

    assert caplog.records == []
    assert conditions.open == tuple(opened)


def test_subjects_begin_and_end_apart(caplog: pytest.LogCaptureFixture) -> None:
    """The trouble of one feed ends while that of another lasts, and keeps its newest detail."""
    conditions = Conditions(_TABLE, _log)
    conditions.tell({("feed.stale", "a"): "", ("feed.stale", "b"): "old"}, judged=["feed.stale"], at=_AT)

    with caplog.at_level(logging.INFO):
        caplog.clear()
        conditions.tell({("feed.stale", "b"): "new"}, judged=["feed.stale"], at=_AT + timedelta(hours=1))

    assert _numbers(caplog) == [1021]
    assert conditions.open == (Open("feed.stale", "b", _AT, "new"),)


def test_a_condition_of_another_version_is_dropped() -> None:
    """What no table names could never end."""
    conditions = Conditions(_TABLE, _log, [Open("long.gone", "", _AT, "")])

    assert conditions.open == ()


def test_a_condition_that_no_table_names_cannot_be_told() -> None:
    """A number is owed to every event."""
    with pytest.raises(KeyError):
        Conditions(_TABLE, _log).tell({("feed.odd", ""): ""}, judged=[], at=_AT)
