"""What an administrator does by hand, and what two mitigations share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from feedsrv.agent import by_hand
from feedsrv.agent.state import Status
from feedsrv.agent.state_file import StateFile
from feedsrv.model.mitigation import Status as MitigationStatus
from tests.pki import Pki
from tests.simulator import Simulator
from tests.unit.agent.making import AT, FIXED, mitigation, pool, rule
from tests.unit.agent.world import World, codes

NAME = "feedsrv M0001.A1 PowerShell - inbound"


@pytest.fixture
def publisher() -> Iterator[Simulator]:
    """A publisher on loopback."""
    with Simulator(Pki(at=AT), AT).serving() as simulator:
        yield simulator


@pytest.fixture
def world(tmp_path: Path, publisher: Simulator) -> World:
    """A new agent."""
    return World(tmp_path / "home", publisher)


def test_blocked_is_not_applied_and_not_removed(world: World) -> None:
    """Blocking alone takes nothing away; removing does, and it stays away."""
    world.publisher.publish(mitigation())
    world.sync()
    by_hand.block(StateFile(world.home), ("M0001",))
    world.sync()
    still_there, status = world.host.names(), world.status()

    by_hand.remove(world.agent(), ("M0001",))
    world.sync()

    assert still_there == {NAME}
    assert status is Status.BLOCKED
    assert world.host.names() == set()
    assert world.status() is Status.BLOCKED


def test_what_was_blocked_and_taken_away_by_hand_stays_away(world: World) -> None:
    """The state forgets it, so that unblocking begins anew."""
    world.publisher.publish(mitigation())
    world.sync()
    by_hand.block(StateFile(world.home), ("M0001",))
    world.host.rules.clear()

    world.sync()
    gone = world.state.applied
    by_hand.unblock(StateFile(world.home), ("M0001",))
    world.sync()

    assert gone == {}
    assert world.host.names() == {NAME}


def test_a_pool_that_two_mitigations_stop_runs_again_after_both(world: World) -> None:
    """The first captured state is handed over, whichever of the two ends first."""
    one = mitigation(actions=(pool(),))
    two = mitigation("M0002", actions=(pool(),), fixed=None)
    world.publisher.publish(one, two)
    world.sync()
    world.install(FIXED)
    world.sync()
    stopped = set(world.host.stopped)

    world.publisher.publish(one, mitigation("M0002", 2, actions=(pool(),), status=MitigationStatus.WITHDRAWN))
    world.sync()

    assert stopped == {"MSExchangeECPAppPool"}
    assert world.host.stopped == set()


def test_a_pool_that_was_stopped_before_stays_stopped_after(world: World) -> None:
    """Taking back means the state that was captured, not a state that is thought right."""
    world.host.stopped.add("MSExchangeECPAppPool")
    world.publisher.publish(mitigation(actions=(pool(),)))
    world.sync()
    world.install(FIXED)

    world.sync()

    assert world.host.stopped == {"MSExchangeECPAppPool"}


def test_what_a_new_revision_dropped_is_tried_again_until_it_is_gone(world: World) -> None:
    """A rule that could not be taken back is not forgotten, and not put back either."""
    dropped = "feedsrv M0001.A2 old"
    world.publisher.publish(mitigation(actions=(rule(), rule("A2", name="old", pattern="old"))))
    world.sync()
    world.host.failing.add(dropped)
    world.publisher.publish(mitigation(revision=2))

    failed = world.sync()
    between = world.status()
    world.host.failing.clear()
    world.sync()

    assert codes(failed) == ["agent.adapter"]
    assert between is Status.FAILED
    assert world.host.names() == {NAME}
    assert world.status() is Status.APPLIED


def test_repair_tries_again_what_failed_without_polling(world: World) -> None:
    """An administrator who has mended the cause need not wait, and need not switch anything on."""
    world.host.failing.add(NAME)
    world.publisher.publish(mitigation())
    world.sync()
    world.host.failing.clear()
    world.tell(auto_apply=False)
    world.publisher.requests.clear()

    done = by_hand.repair(world.agent(), ("M0001",))

    assert done.problems == ()
    assert world.publisher.requests == []
    assert world.host.names() == {NAME}
    assert world.status() is Status.APPLIED
