"""Running for ever, with a clock that the test winds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from feedsrv.agent.run import Runner
from feedsrv.agent.source import UnreachableError
from feedsrv.agent.state import AgentState
from feedsrv.agent.sync import Synced
from feedsrv.model.feed import Poll
from tests.unit.agent.making import AT, DEVICE


@dataclass
class Clockwork:
    """Time passes only by waiting; after so many waits somebody says stop."""

    waits_left: int
    now: datetime = AT
    synced_at: list[datetime] = field(default_factory=list)

    def wait(self, seconds: float) -> bool:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        self.waits_left -= 1
        return self.waits_left < 0

    def run(self, sync: Callable[[], Synced]) -> list[timedelta]:
        """Run, and return the spans between syncs; the first from the start."""

        def timed() -> Synced:
            self.synced_at.append(self.now)
            return sync()

        Runner(timed, lambda: DEVICE, lambda: self.now, self.wait).run(first_after=timedelta(minutes=10))
        moments = [AT, *self.synced_at]
        return [later - sooner for sooner, later in pairwise(moments)]


def done(*, failed: bool = False, retry_after: timedelta | None = None) -> Synced:
    """How a sync went."""
    return Synced(AgentState(DEVICE), (), (), Poll(), retry_after, poll_failed=failed)


def test_it_begins_after_a_delay_and_goes_on_by_the_hour() -> None:
    """A start is not held up, and afterwards each hour has one sync."""
    spans = Clockwork(5).run(done)

    assert spans[0] == timedelta(minutes=10)
    assert spans[1] <= timedelta(hours=1)
    assert spans[2:] == [timedelta(hours=1)] * 3


def test_errors_are_survived_and_tried_again_more_seldom() -> None:
    """Neither a refusal that is raised nor one that is reported ends the agent."""
    answers = iter([None, done(failed=True), done(failed=True), done(), done()])

    def sync() -> Synced:
        answer = next(answers)
        if answer is None:
            raise UnreachableError("nobody there")
        return answer

    spans = Clockwork(5).run(sync)

    assert timedelta(minutes=2) <= spans[1] < spans[2] < spans[3]
    assert spans[4] <= timedelta(hours=1)


def test_what_nobody_foresaw_is_survived_too() -> None:
    """A mistake of ours, met once, must not end the protection of a server."""
    answers = iter([None, done()])

    def sync() -> Synced:
        answer = next(answers)
        if answer is None:
            raise ZeroDivisionError
        return answer

    spans = Clockwork(2).run(sync)

    assert timedelta(minutes=2) <= spans[1] <= timedelta(minutes=2.5)


def test_retry_after_is_honoured() -> None:
    """The next sync is not sooner than the server asked."""
    answers = iter([done(failed=True, retry_after=timedelta(hours=3)), done()])

    spans = Clockwork(2).run(lambda: next(answers))

    assert timedelta(hours=3) <= spans[1] <= timedelta(hours=3.75)


def test_a_stop_before_the_first_sync_syncs_nothing() -> None:
    """Stopping is immediate."""
    assert Clockwork(0).run(done) == []
