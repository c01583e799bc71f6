"""One mitigation takes over from another, and no moment is without protection."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from feedsrv.agent.state import Status
from tests.pki import Pki
from tests.simulator import Simulator
from tests.unit.agent.making import AT, FIXED, mitigation, rule
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


def test_the_old_goes_only_after_the_new_is_in_place(world: World) -> None:
    """Superseding never leaves a moment without protection."""
    world.publisher.publish(mitigation())
    world.sync()
    better = mitigation("M0002", actions=(rule(pattern="better"),), supersedes=("M0001",))
    world.publisher.publish(mitigation(), better)

    world.sync()

    assert world.host.done[-2:] == ["apply feedsrv M0002.A1 PowerShell - inbound", f"undo {NAME}"]
    assert world.status() is Status.SUPERSEDED
    assert world.status("M0002") is Status.APPLIED


def test_the_old_stays_where_the_new_fails(world: World) -> None:
    """A successor that cannot be applied takes over from nothing, and is tried again."""
    world.publisher.publish(mitigation())
    world.sync()
    world.host.failing.add("feedsrv M0002.A1 PowerShell - inbound")
    better = mitigation("M0002", actions=(rule(pattern="better"),), supersedes=("M0001",))
    world.publisher.publish(mitigation(), better)

    failed = world.sync()
    kept, waiting = world.host.names(), world.standing()
    world.host.failing.clear()
    world.sync()

    assert codes(failed) == ["agent.adapter"]
    assert kept == {NAME}
    assert waiting.status is Status.APPLIED
    assert "stays until M0002" in waiting.detail
    assert world.host.names() == {"feedsrv M0002.A1 PowerShell - inbound"}


def test_the_old_protects_where_the_new_fails_from_the_start(world: World) -> None:
    """A server that never had the old one gets it all the same: rather it than nothing."""
    fresh = "feedsrv M0002.A1 PowerShell - inbound"
    world.host.failing.add(fresh)
    better = mitigation("M0002", actions=(rule(pattern="better"),), supersedes=("M0001",))
    world.publisher.publish(mitigation(), better)

    failed = world.sync()
    protected, standing = world.host.names(), world.standing()
    world.sync()
    stays = world.host.names()
    world.host.failing.clear()
    world.sync()

    assert codes(failed) == ["agent.adapter"]
    assert protected == stays == {NAME}
    assert standing.status is Status.APPLIED
    assert "stays until M0002" in standing.detail
    assert world.host.names() == {fresh}


def test_where_old_and_new_fail_both_are_told(world: World) -> None:
    """Neither hides the other, and both are tried again."""
    fresh = "feedsrv M0002.A1 PowerShell - inbound"
    world.host.failing |= {fresh, NAME}
    better = mitigation("M0002", actions=(rule(pattern="better"),), supersedes=("M0001",))
    world.publisher.publish(mitigation(), better)

    failed = world.sync()

    assert codes(failed) == ["agent.adapter", "agent.adapter"]
    assert (world.status(), world.status("M0002")) == (Status.FAILED, Status.FAILED)


def test_a_successor_that_takes_over_at_once_leaves_the_old_away(world: World) -> None:
    """What is superseded and not needed is never applied, not even for a moment."""
    world.publisher.publish(mitigation(), mitigation("M0002", supersedes=("M0001",)))

    world.sync()

    assert world.host.done == ["apply feedsrv M0002.A1 PowerShell - inbound"]
    assert world.status() is Status.SUPERSEDED


def test_a_successor_that_does_the_same_is_in_place_in_the_end(world: World) -> None:
    """The old rule counted for both; once it is gone, the new one stands on its own."""
    world.publisher.publish(mitigation())
    world.sync()
    world.publisher.publish(mitigation(), mitigation("M0002", supersedes=("M0001",)))

    world.sync()

    assert world.host.names() == {"feedsrv M0002.A1 PowerShell - inbound"}
    world.install(FIXED)
    world.sync()
    assert world.host.names() == set()


def test_the_old_stays_where_the_new_was_only_begun(world: World) -> None:
    """Half a successor takes over from nothing, also once its feed has expired and nothing is tried."""
    world.publisher.publish(mitigation())
    world.sync()
    actions = (rule(pattern="better"), rule("A2", name="second", pattern="second"))
    world.host.failing.add("feedsrv M0002.A2 second")
    world.publisher.publish(mitigation(), mitigation("M0002", actions=actions, supersedes=("M0001",)))
    world.sync()

    world.sync(at=AT + timedelta(days=8))

    assert world.host.names() == {NAME, "feedsrv M0002.A1 PowerShell - inbound"}
    assert world.status() is Status.APPLIED
