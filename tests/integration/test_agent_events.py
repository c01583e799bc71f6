"""Numbered events in pairs: each trouble is told once when it begins and once when it ends."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from feedsrv.agent.events import ACTS, TABLE
from feedsrv.agent.notices import Notices
from tests.pki import Pki
from tests.simulator import FEED, Answer, Simulator
from tests.unit.agent.making import AT, mitigation
from tests.unit.agent.shell import Shell, lay_out_shell, publish_two
from tests.unit.agent.world import World, codes

NUMBERS = {one.name: one.begins for one in TABLE} | {f"{one.name}.ended": one.ends for one in TABLE}


@pytest.fixture
def publisher() -> Iterator[Simulator]:
    """A publisher on loopback."""
    with Simulator(Pki(at=AT), AT).serving() as simulator:
        simulator.publish(mitigation())
        yield simulator


@pytest.fixture
def world(tmp_path: Path, publisher: Simulator, caplog: pytest.LogCaptureFixture) -> World:
    """An agent that has synced once; only what is logged from then on counts."""
    caplog.set_level(logging.INFO)
    world = World(tmp_path / "home", publisher, timeout=timedelta(seconds=1))
    world.sync()
    caplog.clear()
    return world


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The conditions that began or ended, in order; each with its own number."""
    records = [record for record in caplog.records if record.message in NUMBERS]
    for record in records:
        assert vars(record)["event"] == NUMBERS[record.message]
    return [record.message for record in records]


def detail(caplog: pytest.LogCaptureFixture, name: str) -> str:
    """What was found when that began."""
    (record,) = [one for one in caplog.records if one.message == name]
    found = vars(record)["detail"]
    assert isinstance(found, str)
    return found


def test_the_numbers_are_this_agents_own_and_each_is_used_once() -> None:
    """1000 to 1999; whoever watches for one watches for one thing."""
    numbers = [number for one in TABLE for number in (one.begins, one.ends)] + [one.number for one in ACTS]

    assert len(set(numbers)) == len(numbers)
    assert all(1000 <= number <= 1999 for number in numbers)
    assert all(one.begins % 2 == 0 for one in TABLE)
    assert all(one.cause and one.resolution and one.summary for one in TABLE)


