"""Syncing over real HTTP, with real signatures, against a server in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from signxml.verifier import XMLVerifier

from feedsrv.agent.library import Library
from feedsrv.agent.settings import write_pool_switch
from feedsrv.agent.state import Status
from feedsrv.agent.state_file import StateFile
from feedsrv.model.action import Place, Scope, UrlRewrite
from feedsrv.model.feed import digest_of
from feedsrv.model.mitigation import Status as MitigationStatus
from tests.pki import Pki
from tests.simulator import FEED, Simulator
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


@pytest.fixture
def signature_checks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every signature that is checked."""
    checks: list[int] = []
    real = XMLVerifier.verify

    def counted(*arguments: object, **options: object) -> object:
        checks.append(1)
        return real(*arguments, **options)  # type: ignore[arg-type] # handed on as it came

    monkeypatch.setattr(XMLVerifier, "verify", counted)
    return checks


def test_an_affected_server_is_protected(world: World) -> None:
    """The first sync applies what fits this build, and says so."""
    world.publisher.publish(mitigation())

    done = world.sync()

    assert codes(done) == []
    assert world.host.names() == {NAME}
    assert world.status() is Status.APPLIED


def test_an_unchanged_poll_is_one_request_and_no_signature_check(
    world: World, signature_checks: list[int]
) -> None:
    """What is trusted already is neither fetched nor verified again."""
    world.publisher.put_crls()
    world.publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)))
    world.sync()
    first = len(signature_checks)
    world.publisher.requests.clear()

    done = world.sync()

    assert first >= 3  # the feed and two mitigations
    assert len(signature_checks) == first
    assert world.publisher.paths == [FEED]
    assert world.publisher.requests[0][2]["If-None-Match"] == f'"{digest_of(world.publisher.files[FEED])}"'
    assert codes(done) == []


def test_an_unchanged_poll_reads_each_document_once_and_saves_the_state_once(world: World) -> None:
    """It happens on every server every hour."""
    world.publisher.put_crls()
    world.publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)))
    world.sync()

    with (
        patch.object(Library, "get", autospec=True, side_effect=Library.get) as read,
        patch.object(StateFile, "save", autospec=True, side_effect=StateFile.save) as saved,
    ):
        world.sync()

    digests = [asked.args[1] for asked in read.call_args_list]
    assert len(digests) == len(set(digests)) == 3  # the feed and two mitigations
    assert saved.call_count == 1


def test_a_new_feed_fetches_only_what_is_new(world: World, signature_checks: list[int]) -> None:
    """Of two mitigations, the one that is held already is not fetched again."""
    world.publisher.publish(mitigation())
    world.sync()
    world.publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)))
    world.publisher.requests.clear()
    signature_checks.clear()

    world.sync()

    assert "/v1/mitigations/M0002/1.xml" in world.publisher.paths
    assert "/v1/mitigations/M0001/1.xml" not in world.publisher.paths
    assert len(signature_checks) == 2


def test_an_update_ends_a_mitigation_by_itself(world: World) -> None:
    """A server that installs the fix takes its mitigation back, without a new feed."""
    world.publisher.publish(mitigation())
    world.sync()
    before = world.host.names()

    world.install(FIXED)
    world.sync()

    assert before == {NAME}
    assert world.host.names() == set()
    assert world.status() is Status.NOT_NEEDED


def test_an_update_ends_a_mitigation_without_a_network(world: World) -> None:
    """A poll that fails ends nothing: what is trusted already says that this build has the fix."""
    world.publisher.publish(mitigation())
    world.sync()
    world.install(FIXED)
    world.tell(server="http://127.0.0.1:9")

    done = world.sync_from(None)

    assert codes(done) == []
    assert world.host.names() == set()


def test_a_withdrawn_mitigation_is_rolled_back(world: World) -> None:
    """What its publisher takes back goes from every server."""
    world.publisher.publish(mitigation())
    world.sync()
    world.publisher.publish(mitigation(revision=2, status=MitigationStatus.WITHDRAWN))

    world.sync()

    assert world.host.names() == set()
    assert world.status() is Status.WITHDRAWN


