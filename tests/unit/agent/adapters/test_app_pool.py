"""Application pools stop, stay stopped, and come back exactly as they were."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from feedsrv.agent.adapters.app_pool import AppPools
from feedsrv.agent.adapters.pretended_machine import PretendedMachine
from feedsrv.agent.adapters.runner import Answer
from feedsrv.agent.ports import Adapter, AdapterError, NotThereError, Presence, Target
from feedsrv.model.action import AppPool, Service
from tests.contract.adapter_contract import AdapterBench, NamelessAdapterContract
from tests.unit.agent.adapters.iis_tree import Tree, target

POOLS = ("OWA", "Always", "Plain")


def machine() -> PretendedMachine:
    """A machine on which every pool runs."""
    return PretendedMachine(pools=dict.fromkeys(POOLS, "Started"))


@dataclass(frozen=True)
class PoolBench:
    """A pool, the file it is configured in, and the machine it runs on."""

    tree: Tree
    machine: PretendedMachine
    adapter: Adapter
    target: Target

    def snapshot(self) -> object:
        """The file's bytes, and what runs."""
        return self.tree.host.read_bytes(), dict(self.machine.pools)

    def spoil(self) -> bool:
        """Somebody starts the pool by hand."""
        assert isinstance(self.target.action, AppPool)
        self.machine.pools[self.target.action.pool] = "Started"
        return True

    def occupy(self) -> bool:
        """A pool's name is the pool's."""
        return False


class TestAppPoolsKeepThePromises(NamelessAdapterContract):
    """A pool with attributes written plainly, oddly, or not at all."""

    @pytest.fixture(params=POOLS)
    def bench(self, tree: Tree, request: pytest.FixtureRequest) -> AdapterBench:
        """One pool that runs."""
        runner = machine()
        action = AppPool("A1", str(request.param))
        return PoolBench(tree, runner, AppPools(tree.server, runner), target(action))


@pytest.mark.parametrize(
    ("pool", "written"),
    [
        ("OWA", b'<add name="OWA" autoStart="false" managedRuntimeVersion="v4.0"/>'),
        (
            "Always",
            b'<add\n                name="Always"   startMode="OnDemand" autoStart="false"\n            >',
        ),
        ("Plain", b'<add name="Plain" autoStart="false" />'),
    ],
)
def test_only_the_attributes_that_keep_it_running_are_written(tree: Tree, pool: str, written: bytes) -> None:
    """`startMode` is left out where IIS starts on demand anyway; everything around stays as it is."""
    AppPools(tree.server, machine()).apply(target(AppPool("A1", pool)))

    assert written in tree.host.read_bytes()


def test_the_defaults_of_all_pools_count(tree: Tree) -> None:
    """A pool that inherits AlwaysRunning is told otherwise itself; the defaults are not touched."""
    defaults = b'<add name="Plain" />\n            <applicationPoolDefaults startMode="AlwaysRunning" />'
    tree.host.write_bytes(tree.host.read_bytes().replace(b'<add name="Plain" />', defaults))

    AppPools(tree.server, machine()).apply(target(AppPool("A1", "Plain")))

    assert b'<add name="Plain" autoStart="false" startMode="OnDemand" />' in tree.host.read_bytes()
    assert b'Defaults startMode="AlwaysRunning"' in tree.host.read_bytes()


def test_a_pool_that_was_stopped_stays_stopped(tree: Tree) -> None:
    """Undo gives back what was there, and does not start what did not run."""
    runner = machine()
    runner.pools["OWA"] = "Stopped"
    pools, one = AppPools(tree.server, runner), target(AppPool("A1", "OWA"))
    note = pools.capture(one)
    pools.apply(one)

    pools.undo(one, note)

    assert runner.pools["OWA"] == "Stopped"
    assert b"autoStart='true'" in tree.host.read_bytes()


def test_what_somebody_else_decided_since_is_kept(tree: Tree) -> None:
    """An attribute that no longer says what we wrote is not put back."""
    pools, one = AppPools(tree.server, machine()), target(AppPool("A1", "Always"))
    note = pools.capture(one)
    pools.apply(one)
    tree.host.write_bytes(tree.host.read_bytes().replace(b'autoStart="false"', b'autoStart="TRUE"'))

    pools.undo(one, note)

    assert b'startMode="AlwaysRunning" autoStart="TRUE"' in tree.host.read_bytes()


def test_a_pool_that_is_not_there_is_named(tree: Tree) -> None:
    """Looking, capturing and applying say so; undoing has nothing to do."""
    pools, one = AppPools(tree.server, machine()), target(AppPool("A1", "Ghost"))

    for verb in (pools.look, pools.capture, pools.apply, pools.foretell):
        with pytest.raises(NotThereError, match="no application pool 'Ghost'"):
            verb(one)
    pools.undo(one, {})