def test_hourly_syncs_tell_a_trouble_once(
    world: World, publisher: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Once when it begins, once when it ends, whatever happens in between."""
    publisher.lie(FEED, Answer(b"", 500))
    for _ in range(3):
        world.sync()
    publisher.be_honest()
    for _ in range(2):
        world.sync()

    assert told(caplog) == ["publisher.unreachable", "publisher.unreachable.ended"]


STEPS = {
    "DNS": "http://does-not-exist.invalid",
    "connection": "http://127.0.0.1:9",
    "TLS": "https",
    "HTTP": "",
}


@pytest.mark.parametrize("step", STEPS)
def test_the_event_names_the_step_that_failed(
    world: World, publisher: Simulator, caplog: pytest.LogCaptureFixture, step: str
) -> None:
    """One event for the whole attempt: nothing says that a part of it worked."""
    honest = publisher.url
    if step == "HTTP":
        publisher.lie(FEED, Answer(b"", 500))
    else:
        publisher.url = STEPS[step] if step != "TLS" else honest.replace("http", "https")

    world.sync()

    assert told(caplog) == ["publisher.unreachable"]
    assert detail(caplog, "publisher.unreachable").startswith(f"step {step}: [agent.")


def test_nothing_says_connected_before_the_whole_path_worked(
    world: World, publisher: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that answers again with a feed that is refused has not ended the trouble."""
    publisher.lie(FEED, Answer(b"", 500))
    world.sync()
    publisher.be_honest()
    publisher.publish(mitigation(), bad="eku-server-auth")
    world.sync()
    between = told(caplog)
    still = {one.name: one.detail for one in Notices(world.home).open()}
    publisher.publish(mitigation())
    world.sync()

    assert between == ["publisher.unreachable", "feed.refused"]
    assert "it answers again" in still["publisher.unreachable"]
    assert "step key usage: [trust." in still["feed.refused"]
    assert set(told(caplog)[2:]) == {"publisher.unreachable.ended", "feed.refused.ended"}


def test_an_expired_feed_and_an_old_one_are_different_conditions(
    world: World, publisher: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The one is the publisher's refresh, the other somebody who replays."""
    world.sync(at=AT + timedelta(days=8))
    expired = told(caplog)
    publisher.publish(mitigation())
    world.sync()
    publisher.replay(1)
    world.sync()

    assert expired == ["feed.stale"]
    assert told(caplog)[1:] == ["feed.stale.ended", "feed.history"]


def test_what_an_administrator_decided_is_told_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Only checking, no build, and a block that leaves something in place."""
    world.tell(auto_apply=False, build=None)
    world.sync()
    world.sync()
    begun = told(caplog)
    world.tell(auto_apply=True, build="15.2.986.5")
    world.sync()

    assert begun == ["agent.switched_off", "build.unknown"]
    assert set(told(caplog)[2:]) == {"agent.switched_off.ended", "build.unknown.ended"}


def test_a_mitigation_that_cannot_be_had_is_told_by_its_id(
    world: World, publisher: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """And the feed itself is in order."""
    publisher.publish(mitigation(), mitigation("M0002"))
    publisher.lie("/v1/mitigations/M0002/1.xml", Answer(b"", 404))

    world.sync()

    assert told(caplog) == ["mitigation.refused"]
    (one,) = Notices(world.home).open()
    assert one.subject == "M0002"


def test_a_clock_behind_the_publishers_is_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """What the publisher signed was signed before now."""
    world.sync(at=AT - timedelta(days=1))
    world.sync()

    assert told(caplog) == ["clock.implausible", "clock.implausible.ended"]


def test_a_file_of_conditions_that_is_damaged_costs_one_more_line(
    world: World, publisher: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """What is still the case is told once more, and nothing else happens."""
    publisher.lie(FEED, Answer(b"", 500))
    world.sync()
    (world.home / "conditions.json").write_bytes(b"{")

    assert codes(world.sync()) == ["agent.server_trouble"]
    assert told(caplog) == ["publisher.unreachable", "publisher.unreachable"]


@pytest.mark.parametrize("ends", [False, True])
def test_a_crash_while_telling_costs_a_line_twice_and_leaves_none_out(
    world: World, caplog: pytest.LogCaptureFixture, *, ends: bool
) -> None:
    """A condition's begin or end that nobody was told is worse than one told again."""
    if ends:
        world.sync(at=AT - timedelta(days=1))
        caplog.clear()
    at = AT if ends else AT - timedelta(days=1)
    name = "clock.implausible.ended" if ends else "clock.implausible"

    with (
        patch("feedsrv.agent.notices.replace_file", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        world.sync(at=at)
    world.sync(at=at)
    world.sync(at=at)

    assert told(caplog) == [name, name]


def test_what_only_waits_is_told_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """An agent that only checks says what it would do when that begins, and not every hour."""
    world.tell(auto_apply=False)
    world.install("15.2.986.36")
    for _ in range(3):
        world.sync()

    assert [record.message for record in caplog.records].count("mitigation.pending") == 1


class TestAsAnAdministratorMeetsThem:
    """In the log file and in `status`."""

    @pytest.fixture
    def shell(self, tmp_path: Path) -> Iterator[Shell]:
        """An agent for a pretended server."""
        pki = Pki()
        with Simulator(pki, pki.at).serving() as publisher:
            publish_two(publisher, pki)
            yield lay_out_shell(tmp_path, publisher, pki)

    def test_a_damaged_state_begins_and_ends(self, shell: Shell) -> None:
        """Though the state itself can keep nothing."""
        shell("sync")
        path = shell.home / "agent-state.json"
        whole = path.read_bytes()
        path.write_bytes(b"{}")
        shell("sync", code=1)
        shell("sync", code=1)
        status = json.loads(shell("status", "--json", code=1).stdout)
        path.write_bytes(whole)
        shell("sync")

        assert [one["name"] for one in status["conditions"]] == ["state.damaged"]
        log = (shell.home / "agent.log").read_text()
        assert log.count("state.damaged event=1038") == 1
        assert log.count("state.damaged.ended event=1039") == 1

    def test_status_begins_with_what_counts(self, shell: Shell) -> None:
        """One line that one can read half asleep, then what to do."""
        before = shell("status").stdout.splitlines()[0]
        shell("sync")
        well = shell("status").stdout.splitlines()[0]
        shell("config", "--server", "http://127.0.0.1:9")
        shell("sync", code=1)
        wrong = shell("status", code=1).stdout

        assert before.startswith("NOT AT WORK YET")
        assert well == "ALL IS WELL."
        assert wrong.startswith("SOMETHING IS WRONG: 1 problem, told at the end.")
        assert "The publisher cannot be reached\n  since:" in wrong
        assert "2 mitigations in place: M0001, M0002." in wrong
        assert "event 1000" in wrong
        assert "to do:" in wrong

    def test_status_calls_it_wrong_where_nothing_new_can_get_in_force(self, shell: Shell) -> None:
        """No sync failed, and yet this server gets no protection any more."""
        shell("config", "--unset", "build-source")
        shell("sync")

        status = shell("status", code=1).stdout

        assert status.startswith("SOMETHING IS WRONG: 1 thing to see to, told below.")
        assert "The build of this server is not known" in status
        shell("set-build", "15.2.986.5")
        shell("sync")
        assert shell("status").stdout.startswith("ALL IS WELL.")

    def test_acts_carry_their_numbers(self, shell: Shell) -> None:
        """Applied, repaired and rolled back are told by number, too."""
        shell("sync")
        shell("remove", "M0001")

        log = (shell.home / "agent.log").read_text()

        assert 'mitigation.applied mitigation="M0001" revision=1' in log
        assert "event=1510" in log
        assert "event=1511" in log
        assert "sync.done" in log
        assert "event=1502" in log