def test_a_new_revision_applies_first_and_then_drops_what_is_no_longer_in_it(world: World) -> None:
    """A changed action is changed in place; a new one comes before an old one goes."""
    first = mitigation(actions=(rule("A1"), rule("A2", name="old", pattern="old")))
    second = mitigation(
        revision=2, actions=(rule("A1", pattern="changed"), rule("A3", name="new", pattern="new"))
    )
    world.publisher.publish(first)
    world.sync()
    world.publisher.publish(second)

    world.sync()

    assert world.host.done[2:] == [f"apply {NAME}", "apply feedsrv M0001.A3 new", "undo feedsrv M0001.A2 old"]
    assert world.state.applied["M0001"].revision == 2
    world.install(FIXED)
    world.sync()
    assert world.host.done[-2:] == ["undo feedsrv M0001.A3 new", f"undo {NAME}"]
    assert world.host.names() == set()


def test_what_is_missing_from_a_feed_is_kept(world: World) -> None:
    """Whoever can drop a line from a feed cannot drop a protection."""
    world.publisher.publish(mitigation())
    world.sync()
    world.publisher.publish()

    done = world.sync()

    assert codes(done) == []
    assert world.host.names() == {NAME}
    assert world.status() is Status.APPLIED


def test_an_expired_feed_is_told_and_takes_nothing_away(world: World) -> None:
    """Frozen: what is applied stays and is repaired, nothing new is applied."""
    world.publisher.publish(mitigation())
    world.sync()
    world.host.rules.clear()
    late = AT + timedelta(days=8)

    done = world.sync(at=late)

    assert codes(done) == ["feed.expired"]
    assert done.state.last_sync is not None
    assert done.state.last_sync.is_stale
    assert world.host.names() == {NAME}


def test_nothing_new_is_applied_from_an_expired_feed(world: World) -> None:
    """A feed that was never fresh here gives nothing."""
    world.publisher.publish(mitigation(), expires=AT + timedelta(hours=1))

    done = world.sync(at=AT + timedelta(hours=2))

    assert codes(done) == ["feed.expired"]
    assert world.host.names() == set()


def test_only_checking_still_checks_and_tells(world: World) -> None:
    """Switched off: it polls, trusts and says what would be done, and changes nothing."""
    world.tell(auto_apply=False)
    world.publisher.publish(mitigation())

    done = world.sync()

    assert codes(done) == []
    assert world.host.done == []
    assert world.status() is Status.PENDING
    assert "would be applied" in world.standing().detail


def test_only_checking_repairs_nothing_whatever_the_feed_says(world: World) -> None:
    """Stale, missing or not trusted: with the switch off, what somebody removed stays away, and is told."""
    world.publisher.publish(mitigation())
    world.sync()
    world.tell(auto_apply=False)
    world.host.rules.clear()
    world.publisher.publish()
    done_before = list(world.host.done)

    world.sync()
    told = world.standing()
    world.sync(at=AT + timedelta(days=30))

    assert world.host.done == done_before
    assert told.status is Status.PENDING
    assert "feedsrv-agent repair M0001" in told.detail


def test_a_pool_named_in_two_spellings_is_one_pool(world: World) -> None:
    """Windows does not mind the case, so the second must not capture what the first has stopped."""
    one = mitigation(actions=(pool(name="MSExchangeECPAppPool"),))
    two = mitigation("M0002", actions=(pool(name="msexchangeecpapppool"),))
    world.publisher.publish(one, two)
    world.sync()
    undos = [change.undo for held in world.state.applied.values() for change in held.changes]

    world.install(FIXED)
    world.sync()

    assert undos[0] == undos[1]
    assert world.host.stopped <= {"msexchangeecpapppool"}  # this server in memory minds the case


