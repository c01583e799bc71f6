"""Killing the agent, after each step of its sync and in the middle of every change.

The next sync always ends in the old state or the new one, complete; here always in the new one,
since the publisher is still there. And the way back of every change still leads to where it began.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from feedsrv.agent.journal import Journal
from feedsrv.agent.settings import SettingsFile
from feedsrv.agent.state import Status
from feedsrv.clock import to_text
from tests.pki import Pki
from tests.simulator import Simulator
from tests.unit.agent.making import AT, FIXED, mitigation, pool, rule
from tests.unit.agent.memory_host import MemoryHost
from tests.unit.agent.world import World, codes

ROOT = Path(__file__).parent.parent.parent
STEPS = range(1, 8)
MIDWAYS = range(1, 15)

OLD = mitigation(actions=(rule("A1"), rule("A2", name="goes", pattern="goes")))
NEW = mitigation(
    revision=2, actions=(rule("A1", pattern="changed"), rule("A3", name="comes", pattern="comes"))
)
OLDER = mitigation("M0002", actions=(rule("A1", pattern="older"), pool("A2", "OldPool")))
BETTER = mitigation(
    "M0003", actions=(pool("A1", "NewPool"), rule("A2", pattern="newer")), supersedes=("M0002",)
)


@pytest.fixture(scope="module")
def publisher() -> Iterator[Simulator]:
    """A publisher whose feed 2 changes one mitigation and replaces another."""
    with Simulator(Pki(at=AT), AT).serving() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def begun(publisher: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an agent that has applied feed 1; copied for every crash."""
    home = tmp_path_factory.mktemp("agent") / "home"
    publisher.publish(OLD, OLDER)
    world = open_world(home, publisher)
    assert codes(world.sync()) == []
    SettingsFile(home).save(world.settings)
    publisher.publish(NEW, OLDER, BETTER)
    return home


def open_world(home: Path, publisher: Simulator) -> World:
    """The agent as another process finds it."""
    return World(home, publisher, host=MemoryHost(file=home / "server.json"))


def crash(home: Path, publisher: Simulator, place: str, number: int) -> subprocess.CompletedProcess[str]:
    """Sync in a process that is killed there."""
    command = [sys.executable, "-m", "tests.unit.agent.crashing", str(home), publisher.url, to_text(AT)]
    return subprocess.run(
        [*command, place, str(number)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def home(begun: Path, tmp_path: Path) -> Path:
    """A copy of that agent."""
    return shutil.copytree(begun, tmp_path / "home")


EVERY_MOMENT = [*(("after", step) for step in STEPS), *(("midway", number) for number in MIDWAYS)]


@pytest.mark.parametrize(("place", "number"), EVERY_MOMENT)
def test_a_killed_sync_is_recovered_by_the_next(
    home: Path, publisher: Simulator, place: str, number: int
) -> None:
    """Whatever was half done: recovering alone makes each mitigation whole, and syncing finishes it."""
    died = crash(home, publisher, place, number)
    world = open_world(home, publisher)

    world.tell(auto_apply=False)
    recovered = world.sync_from(None)
    whole = wholeness(world)
    world.tell(auto_apply=True)
    done = world.sync()

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert (codes(recovered), codes(done)) == ([], [])
    assert whole <= {"M0001 old", "M0001 new", "M0002 old", "M0002 gone", "M0003 none", "M0003 new"}
    assert wholeness(world) == {"M0001 new", "M0002 gone", "M0003 new"}
    assert Journal(home).notes() == ()
    assert_everything_leads_back(world)


def wholeness(world: World) -> set[str]:
    """For each mitigation, in which state its part of the server is; a half state has another name."""
    rules = {name: what for spot in world.host.rules.values() for name, what in spot.items()}
    first = " ".join(sorted(name.split()[1] for name in rules if " M0001." in name))
    changed = "changed" in rules.get("feedsrv M0001.A1 PowerShell - inbound", "")
    second = ("OldPool" in world.host.stopped, any(" M0002." in name for name in rules))
    third = ("NewPool" in world.host.stopped, any(" M0003." in name for name in rules))
    one = {("M0001.A1 M0001.A2", False): "old", ("M0001.A1 M0001.A3", True): "new"}
    return {
        f"M0001 {one.get((first, changed), f'half: {first} {changed}')}",
        f"M0002 {({(True, True): 'old', (False, False): 'gone'}).get(second, f'half: {second}')}",
        f"M0003 {({(True, True): 'new', (False, False): 'none'}).get(third, f'half: {third}')}",
    }


def assert_everything_leads_back(world: World) -> None:
    """With the fix installed, nothing of ours is left and the pools run as they did."""
    world.install(FIXED)
    assert codes(world.sync_from(None)) == []
    assert world.host.snapshot() == ({}, set())


def test_there_are_no_more_moments_than_are_tried(home: Path, publisher: Simulator) -> None:
    """A sync that nobody kills passes every moment of the tests above, and no other."""
    done = crash(home, publisher, "nowhere", 0)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(MIDWAYS)


@pytest.mark.parametrize("number", range(1, 9))
def test_a_killed_rollback_is_recovered(home: Path, publisher: Simulator, number: int) -> None:
    """Killed while taking back four changes: the next sync takes back what is left of them."""
    world = open_world(home, publisher)
    world.install(FIXED)
    SettingsFile(home).save(world.settings)

    died = crash(home, publisher, "midway", number)
    world.host = MemoryHost(file=home / "server.json")
    done = world.sync()

    assert died.returncode == -signal.SIGKILL, died.stderr
    assert codes(done) == []
    assert world.host.snapshot() == ({}, set())
    assert {world.status("M0001"), world.status("M0002")} == {Status.NOT_NEEDED}


def test_a_crash_keeps_the_first_capture(home: Path, publisher: Simulator) -> None:
    """A pool that was stopped by its owner stays stopped, however often applying was interrupted."""
    world = open_world(home, publisher)
    world.host.stopped.add("NewPool")
    world.host._keep("the owner stopped it")
    for number in range(4, 9):
        crash(home, publisher, "midway", number)

    world = open_world(home, publisher)
    world.sync()
    world.install(FIXED)
    world.sync_from(None)

    assert world.host.snapshot() == ({}, {"NewPool"})
