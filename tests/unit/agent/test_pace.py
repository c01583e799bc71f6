"""When an agent polls: at its own moment, and never sooner than it was asked."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedsrv.agent.pace import LONGEST, SHORTEST, next_poll, next_retry
from feedsrv.model.feed import Poll
from tests.unit.agent.making import AT

HOUR = timedelta(hours=1)
SPANS = st.timedeltas(timedelta(0), timedelta(days=30))


@given(SPANS, SPANS, st.uuids().map(str), SPANS)
def test_the_next_poll_lies_ahead_by_at_most_one_interval(
    interval: timedelta, jitter: timedelta, device: str, passed: timedelta
) -> None:
    """Whatever a feed says, an agent neither hammers nor falls silent."""
    now = AT + passed

    due = next_poll(Poll(interval, jitter), device, now)

    assert timedelta(0) < due - now <= max(min(interval, LONGEST), SHORTEST)


@given(st.uuids().map(str), st.timedeltas(timedelta(0), HOUR))
def test_a_restart_keeps_the_moment(device: str, passed: timedelta) -> None:
    """Within an interval, whoever asks gets the same moment; a power cut aligns nobody."""
    first = next_poll(Poll(), device, AT)

    again = next_poll(Poll(), device, min(AT + passed, first - timedelta(seconds=1)))

    assert again == first


def test_a_fleet_is_spread_over_the_interval() -> None:
    """Of 6,000 devices, each minute gets about a hundred."""
    minutes = [0] * 60
    for number in range(6000):
        minutes[int((next_poll(Poll(), f"device {number}", AT) - AT) / timedelta(minutes=1)) % 60] += 1

    assert min(minutes) > 60
    assert max(minutes) < 150


def test_without_jitter_all_poll_together() -> None:
    """A publisher may ask for it."""
    poll = Poll(HOUR, timedelta(0))

    assert next_poll(poll, "one", AT) == next_poll(poll, "other", AT)


def test_retries_come_more_and_more_seldom() -> None:
    """From two minutes to about an hour."""
    waits = [next_retry(errors, "device", AT, retry_after=None) - AT for errors in range(1, 12)]

    assert timedelta(minutes=2) <= waits[0] <= timedelta(minutes=2.5)
    assert all(later > sooner for sooner, later in pairwise(waits[:5]))
    assert max(waits) <= timedelta(minutes=75)


@pytest.mark.parametrize("asked", [timedelta(hours=2), timedelta(hours=23)])
def test_what_a_server_asks_for_is_honoured_and_spread(asked: timedelta) -> None:
    """Never sooner, a quarter later at most, and not all at once."""
    waits = {next_retry(1, f"device {n}", AT, retry_after=asked) - AT for n in range(50)}

    assert min(waits) >= asked
    assert max(waits) <= asked * 1.25
    assert len(waits) == 50


def test_a_server_cannot_silence_an_agent() -> None:
    """Longer than a day is a day."""
    wait = next_retry(1, "device", AT, retry_after=timedelta(days=400)) - AT

    assert wait <= timedelta(days=1.25)