@pytest.mark.parametrize(
    ("server", "pool_says", "applies"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_server_and_pool_must_both_be_on(
    world: World, *, server: bool, pool_says: bool, applies: bool
) -> None:
    """Either switch is enough to change nothing."""
    write_pool_switch(world.home / "pool.json", auto_apply=pool_says)
    world.tell(auto_apply=server, pool_file="pool.json")
    world.publisher.publish(mitigation())

    world.sync()

    assert bool(world.host.names()) is applies


def test_a_pool_file_that_cannot_be_read_changes_nothing_and_is_told(world: World) -> None:
    """What the pool says is not guessed."""
    world.tell(pool_file="missing.json")
    world.publisher.publish(mitigation())

    done = world.sync()

    assert codes(done) == ["agent.pool_file"]
    assert world.host.names() == set()


def test_what_somebody_removed_or_changed_comes_back(world: World) -> None:
    """An update that overwrites the configuration does not reopen the hole for longer than one poll."""
    world.publisher.publish(mitigation())
    world.sync()
    world.host.rules.clear()
    world.sync()
    restored = world.host.names()
    next(iter(world.host.rules.values()))[NAME] = "something weaker"

    world.sync()

    assert restored == {NAME}
    assert "something weaker" not in str(world.host.rules)
    assert world.status() is Status.APPLIED


def test_a_foreign_rule_of_our_name_is_a_conflict(world: World) -> None:
    """It is not overwritten, and told at every sync."""
    world.host.rules["inbound Default Web Site"] = {NAME: "somebody else's"}
    world.publisher.publish(mitigation())

    done = world.sync()

    assert codes(done) == ["agent.conflict"]
    assert world.host.rules["inbound Default Web Site"] == {NAME: "somebody else's"}
    assert world.status() is Status.CONFLICT
    assert "M0001" not in world.state.applied


def test_a_rule_that_something_switches_off_is_not_called_applied(world: World) -> None:
    """Disabled elsewhere: told as disabled, and taken back all the same once it is not needed."""
    world.host.disabled.add("Default Web Site")
    world.publisher.publish(mitigation())

    done = world.sync()
    disabled = world.status()
    world.install(FIXED)
    world.sync()

    assert codes(done) == ["agent.not_in_force"]
    assert disabled is Status.DISABLED
    assert world.host.names() == set()


def test_a_rule_that_moves_to_another_place_takes_its_name_along(world: World) -> None:
    """Where one name cannot stand twice, the old rule goes a moment before the new one comes."""
    world.host.one_name_once = True
    world.publisher.publish(mitigation())
    world.sync()
    moved = UrlRewrite("A1", "PowerShell - inbound", Place(Scope.SERVER), rule().rule)
    world.publisher.publish(mitigation(revision=2, actions=(moved,)))

    done = world.sync()

    assert codes(done) == []
    assert {place for place, spot in world.host.rules.items() if spot} == {"inbound the whole server"}
    world.install(FIXED)
    world.sync()
    assert world.host.names() == set()


def test_a_rule_that_cannot_move_stays_where_it_was(world: World) -> None:
    """The old place protects until the new one can be written."""
    world.host.one_name_once = True
    world.publisher.publish(mitigation())
    world.sync()
    moved = UrlRewrite("A1", "PowerShell - inbound", Place(Scope.SERVER), rule().rule)
    world.publisher.publish(mitigation(revision=2, actions=(moved,)))
    world.host.read_only.add("the whole server")

    failed = world.sync()
    kept = {place for place, spot in world.host.rules.items() if spot}
    world.host.read_only.clear()
    world.sync()

    assert codes(failed) == ["agent.adapter"]
    assert kept == {"inbound Default Web Site"}
    assert {place for place, spot in world.host.rules.items() if spot} == {"inbound the whole server"}


def test_a_build_that_cannot_be_read_changes_nothing_for_its_sake(world: World) -> None:
    """A file that an update moved away is told; what is applied stays, and nothing new is applied."""
    world.publisher.publish(mitigation())
    world.sync()
    world.publisher.publish(mitigation(), mitigation("M0002", actions=(pool(),)))
    world.tell(build=None, build_source="moved-away.txt")

    done = world.sync()

    assert codes(done) == ["agent.build_source"]
    assert world.host.names() == {NAME}
    assert world.host.stopped == set()
    assert world.status("M0002") is Status.UNKNOWN_BUILD


def test_an_update_that_writes_the_build_file_is_noticed(world: World) -> None:
    """Nobody has to say anything: the next sync reads it."""
    (world.home / "build.txt").write_text("15.2.986.5")
    world.tell(build=None, build_source="build.txt")
    world.publisher.publish(mitigation())
    world.sync()
    protected = world.host.names()
    (world.home / "build.txt").write_text(f"{FIXED}\n")

    world.sync()

    assert protected == {NAME}
    assert world.host.names() == set()