def test_names_do_not_depend_on_case(tree: Tree) -> None:
    """IIS does not mind either."""
    runner = machine()
    pools, one = AppPools(tree.server, runner), target(AppPool("A1", "owa"))

    pools.apply(one)

    assert runner.pools["OWA"] == "Stopped"
    assert pools.look(one).presence is Presence.PRESENT


class _Stubborn(PretendedMachine):
    """A machine that refuses to stop or start anything."""

    def run(self, program: str, *arguments: str) -> Answer:
        if arguments[0] in {"stop", "start"}:
            return Answer(
                5, "ERROR ( hresult:80070005, message:Command execution failed.\r\nAccess is denied.\r\n )"
            )
        return super().run(program, *arguments)


def test_a_pool_that_does_not_stop_leaves_nothing_changed(tree: Tree) -> None:
    """The configuration is put back, and the error holds what appcmd said."""
    before = tree.host.read_bytes()
    pools = AppPools(tree.server, _Stubborn(pools={"OWA": "Started"}))

    with pytest.raises(AdapterError, match=r"OWA did not stop: it is started, .* 5: .*Access is denied"):
        pools.apply(target(AppPool("A1", "OWA")))

    assert tree.host.read_bytes() == before


@dataclass
class _Slow(PretendedMachine):
    """A pool takes its time: so many questions are answered with "Stopping" before it has stopped."""

    stopping: int = 0

    def run(self, program: str, *arguments: str) -> Answer:
        """Answer as the program would while it waits for the last requests."""
        answer = super().run(program, *arguments)
        if arguments[0] == "list" and answer.output.strip() == "Stopped" and self.stopping:
            self.stopping -= 1
            return Answer(0, "Stopping\r\n")
        return answer


def test_a_pool_that_takes_its_time_is_waited_for(tree: Tree) -> None:
    """A pool lets its last requests end, for a minute and a half if need be; that is no failure."""
    waits: list[float] = []
    slow = _Slow(pools={"OWA": "Started"}, stopping=90)

    AppPools(tree.server, slow, pause=waits.append).apply(target(AppPool("A1", "OWA")))

    assert sum(waits) == 90
    assert slow.pools["OWA"] == "Stopped"


def test_a_pool_that_stops_for_ever_is_given_up(tree: Tree) -> None:
    """A sync comes to its end, and the configuration is as it was."""
    before = tree.host.read_bytes()
    slow = _Slow(pools={"OWA": "Started"}, stopping=10_000)

    with pytest.raises(AdapterError, match="OWA did not stop: it is stopping"):
        AppPools(tree.server, slow, pause=lambda _: None).apply(target(AppPool("A1", "OWA")))

    assert tree.host.read_bytes() == before


def test_a_pool_that_was_just_starting_runs_again_afterwards(tree: Tree) -> None:
    """It was on its way, so undoing starts it."""
    pools = AppPools(tree.server, PretendedMachine(pools={"OWA": "Starting"}))

    assert pools.capture(target(AppPool("A1", "OWA")))["state"] == "Started"


def test_the_name_of_a_pool_is_never_an_option_of_appcmd(tree: Tree) -> None:
    """Whatever a signed mitigation names, it stands behind `/apppool.name:`."""
    tree.host.write_bytes(tree.host.read_bytes().replace(b'<add name="Plain" />', b'<add name="/xml" />'))
    asked: list[tuple[str, ...]] = []

    class Listening(PretendedMachine):
        def run(self, program: str, *arguments: str) -> Answer:
            asked.append(arguments)
            return super().run(program, *arguments)

    pools = AppPools(tree.server, Listening(pools={"/xml": "Started"}))
    one = target(AppPool("A1", "/xml"))
    note = pools.capture(one)
    pools.apply(one)
    pools.undo(one, note)

    assert {words[2] for words in asked} == {"/apppool.name:/xml"}


def test_a_machine_that_does_not_tell_is_refused_before_anything_changes(tree: Tree) -> None:
    """A pool that IIS does not know, though it is configured, is not half stopped."""
    before = tree.host.read_bytes()

    with pytest.raises(AdapterError, match="does not tell the state of application pool OWA"):
        AppPools(tree.server, PretendedMachine()).apply(target(AppPool("A1", "OWA")))

    assert tree.host.read_bytes() == before


def test_foretelling_names_line_and_values(tree: Tree) -> None:
    """What would be written and stopped is said, and nothing changes."""
    before = tree.host.read_bytes()

    said = AppPools(tree.server, machine()).foretell(target(AppPool("A1", "Always")))

    line = tree.line_of('name="Always"') - 1
    assert said == (
        f'{tree.host}, line {line}: write autoStart="false", write startMode="OnDemand", '
        "stop application pool Always"
    )
    assert tree.host.read_bytes() == before


def test_an_action_of_another_kind_is_our_mistake(tree: Tree) -> None:
    """Only pools come here."""
    with pytest.raises(TypeError):
        AppPools(tree.server, machine()).look(target(Service("A1", "W3SVC")))
